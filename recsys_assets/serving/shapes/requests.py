"""Bodies of requests; they are checked by these types and documented by them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from recsys_assets.serving.shapes.fields import Arm, ClickFields, Excluded, Genre, Id, K, Year


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


class Event(Struct, forbid_unknown_fields=True):
    """Something a user was shown, or clicked."""

    user: Id
    item: Id
    kind: Literal["impression", "click"]
    version: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,64}(?!\n)$")]
    """As the answer gave it."""
    arm: Arm
    """As the answer gave it."""
    rank: Id | None = None
    event: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}(?!\n)$")] | None = None
    """An id of your own: an event that is sent twice then counts once."""


class FeedbackRequest(Struct, forbid_unknown_fields=True):
    """Events, in any order."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=1_000)]
