"""What most people rate: for everybody, for people of a time, and for newcomers.

A user with no rating arrives now, so what recent newcomers rated says more than what everybody ever
rated: ratings are weighted by how long before the end the rating user joined, halved every
``half_life``. Each newcomer counts once, split among their ratings by a square root, lest those who
rate thousands decide for all. `choose_half_life` picks the half-life on the newest of the training
users.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.linear import rating_marks
from recsys_assets.kernels.recommenders.protocol import Scores

YEAR = 365.25 * 86_400.0
HALF_LIVES = (0.5 * YEAR, 2.0 * YEAR, 8.0 * YEAR, np.inf)
WINDOW = 2.0 * YEAR
"""Span around a user's own time within which others' ratings count for them."""
NEWEST_SHARE = 0.2
"""Newest training users by which the half-life is chosen."""
_BINS = 64


@dataclass(frozen=True)
class Popularity:
    """Number of ratings of each item, the same list for everybody."""

    counts: NDArray[np.float32]

    def score(self, histories: Histories) -> Scores:
        """Logarithm of one plus the number of ratings, for each user."""
        return np.tile(np.log1p(self.counts), (len(histories), 1))


@dataclass(frozen=True)
class TimedPopularity:
    """Popularity among users of about the same time, in bins of time."""

    edges: NDArray[np.float64]
    by_bin: Scores
    """Bins x catalogue: weighted number of ratings as seen from the bin's middle."""
    overall: NDArray[np.float32]

    def score(self, histories: Histories) -> Scores:
        """Logarithm of the weighted counts at the median time of each user's ratings."""
        if histories.times is None or not len(self.edges):
            return np.tile(self.overall, (len(histories), 1))
        middle = median_times(histories)
        place = np.clip(np.searchsorted(self.edges, middle) - 1, 0, len(self.by_bin) - 1)
        scores = self._logarithms[place]
        scores[~np.isfinite(middle)] = self.overall
        return scores

    @cached_property
    def _logarithms(self) -> Scores:
        return np.log1p(self.by_bin)


def median_times(histories: Histories) -> NDArray[np.float64]:
    """Median time of each user's ratings; NaN for those without."""
    if histories.times is None:
        return np.full(len(histories), np.nan)
    bounds = histories.times.indptr
    parts = [histories.times.data[a:b] for a, b in pairwise(bounds)]
    return np.array([np.median(part) if len(part) else np.nan for part in parts])


def fit_timed_popularity(catalogue: Catalogue) -> TimedPopularity:
    """Counts weighted by exp(-|difference of the users' median times| / `WINDOW`)."""
    overall = np.log1p(catalogue.counts())
    times = median_times(catalogue.train)
    if not np.isfinite(times).any():
        return TimedPopularity(np.empty(0), np.empty((0, len(overall)), np.float32), overall)
    edges = np.linspace(np.nanmin(times), np.nanmax(times) + 1, _BINS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    weights = np.exp(-np.abs(middle[:, np.newaxis] - times) / WINDOW).astype(np.float32)
    counts = np.asarray(weights @ rating_marks(catalogue.train.stars), np.float32)
    return TimedPopularity(edges, counts, overall)


def newcomer_popularity(catalogue: Catalogue, half_life: float) -> NDArray[np.float32]:
    """What newcomers rate, the recent ones before the others; the answer for cold users."""
    marks = rating_marks(catalogue.train.stars)
    joined = median_times(catalogue.train)
    weight = np.ones(marks.shape[0])
    if np.isfinite(joined).any():
        weight = np.exp2(-(np.nanmax(joined) - joined) / half_life)
    weight = weight / np.sqrt(np.maximum(np.diff(marks.indptr), 1))
    # A count behind the comma puts items in the order of all ratings where newcomers rated none.
    total = np.asarray(weight @ marks) / max(weight.sum(), 1e-12)
    counts = catalogue.counts()
    return np.asarray(total + 1e-6 * counts / max(counts.max(initial=0), 1), np.float32)


def choose_half_life(catalogue: Catalogue) -> float:
    """The half-life whose list of ten holds most of what the newest training users rated.

    Of those whose lists hold as much the longest, by which the most ratings count.
    """
    joined = median_times(catalogue.train)
    if not np.isfinite(joined).any() or len(joined) < 2 / NEWEST_SHARE:
        return float("inf")
    order = np.argsort(joined, kind="stable")
    cut = round(len(order) * (1 - NEWEST_SHARE))
    older, newest = catalogue.train.part(np.sort(order[:cut])), catalogue.train.part(order[cut:])
    before = Catalogue(catalogue.items, catalogue.users[np.sort(order[:cut])], older, None)
    # Whole numbers: of means, equal lists in another order have other sums, and the last digit of
    # a rounded number would decide.
    rated = np.bincount(newest.stars.indices, minlength=len(catalogue.items))
    found = {h: int(rated[_ten_best(newcomer_popularity(before, h))].sum()) for h in HALF_LIVES}
    return max(found, key=lambda half_life: (found[half_life], half_life))


def _ten_best(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")[:10]
