"""What is told while the ledger cannot be written, so that a trouble is not told at every look.

A trouble and a target -> marks beside the ledger, files without a byte: these can be made on a full
disk as a rule, and `recsys health` is a process of its own at each call. Where no mark can be made
either, this process alone remembers.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from recsys_assets.resources.alerts.incidents import QUIET_SECONDS, TOLD_IN_A_ROW

_told: defaultdict[Path, list[float]] = defaultdict(list)
"""Name of the marks → when this process told."""


def is_told_enough(ledger: Path, trouble: Sequence[str]) -> bool:
    """Whether a trouble has been told as often of late as the ledger would have it told.

    Args:
        ledger: the file that cannot be written.
        trouble: target and subjects.
    """
    name = _name(ledger, trouble)
    times = [*_told[name]]
    for mark in _marks(name):
        with suppress(OSError):
            times.append(mark.stat().st_mtime)
    lately = sum(abs(time.time() - at) < QUIET_SECONDS for at in times)
    return lately >= TOLD_IN_A_ROW


def note(ledger: Path, trouble: Sequence[str]) -> None:
    """Remember that a trouble was told now."""
    name = _name(ledger, trouble)
    try:
        free = [mark for mark in _marks(name) if not mark.exists()]
        oldest = free or sorted(_marks(name), key=lambda mark: mark.stat().st_mtime)
        oldest[0].touch()
    except OSError:
        _told[name].append(time.time())


def _name(ledger: Path, trouble: Sequence[str]) -> Path:
    digest = hashlib.sha256("\n".join(trouble).encode("utf-8", "replace")).hexdigest()[:16]
    return ledger.with_name(f"{ledger.name}.told-{digest}")


def _marks(name: Path) -> list[Path]:
    return [name.with_name(f"{name.name}-{number}") for number in range(TOLD_IN_A_ROW)]
