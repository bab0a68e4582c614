"""The hybrid: candidates of all members, ranked by trees on their scores and their blend.

    inner splits of the training ratings -> members on the larger parts -> candidates with features,
        labelled by the smaller parts -> weights of the blend, trees
    members on all training ratings -> candidates with features -> blend -> trees -> scores

Test rows are never seen: what is learned of ranking comes from inner splits. Scores are normalized
per user, so that members fitted on a part and members fitted on all speak alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.recommenders.blend import learn_weights, normalize, normalize_groups
from recsys_assets.kernels.recommenders.features import (
    FACTS,
    Candidates,
    ItemFacts,
    candidate_features,
    find_candidates,
    item_facts,
    member_scores,
)
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories, Member
from recsys_assets.kernels.recommenders.inner import RankingRows
from recsys_assets.kernels.recommenders.latent import LatentMember
from recsys_assets.kernels.recommenders.protocol import Scores
from recsys_assets.kernels.recommenders.scorer import HistoryScorer

BLEND = "blend"
"""Name of the blend among the features."""

FEW = 10
"""Ratings from which on a user's own say all."""
OTHERS = 30.0
"""Weight of what others rate, for a user with n ratings: so much times 1/n - 1/`FEW`."""

Grow = Callable[[RankingRows], Sequence[str]]
"""Grows trees on the rows; LightGBM's own text of each kind."""


def with_blend(rows: RankingRows, weights: NDArray[np.float64]) -> RankingRows:
    """The rows with the blend as one more feature."""
    blend = rows.features[:, : len(weights)] @ weights.astype(np.float32)
    return RankingRows(
        (*rows.names, BLEND), np.column_stack([rows.features, blend]), rows.labels, rows.counts
    )


@dataclass(frozen=True)
class Hybrid(HistoryScorer):
    """Blend and trees over the members; answers anybody, by a history or by id."""

    catalogue: Catalogue
    members: Mapping[str, Member]
    weights: NDArray[np.float64]
    """Of the members in the blend."""
    trees: tuple[str, ...]
    """LightGBM's own texts."""
    newcomers: NDArray[np.float32]
    """Scores for users of whom nothing is known."""

    @cached_property
    def facts(self) -> ItemFacts:
        """Facts of the items."""
        return item_facts(self.catalogue)

    @cached_property
    def rankers(self) -> list[BoostedTrees]:
        """The trees, read, by kind."""
        return [BoostedTrees(text) for text in self.trees]

    def score(self, histories: Histories) -> Scores:
        """Candidates by the trees, above all other items by single members' scores."""
        known = np.diff(histories.stars.indptr) > 0
        if len(known) and known.all():
            return self._lean_on_others(self._score_known(histories), histories)
        answer = np.tile(self.newcomers, (len(histories), 1)).astype(np.float32)
        if known.any():
            answer[known] = self.score(histories.part(np.flatnonzero(known)))
        return answer

    def _lean_on_others(self, scores: Scores, histories: Histories) -> Scores:
        """Scores of users with few ratings, drawn towards what others rate at that time."""
        count = np.diff(histories.stars.indptr)
        few = np.flatnonzero(count < FEW)
        if len(few):
            asked = histories.part(few)
            seen = asked.seen()
            common = normalize(self._common(asked), seen)
            weight = OTHERS * (1 / count[few] - 1 / FEW)[:, np.newaxis]
            scores[few] = normalize(scores[few], seen) + weight.astype(np.float32) * common
        return scores

    def _common(self, histories: Histories) -> Scores:
        """What others rate: at the time of each user's ratings, or nowadays where it is unknown."""
        if histories.times is None:
            nowadays = np.log(np.maximum(self.newcomers, 1e-9))
            return np.tile(nowadays, (len(histories), 1)).astype(np.float32)
        return self.members["timed"].score(histories)

    def _score_known(self, histories: Histories) -> Scores:
        seen = histories.seen()
        scores = member_scores(self.members, histories, seen)
        # All other items follow by EASE, those nobody rated by ALS and content, squeezed below 0;
        # candidates lie above 0.
        rest, rated = scores["ease"], self.facts.ratings > 0
        if not rated.all():
            rest = np.where(rated, rest, self._by_content(histories, seen))
        answer = np.abs(rest)
        answer += 1
        np.divide(rest, answer, out=answer)
        answer -= 1
        users, columns = find_candidates(scores, seen)
        if len(users):
            found = candidate_features(scores, users, columns, histories, self.facts)
            answer[users, columns] = self.rank(found)
        return np.asarray(answer, np.float32)

    def _by_content(self, histories: Histories, seen: NDArray[np.bool_]) -> Scores:
        als = self.members["als"]
        scores = als.score_all(histories) if isinstance(als, LatentMember) else als.score(histories)
        return normalize(scores, seen)

    def features_of(self, found: Candidates) -> NDArray[np.float32]:
        """Features of candidates with the blend."""
        blend = found.features[:, : len(self.weights)] @ self.weights.astype(np.float32)
        return np.column_stack([found.features, blend])

    def rank(self, found: Candidates) -> NDArray[np.float64]:
        """Positive scores of candidates: all kinds of trees, each normalized per user."""
        features, counts = self.features_of(found), found.counts
        scores = [normalize_groups(trees.score(features), counts) for trees in self.rankers]
        total = np.sum(scores, axis=0)
        starts = np.cumsum(counts) - counts
        return total - np.repeat(np.minimum.reduceat(total, starts), counts) + 1e-3


def fit_hybrid(
    catalogue: Catalogue,
    members: Mapping[str, Member],
    rows: RankingRows,
    newcomers: NDArray[np.float32],
    grow: Grow,
) -> Hybrid:
    """Learn blend and trees from rows of inner splits and put them over the final members."""
    count = len(rows.names) - len(FACTS)
    weights = learn_weights(rows.features[:, :count], rows.labels, rows.counts)
    trees = tuple(grow(with_blend(rows, weights)))
    return Hybrid(catalogue, members, weights, trees, newcomers)
