"""Bodies of requests and answers; they are checked by these types and documented by them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from recsys_assets.kernels.click_fields import CATEGORIES, NUMBERS

LARGEST = 2**31 - 1
Id = Annotated[int, Meta(ge=1, le=LARGEST)]
Arm = Literal["champion", "canary"]
Year = Annotated[int, Meta(ge=0, le=3000)]
Genre = Annotated[str, Meta(min_length=1, max_length=100)]
Excluded = Annotated[list[Id], Meta(max_length=1_000)]
K = Annotated[int, Meta(ge=1, le=100)]

_Number = Annotated[float, Meta(ge=-1e9, le=1e9)] | None
# The digits themselves are checked all at once, when they become numbers: that is far faster.
_DIGITS = Meta(min_length=8, max_length=8, extra_json_schema={"pattern": "^[0-9a-f]{8}$"})
_Category = Annotated[str, _DIGITS] | None


def _fields(name: str, doc: str) -> type[Struct]:
    types = [*((n, _Number) for n in NUMBERS), *((c, _Category) for c in CATEGORIES)]
    columns = [(field, kind, None) for field, kind in types]
    made = msgspec.defstruct(
        name,
        columns,
        forbid_unknown_fields=True,
        gc=False,
        module=__name__,
        namespace={"__doc__": doc},
    )
    return made


ClickFields = _fields("ClickFields", "Fields of a click row; null or left out where missing.")


class Offered(Struct, forbid_unknown_fields=True):
    """An item that may be shown."""

    item: Id
    features: ClickFields | None = None  # type: ignore[valid-type]
    """Fields of this item; they go before those of the offers landed for it, of the context and of
    the user."""


class RankRequest(Struct, forbid_unknown_fields=True):
    """Who is to be shown something, when, and what there is to show."""

    candidates: Annotated[list[Offered], Meta(min_length=1, max_length=1_000)]
    """Items to choose from."""
    user: Id | None = None
    """Id of the user: decides the version, and what has been seen."""
    features: ClickFields | None = None  # type: ignore[valid-type]
    """Fields of the user, the same for all candidates."""
    context: ClickFields | None = None  # type: ignore[valid-type]
    """Fields of the moment, such as the time of day."""
    k: K = 10
    """Items to return."""
    explain: bool = False
    """Whether to tell what each feature adds to the score; at most for 20 items."""
    exclude_seen: bool = False
    """Whether to leave out what the user has rated."""
    exclude: Excluded = []
    """Items to leave out."""
    genre: Genre | None = None
    """Only items of this genre."""
    min_year: Year | None = None
    """Only items of this year or later."""
    arm: Arm | None = None
    """Which version to ask; by the user's id if left out."""


class Contribution(Struct):
    """What one feature adds."""

    feature: str
    value: float | None
    """As the model saw it; null where missing."""
    log_odds: float
    """What it adds to the log odds of a click."""


class Ranked(Struct, omit_defaults=True):
    """A candidate with its score."""

    rank: int
    item: int
    probability: float
    """Of a click."""
    base_log_odds: float | None = None
    """Log odds before any feature; only where an explanation was asked for."""
    contributions: list[Contribution] | None = None
    """All features, the strongest first; with the base they add up to the log odds."""


class RankAnswer(Struct):
    """The best candidates, best first."""

    version: str
    arm: str
    model: str
    model_version: int
    scored: int
    """Candidates that were left after the filters."""
    ranked: list[Ranked]


class Rated(Struct, forbid_unknown_fields=True):
    """A rating of a new user."""

    item: Id
    rating: Annotated[float, Meta(ge=0.5, le=5)]


class NewUser(Struct, forbid_unknown_fields=True):
    """Somebody whom the models have not seen; nothing of it is stored."""

    ratings: Annotated[list[Rated], Meta(max_length=1_000)]
    """What they rated; of two ratings for one item the later one counts."""
    k: K = 10
    """Items to return."""
    exclude: Excluded = []
    """Items to leave out beside the rated ones."""
    genre: Genre | None = None
    """Only items of this genre."""
    min_year: Year | None = None
    """Only items of this year or later."""
    arm: Arm | None = None
    """Which version to ask; the champion if left out."""


class Recommended(Struct):
    """One item of an answer."""

    rank: int
    item: int
    title: str | None
    year: int | None
    genres: list[str]
    score: float
    """Comparable within one answer only."""
    reason: str


class Recommendations(Struct):
    """A list for a user."""

    user: int | None
    known: bool
    """Whether the list is personal."""
    source: Literal["stored", "folded", "segment"]
    """Stored: computed beforehand; folded: from the ratings sent; segment: the same for many."""
    segment: str | None
    """Whose list it is where it is not personal."""
    version: str
    model: str
    model_version: int
    arm: Arm
    recommendations: list[Recommended]
    unknown_items: list[int] = []
    """Rated items that the model does not know, and left out of account."""


class SimilarAnswer(Struct):
    """Items that the same people like."""

    item: int
    version: str
    arm: Arm
    similar: list[Recommended]


class Found(Struct):
    """An item of the catalogue."""

    item: int
    title: str | None
    year: int | None
    genres: list[str]


class FoundAnswer(Struct):
    """Items whose titles hold the words asked for; the most popular ones for no words."""

    items: list[Found]


class Event(Struct, forbid_unknown_fields=True):
    """Something a user was shown, or clicked."""

    user: Id
    item: Id
    kind: Literal["impression", "click"]
    version: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,64}$")]
    """As the answer gave it."""
    arm: Arm
    """As the answer gave it."""
    rank: Id | None = None
    event: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")] | None = None
    """An id of your own: an event that is sent twice then counts once."""


class FeedbackRequest(Struct, forbid_unknown_fields=True):
    """Events, in any order."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=1_000)]


class FeedbackAnswer(Struct):
    """How many events are safely on disk now."""

    kept: int


class Alive(Struct):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Struct):
    """The service has a bundle to answer from."""

    version: str
    status: Literal["ready"] = "ready"


class VersionAnswer(Struct):
    """What serves, and what it was made from."""

    service: str
    champion: str
    canary: str | None
    canary_share: float
    models: dict[str, Any]
    """Models of the champion."""
    tables: dict[str, int]
    """Versions of the tables it was made from."""
    refused: dict[str, str]
    """Versions that were found damaged, and how."""
    genres: list[str]
