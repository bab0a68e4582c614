"""Feedback kept for good before it is answered.

events -> journal of this process, by day (appended and flushed to disk) -> `lake.journals`
"""

import asyncio
import contextlib
import datetime
import os
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

from recsys_assets.kernels.feedback_fields import COLUMNS

_HEADER = (",".join(COLUMNS) + "\n").encode()


class Journal:
    """Appends to files that no other process writes; many events share one flush."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: int | None = None
        self._path = folder
        self._day = ""
        self._good = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, rows: Sequence[Sequence[object]]) -> None:
        """Return once the rows are on disk.

        Raises:
            OSError: they are not.
        """
        lines = "".join(",".join("" if v is None else str(v) for v in row) + "\n" for row in rows)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((lines.encode(), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await done

    async def _write_waiting(self) -> None:
        """Write what waits, again and again until nothing does; one flush for all of it."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            fault: OSError | None = None
            try:
                await asyncio.to_thread(self._write, b"".join(lines for lines, _ in batch))
            except OSError as error:
                fault = error
            for _, done in batch:
                if done.cancelled():
                    continue
                if fault is None:
                    done.set_result(None)
                else:
                    done.set_exception(fault)

    def _write(self, content: bytes) -> None:
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        try:
            if self._file is None or day != self._day:
                self._open(day)
            self._append(content)
        except OSError:
            self._give_up()
            raise

    def _open(self, day: str) -> None:
        self.close()
        folder = self.folder / day
        folder.mkdir(parents=True, exist_ok=True)
        # A name of its own for each process and try: what a crash cut short stays at a file's end.
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.csv"
        self._path = folder / name
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(self._path, new, 0o666)  # as others, and no program
        self._day, self._good = day, 0
        self._append(_HEADER)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _append(self, content: bytes) -> None:
        assert self._file is not None
        left = memoryview(content)
        while left:
            left = left[os.write(self._file, left) :]
        # macOS has the other alone.
        getattr(os, "fdatasync", os.fsync)(self._file)
        self._good += len(content)

    def _give_up(self) -> None:
        """Take back what was not promised, and start another file next time."""
        if self._file is not None:
            # The cut line else stays at the file's end, where it is not read.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._good)
            # While the disk is full every request comes here: an empty file of each would fill it.
            if self._good <= len(_HEADER):
                with contextlib.suppress(OSError):
                    self._path.unlink()
        self.close()

    def close(self) -> None:
        """Close the file."""
        # Forgotten first: a full share may tell so on closing, and the number is another's then.
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
