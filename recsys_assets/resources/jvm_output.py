"""What Spark's JVM prints reaches the terminal without LightGBM's remarks.

The native library in the JVM writes straight to the standard output that it inherits, and no
parameter silences what it says before training begins. A JVM that starts within the context below
inherits a pipe instead; what it says is passed on line by line, remarks left out.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

REMARKS = (b"[LightGBM] [Info]", b"[LightGBM] [Debug]")
"""How lines begin that say that all is as it should be."""

_OUTPUT = 1


@contextmanager
def without_remarks() -> Iterator[None]:
    """Processes that start within inherit a standard output that leaves remarks out."""
    reader, writer = os.pipe()
    kept = os.dup(_OUTPUT)
    threading.Thread(target=_pass_on, args=(reader, os.dup(kept)), daemon=True).start()
    os.dup2(writer, _OUTPUT)
    os.close(writer)
    try:
        yield
    finally:
        os.dup2(kept, _OUTPUT)
        os.close(kept)


def _pass_on(reader: int, output: int) -> None:
    """Copy lines until the last process that holds the other end is gone."""
    with os.fdopen(reader, "rb") as lines, os.fdopen(output, "wb", buffering=0) as terminal:
        for line in lines:
            if not line.startswith(REMARKS):
                terminal.write(line)
