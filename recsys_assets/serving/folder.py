"""A bundle as a folder: arrays and texts under checksums, written whole or not at all.

Every file is named in ``manifest.json`` with its size and SHA-256, and the folder's own name ends
with the checksum of the manifest, so that no byte of a bundle can change unseen.
"""

import hashlib
import json
import os
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
"""Raised when a reader of the old form could not read the new one."""
MANIFEST = "manifest.json"
UNFINISHED = ".*.partial"
"""Pattern of the folders of bundles that are being written."""


class BundleError(Exception):
    """A bundle that must not serve; the message names the file and what is wrong with it."""


class BundleWriter:
    """Collects the files of a bundle in a hidden folder; `finish` gives it its name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / f".{uuid.uuid4().hex}.partial"
        self.folder.mkdir(parents=True)

    def array(self, name: str, values: NDArray[Any]) -> None:
        """Add an array as ``name.npy``."""
        np.save(self.folder / f"{name}.npy", np.ascontiguousarray(values))

    def text(self, name: str, text: str) -> None:
        """Add a text file."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def finish(self, facts: dict[str, Any]) -> str:
        """Write the manifest, flush everything to disk and give the folder its name, the version.

        Args:
            facts: what else the manifest says: models, tables, settings.
        """
        files = {path.name: _described(path) for path in sorted(self.folder.iterdir())}
        text = json.dumps({"format": FORMAT, **facts, "files": files}, indent=1, sort_keys=True)
        self.text(MANIFEST, text)
        for path in self.folder.iterdir():
            _flush(path)
        _flush(self.folder)
        # To the microsecond: versions are told apart and ordered by their names.
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        version = f"{stamp}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self.folder.rename(self.root / version)
        _flush(self.root)
        return version

    def abandon(self) -> None:
        """Remove what was written; for a bundle that did not come to be."""
        shutil.rmtree(self.folder, ignore_errors=True)


class BundleReader:
    """The files of a bundle that has been verified; arrays stay on disk, mapped."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts = facts
        """The manifest."""

    def array(self, name: str) -> NDArray[Any]:
        """An array, mapped into memory and shared by all processes that map it."""
        # As a plain array: NumPy's own class for mapped files answers each index in Python.
        return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r"))

    def lines(self, name: str) -> list[bytes]:
        """Lines of a text file; read one by one, so that no request waits until all are there."""
        with (self.folder / name).open("rb") as file:
            return [line.removesuffix(b"\n") for line in file]

    def text(self, name: str) -> str:
        """A text file."""
        return (self.folder / name).read_text(encoding="utf-8")

    def has(self, name: str) -> bool:
        """Whether the bundle holds the file."""
        return name in self.facts["files"]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, which must be the one that the folder was named after.

    Raises:
        BundleError: there is none, it is another, or of another form.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder.name}/{MANIFEST}: {error.strerror}") from error
    if hashlib.sha256(raw).hexdigest()[:16] != folder.name.rpartition("-")[2]:
        raise BundleError(f"{folder.name}/{MANIFEST} is not the one the folder was named after")
    facts: dict[str, Any] = json.loads(raw)
    if facts["format"] != FORMAT:
        raise BundleError(f"{folder.name} has form {facts['format']}, this service reads {FORMAT}")
    return facts


def verified_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, once every file of it is found as it was written.

    Raises:
        BundleError: a file is missing, cut short or changed, or the form is another.
    """
    facts = read_manifest(folder)
    for name, expected in facts["files"].items():
        try:
            found = _described(folder / name)
        except OSError as error:
            raise BundleError(f"{folder.name}/{name}: {error.strerror}") from error
        if found != expected:
            raise BundleError(
                f"{folder.name}/{name} has been changed: {found['bytes']} bytes of "
                f"{expected['bytes']}, checksum {found['sha256'][:12]} "
                f"instead of {expected['sha256'][:12]}"
            )
    return facts


def versions_in(root: Path) -> list[str]:
    """Bundles of a folder, the oldest first; unfinished ones are none."""
    if not root.is_dir():
        return []
    return sorted(path.parent.name for path in root.glob(f"[!.]*/{MANIFEST}"))


def _described(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
