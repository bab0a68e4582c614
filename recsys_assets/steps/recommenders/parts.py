"""Every recommender by name, fitted on one training part; shared parts are fitted once.

RatingData + ItemContent -> popularity, als, ease, content, hybrid
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.recommenders.histories import Catalogue, Member, build_catalogue
from recsys_assets.kernels.recommenders.hybrid import Grow, Hybrid, fit_hybrid
from recsys_assets.kernels.recommenders.inner import RankingRows, latest_rows, ranking_rows
from recsys_assets.kernels.recommenders.latent import LatentMember, with_content
from recsys_assets.kernels.recommenders.members import member_fits
from recsys_assets.kernels.recommenders.popularity import choose_half_life, newcomer_popularity
from recsys_assets.kernels.recommenders.protocol import ItemContent, RatingData
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets.kernels.recommenders.trees import grow_natively
from recsys_assets.kernels.recommenders.tuning import choose_penalty
from recsys_assets.steps.comparison.fitted import Fitted
from recsys_assets.steps.recommenders.trees import grow_with_spark
from recsys_assets.steps.session import Session

MODELS: tuple[str, ...] = ("popularity", "als", "ease", "content", "hybrid")
"""Names that `fit_recommenders` knows; ``hybrid`` is the platform's own best."""

Part = TypeVar("Part")
FittedRecommender = Fitted[SingleMember | Hybrid]


class Parts:
    """Parts of the models, each fitted when it is first asked for, with the seconds it took."""

    def __init__(
        self,
        train: RatingData,
        content: ItemContent | None,
        seed: int,
        grow: Grow,
        *,
        latest: bool = False,
    ):
        """Take what to learn from; nothing is fitted yet.

        Args:
            train: ratings.
            content: of items.
            seed: of everything drawn.
            grow: grows trees.
            latest: learn to rank what a user rates next instead of what else a user rates.
        """
        self.catalogue: Catalogue = build_catalogue(train, content)
        self.seed, self._grow, self._latest = seed, grow, latest
        self.seconds: dict[str, float] = {}
        self._members: dict[str, Member] = {}

    @cached_property
    def penalty(self) -> float:
        """That of the EASE by stars, chosen by an inner split."""
        return self._timed("penalty", lambda: choose_penalty(self.catalogue, self.seed))

    @cached_property
    def newcomers(self) -> NDArray[np.float32]:
        """Scores for users nobody knows."""
        return self._timed("newcomers", self._score_for_newcomers)

    def member(self, name: str) -> Member:
        """A member by name."""
        if name not in self._members:
            penalty = self.penalty if name == "ease" else 0.0
            fit = member_fits(self.catalogue, penalty, self.seed)[name]
            self._members[name] = self._timed(name, lambda: self._with_content(fit()))
        return self._members[name]

    def _with_content(self, member: Member) -> Member:
        # Of the final members only: what ranks is learned from members that know ratings alone.
        return with_content(member, self.catalogue) if isinstance(member, LatentMember) else member

    def single(self, name: str) -> SingleMember:
        """One member as a recommender."""
        newcomers = None if name == "popularity" else self.newcomers
        return SingleMember(self.catalogue, self.member(name), newcomers)

    def hybrid(self) -> Hybrid:
        """The hybrid over all members."""
        names = member_fits(self.catalogue, self.penalty, self.seed)
        members = {name: self.member(name) for name in names}
        rows = self._timed("inner splits", self._ranking_rows)
        newcomers = self.newcomers
        return self._timed(
            "trees", lambda: fit_hybrid(self.catalogue, members, rows, newcomers, self._grow)
        )

    def _ranking_rows(self) -> RankingRows:
        known = self.catalogue, self.penalty, self.seed
        rows = latest_rows(*known) if self._latest else None
        return ranking_rows(*known) if rows is None else rows

    def _score_for_newcomers(self) -> NDArray[np.float32]:
        return newcomer_popularity(self.catalogue, choose_half_life(self.catalogue))

    def _timed(self, name: str, fit: Callable[[], Part]) -> Part:
        start = time.perf_counter()
        fitted = fit()
        self.seconds[name] = time.perf_counter() - start
        return fitted


def fit_recommenders(
    session: Session | None,
    train: RatingData,
    content: ItemContent | None,
    names: Sequence[str],
    seed: int,
    *,
    latest: bool = False,
) -> Iterator[FittedRecommender]:
    """Fit the models asked for, in the order given.

    Args:
        session: grows the trees with SynapseML; None grows the same trees in this process.
        train: all that may be learned from. What is tuned or ranked is an inner split of it.
        content: what is known of items, those nobody rated among them.
        names: of `MODELS`.
        seed: start of vectors, inner splits and trees.
        latest: rank what a user rates next: inner splits hold out each user's latest ratings, as
            the part the models are judged by does. Otherwise they are drawn.

    Raises:
        ValueError: a name is unknown, or there are no ratings.
    """
    unknown = sorted(set(names) - set(MODELS))
    if unknown:
        raise ValueError(f"no model is called {', '.join(unknown)}: there are {', '.join(MODELS)}")
    if not train.stars.nnz:
        raise ValueError("the training part holds no rating to learn from")

    def grow(rows: RankingRows) -> list[str]:
        return (
            grow_natively(rows, seed) if session is None else grow_with_spark(session, rows, seed)
        )

    parts = Parts(train, content, seed, grow, latest=latest)
    for name in names:
        fitted: SingleMember | Hybrid = parts.hybrid() if name == "hybrid" else parts.single(name)
        yield FittedRecommender(name, fitted, _seconds(parts, name))


def _seconds(parts: Parts, name: str) -> float:
    needed = {
        "popularity": {"popularity"},
        "ease": {"penalty", "ease", "newcomers"},
        "hybrid": set(parts.seconds),
    }
    return sum(parts.seconds.get(part, 0.0) for part in needed.get(name, {name, "newcomers"}))
