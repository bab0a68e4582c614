"""A file that is to land: whether its content has landed before, and its way into the zone."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recsys_assets.lake import store, uploads


@dataclass(frozen=True)
class Newcomer:
    """A local file."""

    source: Path
    remote: bool
    """Whether the landing zone lies in Azure."""
    on_progress: uploads.Progress | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.source.stat().st_size

    @cached_property
    def fingerprint(self) -> uploads.Fingerprint:
        """Its checksums; read once, and only where they are asked for."""
        return uploads.fingerprint(self.source)

    def is_same(self, landed: Path) -> bool:
        """Whether a landed file holds the same content."""
        if landed.stat().st_size != self.size:
            return False
        digest = uploads.digest_of(landed) if self.remote else None
        if digest is not None:
            return digest == self.fingerprint.sha256
        return store.same_content(landed, self.source)

    def create(self, target: Path) -> None:
        """Copy it to a place where there is nothing yet.

        Raises:
            FileExistsError: there is something, or somebody else has just put it there.
        """
        if self.remote:
            uploads.upload(self.source, target, self.fingerprint, self.on_progress)
        else:
            store.create(self.source, target)
