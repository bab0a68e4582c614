"""What the service does, apart from HTTP: each method makes one kind of answer from a bundle."""

import datetime
import uuid
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.encode import feature_names
from recsys_assets.serving import metrics
from recsys_assets.serving.arms import CHAMPION, Arms, Watcher
from recsys_assets.serving.bundle import EVERYBODY, Bundle
from recsys_assets.serving.catalogue import Filters, UnknownGenreError
from recsys_assets.serving.clicks import FIELDS, ClickScorer, Fields, RawRows, raw_rows
from recsys_assets.serving.feedback import Journal
from recsys_assets.serving.limits import RateLimit
from recsys_assets.serving.lists import render_rows
from recsys_assets.serving.problems import Problem
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets.serving.shapes import (
    Contribution,
    Event,
    NewUser,
    Offered,
    RankAnswer,
    Ranked,
    RankRequest,
)
from recsys_assets.serving.tokens import TokenVerifier

MOST_EXPLAINED = 20
_NOTHING: Fields = (None,) * len(FIELDS)


@dataclass
class Service:
    """Everything that lives as long as a worker process."""

    settings: ServiceSettings
    watcher: Watcher
    verifier: TokenVerifier | None
    limit: RateLimit
    journal: Journal
    timings: metrics.Timings = field(default_factory=metrics.Timings)
    missing: metrics.MissingFields = field(default_factory=metrics.MissingFields)

    @property
    def arms(self) -> Arms:
        """What serves now.

        Raises:
            Problem: 503, nothing does yet.
        """
        if self.watcher.arms is None:
            why = "; ".join(self.watcher.faults.values()) or "the bundle is being loaded"
            raise Problem(503, f"not ready: {why}", [("Retry-After", "5")])
        return self.watcher.arms

    def arm(self, name: str | None, user: int | None = None) -> tuple[str, Bundle]:
        """The arm asked for by name, or that of a user.

        Raises:
            Problem: 409, there is no such arm now.
        """
        if name is None:
            return self.arms.of(user) if user is not None else (CHAMPION, self.arms.champion)
        bundle = self.arms.named(name)
        if bundle is None:
            raise Problem(409, "no canary is in service now; leave out the arm")
        return name, bundle


def stored_list(arm: str, bundle: Bundle, user: int, k: int) -> bytes | None:
    """The first k of a user's stored list; None for a user nobody knows. This is the hot path."""
    lists = bundle.lists
    row = lists.row(user)
    if row is None:
        return None
    start, end = lists.run(row)
    end = min(end, start + k)
    reasons = bundle.reasons
    rows = render_rows(
        bundle.catalogue.fragments,
        lists.places[start:end].tolist(),
        lists.scores[start:end].tolist(),
        [reasons[number] for number in bundle.list_reasons[start:end].tolist()],
    )
    head = bundle.list_heads[bundle.list_models[row]]
    return b'{"user":%d%b,"arm":"%b","recommendations":[%b]}' % (user, head, arm.encode(), rows)


def filtered_list(arm: str, bundle: Bundle, user: int, k: int, filters: Filters) -> bytes | None:
    """The same without what the filters leave out."""
    row = bundle.lists.row(user)
    if row is None:
        return None
    start, _ = bundle.lists.run(row)
    places, scores = bundle.lists.of(row)
    kept = _kept(bundle, filters)
    chosen = [n for n, place in enumerate(places) if kept[place]][:k]
    rows = render_rows(
        bundle.catalogue.fragments,
        [places[n] for n in chosen],
        [scores[n] for n in chosen],
        [bundle.reasons[bundle.list_reasons[start + n]] for n in chosen],
    )
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
    """What most people watch, for a user nobody knows; marked as such."""
    name = bundle.segment_for(filters)
    metrics.FALLBACKS.labels(name).inc()
    places, scores = bundle.segments[name]
    kept = _kept(bundle, filters)
    chosen = [n for n, place in enumerate(places) if kept[place]][:k]
    reason = b'"popular with everybody"' if name == EVERYBODY else b'"popular in this genre"'
    rows = render_rows(
        bundle.catalogue.fragments,
        [places[n] for n in chosen],
        [scores[n] for n in chosen],
        [reason] * len(chosen),
    )
    about = _about(user, False, "segment", name, bundle, "popularity", 0, arm, unknown_items)
    return b'%b,"recommendations":[%b]}' % (about, rows)


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
    places, _ = bundle.catalogue.places(fold_in.items)
    scores[~_kept(bundle, filters)[places]] = -np.inf
    best = _best(scores, asked.k)
    because = fold_in.reasons(rated, stars, best)
    about = bundle.facts["models"]["fold_in"]
    head = _about(
        None, True, "folded", None, bundle, about["model"], about["version"], arm, unknown
    )
    listed = render_rows(
        bundle.catalogue.fragments,
        places[best].tolist(),
        scores[best].tolist(),
        [_because(bundle, place) for place in places[because].tolist()],
    )
    return b'%b,"recommendations":[%b]}' % (head, listed)


def similar_list(arm: str, bundle: Bundle, item: int, k: int, filters: Filters) -> bytes:
    """Items that the same people like as this one.

    Raises:
        Problem: 404, nobody knows the item.
    """
    _, known = bundle.catalogue.places(np.array([item], np.int32))
    if not known[0]:
        raise Problem(404, f"no item {item} in the catalogue")
    row = bundle.similar.row(item)
    found, scores = bundle.similar.of(row) if row is not None else ([], [])
    kept = _kept(bundle, filters)
    chosen = [n for n, place in enumerate(found) if kept[place]][:k]
    rows = render_rows(
        bundle.catalogue.fragments,
        [found[n] for n in chosen],
        [scores[n] for n in chosen],
        [b'"liked by the same people"'] * len(chosen),
    )
    return b'{"item":%d,"version":"%b","arm":"%b","similar":[%b]}' % (
        item,
        bundle.version.encode(),
        arm.encode(),
        rows,
    )


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


def rank(service: Service, asked: RankRequest) -> RankAnswer:
    """Score the candidates that the filters leave, and return the best.

    Raises:
        Problem: 503, the bundle has no click model; 422, a field cannot be.
    """
    answer, missing = rank_in(*service.arm(asked.arm, asked.user), asked)
    service.missing.add(answer.scored, missing)
    return answer


def rank_in(arm: str, bundle: Bundle, asked: RankRequest) -> tuple[RankAnswer, NDArray[np.int64]]:
    """The same from a given bundle, and how many candidates lacked each field.

    Raises:
        Problem: 503, the bundle has no click model; 422, a field cannot be.
    """
    scorer = bundle.clicks
    if scorer is None:
        raise Problem(503, "the bundle has no click model: land clicks and train one")
    offered = _offered(bundle, asked)
    if not offered:
        none = RankAnswer(bundle.version, arm, scorer.model, scorer.model_version, 0, [])
        return none, np.zeros(len(FIELDS), np.int64)
    rows = _rows(bundle, asked, offered)
    features = scorer.features(rows)
    probability = scorer.probability(features)
    count = min(asked.k, MOST_EXPLAINED) if asked.explain else asked.k
    best = np.argsort(-probability, kind="stable")[:count]
    ranked = [
        Ranked(place, offered[n].item, score)
        for place, (n, score) in enumerate(
            zip(best.tolist(), probability[best].tolist(), strict=True), 1
        )
    ]
    if asked.explain:
        _explain(scorer, features[best], ranked)
    about = (bundle.version, arm, scorer.model, scorer.model_version, len(offered))
    return RankAnswer(*about, ranked), rows.missing


