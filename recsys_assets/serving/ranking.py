"""Candidates for a user, scored right now.

candidates -> those the filters leave -> fields -> features -> click probabilities -> the best
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.encode import feature_names
from recsys_assets.serving.bundle import Bundle
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.clicks import FIELDS, ClickScorer, Fields, RawRows, raw_rows
from recsys_assets.serving.problems import Problem
from recsys_assets.serving.recommending import kept_by
from recsys_assets.serving.service import Service
from recsys_assets.serving.shapes.answers import Contribution, RankAnswer, Ranked
from recsys_assets.serving.shapes.requests import Offered, RankRequest

MOST_EXPLAINED = 20
_NOTHING: Fields = (None,) * len(FIELDS)


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
    left_out = set(asked.exclude)
    if asked.exclude_seen and asked.user is not None:
        left_out |= set(bundle.ids(bundle.seen_by(asked.user)).tolist())
    offered = [c for c in asked.candidates if c.item not in left_out]
    filters = Filters(genre=asked.genre, min_year=asked.min_year)
    if not filters:
        return offered
    places, known = bundle.catalogue.places(np.array([c.item for c in offered], np.int32))
    passes = kept_by(bundle, filters)[places] & known
    return [c for c, kept in zip(offered, passes.tolist(), strict=True) if kept]


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
