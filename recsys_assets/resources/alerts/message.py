"""The alert: what the on-call person reads.

Facts about one event -> `Alert` (cleaned and bounded); `rendering` makes text, HTML and JSON of it.
Texts come from exceptions and data, so they are untrusted: control characters are replaced, lengths
are bounded.
"""

import re
from datetime import UTC
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from recsys_assets.resources.alerts.remedies import Remedy, remedy_of

RECOVERED = "Recovered: "
"""Begins the title of a message that says that a trouble is over."""

MAX_LINE = 200
MAX_FACT = 500
MAX_TEXT = 2_000

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates; not line ends and tabs."""


def shorten(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` characters, the last of them an ellipsis if any was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def without_controls(text: str) -> str:
    """Make a text safe to encode and to show.

    Lone surrogates and control characters become U+FFFD: mail and JSON cannot carry the former, and
    the latter can hide or rewrite what a terminal shows, or have it do something.
    """
    return _CONTROL.sub("\ufffd", text)


def clean_text(value: object, limit: int = MAX_TEXT) -> str:
    """Make a text of several lines safe to encode and to show, and bound its length."""
    # Bounded first: an exception may carry megabytes.
    text = str(value)[: 4 * limit].replace("\r\n", "\n")
    return shorten(without_controls(text).strip(), limit)


def clean_line(value: object, limit: int = MAX_LINE) -> str:
    """Make a text of one line: as `clean_text`, with every run of white space one blank."""
    return clean_text(" ".join(str(value).split()), limit)


def _clean_fact(value: object) -> str:
    return clean_line(value, MAX_FACT)


Line = Annotated[str, BeforeValidator(clean_line)]
Fact = Annotated[str, BeforeValidator(_clean_fact)]
Text = Annotated[str, BeforeValidator(clean_text)]


class Severity(StrEnum):
    """How much it matters: `error` needs somebody now, `warning` can wait, `info` is to be read."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    def reaches(self, level: "Severity") -> bool:
        """Whether this is as urgent as a level, or more."""
        order = list(Severity)
        return order.index(self) >= order.index(level)


class Alert(BaseModel):
    """One event that somebody must know about."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    title: Line
    """What broke, in a few words; the subject of the e-mail."""
    what: Text
    """What happened, in one or two sentences."""
    severity: Severity
    """How urgent it is."""
    since: AwareDatetime
    """When it began."""
    cause: Text
    """The first error, in plain words; empty where nothing is wrong."""
    facts: dict[Line, Fact] = {}
    """Numbers and names that help to decide what to do, for example the rows quarantined."""
    links: dict[Line, Fact] = {}
    """Where to look and what to press: the run, the runbook."""
    event_key: str
    """Identifies the event: a channel gets one message for one key."""
    kind: str = "other"
    """What sort of event it is: the anchor of its section in the runbook."""
    owners: tuple[str, ...] = ()
    """Owners of the assets concerned; they decide who is told."""
    subjects: tuple[str, ...] = ()
    """What is broken, by name: the trouble is over once all of them work again. Empty for news."""
    incident: str = ""
    """Event key of the first alert about this trouble; set by the ledger."""
    resolved: bool = False
    """Whether this says that the trouble is over."""

    @property
    def subject(self) -> str:
        """The subject of the e-mail: one line, severity first."""
        return f"[{self.word}] {self.event}"

    @property
    def headline(self) -> str:
        """The first line of a text."""
        return f"{self.word.upper()}: {self.event}"

    @property
    def event(self) -> str:
        """What broke, whether or not it is over."""
        return self.title.removeprefix(RECOVERED)

    @property
    def word(self) -> str:
        """The severity, or that it is over."""
        return "recovered" if self.resolved else self.severity.value

    @property
    def since_text(self) -> str:
        """The beginning in UTC, to the second."""
        return f"{self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    @property
    def remedy(self) -> Remedy | None:
        """What mends it; None where nothing is broken any more, or never was."""
        news = self.resolved or self.severity is Severity.INFO
        return None if news else remedy_of(self.kind, self.subjects)

    def with_facts(self, shown: int) -> "Alert":
        """Keep the first `shown` facts and say how many are left out."""
        hidden = len(self.facts) - shown
        if hidden <= 0:
            return self
        facts = dict(list(self.facts.items())[:shown])
        facts["not shown"] = f"{hidden} more; follow the links"
        return self.model_copy(update={"facts": facts})
