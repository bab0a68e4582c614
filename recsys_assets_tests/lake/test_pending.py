import datetime

import polars as pl

from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.lake.pending import pending_dates, rejected_dates

DAYS = [datetime.date(2026, 1, day) for day in (29, 30, 31)]


def place(home: Home, date: datetime.date, name: str, content: str) -> None:
    folder = home.landing_zone.landing / "ratings" / date.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")


def account_for(home: Home, date: datetime.date, rejected: bool = False) -> None:
    row = {"dataset": "ratings", "drop_date": date, "file": "a.csv", "size": 3, "form": "x"}
    row |= {"read": 0, "accepted": 0, "quarantined": 0, "rejected": rejected, "reasons": "{}"}
    frame = pl.DataFrame([row | {"message": None}], polars_schema(Files))
    replace = {"dataset": "ratings", "drop_date": date.isoformat()}
    home.lake.write_frame(frame, FILES, replace)


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
    account_for(home, DAYS[1], rejected=True)
    assert rejected_dates(home.lake) == {DAYS[1]}
