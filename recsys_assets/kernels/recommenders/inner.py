"""Inner splits of the training part: what tuning and ranking learn from, never the test rows.

catalogue -> catalogues without a random tenth of the ratings, each with that tenth
          -> the catalogue without each user's latest tenth, with that tenth
-> candidates of members fitted on the larger part, labelled by the tenth
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

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
)
from recsys_assets.kernels.recommenders.members import fit_members
from recsys_assets.kernels.splits import parts_within

HELD_OUT = 0.1
"""Share of the training ratings that labels an inner split."""
MOST_ROWS = 600_000
"""Candidates that train the blend and the trees; users are drawn if there are more."""


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


def inner_splits(
    catalogue: Catalogue, parts: int, seed: int
) -> Iterator[tuple[Catalogue, csr_matrix]]:
    """Disjoint random tenths of the ratings, and the catalogue without each of them."""
    stars = catalogue.train.stars
    fold = np.random.default_rng(seed).permutation(stars.nnz) % round(1 / HELD_OUT)
    for part in range(parts):
        yield _without(catalogue, fold == part)


def latest_split(catalogue: Catalogue) -> tuple[Catalogue, csr_matrix] | None:
    """The catalogue without the latest tenth of each user's ratings, and that tenth.

    None where no times are known.
    """
    stars, times = catalogue.train.stars, catalogue.train.times
    if times is None:
        return None
    users = np.repeat(np.arange(stars.shape[0]), np.diff(stars.indptr))
    return _without(catalogue, parts_within(users, times.data, (1 - HELD_OUT,)) == 1)


def _without(catalogue: Catalogue, out: NDArray[np.bool_]) -> tuple[Catalogue, csr_matrix]:
    """The catalogue without some of the ratings, and those."""
    stars, times = catalogue.train.stars, catalogue.train.times
    left = Histories(
        _subset(stars, ~out),
        None if times is None else _subset(times, ~out),
        catalogue.train.rows,
    )
    inner = Catalogue(catalogue.items, catalogue.users, left, catalogue.content)
    return inner, _subset(stars, out)


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
    users, columns = find_candidates(scores, seen)
    return candidate_features(scores, users, columns, histories, facts)


def ranking_rows(catalogue: Catalogue, penalty: float, seed: int) -> RankingRows:
    """Labelled candidates from all inner splits."""
    parts = inner_parts(catalogue.train.stars.nnz)
    rows = [
        labelled_candidates(
            inner, fit_members(inner, penalty, seed), held_out, MOST_ROWS // parts, seed
        )
        for inner, held_out in inner_splits(catalogue, parts, seed)
        if held_out.nnz  # of less than five ratings some tenths hold none
    ]
    return join_rows(rows)


def latest_rows(catalogue: Catalogue, penalty: float, seed: int) -> RankingRows | None:
    """Labelled candidates from each user's latest ratings; None where there are none."""
    split = latest_split(catalogue)
    if split is None or not split[1].nnz:
        return None
    inner, held_out = split
    members = fit_members(inner, penalty, seed)
    rows = labelled_candidates(inner, members, held_out, MOST_ROWS, seed)
    return rows if len(rows.counts) else None


def join_rows(parts: Sequence[RankingRows]) -> RankingRows:
    """Rows of several inner splits together."""
    return RankingRows(
        parts[0].names,
        np.vstack([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )
