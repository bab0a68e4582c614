"""The hybrid: candidates of all members, ranked by trees on their scores and their blend.

    inner splits of the training ratings -> members on the larger parts -> candidates with features,
        labelled by the smaller parts -> weights of the blend, trees
    members on all training ratings -> candidates with features -> blend -> trees -> scores

Test rows are never seen: what is learned of ranking comes from inner splits. Scores are normalized
per user, so that members fitted on a part and members fitted on all speak alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.recommenders.blend import learn_weights, normalize_groups
from recsys_assets.kernels.recommenders.features import (
    FACTS,
    Candidates,
    ItemFacts,
    candidate_features,
    find_candidates,
    item_facts,
    member_scores,
)
from recsys_assets.kernels.recommenders.histories import (
    USERS_AT_ONCE,
    Catalogue,
    Histories,
    Member,
    history_of,
)
from recsys_assets.kernels.recommenders.members import PROPOSING, fit_members
from recsys_assets.kernels.recommenders.protocol import Ids, Scores

HELD_OUT = 0.1
"""Share of the training ratings that labels an inner split."""
MOST_ROWS = 600_000
"""Candidates that train the blend and the trees; users are drawn if there are more."""
BLEND = "blend"


def inner_parts(ratings: int) -> int:
    """Inner splits that are fitted: the fewer ratings, the more, since each labels a tenth."""
    return 5 if ratings <= 300_000 else 2 if ratings <= 3_000_000 else 1


@dataclass(frozen=True)
class RankingRows:
    """Candidates with labels: what blend and trees learn from."""

    names: tuple[str, ...]
    """Of the features."""
    features: NDArray[np.float32]
    labels: NDArray[np.int8]
    counts: NDArray[np.int64]
    """Candidates of each list; a list's rows are consecutive."""


Grow = Callable[[RankingRows], Sequence[str]]
"""Grows trees on the rows; LightGBM's own text of each kind."""


def inner_splits(
    catalogue: Catalogue, parts: int, seed: int
) -> Iterator[tuple[Catalogue, csr_matrix]]:
    """Disjoint random tenths of the ratings, and the catalogue without each of them."""
    stars, times = catalogue.train.stars, catalogue.train.times
    fold = np.random.default_rng(seed).permutation(stars.nnz) % round(1 / HELD_OUT)
    for part in range(parts):
        out = fold == part
        left = Histories(
            _subset(stars, ~out),
            None if times is None else _subset(times, ~out),
            catalogue.train.rows,
        )
        inner = Catalogue(catalogue.items, catalogue.users, left, catalogue.content)
        yield inner, _subset(stars, out)


def _subset(matrix: csr_matrix, chosen: NDArray[np.bool_]) -> csr_matrix:
    before = np.concatenate([[0], np.cumsum(chosen)])
    bounds = before[matrix.indptr]
    return csr_matrix((matrix.data[chosen], matrix.indices[chosen], bounds), shape=matrix.shape)


def labelled_candidates(
    inner: Catalogue,
    members: Mapping[str, Member],
    held_out: csr_matrix,
    most_rows: int,
    seed: int,
) -> RankingRows:
    """Candidates of users who have a held-out item among them."""
    facts, parts = item_facts(inner), []
    users = np.flatnonzero(np.diff(held_out.indptr) > 0)
    users = np.random.default_rng(seed).permutation(users)
    rows = 0
    for start in range(0, len(users), USERS_AT_ONCE):
        block = np.sort(users[start : start + USERS_AT_ONCE])
        found = find_and_describe(members, inner.train.part(block), facts)
        truth = held_out[block].toarray() > 0
        labels = truth[found.users, found.columns].astype(np.int8)
        useful = np.bincount(found.users, labels, minlength=len(block))[found.users] > 0
        parts.append((found.features[useful], labels[useful], found.users[useful]))
        rows += int(useful.sum())
        if rows >= most_rows:
            break
    features, labels, owners = zip(*parts, strict=True)
    counts = [np.unique(of_block, return_counts=True)[1] for of_block in owners]
    names = (*members, *FACTS)
    return RankingRows(names, np.vstack(features), np.concatenate(labels), np.concatenate(counts))


