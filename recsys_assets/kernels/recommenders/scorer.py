"""Recommenders of any history; a member on its own is one."""

from abc import ABC, abstractmethod
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
from recsys_assets.kernels.recommenders.latent import LatentMember
from recsys_assets.kernels.recommenders.protocol import Ids, Scores


class HistoryScorer(ABC):
    """A recommender that answers any history, of somebody it was fitted on or not."""

    catalogue: Catalogue
    """What it was fitted on."""

    @abstractmethod
    def score(self, histories: Histories) -> Scores:
        """Users x catalogue for any histories; without ratings the answer for newcomers."""

    @property
    def items(self) -> Ids:
        """The catalogue."""
        return self.catalogue.items

    def scores(self, users: Ids) -> Scores:
        """Users x catalogue, each user by their training ratings."""
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


@dataclass(frozen=True)
class SingleMember(HistoryScorer):
    """One member over its catalogue; users without ratings get what newcomers rate."""

    catalogue: Catalogue
    member: Member
    newcomers: NDArray[np.float32] | None
    """None where the member itself answers them."""

    def score(self, histories: Histories) -> Scores:
        """Users x catalogue for any histories."""
        member = self.member
        alone = member.score_all if isinstance(member, LatentMember) else member.score
        scores = alone(histories)
        if self.newcomers is None:
            return scores
        unknown = np.diff(histories.stars.indptr) == 0
        return np.where(unknown[:, np.newaxis], self.newcomers, scores).astype(np.float32)
