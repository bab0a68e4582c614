"""What lies in a folder, by one listing; in Azure every further question is a request of its own.

Such questions grow with the square of the drops, and adlfs answers ``is_file`` by no where the
server fails: a file would be passed over without a word. What a listing says needs neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys_assets.lake.store import is_remote


@dataclass(frozen=True)
class Entry:
    """A file or a folder."""

    path: Path
    is_folder: bool
    size: int | None = None
    """Bytes, where the listing tells them: of blobs, which do not grow."""


def entries(folder: Path) -> list[Entry]:
    """Files and folders in a folder; none where there is none. Links are none of ours."""
    if is_remote(folder):
        return list(_listed(folder, depth=1))
    if not folder.is_dir():
        return []
    return [
        Entry(path, path.is_dir())
        for path in folder.iterdir()
        if not path.is_symlink() and (path.is_dir() or path.is_file())
    ]


def entries_below(folder: Path) -> list[Entry]:
    """Files and folders in the folders of a folder."""
    if is_remote(folder):
        return list(_listed(folder, depth=2))
    return [entry for inner in entries(folder) if inner.is_folder for entry in entries(inner.path)]


def _listed(folder: Any, depth: int) -> Iterator[Entry]:
    """What lies so many levels below a folder in Azure."""
    if depth == 1:
        try:
            found = folder.fs.ls(folder.path, detail=True)
        except FileNotFoundError:
            found = []
    else:
        found = folder.fs.find(folder.path, withdirs=True, detail=True).values()
    if not found:
        _need_container(folder)
    start = folder.path.rstrip("/") + "/"
    # A folder may be told twice: as the start of names, and as a thing of its own.
    for name, entry in {entry["name"].rstrip("/"): entry for entry in found}.items():
        parts = name.removeprefix(start).split("/")
        if name.startswith(start) and len(parts) == depth:
            is_folder = entry["type"] == "directory"
            yield Entry(folder.joinpath(*parts), is_folder, None if is_folder else entry["size"])


def _need_container(folder: Any) -> None:
    """Ask for a folder's container: without one nothing is listed, as if nothing had ever landed.

    Raises:
        azure.core.exceptions.ResourceNotFoundError: there is none.
    """
    from fsspec.asyn import sync

    name, _, _ = folder.fs.split_path(folder.path)
    container = folder.fs.service_client.get_container_client(name)
    sync(folder.fs.loop, container.get_container_properties)
