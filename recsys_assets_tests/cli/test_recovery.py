"""A bad drop is withdrawn and put back; tables are rolled back and their readers follow."""

import fcntl
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from recsys_assets.cli import recovery
from recsys_assets.home import Home
from recsys_assets.lake.landing import LandingError
from recsys_assets.lake.pending import pending_dates
from recsys_assets.resources.digests.subscriptions import subscribe, subscribed, unsubscribe
from recsys_assets.resources.run_lock import alone
from recsys_assets.steps.session import Session
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.steps.landing_files import (
    DAY,
    NEXT_DAY,
    csv_of,
    files,
    place,
    ratings,
    rows,
    validate,
)


def test_a_folder_that_no_backup_can_be_written_to_is_told(recsys: Recsys, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = recsys("backup", tmp_path / "file" / "today", code=2)
    assert "no folder for" in " ".join(refused.stderr.split())


def test_a_run_that_a_backup_holds_as_begun_holds_nobody_up(recsys: Recsys, tmp_path: Path) -> None:
    """Restored, it counted as begun until its longest time, and no other run left the queue."""
    folder = tmp_path / "backup"
    recsys("status")  # makes the home
    with dg.DagsterInstance.get() as instance:
        begun, ended = (
            instance.create_run_for_job(work, status=status).run_id
            for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS)
        )
    recsys("backup", folder)
    assert f"run {begun} was at work" in " ".join(recsys("restore", folder).stdout.split())
    with dg.DagsterInstance.get() as instance:
        states = {run.run_id: run.status for run in instance.get_runs()}
        (failure,) = instance.all_logs(begun, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert states == {begun: dg.DagsterRunStatus.FAILURE, ended: dg.DagsterRunStatus.SUCCESS}
    assert "at work when the backup was made" in str(failure.get_dagster_event().message)


@dg.job
def work() -> None: ...


@pytest.fixture
def two_drops(session: Session) -> Session:
    place(session, csv_of(ratings(9)))
    place(session, csv_of([*ratings(5, user=2), "bad"]), date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)
    return session


def test_a_withdrawn_drop_leaves_its_table_and_comes_back(
    recsys: Recsys, two_drops: Session
) -> None:
    before = rows(two_drops).sort("user", "item")
    said = recsys("withdraw", "ratings", NEXT_DAY, "--no-rebuild").stdout
    assert "1 files withdrawn: ratings.csv" in said
    assert f"recsys run --from {NEXT_DAY} --to {NEXT_DAY}" in " ".join(said.split())
    assert pending_dates(two_drops.lake, two_drops.landing, ["ratings"]) == [NEXT_DAY]
    validate(two_drops, NEXT_DAY)
    assert rows(two_drops)["user"].unique().to_list() == [1]
    assert two_drops.lake.open("quarantine_ratings").count() == 0
    assert pending_dates(two_drops.lake, two_drops.landing, ["ratings"]) == []

    recsys("withdraw", "ratings", NEXT_DAY, "--undo", "--no-rebuild")
    validate(two_drops, NEXT_DAY)
    assert rows(two_drops).sort("user", "item").equals(before)


@pytest.mark.parametrize("shared", [False, True])
def test_no_other_run_gets_between_a_withdrawal_and_its_rebuild(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    (home.root / "landing" / "ratings" / str(DAY)).mkdir(parents=True)
    (home.root / "landing" / "ratings" / str(DAY) / "a.csv").write_text("x")
    free: list[bool] = []

    def rebuild(**_: str) -> None:
        with (home.root / "run.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                free.append(False)
            else:
                free.append(True)

    monkeypatch.setattr(recovery, "run_command", rebuild)
    monkeypatch.setattr(recovery, "shares_dagster", lambda where: shared)
    recsys("withdraw", "ratings", DAY)
    assert free == [shared]  # a daemon's run has to take it itself
    with alone(home.root):
        pass


def test_names_of_withdrawn_files_are_shown_as_they_are(recsys: Recsys, home: Home) -> None:
    folder = home.root / "landing" / "ratings" / str(DAY)
    folder.mkdir(parents=True)
    (folder / "a[red]:100:\x1b[2J.csv").write_text("x")
    said = recsys("withdraw", "ratings", DAY, "--no-rebuild").stdout
    assert "1 files withdrawn: a[red]:100:\ufffd[2J.csv" in said


def test_a_rejected_file_that_was_corrected_can_be_taken_back_alone(
    recsys: Recsys, session: Session
) -> None:
    place(session, "<html>\n", "page.csv")
    place(session, csv_of(ratings(9)))
    validate(session)
    assert files(session)["rejected"].to_list() == [True, False]
    recsys("withdraw", "ratings", DAY, "--file", "page.csv", "--undo", "--no-rebuild", code=2)
    said = recsys("withdraw", "ratings", DAY, "--file", "page.csv", "--no-rebuild").stdout
    assert "1 files withdrawn: page.csv" in said
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    validate(session)
    assert files(session)["file"].to_list() == ["ratings.csv"] and rows(session).height == 9


def test_what_is_not_there_cannot_be_withdrawn(recsys: Recsys, two_drops: Session) -> None:
    for option in ([], ["--undo"]):
        result = recsys("withdraw", "movies", DAY, "--no-rebuild", *option, code=1)
        assert isinstance(result.exception, LandingError)
    recsys("withdraw", "ratings", "2019-01-01", code=2)


def test_nobody_who_unsubscribed_is_brought_back_by_a_rollback(recsys: Recsys, home: Home) -> None:
    subscribe(home.lake, [(1, "a@example.org"), (2, "b@example.org")])
    unsubscribe(home.lake, 1)
    assert "only ever added" in recsys("rollback", "subscribers", "--to", 0, code=2).stderr
    assert subscribed(home.lake)["user"].to_list() == [2]
    newest = home.lake.open("subscribers").file_uris()
    (lost,) = set(newest) - set(home.lake.open("subscribers", 0).file_uris())
    Path(lost).unlink()
    recsys("rollback", "subscribers", "--to", 0)
    assert home.lake.scan("subscribers").collect().height == 2


def test_a_rollback_shows_on_the_page_of_its_asset(recsys: Recsys, home: Home) -> None:
    """It went on showing the version, and the rows, that were taken back."""
    key = dg.AssetKey("popular_movies")
    for item in (1, 2):
        home.lake.write_frame(pl.DataFrame({"item": [item]}), "popular_movies")
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
    recsys("rollback", "popular_movies", "--to", 0)
    with dg.DagsterInstance.get() as instance:
        (record,) = instance.fetch_observations(key, limit=9).records
    seen = record.asset_observation
    assert seen is not None
    assert seen.description == "popular_movies: version 2 holds the 1 rows of version 0"
    assert {name: entry.value for name, entry in seen.metadata.items()} == {
        "dagster/row_count": 1,
        "delta_version": 2,
    }
    home.lake.write_frame(pl.DataFrame({"user": [1]}), "no_asset")
    home.lake.write_frame(pl.DataFrame({"user": [2]}), "no_asset")
    recsys("rollback", "no_asset", "--to", 0)


def test_readers_follow_a_rollback(recsys: Recsys, two_drops: Session) -> None:
    assert json.loads(recsys("status", "--json").stdout)["tables"]["ratings"]["rows"] == 14
    recsys("rollback", "ratings", "--to", 0)
    assert json.loads(recsys("status", "--json").stdout)["tables"]["ratings"]["rows"] == 9
    assert rows(two_drops).height == 9


@pytest.mark.parametrize("table", ["als_factors", "item_links", "rank_features"])
def test_readers_of_a_table_are_known_whatever_its_asset_is_called(table: str) -> None:
    assert "top_k" in recovery._downstream_of(table).split(",")


def test_versions_that_were_tidied_away_are_named(recsys: Recsys, two_drops: Session) -> None:
    validate(two_drops, DAY)
    two_drops.lake.open("ratings").vacuum(
        retention_hours=0, dry_run=False, enforce_retention_duration=False
    )
    said = recsys("rollback", "ratings", "--to", 0, code=2)
    assert "tidied away" in " ".join(said.stderr.split())


@pytest.mark.parametrize("name", ["../../etc", "..", "a/b", "/etc", "", "top_k; DROP", "-x"])
def test_no_name_of_a_table_leads_out_of_the_lake(recsys: Recsys, name: str) -> None:
    result = recsys("history", "--", name, code=1)
    assert "does not exist" in str(result.exception)
