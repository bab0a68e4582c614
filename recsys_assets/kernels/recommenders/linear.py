"""EASE: each item predicted from all others by ridge regression without a diagonal, in closed form.

    P = (Z'Z + lambda I)^-1,   B_ij = -P_ij / P_jj,   B_jj = 0,   scores = h B

Z holds a row for each user, and below them a row for each genre and year: so likeness of content
links items too, those nobody rated among them. Source: Steck, "Embarrassingly shallow autoencoders
for sparse data" (2019). Where Z has fewer rows than columns the same P follows from a matrix of
rows x rows (Woodbury):

    P = (I - Z' (ZZ' + lambda I)^-1 Z) / lambda

so one inverse of min(rows, columns) is needed: its cube in time, its square in memory. Above
`MOST_COLUMNS` on both sides only the most-rated items take part; the others get no score.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix, vstack

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.content import genre_rows, year_rows
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.products import gram_upper, mirror_upper, sparse_by_dense
from recsys_assets.kernels.recommenders.protocol import Scores
from recsys_assets.kernels.vectors import places_of

CONTENT_WEIGHT = 2.0
"""What a genre or year counts for, where a rating counts 1."""
MOST_COLUMNS = 12_000
"""Side of the largest matrix inverted: 576 MB in single precision."""
_DOUBLE_UP_TO = 4_096
"""Side up to which inverses are in double precision."""


def rating_weights(stars: csr_matrix, mean: float) -> csr_matrix:
    """Stars over their mean over all training ratings: what was liked more says more."""
    weighted = stars.copy()
    weighted.data = (weighted.data / np.float32(max(mean, 1e-3))).astype(np.float32)
    return weighted


def rating_marks(stars: csr_matrix) -> csr_matrix:
    """1 for every rated pair."""
    marked = stars.copy()
    marked.data = np.ones_like(marked.data)
    return marked


@dataclass(frozen=True)
class EaseMember:
    """A fitted EASE; `mean_stars` is None where all ratings count alike."""

    mean_stars: float | None
    kept: NDArray[np.int64] | None
    """Columns that take part; None for all."""
    width: int
    weights: Scores | None
    """B, columns x columns; None where the dual form is kept."""
    rows: csr_matrix
    """Z over the kept columns; without rows where B is kept."""
    dual: Scores
    """(ZZ' + lambda I)^-1 Z / (lambda P_jj): rows x columns."""

    def inputs(self, histories: Histories) -> csr_matrix:
        """Histories as the fit saw ratings, over the kept columns."""
        stars = histories.stars
        h = (
            rating_marks(stars)
            if self.mean_stars is None
            else rating_weights(stars, self.mean_stars)
        )
        return h if self.kept is None else h[:, self.kept]

    def score(self, histories: Histories) -> Scores:
        """Users x catalogue; 0 for columns that take no part."""
        h = self.inputs(histories)
        if self.weights is not None:
            part = sparse_by_dense(h, self.weights)
        else:
            part = sparse_by_dense(h @ self.rows.T, self.dual)
        if self.kept is None:
            return part
        scores = np.zeros((len(histories), self.width), np.float32)
        scores[:, self.kept] = part
        return scores

    def contributions(
        self, history: Histories, columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Scores]:
        """Of one user: the columns they rated and what each adds to the scores of ``columns``.

        For an item the user has not rated the contributions add up to its score.

        Returns:
            Rated columns, and contributions: rated x ``columns``.
        """
        h = self.inputs(history)
        rated = h.indices.astype(np.int64)
        names = rated if self.kept is None else self.kept[rated]
        at, known = columns, np.ones(len(columns), bool)
        if self.kept is not None:
            at, known = places_of(columns, self.kept)
        added = np.zeros((len(rated), len(columns)), np.float32)
        added[:, known] = h.data[:, np.newaxis] * self.links(rated, at[known])
        return names, added

    def links(self, rated: NDArray[np.int64], targets: NDArray[np.int64]) -> Scores:
        """B of some rows and columns."""
        if self.weights is not None:
            return self.weights[np.ix_(rated, targets)]
        return np.asarray(self.rows[:, rated].T @ self.dual[:, targets], np.float32)


def fit_ease(catalogue: Catalogue, penalty: float, *, by_stars: bool) -> EaseMember:
    """Fit one EASE.

    Args:
        catalogue: training ratings and content.
        penalty: lambda, in units of ratings.
        by_stars: ratings count by their stars instead of all alike.
    """
    stars = catalogue.train.stars
    mean = float(stars.data.mean()) if by_stars and stars.nnz else None
    inputs = rating_marks(stars) if mean is None else rating_weights(stars, mean)
    stacked = [inputs, *_content_rows(catalogue)]
    z = vstack(stacked).tocsr() if len(stacked) > 1 else inputs
    kept = None
    if min(z.shape) > MOST_COLUMNS:
        most = np.argsort(-catalogue.counts(), kind="stable")[:MOST_COLUMNS]
        kept = np.sort(most)
        z = z[:, kept]
    width = len(catalogue.items)
    if z.shape[0] < z.shape[1]:
        rows, dual = _fit_dual(z, penalty)
        return EaseMember(mean, kept, width, None, rows, dual)
    nothing = csr_matrix((0, z.shape[1]), dtype=np.float32)
    weights = _fit_primal(z, penalty)
    return EaseMember(mean, kept, width, weights, nothing, np.empty((0, 0), np.float32))


def _content_rows(catalogue: Catalogue) -> list[csr_matrix]:
    if catalogue.content is None:
        return []
    rows = [genre_rows(catalogue.content), year_rows(catalogue.content)]
    return [(of_kind * np.float32(CONTENT_WEIGHT)).tocsr() for of_kind in rows]


def _fit_primal(z: csr_matrix, penalty: float) -> Scores:
    weights = inverse(gram_upper(z), penalty)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights, np.float32)


