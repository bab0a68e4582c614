"""Commands run as people run them, in a home of their own."""

from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from recsys_assets.cli.app import app
from recsys_assets.home import Home

Recsys = Callable[..., Result]


@pytest.fixture
def recsys(home: Home, monkeypatch: pytest.MonkeyPatch) -> Recsys:
    """The command, with its arguments as one text or several."""
    monkeypatch.setenv("RECSYS_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        return result

    return run
