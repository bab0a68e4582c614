"""Lists of a bundle as answers: stored, filtered, of a segment, similar, found by title."""

from collections.abc import Iterable
from itertools import chain, islice, repeat

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys_assets.serving import metrics
from recsys_assets.serving.bundle import EVERYBODY, Bundle
from recsys_assets.serving.catalogue import Filters, UnknownGenreError
from recsys_assets.serving.lists import Row, render_rows
from recsys_assets.serving.problems import Problem


def stored_list(
    arm: str, bundle: Bundle, user: int, k: int, filters: Filters | None = None
) -> bytes | None:
    """The first k of a user's stored list that filters let pass; None for a user nobody knows.

    Where that leaves fewer than k, popular items that the user has not seen fill it up. Without
    filters, and within the list's length, this is the hot path.
    """
    lists = bundle.lists
    row = lists.row(user)
    if row is None:
        return None
    start, end = lists.run(row)
    if not filters:
        end = min(end, start + k)
    may_run_out = filters or end - start < k
    reasons = bundle.reasons
    listed: Iterable[Row] = zip(
        lists.places[start:end].tolist(),
        lists.scores[start:end].tolist(),
        [reasons[number] for number in bundle.list_reasons[start:end].tolist()],
        strict=True,
    )
    if may_run_out:
        known = {*lists.places[start:end].tolist(), *bundle.seen_by(user).tolist()}
        popular = _popular(bundle, bundle.segment_for(filters) if filters else EVERYBODY)
        listed = chain(listed, (row for row in popular if row[0] not in known))
    rows = _rows_kept(bundle, listed, k, filters)
    head = bundle.list_heads[bundle.list_models[row]]
    return b'{"user":%d%b,"arm":"%b","recommendations":[%b]}' % (user, head, arm.encode(), rows)


def segment_list(
    arm: str,
    bundle: Bundle,
    user: int | None,
    k: int,
    filters: Filters,
    unknown_items: list[int] | None = None,
) -> bytes:
    """What most people watch, for a user without a list; marked as such.

    Who rated nearly everything, or came after the lists were made, has none: what they have seen is
    left out here, too.
    """
    name = bundle.segment_for(filters)
    metrics.FALLBACKS.labels(name).inc()
    seen = set() if user is None else set(bundle.seen_by(user).tolist())
    listed = (row for row in _popular(bundle, name) if row[0] not in seen)
    rows = _rows_kept(bundle, listed, k, filters)
    about = head_of(user, False, "segment", name, bundle, "popularity", 0, arm, unknown_items)
    return b'%b,"recommendations":[%b]}' % (about, rows)


def _popular(bundle: Bundle, segment: str) -> Iterable[Row]:
    everybody = b'"popular with newcomers or with everybody"'
    reason = everybody if segment == EVERYBODY else b'"popular in this genre"'
    return zip(*bundle.segments[segment], repeat(reason))


def similar_list(arm: str, bundle: Bundle, item: int, k: int, filters: Filters) -> bytes:
    """Items that the same people like as this one.

    Raises:
        Problem: 404, nobody knows the item.
    """
    _, known = bundle.catalogue.places(np.array([item], np.int32))
    if not known[0]:
        raise Problem(404, f"no item {item} in the catalogue")
    row = bundle.similar.row(item)
    found = bundle.similar.of(row) if row is not None else ([], [])
    listed = zip(*found, repeat(b'"liked by the same people"'))
    rows = _rows_kept(bundle, listed, k, filters)
    return b'{"item":%d,"version":"%b","arm":"%b","similar":[%b]}' % (
        item,
        bundle.version.encode(),
        arm.encode(),
        rows,
    )


def _rows_kept(bundle: Bundle, listed: Iterable[Row], k: int, filters: Filters | None) -> bytes:
    """The first k rows of a list that the filters let pass."""
    if filters:
        kept = kept_by(bundle, filters)
        listed = (row for row in listed if kept[row[0]])
    return render_rows(bundle.catalogue.fragments, islice(listed, k))


def found_items(bundle: Bundle, words: str, k: int) -> bytes:
    """Items whose titles hold all words; the most popular ones where there are none."""
    wanted = words.lower().split()
    popular = bundle.segments[EVERYBODY][0]
    if wanted:
        titles = bundle.catalogue.titles
        hits = [n for n, title in enumerate(titles) if all(word in title for word in wanted)]
        first = set(popular)
        popular = sorted(hits, key=lambda place: (place not in first, place))
    fragments = bundle.catalogue.fragments
    listed = b",".join(b"{%b}" % fragments[place] for place in popular[:k])
    return b'{"items":[%b]}' % listed


def head_of(
    user: int | None,
    known: bool,
    source: str,
    segment: str | None,
    bundle: Bundle,
    model: str,
    model_version: int,
    arm: str,
    unknown_items: list[int] | None,
) -> bytes:
    """The start of an answer, up to the list."""
    about: dict[str, object] = {
        "user": user,
        "known": known,
        "source": source,
        "segment": segment,
        "version": bundle.version,
        "model": model,
        "model_version": model_version,
        "arm": arm,
    }
    if unknown_items:
        about["unknown_items"] = unknown_items
    return msgspec.json.encode(about)[:-1]


def kept_by(bundle: Bundle, filters: Filters) -> NDArray[np.bool_]:
    """Of each item, whether the filters let it pass.

    Raises:
        Problem: 404, no item has the genre.
    """
    try:
        return bundle.catalogue.keeps(filters)
    except UnknownGenreError as error:
        raise Problem(404, str(error)) from error