def find_and_describe(
    members: Mapping[str, Member], histories: Histories, facts: ItemFacts
) -> Candidates:
    """Candidates of a block of users with their features."""
    seen = histories.seen()
    scores = member_scores(members, histories, seen)
    proposing = tuple(name for name in PROPOSING if name in members)
    users, columns = find_candidates(scores, seen, proposing)
    return candidate_features(scores, users, columns, histories, facts)


def join_rows(parts: Sequence[RankingRows]) -> RankingRows:
    """Rows of several inner splits together."""
    return RankingRows(
        parts[0].names,
        np.vstack([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def with_blend(rows: RankingRows, weights: NDArray[np.float64]) -> RankingRows:
    """The rows with the blend as one more feature."""
    blend = rows.features[:, : len(weights)] @ weights.astype(np.float32)
    return RankingRows(
        (*rows.names, BLEND), np.column_stack([rows.features, blend]), rows.labels, rows.counts
    )


@dataclass(frozen=True)
class Hybrid:
    """Blend and trees over the members; answers anybody, by a history or by id."""

    catalogue: Catalogue
    members: Mapping[str, Member]
    weights: NDArray[np.float64]
    """Of the members in the blend."""
    trees: tuple[str, ...]
    """LightGBM's own texts."""
    newcomers: NDArray[np.float32]
    """Scores for users of whom nothing is known."""

    @property
    def items(self) -> Ids:
        """The catalogue."""
        return self.catalogue.items

    @cached_property
    def facts(self) -> ItemFacts:
        """Facts of the items."""
        return item_facts(self.catalogue)

    @cached_property
    def boosters(self) -> list[lgb.Booster]:
        """The trees, read."""
        return [lgb.Booster(model_str=text) for text in self.trees]

    def scores(self, users: Ids) -> Scores:
        """Users x catalogue; users without training ratings get what newcomers rate."""
        blocks = range(0, len(users), USERS_AT_ONCE)
        parts = [
            self.score(self.catalogue.histories(users[start : start + USERS_AT_ONCE]))
            for start in blocks
        ]
        return np.vstack(parts) if parts else np.empty((0, len(self.items)), np.float32)

    def fold_in(
        self, items: Ids, stars: Scores, times: NDArray[np.float64] | None = None
    ) -> Scores:
        """Scores of the catalogue for somebody new with a few ratings; nothing is retrained."""
        return self.score(history_of(self.catalogue, items, stars, times))[0]

    def score(self, histories: Histories) -> Scores:
        """Candidates by the trees, above all other items by the first member's score."""
        known = np.diff(histories.stars.indptr) > 0
        answer = np.tile(self.newcomers, (len(histories), 1)).astype(np.float32)
        if known.any() and len(self.items):
            answer[known] = self._score_known(histories.part(np.flatnonzero(known)))
        return answer

    def _score_known(self, histories: Histories) -> Scores:
        seen = histories.seen()
        scores = member_scores(self.members, histories, seen)
        # All other items follow by EASE, squeezed below 0; candidates lie above 0.
        answer = scores["ease"] / (1 + np.abs(scores["ease"])) - 1
        proposing = tuple(name for name in PROPOSING if name in self.members)
        users, columns = find_candidates(scores, seen, proposing)
        if len(users):
            found = candidate_features(scores, users, columns, histories, self.facts)
            answer[users, columns] = self.rank(found)
        return np.asarray(answer, np.float32)

    def features_of(self, found: Candidates) -> NDArray[np.float32]:
        """Features of candidates with the blend."""
        blend = found.features[:, : len(self.weights)] @ self.weights.astype(np.float32)
        return np.column_stack([found.features, blend])

    def rank(self, found: Candidates) -> NDArray[np.float64]:
        """Positive scores of candidates: all kinds of trees, each normalized per user."""
        features, counts = self.features_of(found), found.counts
        grown = [booster.predict(features, raw_score=True) for booster in self.boosters]
        total = np.sum([normalize_groups(np.asarray(kind), counts) for kind in grown], axis=0)
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


def ranking_rows(catalogue: Catalogue, penalty: float, seed: int) -> RankingRows:
    """Labelled candidates from all inner splits."""
    parts = inner_parts(catalogue.train.stars.nnz)
    rows = [
        labelled_candidates(
            inner, fit_members(inner, penalty, seed), held_out, MOST_ROWS // parts, seed
        )
        for inner, held_out in inner_splits(catalogue, parts, seed)
    ]
    return join_rows(rows)
