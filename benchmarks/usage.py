"""Memory and processor time of a process and of all below it, the JVM and Python's workers."""

import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Units of processor time in a second."""
SHORTEST_PAUSE = 0.2
"""Seconds between two looks; more where a look takes longer than a fiftieth of it."""


@dataclass(frozen=True)
class Process:
    """What the kernel says of one process."""

    parent: int
    name: str
    seconds: float
    """Processor time since its start."""


class Usage:
    """Watches what this process and all below it hold and compute; shared pages count once.

    Attributes:
        peak: bytes that all together held at most.
        seconds: processor time of the driver, of the JVM and of the workers, by these names. What a
            process computes after the last look before its end is not seen.
    """

    def __init__(self) -> None:
        self.peak = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self._seen: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Usage":
        self._seen = {number: process.seconds for number, process in _family().items()}
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._over.wait(pause):
            started = time.perf_counter()
            self._look()
            pause = max(SHORTEST_PAUSE, 50 * (time.perf_counter() - started))
        self._look()

    def _look(self) -> None:
        family = _family()
        self.peak = max(self.peak, sum(_memory_of(number) for number in family))
        for number, process in family.items():
            place = "JVM" if process.name == "java" else "workers"
            if number == os.getpid():
                place = "driver"
            self.seconds[place] += process.seconds - self._seen.get(number, 0.0)
            self._seen[number] = process.seconds


def _family() -> dict[int, Process]:
    """Id → process, of this one and of all below it."""
    running = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = status.read_text(encoding="utf-8").rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        fields = after.split()
        running[int(status.parent.name)] = Process(
            parent=int(fields[1]),
            name=before.partition("(")[2],
            seconds=(int(fields[11]) + int(fields[12])) / TICKS,
        )
    family = [os.getpid()]
    for number in family:
        family += [child for child, process in running.items() if process.parent == number]
    return {number: running[number] for number in family}


def _memory_of(process: int) -> int:
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    kilobytes = next((line.split()[1] for line in rollup.splitlines() if line[:4] == "Pss:"), "0")
    return int(kilobytes) * 1024
