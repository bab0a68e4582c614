"""A home that lies elsewhere than where its models were registered."""

import shutil
from pathlib import Path

import pytest

from recsys_assets.home import Home


@pytest.mark.parametrize("bring", [shutil.move, shutil.copytree])
def test_a_home_that_was_moved_or_copied_has_its_own_models(
    home: Home, tmp_path: Path, bring: object
) -> None:
    run = home.registry.start_run("training", {})
    home.registry.log_files(run, {"notes/how.txt": b"as ever"})
    assert callable(bring)
    bring(home.root, tmp_path / "elsewhere")
    registry = Home(root=tmp_path / "elsewhere").registry
    known = registry.client().get_run(run.mlflow_run_id).info.artifact_uri
    assert known.startswith(registry.artifacts)
    assert (Path(known) / "notes" / "how.txt").read_bytes() == b"as ever"
    later = registry.start_run("training", {})
    registry.log_files(later, {"how.txt": b"anew"})
    assert len(list(Path(registry.artifacts).rglob("how.txt"))) == 2


def test_what_a_copy_has_written_into_the_home_before_is_found_there(
    home: Home, tmp_path: Path
) -> None:
    copied = home.registry.start_run("training", {})
    home.registry.log_files(copied, {"how.txt": b"copied"})
    shutil.copytree(home.root, tmp_path / "elsewhere")
    before = home.registry.start_run("training", {})
    home.registry.log_files(before, {"how.txt": b"before"})
    registry = Home(root=tmp_path / "elsewhere").registry
    shutil.copy(home.root / "mlflow" / "mlflow.db", registry.uri.removeprefix("sqlite:///"))
    for run, place in (copied, registry.artifacts), (before, home.registry.artifacts):
        known = registry.client().get_run(run.mlflow_run_id).info.artifact_uri
        assert known.startswith(place)
        assert (Path(known) / "how.txt").is_file()
