"""What a deployment asks of the process that runs it."""

import os
from pathlib import Path

import pytest

from recsys_assets.deployment import DeploymentError, current_deployment, enter

IMAGE = "/opt/dagster/home"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [("local", IMAGE, None), ("production", IMAGE, IMAGE), ("production", "", None)],
)
def test_commands_see_the_dagster_home_of_the_image(
    name: str, given: str, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", given)
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path))
    enter(current_deployment({"RECSYS_HOME": str(tmp_path), "RECSYS_DEPLOYMENT": name}))
    assert os.environ["DAGSTER_HOME"] == (expected or str(tmp_path / "dagster"))


def test_a_home_that_cannot_be_made_is_named() -> None:
    with pytest.raises(DeploymentError, match=r"^RECSYS_HOME: /etc/passwd/x is no home: "):
        enter(current_deployment({"RECSYS_HOME": "/etc/passwd/x"}))
