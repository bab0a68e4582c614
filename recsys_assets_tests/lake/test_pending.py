import datetime
import os
import time
from types import SimpleNamespace

import polars as pl
import pytest

from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.lake import pending as pending_module
from recsys_assets.lake.landing import FIRST_DROP
from recsys_assets.lake.pending import pending_dates, rejected_dates, waiting_drops
from recsys_assets.lake.withdrawals import reinstate, withdraw

DAYS = [datetime.date(2026, 1, day) for day in (29, 30, 31)]


def place(home: Home, date: datetime.date, name: str, content: str) -> None:
    folder = home.landing_zone.landing / "ratings" / date.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")


def account_for(home: Home, date: datetime.date, *files: dict[str, object]) -> None:
    """Account for files of a drop of ratings, by default for one without a line."""
    row: dict[str, object] = {"dataset": "ratings", "drop_date": date, "file": "a.csv", "size": 3}
    row |= {"form": "x", "read": 0, "accepted": 0, "quarantined": 0, "rejected": False}
    row |= {"reasons": "{}", "message": None}
    rows = [row | file for file in files or ({},)]
    frame = pl.DataFrame(rows, polars_schema(Files))
    replace = {"dataset": str(rows[0]["dataset"]), "drop_date": date.isoformat()}
    home.lake.write_frame(frame, FILES, replace)


def hold(home: Home, table: str, date: datetime.date, rows: int) -> None:
    """Let a table hold so many rows of a drop."""
    frame = pl.DataFrame({"a": range(rows), "drop_date": [date] * rows})
    home.lake.write_frame(frame, table, {"drop_date": date.isoformat()})


def pending(home: Home) -> list[datetime.date]:
    return pending_dates(home.lake, home.landing_zone, ["ratings", "movies"])


def test_what_has_landed_waits_until_it_is_accounted_for(home: Home) -> None:
    assert pending(home) == []
    for date in reversed(DAYS):
        place(home, date, "a.csv", "abc")
    assert pending(home) == DAYS
    account_for(home, DAYS[0])
    assert pending(home) == DAYS[1:]


def test_a_changed_file_and_a_new_one_make_their_drop_wait_again(home: Home) -> None:
    for date in DAYS:
        place(home, date, "a.csv", "abc")
        account_for(home, date)
    assert pending(home) == []
    place(home, DAYS[0], "a.csv", "abcd")
    place(home, DAYS[2], "b.csv", "x")
    assert pending(home) == [DAYS[0], DAYS[2]]
    assert pending_dates(home.lake, home.landing_zone, ["movies"]) == []


def test_a_drop_of_nothing_but_rejected_files_is_told_apart(home: Home) -> None:
    assert rejected_dates(home.lake) == set()
    account_for(home, DAYS[0])
    account_for(home, DAYS[1], {"rejected": True})
    good = {"file": "b.csv"}
    account_for(home, DAYS[2], {"rejected": True}, good)
    assert rejected_dates(home.lake) == {DAYS[1]}


def test_a_drop_waits_whose_rows_or_lines_are_not_those_accounted_for(home: Home) -> None:
    bad = {"file": "b.csv", "quarantined": 5, "rejected": True}
    for date in DAYS[:2]:
        place(home, date, "a.csv", "abc")
        place(home, date, "b.csv", "bad")
        account_for(home, date, {"accepted": 2, "quarantined": 1}, bad)
        hold(home, "ratings", date, 2)
        hold(home, "quarantine_ratings", date, 1)
    account_for(home, DAYS[0], {"dataset": "movies", "accepted": 7})  # whose folder is gone
    assert pending(home) == []
    hold(home, "ratings", DAYS[0], 3)
    assert pending(home) == [DAYS[0]]
    hold(home, "ratings", DAYS[0], 2)
    hold(home, "quarantine_ratings", DAYS[1], 6)
    assert pending(home) == [DAYS[1]]
    (home.landing_zone.landing / "ratings" / str(DAYS[2])).mkdir()
    hold(home, "ratings", DAYS[2], 1)  # of a drop that was withdrawn before it was accounted for
    assert pending(home) == DAYS[1:]


def test_a_drop_of_nothing_but_rejected_files_does_not_wait(home: Home) -> None:
    place(home, DAYS[0], "a.csv", "abc")
    account_for(home, DAYS[0], {"quarantined": 5, "rejected": True})
    assert pending(home) == []
    hold(home, "ratings", DAYS[0], 2)  # as before it came
    assert pending(home) == []


def test_drops_from_the_first_date_to_today_are_worked_on(home: Home) -> None:
    today, day = datetime.datetime.now(datetime.UTC).date(), datetime.timedelta(days=1)
    for date in (today + day, today, FIRST_DROP, FIRST_DROP - day):
        place(home, date, "a.csv", "abc")
    assert waiting_drops(home.lake, home.landing_zone, ["ratings"]).dates == [FIRST_DROP, today]


def test_a_drop_has_settled_when_the_last_of_its_files_has(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.csv", "a.csv"):
        place(home, DAYS[0], name, "abc")
        time.sleep(0.02)
    last = max(file.path.stat().st_ctime for file in home.landing_zone.files("ratings"))
    for seconds, dates in ((59.99, []), (60.0, DAYS[:1])):
        clock = SimpleNamespace(time=lambda now=last + seconds: now)
        monkeypatch.setattr(pending_module, "time", clock)
        found = waiting_drops(home.lake, home.landing_zone, ["ratings"], settled_for=60.0)
        assert found.dates == dates


def test_the_same_files_have_the_same_mark_and_changed_ones_another(home: Home) -> None:
    def mark() -> str:
        return waiting_drops(home.lake, home.landing_zone, ["ratings"]).fingerprint(DAYS[:1])

    place(home, DAYS[0], "a.csv", "abc")
    place(home, DAYS[1], "a.csv", "abc")
    marks = [mark()]
    place(home, DAYS[1], "b.csv", "of another drop")
    assert mark() == marks[0]
    path = home.landing_zone.landing / "ratings" / str(DAYS[0]) / "a.csv"
    written = path.stat().st_mtime_ns
    os.utime(path, ns=(written, written + 1))
    marks.append(mark())
    path.write_text("abcd", encoding="utf-8")
    os.utime(path, ns=(written, written))
    marks.append(mark())
    path.rename(path.with_name("c.csv"))
    marks.append(mark())
    place(home, DAYS[0], "d.csv", "ab")
    marks.append(mark())
    withdraw(home.landing_zone, "ratings", DAYS[0])
    reinstate(home.landing_zone, "ratings", DAYS[0])
    marks.append(mark())
    assert len(set(marks)) == 6
