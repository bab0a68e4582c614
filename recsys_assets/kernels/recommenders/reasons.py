"""Reasons that people understand: which of a user's ratings speak for an item.

the additive contributions of a member -> the items that add most -> a sentence
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories, Member
from recsys_assets.kernels.recommenders.latent import LatentMember
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.protocol import Ids, Scores

FALLBACK = "people with your taste watch it"
"""Where no single rating speaks for the item."""


def reasons(
    member: Member, catalogue: Catalogue, history: Histories, items: Ids
) -> list[list[int]]:
    """Ids of up to two rated items that add most to each one's score; empty where none does."""
    names, added = contributions_of(member, history, np.searchsorted(catalogue.items, items))
    places, best = best_places(added.T, 2)
    ids = np.append(catalogue.items[names], 0)[places]
    return [of_item[of_best > 0].tolist() for of_item, of_best in zip(ids, best, strict=True)]


def sentence(because: Sequence[int], titles: dict[int, str], fallback: str) -> str:
    """The reason in words; titles name the items."""
    named = [titles[item] for item in because if titles.get(item)]
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
    return [sentence(because, titles, FALLBACK) for because in found]
