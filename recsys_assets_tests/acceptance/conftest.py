"""A home in which the graph has run, for all tests that only look at it."""

from pathlib import Path

import pytest
from filelock import FileLock

from recsys_assets_tests.acceptance.commands import SMALL, recsys
from recsys_assets_tests.planted import PLANTED


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home in which the graph ran once, undisturbed; the same for all processes of the tests.

    The environment of that run held secrets; what it said lies beside the home.
    """
    own = tmp_path_factory.getbasetemp()
    home = (own if worker_id == "master" else own.parent) / "undisturbed"
    with FileLock(f"{home}.lock"):
        said = said_by(home)
        if not said.exists():
            heard = ""
            for words in (["generate", *SMALL], ["run"], ["status", "--json"]):
                done = recsys(home, *words, **PLANTED)
                heard += done.stdout + done.stderr
                assert done.returncode == 0, heard
            said.write_text(heard, encoding="utf-8")
    return home


def said_by(home: Path) -> Path:
    """File of what the commands that filled an undisturbed home have said."""
    return home.with_suffix(".said")
