"""Reasons that people understand: which of a user's ratings speak for an item.

the additive contributions of a member -> the items that add most -> a sentence
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories, Member
from recsys_assets.kernels.recommenders.latent import LatentMember
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.protocol import Ids, Scores

FALLBACK = "people with your taste watch it"
"""Where no single rating speaks for the item."""


@dataclass(frozen=True)
class Reason:
    """Why an item is recommended to a user."""

    because: list[int]
    """Ids of up to two rated items that add most to the score; empty where none adds anything."""
    share: float
    """Part of the positive contributions that these items make."""


def reasons(
    member: Member, catalogue: Catalogue, history: Histories, items: Ids, most: int = 2
) -> list[Reason]:
    """The rated items that add most to each recommended one's score in the member's score."""
    names, added = contributions_of(member, history, np.searchsorted(catalogue.items, items))
    places, best = best_places(added.T, most)
    counted = np.where(best > 0, best, 0).sum(axis=1)
    positive = np.where(added > 0, added, 0).sum(axis=0)
    shares = (counted / np.where(positive > 0, positive, 1)).tolist()
    ids = np.append(catalogue.items[names], 0)[places]
    return [
        Reason(of_item[of_best > 0].tolist(), share)
        for of_item, of_best, share in zip(ids, best, shares, strict=True)
    ]


def sentence(reason: Reason, titles: dict[int, str], fallback: str) -> str:
    """The reason in words; titles name the items."""
    named = [titles[item] for item in reason.because if titles.get(item)]
    if not named:
        return fallback
    return f"because you rated {' and '.join(named)}"


def popular_among(genres: Sequence[str]) -> str:
    """The reason of an item that stands in a list for all people alike."""
    return f"popular among people who like {genres[0]}" if genres else "popular among newcomers"


def contributions_of(
    member: Member, history: Histories, columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Scores]:
    """Columns one user rated and what each adds to the scores of ``columns``: rated x columns.

    Raises:
        TypeError: the member's score is no sum over the user's ratings.
    """
    if isinstance(member, EaseMember | LatentMember):
        return member.contributions(history, columns)
    raise TypeError(f"{type(member).__name__} cannot say what its scores are made of")


def explain(member: Member, catalogue: Catalogue, user: int, items: Ids) -> list[str]:
    """A sentence for each item recommended to a user the catalogue was fitted on, or to anybody."""
    history = catalogue.histories(np.array([user], np.int32))
    if not history.stars.nnz:
        return [popular_among([])] * len(items)
    found = reasons(member, catalogue, history, items)
    content = catalogue.content
    titles = (
        {} if content is None else dict(zip(content.items.tolist(), content.titles, strict=True))
    )
    return [sentence(reason, titles, FALLBACK) for reason in found]