def _offered(bundle: Bundle, asked: RankRequest) -> list[Offered]:
    """Candidates that the filters leave."""
    filters = Filters(frozenset(asked.exclude), asked.genre, asked.min_year)
    seen = asked.exclude_seen and asked.user is not None
    if not filters and not seen:
        return asked.candidates
    left_out = set(asked.exclude)
    if seen and asked.user is not None:
        left_out |= set(bundle.ids(bundle.seen_by(asked.user)).tolist())
    if asked.genre is None and asked.min_year is None:
        return [c for c in asked.candidates if c.item not in left_out]
    items = np.array([c.item for c in asked.candidates], np.int32)
    places, known = bundle.catalogue.places(items)
    passes = _kept(bundle, filters)[places] & known
    pairs = zip(asked.candidates, passes.tolist(), strict=True)
    return [c for c, kept in pairs if kept and c.item not in left_out]


def _rows(bundle: Bundle, asked: RankRequest, offered: list[Offered]) -> RawRows:
    """Fields of the candidates: each one's own go before the context's, those before the user's."""
    shared = _merged(_tuple(asked.context), _tuple(asked.features))
    rows = [_tuple(candidate.features) for candidate in offered]
    bare = [n for n, candidate in enumerate(offered) if candidate.features is None]
    if bare and bundle.offers is not None:
        known = bundle.offers.rows([offered[n].item for n in bare])
        for n, row in zip(bare, known, strict=True):
            rows[n] = row or _NOTHING
    if shared is not _NOTHING:
        rows = [_merged(row, shared) for row in rows]
    try:
        return raw_rows(rows)
    except ValueError as error:
        raise Problem(422, "categories are eight hexadecimal digits each") from error


def _tuple(fields: msgspec.Struct | None) -> Fields:
    return _NOTHING if fields is None else msgspec.structs.astuple(fields)


def _merged(first: Fields, second: Fields) -> Fields:
    if second is _NOTHING:
        return first
    if first is _NOTHING:
        return second
    return tuple(b if a is None else a for a, b in zip(first, second, strict=True))


def _explain(scorer: ClickScorer, features: NDArray[np.float32], ranked: list[Ranked]) -> None:
    """Add to each item what its features contribute."""
    names = feature_names()
    parts = scorer.contributions(features)
    for row, values, part in zip(ranked, features.tolist(), parts.tolist(), strict=True):
        row.base_log_odds = part[-1]
        order = sorted(range(len(names)), key=lambda n: -abs(part[n]))
        row.contributions = [
            Contribution(names[n], None if values[n] != values[n] else values[n], part[n])
            for n in order
        ]


async def keep_feedback(service: Service, events: list[Event]) -> None:
    """Put events into the journal; returns once they are on disk.

    Raises:
        Problem: 503, they are not.
    """
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    rows = [
        (e.event or uuid.uuid4().hex, e.user, e.item, e.kind, e.rank, e.version, e.arm, now)
        for e in events
    ]
    try:
        await service.journal.append(rows)
    except OSError as error:
        raise Problem(503, f"the feedback could not be kept: {error.strerror}") from error
    known = {b.version for b in (service.arms.champion, service.arms.canary) if b is not None}
    for event in events:
        # A label of a caller's own making would let them fill the memory.
        version = event.version if event.version in known else "other"
        metrics.EVENTS.labels(event.kind, version).inc()


def _about(
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


def _kept(bundle: Bundle, filters: Filters) -> NDArray[np.bool_]:
    try:
        return bundle.catalogue.keeps(filters)
    except UnknownGenreError as error:
        raise Problem(404, str(error)) from error


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Places of the k greatest finite scores, the greatest first, equal ones by place."""
    width = min(k, len(scores))
    first = np.sort(np.argpartition(-scores, width - 1)[:width])
    best = first[np.argsort(-scores[first], kind="stable")]
    return best[np.isfinite(scores[best])]


def _because(bundle: Bundle, place: int) -> bytes:
    title = msgspec.json.decode(b"{%b}" % bundle.catalogue.fragments[place])["title"]
    return msgspec.json.encode(f"because you rated {title or 'a movie'}")
