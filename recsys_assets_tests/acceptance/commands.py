"""The command as people use it: in a process of its own, in a home of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from recsys_assets.deployment import current_deployment

SMALL = ["--users", "80", "--movies", "120", "--ratings", "3000", "--clicks", "4000"]
"""Options of ``recsys generate`` for data on which the whole graph runs in seconds."""
QUICK_JVM = Path(__file__).parents[1] / "quick_jvm.conf"
"""Settings of Spark's for every JVM of the tests."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a command in a home of its own, with the jars of the project's cache."""
    home.mkdir(parents=True, exist_ok=True)
    cache = current_deployment().home.cache
    if not (home / "cache").exists():
        (home / "cache").symlink_to(cache)
    known = {**os.environ, "RECSYS_HOME": str(home), "RECSYS_SPARK_MEMORY": "2g"}
    return {**known, "RECSYS_SPARK_CONF": str(QUICK_JVM), **more}


def recsys(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "recsys_assets.cli", *words]
    return subprocess.run(
        command, env=environment(home, **more), capture_output=True, text=True, check=False
    )


def copy_of(home: Path, to: Path) -> Path:
    """A home like another."""
    # The JVM of a command that has just ended may still be clearing its scratch folder.
    shutil.copytree(home, to, symlinks=True, ignore=shutil.ignore_patterns("scratch"))
    return to
