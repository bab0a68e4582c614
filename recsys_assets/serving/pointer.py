"""Which bundles serve: one small file that is replaced whole, beside the bundles."""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from recsys_assets.serving.folder import UNFINISHED, BundleError, versions_in

NAME = "serving.json"
BUNDLE_MODEL = "serving_bundle"
"""Name that bundles are registered under; its champion is the one that serves."""
BUNDLE_TAG = "bundle"
"""Tag of the MLflow run that logged a bundle: the version of the bundle."""
KEPT = 3
"""Bundles that stay on disk beside those that serve."""
ABANDONED_SECONDS = 86_400.0
"""Age at which an unfinished bundle is taken for one whose writer was killed."""


class Pointer(BaseModel):
    """The versions in service, and who gets which."""

    champion: str
    """Version that most users get."""
    canary: str | None = None
    """Version that a share of the users gets; none if None."""
    canary_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the users that get the canary."""
    salt: str = "canary"
    """Name of the experiment; another one draws other users."""
    previous: str | None = None
    """The champion before; a service that cannot load the champion goes back to it."""


def read_pointer(root: Path) -> Pointer:
    """The pointer of a folder of bundles.

    Raises:
        BundleError: there is none, or it cannot be read.
    """
    try:
        return Pointer.model_validate_json((root / NAME).read_bytes())
    except FileNotFoundError as error:
        raise BundleError(
            f"no bundle of {root} is in service: materialize the asset serving_bundle"
        ) from error
    except OSError as error:
        raise BundleError(f"{root / NAME}: {error.strerror}") from error
    except ValidationError as error:
        raise BundleError(f"{root / NAME}: {error.errors()[0]['msg']}") from error


def point_to(root: Path, pointer: Pointer) -> None:
    """Let the services of a folder serve other versions; they see the old pointer or the new one.

    Raises:
        BundleError: a version does not exist.
    """
    known = versions_in(root)
    for version in filter(None, (pointer.champion, pointer.canary)):
        if version not in known:
            raise BundleError(f"{root} holds no bundle {version!r}; it holds {', '.join(known)}")
    partial = root / f".{NAME}.{os.getpid()}"
    with partial.open("w", encoding="utf-8") as file:
        file.write(pointer.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(root / NAME)


def promote(
    root: Path, version: str, keep_canary: bool = False, trial: Mapping[str, Any] | None = None
) -> Pointer:
    """Make a version the champion; the old one is kept to go back to.

    A pointer that nobody can read names no way back, and stands in nobody's way.

    Args:
        root: folder of the bundles.
        version: of the new champion.
        keep_canary: whether a canary goes on beside it, as long as its bundle is there.
        trial: the pointer's fields of a canary that begins with it; no user sees another between.
    """
    pointer = Pointer(champion=version, **(trial or {}))
    try:
        old = read_pointer(root)
    except BundleError:
        old = pointer
    else:
        pointer.previous = old.previous if old.champion == version else old.champion
    if keep_canary and old.canary in versions_in(root) and old.canary != version:
        pointer.canary, pointer.canary_share, pointer.salt = old.canary, old.canary_share, old.salt
    point_to(root, pointer)
    return pointer


def remove_old(root: Path, kept: int = KEPT) -> list[str]:
    """Remove the oldest bundles beyond the newest few; those in service stay. What was removed.

    What writers left behind that were killed goes too, once nobody can be writing it any more.

    Raises:
        BundleError: the pointer cannot be read, so that nobody knows which are in service.
    """
    needed: set[str | None] = set()
    if (root / NAME).exists():
        pointer = read_pointer(root)
        needed = {pointer.champion, pointer.canary, pointer.previous}
    spare = [version for version in versions_in(root) if version not in needed]
    removed = spare[: max(0, len(spare) - kept)]
    latest = time.time() - ABANDONED_SECONDS
    removed += [path.name for path in root.glob(UNFINISHED) if path.stat().st_mtime < latest]
    for name in removed:
        shutil.rmtree(root / name)
    return removed
