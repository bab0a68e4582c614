"""Bodies of answers, as documented; the most frequent ones are written without these types."""

from typing import Any, Literal

from msgspec import Struct

from recsys_assets.serving.shapes.fields import Arm


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


class Recommended(Struct):
    """One item of an answer."""

    rank: int
    item: int
    title: str | None
    year: int | None
    genres: list[str]
    score: float
    """Comparable within one answer only; those of popular items, which fill a list up, among
    themselves."""
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
