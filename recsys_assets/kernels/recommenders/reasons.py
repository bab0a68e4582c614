"""Reasons that people understand: which of a user's ratings speak for an item.

the additive contributions of a member -> the items that add most -> a sentence
"""

from collections.abc import Sequence

import numpy as np

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.protocol import Ids

FALLBACK = "people with your taste watch it"
"""Where no single rating speaks for the item."""


def reasons(
    member: EaseMember, catalogue: Catalogue, history: Histories, items: Ids
) -> list[list[int]]:
    """Ids of up to two rated items that add most to each one's score; empty where none does."""
    names, added = member.contributions(history, np.searchsorted(catalogue.items, items))
    places, best = best_places(added.T, 2)
    ids = np.append(catalogue.items[names], 0)[places]
    return [of_item[of_best > 0].tolist() for of_item, of_best in zip(ids, best, strict=True)]


def sentence(because: Sequence[int], titles: dict[int, str]) -> str:
    """The reason in words; titles name the items as people say them."""
    named = [titles[item] for item in because if titles.get(item)]
    if not named:
        return FALLBACK
    return f"because you rated {' and '.join(named)}"


def popular_among(genres: Sequence[str]) -> str:
    """The reason of an item in a list for all people alike: it is newcomers' ratings that count."""
    return "popular among newcomers" + (f", of the genre {genres[0]}" if genres else "")
