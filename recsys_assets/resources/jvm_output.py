"""What Spark's JVM prints reaches the terminal without LightGBM's remarks.

The native library in the JVM writes straight to the standard output that it inherits, and no
parameter silences what it says before training begins. So the JVM is given a pipe instead; what it
says is passed on line by line, remarks left out.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

REMARKS = (b"[LightGBM] [Info]", b"[LightGBM] [Debug]")
"""How lines begin that say that all is as it should be."""

_OUTPUT = 1


@contextmanager
def without_remarks() -> Iterator[int]:
    """A descriptor for the standard output of processes that start within; remarks are left out.

    This process keeps its own: Dagster redirects it while steps run, in another thread, and would
    put back what it found, be it for a moment only.
    """
    reader, writer = os.pipe()
    threading.Thread(target=_pass_on, args=(reader, os.dup(_OUTPUT)), daemon=True).start()
    try:
        yield writer
    finally:
        os.close(writer)


def _pass_on(reader: int, output: int) -> None:
    """Copy lines until the last process that holds the other end is gone."""
    with os.fdopen(reader, "rb") as lines, os.fdopen(output, "wb", buffering=0) as terminal:
        for line in lines:
            if not line.startswith(REMARKS):
                terminal.write(line)
