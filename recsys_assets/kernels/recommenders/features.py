"""Features of candidates: what the members say, and what is known of user and item.

members' scores of a block of users -> candidates -> one row of features for each
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.blend import normalize
from recsys_assets.kernels.recommenders.content import genre_rows
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories, Member
from recsys_assets.kernels.recommenders.linear import rating_marks
from recsys_assets.kernels.recommenders.protocol import Scores
from recsys_assets.kernels.top_k import NO_ITEM

CANDIDATES = 100
"""Best items of each proposing member that become candidates."""
PROPOSING = ("ease", "ease_light", "als", "items", "timed", "users_heavy")
"""Members whose best items become candidates."""
FACTS = (
    "item_ratings",
    "user_ratings",
    "year",
    "age_at_last_rating",
    "years_since_item_came",
    "year_against_profile",
    "genres_against_profile",
    "user_mean",
    "item_mean",
    "user_span",
)
"""What is known of user and item; NaN where it is not."""
_YEAR = 365.25 * 86_400.0
_MEAN_SHRINKAGE = 5.0
_GENRE_SHRINKAGE = 5.0


@dataclass(frozen=True)
class Candidates:
    """Pairs of a block of users with features; a user's pairs are consecutive rows."""

    users: NDArray[np.int64]
    """Row in the block."""
    columns: NDArray[np.int64]
    features: NDArray[np.float32]
    """Pairs x (members, then `FACTS`)."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Candidates of each user who has any."""
        return np.unique(self.users, return_counts=True)[1]


@dataclass(frozen=True)
class ItemFacts:
    """Facts of the catalogue's items, as training knows them."""

    ratings: NDArray[np.float32]
    means: NDArray[np.float32]
    years: NDArray[np.float32]
    came: NDArray[np.float64]
    """First rating, seconds since 1970; NaN where there is none."""
    genres: Scores
    """Items x genres."""
    genre_shares: NDArray[np.float32]
    """Share of the training ratings that each genre has."""


def item_facts(catalogue: Catalogue) -> ItemFacts:
    """Facts from training ratings and content."""
    stars, times, width = catalogue.train.stars, catalogue.train.times, len(catalogue.items)
    counts = catalogue.counts()
    total = np.bincount(stars.indices, stars.data, minlength=width)
    mean = float(stars.data.mean()) if stars.nnz else 0.0
    means = (total + _MEAN_SHRINKAGE * mean) / (counts + _MEAN_SHRINKAGE)
    came = np.full(width, np.nan)
    if times is not None:
        first = np.full(width, np.inf)
        np.minimum.at(first, times.indices, times.data)
        came = np.where(np.isfinite(first), first, np.nan)
    content = catalogue.content
    years = np.full(width, np.nan, np.float32) if content is None else content.years
    genres = np.zeros((width, 1), np.float32)
    if content is not None and any(content.genres):
        genres = genre_rows(content).T.toarray()
    shares = counts @ genres / max(counts.sum(), 1)
    return ItemFacts(counts, means.astype(np.float32), years, came, genres, shares)


def member_scores(
    members: Mapping[str, Member], histories: Histories, seen: NDArray[np.bool_]
) -> dict[str, Scores]:
    """Each member's scores, normalized per user over what the user has not seen."""
    return {name: normalize(member.score(histories), seen) for name, member in members.items()}


def find_candidates(
    scores: Mapping[str, Scores], seen: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Users and columns of the union of the best unseen items of the members that propose."""
    chosen = np.zeros(seen.shape, bool)
    for name in scores.keys() & PROPOSING:
        best, _ = best_places(scores[name], CANDIDATES, seen)
        row, place = np.nonzero(best != NO_ITEM)
        chosen[row, best[row, place]] = True
    users, columns = np.nonzero(chosen)
    return users.astype(np.int64), columns.astype(np.int64)


def candidate_features(
    scores: Mapping[str, Scores],
    users: NDArray[np.int64],
    columns: NDArray[np.int64],
    histories: Histories,
    facts: ItemFacts,
) -> Candidates:
    """Features of the pairs: the members' scores, then `FACTS`."""
    of_members = [of_member[users, columns] for of_member in scores.values()]
    known = _facts(users, columns, histories, facts)
    rows = np.column_stack([*of_members, *known]).astype(np.float32)
    return Candidates(users, columns, rows)


def _facts(
    users: NDArray[np.int64], columns: NDArray[np.int64], histories: Histories, facts: ItemFacts
) -> list[NDArray[np.floating]]:
    marks = rating_marks(histories.stars)
    activity = np.diff(marks.indptr)
    count = np.maximum(activity, 1)
    first, last = _first_and_last(histories)
    year = facts.years[columns]
    middle, spread = _profile_years(marks, facts.years)
    stars_mean = np.asarray(histories.stars.sum(axis=1)).ravel() / count
    user_mean = np.where(activity > 0, stars_mean, np.nan)
    liking = _genre_liking(marks @ facts.genres, count, facts.genre_shares)
    genres = facts.genres[columns]
    against = (liking[users] * genres).sum(axis=1) / np.maximum(genres.sum(axis=1), 1)
    return [
        np.log1p(facts.ratings)[columns],
        np.log1p(activity)[users],
        year,
        1970 + last[users] / _YEAR - year,
        (last[users] - facts.came[columns]) / _YEAR,
        (year - middle[users]) / spread[users],
        against,
        user_mean[users],
        facts.means[columns],
        ((last - first) / _YEAR)[users],
    ]


def _first_and_last(histories: Histories) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, last = np.full((2, len(histories)), np.nan)
    times = histories.times
    if times is not None and times.nnz:
        rated = np.flatnonzero(np.diff(times.indptr))
        starts = times.indptr[rated]
        first[rated] = np.minimum.reduceat(times.data, starts)
        last[rated] = np.maximum.reduceat(times.data, starts)
    return first, last


def _profile_years(
    marks: object, years: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean year of what a user rated, and its deviation, two years at least."""
    dated = np.isfinite(years)
    value = np.where(dated, years, 0).astype(np.float64)
    count = np.asarray(marks @ dated.astype(np.float64))  # type: ignore[operator]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.asarray(marks @ value) / count  # type: ignore[operator]
        square = np.asarray(marks @ value**2) / count  # type: ignore[operator]
    return mean, np.sqrt(np.maximum(square - mean**2, 0) + 4)


def _genre_liking(
    rated: Scores, count: NDArray[np.int64], shares: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Logarithm of how much more often than others a user rates each genre, shrunk towards 0."""
    expected = np.maximum(shares, 1e-6)
    own = rated + _GENRE_SHRINKAGE * expected
    total = (count[:, np.newaxis] + _GENRE_SHRINKAGE) * expected
    return np.asarray(np.log(own / total), np.float64)
