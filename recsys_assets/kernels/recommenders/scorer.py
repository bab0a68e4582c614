"""A member on its own as a recommender, and reasons that people understand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.recommenders.histories import (
    USERS_AT_ONCE,
    Catalogue,
    Histories,
    Member,
    history_of,
)
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.protocol import Ids, Scores


@dataclass(frozen=True)
class SingleMember:
    """One member over its catalogue; users without ratings get what newcomers rate."""

    catalogue: Catalogue
    member: Member
    newcomers: NDArray[np.float32] | None
    """None where the member itself answers them."""

    @property
    def items(self) -> Ids:
        """The catalogue."""
        return self.catalogue.items

    def scores(self, users: Ids) -> Scores:
        """Users x catalogue."""
        starts = range(0, len(users), USERS_AT_ONCE)
        parts = [
            self.score(self.catalogue.histories(users[at : at + USERS_AT_ONCE])) for at in starts
        ]
        return np.vstack(parts) if parts else np.empty((0, len(self.items)), np.float32)

    def fold_in(
        self, items: Ids, stars: Scores, times: NDArray[np.float64] | None = None
    ) -> Scores:
        """Scores of the catalogue for somebody new with a few ratings; nothing is retrained."""
        return self.score(history_of(self.catalogue, items, stars, times))[0]

    def score(self, histories: Histories) -> Scores:
        """Users x catalogue for any histories."""
        scores = self.member.score(histories)
        if self.newcomers is None:
            return scores
        unknown = np.diff(histories.stars.indptr) == 0
        return np.where(unknown[:, np.newaxis], self.newcomers, scores).astype(np.float32)


@dataclass(frozen=True)
class Reason:
    """Why an item is recommended to a user."""

    because: list[int]
    """Ids of up to two rated items that add most to the score; empty where none adds anything."""
    share: float
    """Part of the positive contributions that these items make."""


def reasons(
    ease: EaseMember, catalogue: Catalogue, history: Histories, items: Ids, most: int = 2
) -> list[Reason]:
    """The rated items that add most to each recommended one's score in the item-item model."""
    answers = []
    for column in np.searchsorted(catalogue.items, items):
        names, added = ease.contributions(history, int(column))
        order = np.argsort(-added, kind="stable")[:most]
        best = order[added[order] > 0]
        positive = float(added[added > 0].sum())
        share = float(added[best].sum()) / positive if positive else 0.0
        answers.append(Reason([int(catalogue.items[at]) for at in names[best]], share))
    return answers


def sentence(reason: Reason, titles: dict[int, str], fallback: str) -> str:
    """The reason in words; titles name the items."""
    named = [titles[item] for item in reason.because if titles.get(item)]
    if not named:
        return fallback
    return f"because you rated {' and '.join(named)}"


def popular_among(genres: Sequence[str]) -> str:
    """The reason of an item that stands in a list for all people alike."""
    return f"popular among people who like {genres[0]}" if genres else "popular among newcomers"
