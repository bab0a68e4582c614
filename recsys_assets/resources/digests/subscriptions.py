"""The table of subscribers: rows are only ever added, so that no unsubscription is lost.

Two who write at once each add their rows; nobody rewrites what the other wrote.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from recsys_assets.contracts.schema import polars_schema
from recsys_assets.contracts.subscribers import (
    BOUNCED,
    SUBSCRIBED,
    SUBSCRIBERS,
    UNSUBSCRIBED,
    Subscribers,
)
from recsys_assets.lake.tables import Lake

_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LONGEST = 254
_DIGITS = 10


@dataclass(frozen=True)
class Refused:
    """A row of a list of subscribers that is none."""

    line: int
    text: str
    reason: str


def is_address(text: str) -> bool:
    """Whether a text may be written into a mail's To header as one address."""
    return (
        len(text) <= _LONGEST
        and _ADDRESS.fullmatch(text) is not None
        and ".." not in text
        and not text.startswith(".")
    )


def states(lake: Lake) -> pl.DataFrame:
    """The last row of every user."""
    if not lake.exists(SUBSCRIBERS):
        return pl.DataFrame(schema=polars_schema(Subscribers))
    rows = lake.scan(SUBSCRIBERS).collect()
    return rows.sort("at").unique("user", keep="last", maintain_order=True).sort("user")


def subscribed(lake: Lake) -> pl.DataFrame:
    """Users who get mails, with their addresses."""
    return states(lake).filter(state=SUBSCRIBED).select("user", "address")


def subscribe(lake: Lake, people: Iterable[tuple[int, str]], reason: str = "added") -> int:
    """Add subscribers; those who are known with the same address are left as they are.

    Nobody who unsubscribed is added again by a list: only by their own wish, see `resubscribe`.

    Returns:
        How many were added.
    """
    known = _known(lake)
    new = [
        (user, address)
        for user, address in people
        if known.get(user, ("", ""))[1] != UNSUBSCRIBED
        and known.get(user) not in ((address, SUBSCRIBED), (address, BOUNCED))
    ]
    _append(lake, new, SUBSCRIBED, reason)
    return len(new)


def resubscribe(lake: Lake, user: int, address: str) -> None:
    """Subscribe somebody by their own wish, whatever was before."""
    _append(lake, [(user, address)], SUBSCRIBED, "by their own wish")


def unsubscribe(lake: Lake, user: int) -> bool:
    """End a subscription; whether there was one."""
    address, state = _known(lake).get(user, ("", UNSUBSCRIBED))
    if state == UNSUBSCRIBED:
        return False
    _append(lake, [(user, address)], UNSUBSCRIBED, "by their own wish")
    return True


def set_apart(lake: Lake, bounced: Iterable[tuple[int, str, str]]) -> None:
    """Quarantine addresses that no mail reaches: user, address, reason.

    Who unsubscribed stays so: set apart on top of it, a list could add them again.
    """
    known = _known(lake)
    for user, address, reason in bounced:
        if known.get(user, ("", ""))[1] != UNSUBSCRIBED:
            _append(lake, [(user, address)], BOUNCED, reason[:300])


def read_list(path: Path) -> tuple[list[tuple[int, str]], list[Refused]]:
    """Subscribers of a CSV file with the columns user and address, and rows that are none."""
    people: list[tuple[int, str]] = []
    refused: list[Refused] = []
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        for number, text in enumerate(file, 1):
            row = _row_of(text)
            if number == 1 and row[:2] == ["user", "address"]:
                continue
            user, address = (row[0].strip(), row[1].strip()) if len(row) == 2 else ("", "")
            is_number = user.isascii() and user.isdigit() and len(user) <= _DIGITS
            if is_number and 0 < int(user) < 2**31 and is_address(address):
                people.append((int(user), address))
            else:
                reason = "not a user and an address" if len(row) != 2 else "no such user or address"
                refused.append(Refused(number, text.strip()[:200], reason))
    return people, refused


def _row_of(line: str) -> list[str]:
    """Fields of a line by itself: a quote left open would take in all lines that follow."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return []


def _known(lake: Lake) -> dict[int, tuple[str, str]]:
    rows = states(lake).select("user", "address", "state").rows()
    return {user: (address, state) for user, address, state in rows}


def _append(lake: Lake, people: list[tuple[int, str]], state: str, reason: str) -> None:
    if not people:
        return
    latest: dict[int, datetime] = dict(states(lake).select("user", "at").rows())
    rows = []
    for user, address in people:
        # After what is known of them, also where the clock was set back since: the last row counts.
        at = latest[user] = max(_now(), latest.get(user, datetime.min) + timedelta(microseconds=1))
        rows.append({"user": user, "address": address, "state": state, "reason": reason, "at": at})
    lake.append(Subscribers.validate(pl.DataFrame(rows, polars_schema(Subscribers))), SUBSCRIBERS)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
