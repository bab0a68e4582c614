"""Every address of the service in one table: its routes and its OpenAPI document come from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from recsys_assets.serving import routes
from recsys_assets.serving.asking import EXCLUDED
from recsys_assets.serving.endpoint import Handler
from recsys_assets.serving.shapes import answers, requests
from recsys_assets.serving.shapes.fields import LARGEST, MOST_K

_ID = {"type": "integer", "minimum": 1, "maximum": LARGEST}
_ARM = {"type": "string", "enum": ["champion", "canary"]}


@dataclass(frozen=True)
class Parameter:
    """A part of an address, or a query parameter."""

    name: str
    schema: dict[str, Any]
    about: str
    example: object
    inside: str = "query"


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    handler: Handler
    role: str | None
    summary: str
    answer: type[msgspec.Struct] | None
    """Type of the JSON that it answers; None for plain text."""
    errors: tuple[int, ...] = ()
    """Statuses it answers beside 200 and those that every guarded address may answer."""
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    """Example of the body."""


_K = Parameter("k", {"type": "integer", "minimum": 1, "maximum": MOST_K}, "Items to return.", 10)
_CHOSEN_ARM = Parameter(
    "arm", _ARM, "Which version to ask; by the user's id if left out.", "champion"
)
_FILTERS = (
    _K,
    Parameter(
        "exclude",
        {"type": "string", "pattern": f"^{EXCLUDED}$"},
        "Items to leave out, by comma.",
        "1,2",
    ),
    Parameter("genre", {"type": "string", "minLength": 1}, "Only items of this genre.", "Drama"),
    Parameter(
        "min_year",
        {"type": "integer", "minimum": 0, "maximum": 3000},
        "Only items of this year or later.",
        1990,
    ),
    _CHOSEN_ARM,
)
_USER = Parameter("user", _ID, "Id of the user.", 1, "path")
_ITEM = Parameter("item", _ID, "Id of the item.", 1, "path")
_WORDS = Parameter("q", {"type": "string", "maxLength": 200}, "Words of the title.", "story")

OPERATIONS = (
    Operation(
        "GET",
        "/users/{user}/recommendations",
        routes.recommend,
        "reader",
        "A user's list; what most people watch for a user nobody knows, marked as such",
        answers.Recommendations,
        (404, 409, 422),
        (_USER, *_FILTERS),
    ),
    Operation(
        "POST",
        "/recommendations",
        routes.recommend_new,
        "reader",
        "A list for somebody new, from the ratings sent; nothing is stored",
        answers.Recommendations,
        (400, 404, 408, 409, 413, 415, 422),
        body=requests.NewUser,
        example={"ratings": [{"item": 1, "rating": 5}, {"item": 2, "rating": 2.5}], "k": 5},
    ),
    Operation(
        "POST",
        "/rank",
        routes.rank,
        "scorer",
        "Candidates for a user, sorted by click probability",
        answers.RankAnswer,
        (400, 404, 408, 409, 413, 415, 422),
        body=requests.RankRequest,
        example={
            "user": 1,
            "features": {"I1": 3, "C1": "68fd1e64"},
            "context": {"I2": 14},
            "candidates": [{"item": 7, "features": {"C3": "d032c263"}}, {"item": 9}],
            "k": 2,
        },
    ),
    Operation(
        "GET",
        "/items/{item}/similar",
        routes.similar,
        "reader",
        "Items that the same people like",
        answers.SimilarAnswer,
        (404, 409, 422),
        (_ITEM, *_FILTERS),
    ),
    Operation(
        "GET",
        "/items",
        routes.find,
        "reader",
        "Items by words of their titles; the most popular ones without words",
        answers.FoundAnswer,
        (422,),
        (_WORDS, _K),
    ),
    Operation(
        "POST",
        "/feedback",
        routes.feedback,
        "reader",
        "What was shown and clicked; safely on disk before the answer",
        answers.FeedbackAnswer,
        (400, 408, 413, 415, 422),
        body=requests.FeedbackRequest,
        example={
            "events": [
                {
                    "user": 1,
                    "item": 7,
                    "kind": "click",
                    "version": "20260131T020000000000-0123456789abcdef",
                    "arm": "champion",
                    "rank": 3,
                    "event": "2f1c0a",
                }
            ]
        },
    ),
    Operation("GET", "/health", routes.health, None, "Whether the process answers", answers.Alive),
    Operation(
        "GET",
        "/ready",
        routes.ready,
        None,
        "Whether it can answer questions",
        answers.Ready,
        (503,),
    ),
    Operation(
        "GET", "/version", routes.version, "reader", "What serves now", answers.VersionAnswer
    ),
    Operation("GET", "/metrics", routes.figures, "admin", "Figures for Prometheus", None),
)
"""Every operation of the service."""
