"""Drops that come again, corrected, in part, or not at all."""

import datetime

from recsys_assets.lake.pending import pending_dates
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.landing_files import (
    DAY,
    NEXT_DAY,
    csv_of,
    files,
    place,
    quarantine,
    ratings,
    rows,
    validate,
)


def test_running_a_day_twice_changes_nothing(session: Session) -> None:
    place(session, csv_of([*ratings(20), "bad", "1,1,4.0,1112499999"]))
    place(session, csv_of(ratings(5, user=2)), date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)
    held = (rows(session).sort("user", "item"), quarantine(session), files(session))
    for days in ((DAY, NEXT_DAY), (DAY,), (DAY, DAY)):
        validate(session, *days)
        again = (rows(session).sort("user", "item"), quarantine(session), files(session))
        assert again[0].equals(held[0]) and again[1] == held[1] and again[2].equals(held[2])


def test_a_corrected_file_takes_its_place(session: Session) -> None:
    place(session, csv_of(["x"] * 5))
    assert validate(session).failed
    copy = session.landing.rejected / "ratings" / DAY.isoformat() / "ratings.csv"
    assert copy.exists()
    place(session, csv_of([*ratings(20), "bad"]))
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    assert not validate(session).failed
    assert list(copy.parent.iterdir()) == []
    assert rows(session).height == 20 and len(quarantine(session)) == 1
    place(session, csv_of(ratings(20)))
    validate(session)
    assert quarantine(session) == [] and rows(session).height == 20
    assert pending_dates(session.lake, session.landing, ["ratings"]) == []


def test_a_corrected_file_may_land_beside_the_rejected_one(session: Session) -> None:
    place(session, csv_of(["x"] * 5))
    validate(session)
    place(session, csv_of(ratings(20)), "ratings-2.csv")
    assert not validate(session).failed
    assert files(session)["rejected"].to_list() == [False, True]
    assert rows(session).height == 20


def test_a_file_taken_out_of_a_drop_takes_its_rows_along(session: Session) -> None:
    place(session, csv_of(ratings(5)), "a.csv")
    second = place(session, csv_of([*ratings(9, user=2), "bad"]), "b.csv")
    validate(session)
    second.unlink()
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    validate(session)
    assert rows(session)["user"].to_list() == [1] * 5
    assert quarantine(session) == [] and files(session)["file"].to_list() == ["a.csv"]


def test_a_drop_whose_files_are_all_taken_out_is_withdrawn(session: Session) -> None:
    only = place(session, csv_of([*ratings(9), "bad"]))
    place(session, csv_of(ratings(3, user=2)), date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)
    only.unlink()
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    report = validate(session)
    assert not report.failed and not report.skipped
    assert rows(session)["user"].to_list() == [2] * 3
    assert quarantine(session) == []
    assert pending_dates(session.lake, session.landing, ["ratings"]) == []


def test_a_folder_that_is_gone_withdraws_nothing(session: Session) -> None:
    only = place(session, csv_of(ratings(9)))
    validate(session)
    only.unlink()
    only.parent.rmdir()
    report = validate(session)
    assert report.drops == {} and report.rows["ratings"] == 9
    assert rows(session).height == 9
    assert pending_dates(session.lake, session.landing, ["ratings"]) == []


def test_a_day_without_files_leaves_the_table_and_lets_the_rest_go_on(session: Session) -> None:
    place(session, csv_of(ratings(9)))
    version = validate(session).versions["ratings"]
    report = validate(session, NEXT_DAY)
    assert not report.skipped and not report.failed
    assert report.versions["ratings"] == version and report.rows["ratings"] == 9


def test_nothing_landed_is_said_and_writes_nothing(session: Session) -> None:
    report = validate(session, datetime.date(2026, 1, 1))
    assert "2026-01-01" in report.skipped and not report.failed
    assert session.lake.names() == []


def test_the_quarantine_names_the_run_and_keeps_other_days(session: Session) -> None:
    place(session, csv_of([*ratings(9), "one"]))
    place(session, csv_of([*ratings(9, user=2), "two"]), date=NEXT_DAY)
    validate(session, DAY)
    validate(session, NEXT_DAY)
    validate(session, DAY)
    assert [raw for _, _, raw, _ in quarantine(session)] == ["one", "two"]
    runs = session.lake.scan("quarantine_ratings").select("run_id").collect()
    assert runs["run_id"].unique().to_list() == ["test-run"]
