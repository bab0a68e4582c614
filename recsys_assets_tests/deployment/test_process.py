"""What a deployment asks of the process that runs it."""

import os
from pathlib import Path

import pytest

from recsys_assets.deployment import DeploymentError, current_deployment, enter
from recsys_assets.home import PROJECT, Home

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


def test_dagsters_settings_are_never_seen_empty(tmp_path: Path) -> None:
    """Empty they are Dagster's own: ten runs at once, no retries, telemetry."""
    home = Home(root=tmp_path)
    home.prepare()
    settings = home.dagster / "dagster.yaml"
    written = settings.stat()
    home.prepare()
    assert settings.stat().st_mtime_ns == written.st_mtime_ns, "left alone"
    settings.write_text("of a release before", encoding="utf-8")
    with settings.open(encoding="utf-8") as open_before:
        home.prepare()
        assert open_before.read() == "of a release before"
    assert settings.read_bytes() == (PROJECT / "dagster.yaml").read_bytes()
    assert [path.name for path in home.dagster.iterdir()] == ["dagster.yaml"]


def test_a_file_of_sparks_settings_is_read_as_spark_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "spark.conf"
    path.write_text(
        "# spark.a 1\n  # spark.a 2\n! spark.a 3\n\nspark.b=1\n spark.c : 2\nspark.d   x y=z\n"
        "spark.e = -Da=b -Dc=d\nspark.f\n",
        encoding="utf-8",
    )
    conf = current_deployment({"RECSYS_SPARK_CONF": str(path)}).spark.conf
    assert conf == {
        "spark.b": "1",
        "spark.c": "2",
        "spark.d": "x y=z",
        "spark.e": "-Da=b -Dc=d",
        "spark.f": "",
    }
