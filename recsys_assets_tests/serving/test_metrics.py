"""Figures of workers that are gone are left out, those of workers that live are kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_assets.serving import metrics


def test_gauges_of_workers_that_live_are_kept_where_proc_does_not_show_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    kept = [f"gauge_livesum_{os.getpid()}.db", f"counter_{gone.pid}.db"]
    for name in (*kept, f"gauge_livesum_{gone.pid}.db"):
        (tmp_path / name).touch()
    # macOS has no such folder.
    monkeypatch.setattr(Path, "exists", lambda path: not str(path).startswith("/proc/"))
    metrics._forget_the_dead(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
