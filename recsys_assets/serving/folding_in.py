"""Somebody new: the ratings they send become a list, and nothing is kept.

ratings -> factors (`kernels.folding`) -> scores of all items -> the best, each with its reason
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.titles import spoken
from recsys_assets.serving.bundle import Bundle
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.lists import render_rows
from recsys_assets.serving.recommending import head_of, kept_by, segment_list
from recsys_assets.serving.shapes.requests import NewUser


def folded_list(arm: str, bundle: Bundle, asked: NewUser) -> bytes:
    """The list of somebody the models have not seen, from the ratings they send."""
    filters = Filters(
        frozenset([*asked.exclude, *(r.item for r in asked.ratings)]), asked.genre, asked.min_year
    )
    stars_of = {rated.item: rated.rating for rated in asked.ratings}
    items = np.fromiter(stars_of, np.int32, len(stars_of))
    fold_in = bundle.fold_in
    known = np.zeros(len(items), bool)
    if fold_in is not None:
        rows, known = fold_in.places(items)
    unknown = items[~known].tolist()
    if fold_in is None or not known.any():
        return segment_list(arm, bundle, None, asked.k, filters, unknown)
    rated = rows[known]
    stars = np.fromiter(stars_of.values(), np.float32, len(stars_of))[known]
    scores = fold_in.scores(fold_in.vector(rated, stars))
    # The model may know items that are gone since: their place is that of another one.
    places, offered = bundle.catalogue.places(fold_in.items)
    scores[~(offered & kept_by(bundle, filters)[places])] = -np.inf
    best = _best(scores, asked.k)
    because = fold_in.reasons(rated, stars, best)
    about = bundle.facts["models"]["fold_in"]
    head = head_of(
        None, True, "folded", None, bundle, about["model"], about["version"], arm, unknown
    )
    reasons = [_because(bundle, places[n] if offered[n] else None) for n in because.tolist()]
    listed = zip(places[best].tolist(), scores[best].tolist(), reasons, strict=True)
    rendered = render_rows(bundle.catalogue.fragments, listed)
    return b'%b,"recommendations":[%b]}' % (head, rendered)


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Places of the k greatest finite scores, the greatest first, equal ones by place."""
    width = min(k, len(scores))
    first = np.sort(np.argpartition(-scores, width - 1)[:width])
    best = first[np.argsort(-scores[first], kind="stable")]
    return best[np.isfinite(scores[best])]


def _because(bundle: Bundle, place: int | None) -> bytes:
    fragment = b'"title":null' if place is None else bundle.catalogue.fragments[place]
    title = msgspec.json.decode(b"{%b}" % fragment)["title"]
    return msgspec.json.encode(f"because you rated {spoken(title) if title else 'a movie'}")
