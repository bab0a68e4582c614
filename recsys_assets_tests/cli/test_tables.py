import json
import os
import shutil
import subprocess
import sys

import dagster as dg
import pytest

from recsys_assets.cli.check_results import in_words, latest_checks
from recsys_assets.home import Home
from recsys_assets.lake.tables import MissingTableError
from recsys_assets.steps.session import Session
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.steps.landing_files import (
    DAY,
    NEXT_DAY,
    csv_of,
    place,
    ratings,
    validate,
)


def fill(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]), "ratings-of-a-long-name-2026-01-30.csv")
    place(session, csv_of(ratings(5, user=2)), date=NEXT_DAY)
    place(session, "<html>\n", "page.csv", date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)


def log_checks(
    *results: tuple[str, bool, dg.AssetCheckSeverity], asset: str = "ratings", **metadata: str
) -> None:
    """Write check results to the instance's event log, one event after the other."""
    with dg.DagsterInstance.get() as instance:
        for name, passed, severity in results:
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey(asset),
                    check_name=name,
                    passed=passed,
                    severity=severity,
                    metadata=metadata,
                )
            )


def test_what_is_no_table_breaks_no_command(recsys: Recsys, session: Session, home: Home) -> None:
    fill(session)
    # A disk that was full as the first version was committed leaves an empty log.
    (home.root / "lake" / "interactions" / "_delta_log").mkdir(parents=True)
    shutil.copytree(home.root / "lake" / "ratings", home.root / "lake" / "ratings.bak")
    tables = ["files", "quarantine_ratings", "ratings"]
    assert [*json.loads(recsys("status", "--json").stdout)["tables"]] == tables
    assert "files removed in all" in recsys("tidy").stdout


