"""Old models go, and what is in use or can be gone back to stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys_assets.automation.maintenance import tidy
from recsys_assets.cli.app import app
from recsys_assets.home import Home
from recsys_assets.registry import ModelRegistry
from recsys_assets.registry.champions import aliases, demote, promote
from recsys_assets.registry.tidying import forget_models
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.registry.test_client import log

NAME = "popularity_model"


def versions(home: Home) -> set[int]:
    found = home.registry.client().search_model_versions(f"name = '{NAME}'")
    return {int(version.version) for version in found}


def stored(home: Home) -> int:
    return len(list((home.root / "mlflow" / "artifacts" / "models").iterdir()))


@pytest.fixture
def home_of_six(home: Home, tmp_path: Path) -> Home:
    """Six versions; the third is champion, the second was before it, the last is challenger."""
    for item in range(1, 7):
        log(home, tmp_path, [item])
    for version in (2, 3):
        promote(home.registry, NAME, version)
    return home


def test_old_versions_go_with_their_files_but_for_those_in_use(home_of_six: Home) -> None:
    home, now = home_of_six, datetime.now(UTC)
    assert forget_models(home.registry, now - timedelta(days=1)) == 0
    assert stored(home) == 6
    assert forget_models(home.registry, now + timedelta(days=1)) == 3
    assert versions(home) == {2, 3, 6} and stored(home) == 3
    assert aliases(home.registry, NAME) == {"champion": 3, "challenger": 6}
    assert demote(home.registry, NAME) == (3, 2)
    assert home.registry.load(NAME) is not None
    assert forget_models(home.registry, now + timedelta(days=1)) == 1, "it was champion by mistake"


def test_numbers_of_removed_versions_are_not_given_out_again(
    home_of_six: Home, tmp_path: Path
) -> None:
    forget_models(home_of_six.registry, datetime.now(UTC) + timedelta(days=1))
    assert log(home_of_six, tmp_path, [7]).version == 7


def test_the_job_and_the_command_remove_them(
    home_of_six: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_of_six
    monkeypatch.setenv("RECSYS_HOME", str(home.root))
    assert "versions of models" not in CliRunner().invoke(app, ["tidy"]).output
    done = CliRunner().invoke(app, ["tidy", "--days", "0"]).output
    assert "3 versions of models removed" in done
    promote(home.registry, NAME)
    config = {"ops": {"tidy_home": {"config": {"model_days": 0}}}}
    resources = {"storage": Storage(home=str(home.root))}
    assert tidy.execute_in_process(config, resources=resources).success
    assert versions(home) == {3, 6}


def test_a_home_without_models_gets_no_database(home: Home) -> None:
    assert forget_models(home.registry, datetime.now(UTC)) == 0
    assert not (home.root / "mlflow" / "mlflow.db").exists()
    assert forget_models(ModelRegistry("http://127.0.0.1:9"), datetime.now(UTC)) == 0
