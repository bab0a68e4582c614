"""The versions in service: watched, proved beside the traffic, swapped between two requests."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from recsys_assets.kernels.assignment import place_of
from recsys_assets.serving import metrics
from recsys_assets.serving.bundle import Bundle
from recsys_assets.serving.folder import BundleError, versions_in
from recsys_assets.serving.pointer import NAME, Pointer, read_pointer
from recsys_assets.serving.proving import Prover

CHAMPION, CANARY = "champion", "canary"
RETRY_SECONDS = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arms:
    """What serves now. It is replaced whole, so that a request sees one state of it."""

    pointer: Pointer
    champion: Bundle
    canary: Bundle | None = None

    def of(self, user: int) -> tuple[str, Bundle]:
        """The arm of a user and its bundle: the same for a user as long as the pointer says so."""
        if self.canary is not None and (
            place_of(user, self.pointer.salt) < self.pointer.canary_share
        ):
            return CANARY, self.canary
        return CHAMPION, self.champion

    def named(self, arm: str) -> Bundle | None:
        """The bundle of an arm; None where there is no canary."""
        return self.canary if arm == CANARY else self.champion


@dataclass
class Watcher:
    """Keeps `arms` at what the pointer says, as far as it can be loaded."""

    root: Path
    seconds: float
    prover: Prover = field(default_factory=Prover)
    arms: Arms | None = None
    faults: dict[str, str] = field(default_factory=dict)
    """Version → why it does not serve."""
    _seen: tuple[int, int] | None = None
    _tried: float = 0.0
    _labels: set[tuple[str, str]] = field(default_factory=set)

    async def watch(self) -> None:
        """Look at the pointer for ever."""
        while True:
            if self._has_changed():
                await _beside(self.load)
            await asyncio.sleep(self.seconds)

    def _has_changed(self) -> bool:
        again = bool(self.faults) and time.monotonic() - self._tried > RETRY_SECONDS
        return self._pointer_file() != self._seen or again

    def _pointer_file(self) -> tuple[int, int]:
        """What tells one pointer file from the next; zeros where there is none."""
        try:
            status = (self.root / NAME).stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_ino

    def load(self) -> None:
        """Load what the pointer names; where that cannot serve, stay with what does."""
        self._tried = time.monotonic()
        try:
            self._seen = self._pointer_file()
            pointer = read_pointer(self.root)
        except BundleError as error:
            self.faults = {NAME: str(error)}
            _log.warning("no pointer to follow: %s", error)
            return
        self.faults = {}
        champion = self._usable(pointer)
        if champion is None:
            return
        canary = self._bundle(pointer.canary) if pointer.canary else None
        self.arms = Arms(pointer, champion, canary)
        # What a bundle holds need not be looked through again and again. Garbage goes first: frozen
        # with the rest it would never be freed.
        gc.collect()
        gc.freeze()
        self._show()

    def _usable(self, pointer: Pointer) -> Bundle | None:
        """The champion; where it is damaged what serves already, else an older one."""
        bundle = self._bundle(pointer.champion)
        if bundle is not None:
            return bundle
        if self.arms is not None:
            return self.arms.champion
        others = [pointer.previous, *reversed(versions_in(self.root))]
        for version in dict.fromkeys(v for v in others if v and v not in self.faults):
            bundle = self._bundle(version)
            if bundle is not None:
                return bundle
        return None

    def _bundle(self, version: str) -> Bundle | None:
        for known in (self.arms.champion, self.arms.canary) if self.arms else ():
            if known is not None and known.version == version:
                return known
        try:
            bundle = self.prover.load(self.root / version, busy=self.arms is not None)
        except BundleError as error:
            self.faults[version] = str(error)
            metrics.REFUSED.inc()
            _log.error("bundle refused: %s", error)
            return None
        _log.info("bundle loaded: %s", version)
        return bundle

    def _show(self) -> None:
        assert self.arms is not None
        labels = {(self.arms.champion.version, CHAMPION)}
        if self.arms.canary is not None:
            labels.add((self.arms.canary.version, CANARY))
        for version, arm in self._labels | labels:
            metrics.LOADED.labels(version, arm).set(float((version, arm) in labels))
        self._labels = labels


async def _beside(work: Callable[[], None]) -> None:
    """Do some work in a thread that nobody waits for when the process ends."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="bundles", daemon=True).start()
    await done.wait()
