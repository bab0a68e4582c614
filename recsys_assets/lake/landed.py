"""Files of drops as they lie in the landing zone: what a listing tells of each.

entries of a drop's folder -> landed files, in the order in which they count
"""

import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path

from recsys_assets.lake.listing import Entry
from recsys_assets.lake.names import place_in_drop, text_name


@dataclass(frozen=True)
class LandedFile:
    """One file of one drop."""

    dataset: str
    date: datetime.date
    """The drop date."""
    path: Path
    known: bool = False
    """True where landing found the same content already in place and copied nothing."""
    listed_size: int | None = field(default=None, compare=False)
    """Bytes, where the listing told them; a file of this machine may have grown since."""

    @property
    def name(self) -> str:
        """File name within its drop."""
        return text_name(self.path)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size if self.listed_size is None else self.listed_size

    @property
    def changed(self) -> float:
        """When the file last changed, or came to where it lies.

        The time of the inode tells it, for a copy may bring an old time of modification along. A
        blob has no inode, and that time is 0; when it was committed nobody but Azure can say.
        """
        status = self.path.stat()
        return status.st_ctime or status.st_mtime


def files_among(found: list[Entry], dataset: str, date: datetime.date) -> list[LandedFile]:
    """The landed files among what lies in the folder of a drop."""
    files = [e for e in found if not e.is_folder and not e.path.name.startswith(".")]
    return [
        LandedFile(dataset, date, entry.path, listed_size=entry.size)
        for entry in sorted(files, key=lambda entry: place_in_drop(entry.path))
    ]


def date_of(name: str) -> datetime.date | None:
    """Drop date that a folder is named after; None where it is no date."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", name):
        return None
    try:
        return datetime.date.fromisoformat(name)
    except ValueError:  # 2026-02-31
        return None
