"""What is asked for at a terminal is started once, by the daemon's sensor."""

from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.automation.asked_runs import ASKED, AskedRun, ask_for, requests_of

WANTED = AskedRun(job="main", assets=["good"], tags={"recsys/dates": "2026-01-31"})


@dg.asset
def good() -> None: ...


def test_a_file_is_one_run_and_goes_when_that_has_begun(tmp_path: Path) -> None:
    name = ask_for(tmp_path, WANTED)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):  # a tick that was lost is repeated under the same key
            [request] = requests_of(tmp_path, instance)
            assert request.run_key == name and request.tags[ASKED] == name
            assert request.asset_selection == [dg.AssetKey("good")]
        dg.materialize([good], instance=instance, tags=dict(request.tags))
        assert list(requests_of(tmp_path, instance)) == [] == list(tmp_path.iterdir())


def test_the_whole_job_is_asked_for_without_a_list(tmp_path: Path) -> None:
    request = AskedRun(job="weekly", assets=None, tags={}).request("a")
    assert (request.job_name, request.asset_selection) == ("weekly", None)


def test_a_key_of_several_parts_is_asked_for_as_it_is() -> None:
    key = dg.AssetKey(["landing", "ratings"])
    wanted = AskedRun(job="main", assets=[key.to_user_string()], tags={})
    assert wanted.keys == [key] == list(wanted.request("a").asset_selection or [])


def test_a_file_that_asks_for_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(ValueError, match=r"x\.json"):
        list(requests_of(tmp_path, instance))
