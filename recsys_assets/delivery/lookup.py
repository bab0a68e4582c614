"""Lists by user in a key-value store, in versions: a reader sees one version whole, or another.

    top_k -> documents of a new version -> the pointer moves to it -> versions before the last go

The pointer is one document. Until it moves nobody reads the new version; when it has moved, whoever
still reads the one before finds it. A publication that died leaves documents nobody reads, and is
simply repeated.
"""

import datetime
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

Document = tuple[int, str]
"""A user and their list, as JSON."""


class StoreError(Exception):
    """A store that cannot do as asked; the message says what to do."""


@dataclass(frozen=True)
class Pointer:
    """Which versions there are for readers."""

    current: str
    previous: str = ""
    """The version before; empty where there was none."""
    documents: int = 0
    """Documents of the current version."""
    moved: str = ""
    """When the pointer moved, ISO 8601 UTC."""


@dataclass
class Written:
    """What writing documents came to."""

    documents: int = 0
    request_units: float = 0.0
    """What the store charged, where it counts in such units."""
    retries: int = 0
    """Times the store asked to wait."""


@dataclass(frozen=True)
class Publication:
    """What a publication did."""

    version: str
    written: Written = field(default_factory=Written)
    moved: bool = False
    """Whether readers see another version than before."""


class LookupStore(Protocol):
    """What a store has to do; versions and users together name a document."""

    def pointer(self) -> Pointer | None:
        """The pointer; None before the first publication."""

    def point(self, pointer: Pointer) -> None:
        """Move the pointer, at once for all readers."""

    def write(self, version: str, documents: Iterable[Document]) -> Written:
        """Write documents of a version; those that are there are replaced."""

    def read(self, version: str, user: int) -> str | None:
        """The document of a user; None where there is none."""

    def remove(self, version: str) -> None:
        """Remove a version that nobody reads; a store may leave that to its own expiry."""


def publish(store: LookupStore, version: str, documents: Iterable[Document]) -> Publication:
    """Make documents the version that is read; a version that is read already stays as it is.

    Raises:
        StoreError: the version is empty; readers go on reading the one before.
    """
    before = store.pointer()
    if before is not None and before.current == version:
        return Publication(version)
    written = store.write(version, documents)
    if not written.documents:
        raise StoreError(f"version {version} holds no list, so it is not published")
    previous = before.current if before else ""
    store.point(Pointer(version, previous, written.documents, _now()))
    if before and before.previous not in ("", version):
        store.remove(before.previous)
    return Publication(version, written, moved=True)


def roll_back(store: LookupStore) -> Pointer:
    """Let readers see the version before again; a second time brings the newer one back.

    Raises:
        StoreError: there is none.
    """
    pointer = store.pointer()
    if pointer is None or not pointer.previous:
        raise StoreError("there is no version before the one that is read: publish anew instead")
    back = Pointer(pointer.previous, pointer.current, moved=_now())
    store.point(back)
    return back


def look_up(store: LookupStore, user: int) -> tuple[str, list[dict[str, Any]]] | None:
    """A user's list and the version it is from; None for users without a list."""
    pointer = store.pointer()
    while pointer is not None:
        found = store.read(pointer.current, user)
        if found is not None:
            return pointer.current, json.loads(found)
        # The version may have been removed since; then the pointer has moved on.
        newer = store.pointer()
        if newer is None or newer.current == pointer.current:
            return None
        pointer = newer
    return None


def documents_of(lists: pl.DataFrame, titles: pl.DataFrame) -> Iterator[Document]:
    """One document per user: their list in order, with titles.

    Args:
        lists: rows of ``top_k``.
        titles: item and title.
    """
    named = lists.join(titles, on="item", how="left").sort("user", "rank")
    columns = ["rank", "item", "title", "score", "reason", "model_version"]
    entries = named.group_by("user", maintain_order=True).agg(pl.struct(columns).alias("list"))
    for user, entry in entries.iter_rows():
        yield user, json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
