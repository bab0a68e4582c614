"""Somebody who has a warehouse's file open in a process of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPEN = "import duckdb, sys; d = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"


@contextmanager
def opened_by_an_analyst(warehouse: Path) -> Iterator[int]:
    """Keep DuckDB's file open elsewhere as long as the context lasts; yields that process's id."""
    command = [sys.executable, "-c", _OPEN, str(warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as analyst:
        assert analyst.stdout is not None
        analyst.stdout.readline()
        try:
            yield analyst.pid
        finally:
            analyst.communicate(b"\n")