def test_the_status_for_programs_is_pure_json(session: Session, home: Home) -> None:
    fill(session)
    done = subprocess.run(
        [sys.executable, "-c", "from recsys_assets.cli import main; main()", "status", "--json"],
        env={**os.environ, "RECSYS_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    status = json.loads(done.stdout)
    assert status["files"] == [
        {
            "dataset": "ratings",
            "file": "ratings-of-a-long-name-2026-01-30.csv",
            "date": "2026-01-30",
            "read": 10,
            "accepted": 9,
            "quarantined": 1,
            "rejected": False,
            "reasons": {"row.field_count": 1},
        },
        {
            "dataset": "ratings",
            "file": "page.csv",
            "date": "2026-01-31",
            "read": 1,
            "accepted": 0,
            "quarantined": 1,
            "rejected": True,
            "reasons": {"file.html": 1},
        },
        {
            "dataset": "ratings",
            "file": "ratings.csv",
            "date": "2026-01-31",
            "read": 5,
            "accepted": 5,
            "quarantined": 0,
            "rejected": False,
            "reasons": {},
        },
    ]
    assert set(status["tables"]) == {"files", "quarantine_ratings", "ratings"}
    table = status["tables"]["ratings"]
    assert (table["version"], table["rows"], table["checks"]) == (1, 14, {})
    assert "Warning" not in done.stderr


def test_an_empty_home_says_what_to_do(recsys: Recsys) -> None:
    nothing: dict[str, object] = {"files": [], "tables": {}, "models": {}}
    assert json.loads(recsys("status", "--json").stdout) == nothing
    assert "recsys generate" in recsys("status").stdout


def test_tables_are_shown_where_no_file_is_accounted_for(recsys: Recsys, session: Session) -> None:
    place(session, csv_of(ratings(5)))
    validate(session)
    place(session, csv_of(ratings(6)))
    validate(session)
    recsys("rollback", "ratings", "--to", 0)
    text = recsys("status").stdout
    assert "nothing is accounted for yet: `recsys run`" in text
    (row,) = [line for line in text.splitlines() if line.startswith("│ ratings")]
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["2", "5"]


def test_the_latest_result_of_each_check_counts(recsys: Recsys, session: Session) -> None:
    fill(session)
    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    log_checks(("a", True, error), ("b", False, warn), ("c", True, error), ("c", False, error))
    log_checks(("a", False, error), ("a", True, error))
    checks = json.loads(recsys("status", "--json").stdout)["tables"]["ratings"]["checks"]
    assert checks == {"a": "passed", "b": "warned", "c": "failed"}
    with dg.DagsterInstance.get() as instance:
        assert latest_checks(instance) == {"ratings": checks}
    assert in_words(checks) == "1 passed, b warned, c failed"
    log_checks(("d", False, error), table="files")
    tables = json.loads(recsys("status", "--json").stdout)["tables"]
    assert tables["files"]["checks"] == {"d": "failed"} and tables["ratings"]["checks"] == checks
    assert in_words({}) == ""


def test_checks_of_a_table_are_shown_however_many_of_others_ran_since(
    recsys: Recsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    recsys("status")  # makes the home
    monkeypatch.setattr("recsys_assets.cli.check_results._RECENT", 3)
    error = dg.AssetCheckSeverity.ERROR
    log_checks(("removed", False, error), ("kept", True, error))
    log_checks(*[("kept", True, error)] * 4, asset="movies")
    with dg.DagsterInstance.get() as instance:
        both = {"ratings": {"removed": "failed", "kept": "passed"}, "movies": {"kept": "passed"}}
        assert latest_checks(instance) == both
    log_checks(("kept", True, error), ("kept", False, error))
    with dg.DagsterInstance.get() as instance:
        assert latest_checks(instance)["ratings"] == {"kept": "failed"}


def test_the_status_for_people_fits_eighty_columns(recsys: Recsys, session: Session) -> None:
    fill(session)
    text = recsys("status").stdout
    assert max(len(line) for line in text.splitlines()) <= 80
    drops = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert ["2026-01-30", "ratings", "1", "10", "9", "1", "0"] in drops
    assert ["2026-01-31", "ratings", "2", "6", "5", "1", "1"] in drops
    assert ["all", "", "3", "16", "14", "2", "1"] in drops
    assert "row.field_count 1" in text and "file.html" in text and "web page" in text


def test_many_drops_are_summed(recsys: Recsys, session: Session) -> None:
    for day in range(1, 26):
        date = DAY.replace(day=day)
        place(session, csv_of(ratings(day)), date=date)
    validate(session, *(DAY.replace(day=day) for day in range(1, 26)))
    text = recsys("status").stdout
    assert "5 earlier ones are only summed" in " ".join(text.split())
    assert "2026-01-25" in text and "2026-01-05" not in text
    assert "325" in text


def test_a_file_that_was_rejected_today_is_not_hidden_by_older_ones(
    recsys: Recsys, session: Session
) -> None:
    days = [DAY.replace(day=day) for day in range(1, 24)]
    for day in days:
        place(session, csv_of([*ratings(3), "bad"]), date=day)
    validate(session, *days)
    place(session, "<html>\n", "page.csv", "movies", NEXT_DAY)
    validate(session, NEXT_DAY, dataset="movies")
    text = " ".join(recsys("status").stdout.split())
    assert "4 earlier files are not shown: --json" in text
    assert "movies/2026-01-31/" in text and "ratings/2026-01-05" in text
    assert "ratings/2026-01-04" not in text


def test_who_has_landed_files_is_not_told_to_generate_others(
    recsys: Recsys, session: Session
) -> None:
    assert "`recsys generate && recsys run`" in recsys("status").stdout
    place(session, csv_of(ratings(5)))
    assert "nothing is accounted for yet: `recsys run`" in recsys("status").stdout


def test_drops_that_wait_are_told(recsys: Recsys, session: Session) -> None:
    fill(session)
    assert "since the last run" not in recsys("status").stdout
    recsys("withdraw", "ratings", DAY, "--no-rebuild")
    for day in range(1, 5):
        place(session, csv_of(ratings(1)), date=DAY.replace(day=day))
    said = " ".join(recsys("status").stdout.split())
    days = "2026-01-01, 2026-01-02, 2026-01-03, and 2 more"
    assert f"landed, changed or withdrawn since the last run: {days}: `recsys run`" in said


def test_who_has_withdrawn_everything_is_not_told_to_run(recsys: Recsys, session: Session) -> None:
    place(session, csv_of(ratings(5)))
    validate(session)
    recsys("withdraw", "ratings", DAY, "--no-rebuild")
    validate(session)
    said = " ".join(recsys("status").stdout.split())
    assert "`recsys withdraw DATASET DATE --undo` puts a drop back" in said
    assert "recsys run" not in said and "generate" not in said


def test_history_and_rollback(recsys: Recsys, session: Session) -> None:
    fill(session)
    history = json.loads(recsys("history", "ratings", "--json").stdout)
    assert [(row["version"], row["note"]) for row in history] == [
        (1, "run test-run"),
        (0, "run test-run"),
    ]
    said = recsys("rollback", "ratings", "--to", 0).stdout
    assert "version 2 holds the 9 rows of version 0" in said
    assert session.lake.open("ratings").count() == 9
    assert "RESTORE" in recsys("history", "ratings").stdout
    written = history[0]["written"].removesuffix("+00:00").replace("T", " ")
    assert f" {written} " in recsys("history", "ratings").stdout  # whole, at 80 columns too
    wrong = recsys("rollback", "ratings", "--to", 7, code=2)
    assert "versions 0 to 2" in " ".join(wrong.stderr.split())


def test_a_missing_table_is_named(recsys: Recsys) -> None:
    result = recsys("history", "books", code=1)
    assert isinstance(result.exception, MissingTableError)
    with pytest.raises(MissingTableError, match="'books'"):
        raise result.exception