def _fit_dual(z: csr_matrix, penalty: float) -> tuple[csr_matrix, Scores]:
    w = np.asarray(inverse(gram_upper(z.T.tocsr()), penalty) @ z.toarray())
    left = 1 - np.asarray(z.multiply(w).sum(axis=0)).ravel()
    return z, np.asarray(w / np.maximum(left, 1e-9), np.float32)


def inverse(gram: NDArray[np.floating], penalty: float) -> NDArray[np.floating]:
    """Inverse of a Gram matrix plus ``penalty`` times the identity, by Cholesky.

    Args:
        gram: of which the upper triangle is read; overwritten where it suits LAPACK as it is.
        penalty: added to the diagonal.
    """
    size = len(gram)
    kind = np.float64 if size <= _DOUBLE_UP_TO else np.float32
    matrix = np.asfortranarray(gram, dtype=kind)
    np.fill_diagonal(matrix, np.diagonal(matrix) + np.float64(penalty))
    factor, invert = lapack.get_lapack_funcs(("potrf", "potri"), (matrix,))
    root, failed = factor(matrix, lower=False, overwrite_a=True, clean=True)
    if failed:
        raise ValueError(f"the penalty {penalty} is too small for a matrix of {size} columns")
    upper, _ = invert(root, lower=False, overwrite_c=True)
    return mirror_upper(upper)


_TARGETS_AT_ONCE = 1_024


def strongest_links(
    member: EaseMember, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], Scores]:
    """The columns that speak most for each column, with positive weight.

    Returns:
        column, rank (1 is the strongest), linked column, weight; by column, then rank.
    """
    columns = np.arange(member.width) if member.kept is None else member.kept
    most, every = min(most, len(columns)), np.arange(len(columns))
    parts: list[tuple[NDArray[Any], ...]] = [(np.empty(0, np.int64),) * 4]
    for start in range(0, len(columns), _TARGETS_AT_ONCE):
        targets = every[start : start + _TARGETS_AT_ONCE]
        weights = member.links(every, targets).T
        weights[np.arange(len(targets)), targets] = 0
        best, value = best_places(weights, most)
        row, place = np.nonzero(value > 0)
        parts.append(
            (columns[targets[row]], place + 1, columns[best[row, place]], value[row, place])
        )
    target, rank, linked, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    return target, rank.astype(np.int32), linked, weight.astype(np.float32)
