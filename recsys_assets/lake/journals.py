"""Journals of services on their way into the landing zone, the files of each day in its drop."""

import datetime
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from recsys_assets.contracts.feedback import FEEDBACK
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landing import LandingZone

_LANDED = "landed"
DAYS_KEPT = 30
"""Days that journals are kept after they have landed."""


def land_journals(folder: Path, zone: LandingZone, today: datetime.date) -> list[LandedFile]:
    """Land the journals of all days before today, each in the drop of its day.

    Lines that a crash cut short were never answered for, and are left out. Landing again changes
    nothing: the same content is never landed twice. Of two who land at once each lands some.
    """
    landed = []
    for day in sorted(path for path in folder.glob("????-??-??") if path.is_dir()):
        date = datetime.date.fromisoformat(day.name)
        if date >= today:
            continue
        for journal in sorted(day.glob("*.csv")):
            kept = folder / _LANDED / day.name
            kept.mkdir(parents=True, exist_ok=True)
            try:
                landed += _land(journal, zone, date)
                journal.rename(kept / journal.name)
            except FileNotFoundError:  # landed meanwhile by another, as the schedule's run
                if journal.exists():
                    raise
        # What somebody else laid there stays, and stops no other day.
        with suppress(FileNotFoundError):
            if not any(day.iterdir()):
                day.rmdir()
    for day in (folder / _LANDED).glob("????-??-??"):
        if datetime.date.fromisoformat(day.name) < today - datetime.timedelta(days=DAYS_KEPT):
            with suppress(FileNotFoundError):
                shutil.rmtree(day)
    return landed


def _land(journal: Path, zone: LandingZone, date: datetime.date) -> list[LandedFile]:
    content = journal.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole.count(b"\n") < 2:
        return []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / journal.name
        copy.write_bytes(whole)
        return [zone.land(copy, FEEDBACK.name, date)]
