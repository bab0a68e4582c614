"""What is known of users when they are scored, over one catalogue of rated and unrated items.

RatingData + ItemContent -> Catalogue -> Histories -> a member's scores, users x catalogue
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.recommenders.protocol import Ids, ItemContent, RatingData, Scores
from recsys_assets.kernels.vectors import places_of

USERS_AT_ONCE = 128
"""Users whose scores of the whole catalogue lie in memory at once, for each member."""


@dataclass(frozen=True)
class Histories:
    """Ratings of some users over the catalogue's columns."""

    stars: csr_matrix
    """Users x catalogue, stored where the user rated."""
    times: csr_matrix | None
    """The same pattern, seconds since 1970."""
    rows: NDArray[np.int64]
    """The user's own row in the training data, -1 for somebody new."""

    def __len__(self) -> int:
        """Return the number of users."""
        return int(self.stars.shape[0])

    def part(self, rows: NDArray[np.int64] | slice) -> "Histories":
        """Histories of some of the users."""
        times = None if self.times is None else self.times[rows]
        return Histories(self.stars[rows], times, self.rows[rows])

    def seen(self) -> NDArray[np.bool_]:
        """Users x catalogue: whether the user rated the item."""
        mask = np.zeros(self.stars.shape, bool)
        mask[np.repeat(np.arange(len(self)), np.diff(self.stars.indptr)), self.stars.indices] = True
        return mask


class Member(Protocol):
    """Anything that scores the catalogue for histories, known or new."""

    def score(self, histories: Histories) -> Scores:
        """Users x catalogue, higher is better, finite."""
        ...


@dataclass(frozen=True)
class Catalogue:
    """Items that are scored and the training ratings over them."""

    items: Ids
    """Rated items and those known by content only, ascending."""
    users: Ids
    """Users of the training ratings, ascending."""
    train: Histories
    """Their ratings."""
    content: ItemContent | None
    """What is known about the items, over exactly these items."""

    def histories(self, users: Ids) -> Histories:
        """Training histories of the users asked for; empty for those nobody knows."""
        place, known = places_of(users, self.users)
        of_known = self.train.part(place[known])
        times = None if of_known.times is None else _spread_rows(of_known.times, known)
        return Histories(_spread_rows(of_known.stars, known), times, np.where(known, place, -1))

    def counts(self) -> NDArray[np.float32]:
        """Training ratings of each item."""
        counted = np.bincount(self.train.stars.indices, minlength=len(self.items))
        return counted.astype(np.float32)


def empty_histories(users: int, items: int) -> Histories:
    """Users of whom nothing is known."""
    return Histories(csr_matrix((users, items), dtype=np.float32), None, np.full(users, -1))


def build_catalogue(train: RatingData, content: ItemContent | None) -> Catalogue:
    """Training ratings over the union of rated and described items."""
    known = content.items if content is not None else np.empty(0, np.int32)
    items = np.union1d(train.items, known).astype(np.int32)
    column = np.searchsorted(items, train.items)
    rows = np.arange(len(train.users))
    histories = Histories(
        _over(train.stars, column, len(items)),
        None if train.times is None else _over(train.times, column, len(items)),
        rows,
    )
    described = None if content is None else _describe(items, content)
    return Catalogue(items, train.users, histories, described)


def history_of(
    catalogue: Catalogue, items: Ids, stars: Scores, times: NDArray[np.float64] | None = None
) -> Histories:
    """One new user's ratings; items outside the catalogue are left out."""
    place, known = places_of(items, catalogue.items)
    order = np.argsort(place[known], kind="stable")
    column = place[known][order]
    bounds = np.array([0, len(column)])
    shape = (1, len(catalogue.items))
    dated = None
    if times is not None:
        dated = csr_matrix((times[known][order], column, bounds), shape=shape)
    rated = csr_matrix((stars[known][order].astype(np.float32), column, bounds), shape=shape)
    return Histories(rated, dated, np.array([-1]))


def _spread_rows(matrix: csr_matrix, known: NDArray[np.bool_]) -> csr_matrix:
    """The rows at the known places, in order, and rows that hold nothing at the others."""
    lengths = np.zeros(len(known), matrix.indptr.dtype)
    lengths[known] = np.diff(matrix.indptr)
    bounds = np.concatenate([[0], lengths.cumsum()])
    return csr_matrix((matrix.data, matrix.indices, bounds), shape=(len(known), matrix.shape[1]))


def _over(matrix: csr_matrix, column: NDArray[np.int64], width: int) -> csr_matrix:
    return csr_matrix(
        (matrix.data, column[matrix.indices], matrix.indptr), shape=(matrix.shape[0], width)
    )


def _describe(items: Ids, content: ItemContent) -> ItemContent:
    """The content over the catalogue's items; nothing known where it has no row."""
    place, known = places_of(items, content.items)
    pairs = list(zip(place.tolist(), known.tolist(), strict=True))
    return ItemContent(
        items,
        [content.titles[at] if there else "" for at, there in pairs],
        np.array([content.years[at] if there else np.nan for at, there in pairs], np.float32),
        [content.genres[at] if there else [] for at, there in pairs],
    )
