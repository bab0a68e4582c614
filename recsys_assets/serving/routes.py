"""HTTP in, HTTP out: what each address asks of the service."""

import importlib.metadata

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from recsys_assets.serving import folding_in, metrics, ranking, recommending
from recsys_assets.serving.asking import arm_of, decoded, filters_of, k_of, number, only
from recsys_assets.serving.endpoint import SECURITY_HEADERS, answer
from recsys_assets.serving.problems import Problem
from recsys_assets.serving.service import Service
from recsys_assets.serving.shapes.answers import Alive, FeedbackAnswer, Ready, VersionAnswer
from recsys_assets.serving.shapes.fields import LARGEST
from recsys_assets.serving.shapes.requests import FeedbackRequest, NewUser, RankRequest

_encode = msgspec.json.Encoder().encode
_rank_request = msgspec.json.Decoder(RankRequest)
_new_user = msgspec.json.Decoder(NewUser)
_feedback = msgspec.json.Decoder(FeedbackRequest)


async def recommend(asked: Service, request: Request) -> Response:
    """The stored list of a user, with filters."""
    only(request, {"k", "exclude", "genre", "min_year", "arm"})
    user = number("user", request.path_params["user"], 1, LARGEST)
    k, filters = k_of(request), filters_of(request)
    arm, bundle = asked.arm(arm_of(request), user)
    body = recommending.stored_list(arm, bundle, user, k, filters)
    return answer(body or recommending.segment_list(arm, bundle, user, k, filters))


async def recommend_new(asked: Service, request: Request) -> Response:
    """A list for somebody the models have not seen."""
    body = await decoded(asked, request, _new_user)
    arm, bundle = asked.arm(body.arm)
    return answer(folding_in.folded_list(arm, bundle, body))


async def rank(asked: Service, request: Request) -> Response:
    """Candidates by click probability."""
    body = await decoded(asked, request, _rank_request)
    return answer(_encode(ranking.rank(asked, body)))


async def similar(asked: Service, request: Request) -> Response:
    """Items that the same people like."""
    only(request, {"k", "exclude", "genre", "min_year", "arm"})
    item = number("item", request.path_params["item"], 1, LARGEST)
    arm, bundle = asked.arm(arm_of(request))
    return answer(recommending.similar_list(arm, bundle, item, k_of(request), filters_of(request)))


async def find(asked: Service, request: Request) -> Response:
    """Items by title."""
    only(request, {"q", "k"})
    words = request.query_params.get("q", "")
    if len(words) > 200:
        raise Problem(422, "q: at most 200 characters")
    return answer(recommending.found_items(asked.arms.champion, words, k_of(request)))


async def feedback(asked: Service, request: Request) -> Response:
    """What was shown and clicked, on disk before the answer."""
    body = await decoded(asked, request, _feedback)
    await asked.keep(body.events)
    return answer(_encode(FeedbackAnswer(len(body.events))))


async def health(asked: Service, request: Request) -> Response:
    """Whether the process answers."""
    return answer(_encode(Alive()))


async def ready(asked: Service, request: Request) -> Response:
    """Whether there is a bundle to answer from."""
    return answer(_encode(Ready(asked.arms.champion.version)))


async def version(asked: Service, request: Request) -> Response:
    """What serves."""
    arms = asked.arms
    facts = arms.champion.facts
    return answer(
        _encode(
            VersionAnswer(
                service=service_version(),
                champion=arms.champion.version,
                canary=arms.canary.version if arms.canary else None,
                canary_share=arms.pointer.canary_share if arms.canary else 0.0,
                models=facts["models"],
                tables=facts["tables"],
                refused=asked.watcher.faults,
                genres=arms.champion.catalogue.genres,
            )
        )
    )


async def figures(asked: Service, request: Request) -> Response:
    """Figures for Prometheus."""
    asked.missing.hand_on()
    text = metrics.exposition(asked.settings.workers > 1)
    return Response(text, 200, SECURITY_HEADERS, metrics.CONTENT_TYPE_LATEST)


def service_version() -> str:
    """Version of the installed package."""
    return importlib.metadata.version("recsys_assets")
