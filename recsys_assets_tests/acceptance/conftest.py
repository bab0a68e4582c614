"""A home in which the graph has run, for all tests that only look at it."""

from pathlib import Path

import pytest

from recsys_assets_tests.acceptance.commands import SMALL, recsys


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the graph ran once, undisturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    generated = recsys(home, "generate", *SMALL)
    assert generated.returncode == 0, generated.stderr
    ran = recsys(home, "run")
    assert ran.returncode == 0, ran.stderr
    return home
