"""Feedback: on disk before it is answered, landed by day, validated, counted by version."""

import asyncio
import csv
import datetime
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest
from starlette.testclient import TestClient

from recsys_assets.contracts.feedback import CLICK_THROUGH, COLUMNS, ClickThrough
from recsys_assets.home import Home
from recsys_assets.lake import journals
from recsys_assets.lake.journals import land_journals
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.withdrawals import withdraw
from recsys_assets.serving.app import build_app
from recsys_assets.serving.feedback import Journal
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets.steps.clicks.through import ClickThroughParams, count_click_through
from recsys_assets.steps.session import Session
from recsys_assets_tests.serving.conftest import HERE, Start
from recsys_assets_tests.serving.running import running
from recsys_assets_tests.steps.landing_files import files, quarantine, validate

TODAY = datetime.datetime.now(datetime.UTC).date()
TOMORROW = TODAY + datetime.timedelta(days=1)


def event(number: int, kind: str = "impression", **fields: object) -> dict[str, object]:
    chosen = {"user": number, "item": 4, "kind": kind, "version": "v1", "arm": "champion"}
    return chosen | fields


def send(client: TestClient, *events: dict[str, object]) -> int:
    answer = client.post("/feedback", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["kept"])


def rows_in(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(folder.glob("*/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found += list(csv.DictReader(file))
    return found


def test_feedback_is_on_disk_when_the_answer_comes(client: TestClient, tmp_path: Path) -> None:
    assert send(client, event(1, rank=2, event="e-1"), event(2, "click")) == 2
    rows = rows_in(tmp_path / "feedback")
    assert [tuple(row) for row in rows] == [COLUMNS, COLUMNS]
    assert (rows[0]["event"], rows[0]["user"], rows[0]["rank"]) == ("e-1", "1", "2")
    assert rows[1]["rank"] == "" and len(rows[1]["event"]) == 32
    (journal,) = (tmp_path / "feedback").glob("*/*.csv")
    assert not journal.stat().st_mode & 0o111, "what callers sent is no program"
    now = datetime.datetime.now(datetime.UTC).timestamp()
    assert all(abs(int(row["timestamp"]) - now) < 60 for row in rows)


def test_answered_feedback_outlives_a_killed_service(bundles: Path, tmp_path: Path) -> None:
    folder = tmp_path / "feedback"
    with running(bundles=bundles, feedback=folder, workers=2) as service:
        service.wait()
        kept = 0
        for number in range(1, 31):
            answer = service.client.post("/feedback", json={"events": [event(number)]})
            kept += answer.json()["kept"]
        for worker in service.workers():
            os.kill(worker, signal.SIGKILL)
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait()
    assert sorted(int(row["user"]) for row in rows_in(folder)) == list(range(1, 31)) and kept == 30


def test_many_events_share_one_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (flushes.append(handle), real(handle)))
    journal = Journal(tmp_path)

    async def tell() -> None:
        await asyncio.gather(*(journal.append([(n,) * len(COLUMNS)]) for n in range(200)))

    asyncio.run(tell())
    journal.close()
    assert len(rows_in(tmp_path)) == 200
    assert len(flushes) < 20


def test_what_cannot_be_kept_is_not_answered_for(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start()
    send(client, event(1))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    answer = client.post("/feedback", json={"events": [event(2)]})
    assert answer.status_code == 503
    assert "No space left" in answer.json()["detail"]
    monkeypatch.undo()
    send(client, event(3))
    assert sorted(row["user"] for row in rows_in(tmp_path / "feedback")) == ["1", "3"]


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
def test_a_full_disk_is_not_filled_with_empty_files(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    client = start()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(1, 21):
        answer = client.post("/feedback", json={"events": [event(number)]})
        assert answer.status_code == 503
    assert not list((tmp_path / "feedback").rglob("*.csv"))
    assert len(list(Path("/proc/self/fd").iterdir())) < opened + 10
    monkeypatch.undo()
    send(client, event(21))
    assert [row["user"] for row in rows_in(tmp_path / "feedback")] == ["21"]


def test_a_share_that_is_full_when_a_file_is_closed_costs_nobody_else_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal._write(b"1\n")
    handle, close = journal._file, os.close

    def full(given: int) -> None:
        if given == handle:
            monkeypatch.undo()
            close(given)  # the number is free again, whatever else is told
            raise OSError(28, "No space left on device")
        close(given)

    def full_before(given: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "close", full)
    monkeypatch.setattr(os, "fdatasync", full_before)
    with pytest.raises(OSError, match="No space left"):
        journal._write(b"2\n")
    with (tmp_path / "of_somebody_else").open("wb", buffering=0) as other:
        assert other.fileno() == handle
        journal._write(b"3\n")
        journal.close()
        other.write(b"whole")
    assert (tmp_path / "of_somebody_else").read_bytes() == b"whole"
    header = ",".join(COLUMNS) + "\n"
    kept = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*/*.csv")]
    assert sorted(kept) == [f"{header}1\n", f"{header}3\n"]


def test_feedback_is_kept_where_the_system_flushes_whole_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fdatasync")  # as on macOS
    journal = Journal(tmp_path)

    async def tell() -> None:
        async with asyncio.timeout(5):
            await journal.append([("s1", 1, 2)])

    asyncio.run(tell())
    (kept,) = tmp_path.glob("*/*.csv")
    assert kept.read_text(encoding="utf-8").endswith("\ns1,1,2\n")


def test_journals_land_once_each_in_the_drop_of_its_day(
    client: TestClient, tmp_path: Path, home: Home
) -> None:
    send(client, event(1), event(2))
    zone, folder = home.landing_zone, tmp_path / "feedback"
    assert land_journals(folder, zone, TODAY) == []
    landed = land_journals(folder, zone, TOMORROW)
    assert [(file.dataset, file.date) for file in landed] == [("feedback", TODAY)]
    assert land_journals(folder, zone, TOMORROW) == []
    assert landed[0].path.read_text(encoding="utf-8").count("\n") == 3
    later = TODAY + datetime.timedelta(days=60)
    land_journals(folder, zone, later)
    assert not list(folder.rglob("*.csv"))


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path, home: Home) -> None:
    folder = tmp_path / "2026-01-30"
    folder.mkdir()
    whole = ",".join(COLUMNS) + "\ne1,1,2,click,,v1,champion,1700000000\n"
    (folder / "a.csv").write_text(whole + "e2,1,2,cli", encoding="utf-8")
    (folder / "b.csv").write_text(",".join(COLUMNS) + "\ne3,", encoding="utf-8")
    landed = land_journals(tmp_path, home.landing_zone, TODAY)
    assert [file.path.read_text(encoding="utf-8") for file in landed] == [whole]


def test_a_file_of_somebody_else_stops_no_other_day(tmp_path: Path, home: Home) -> None:
    for day in ("2026-01-29", "2026-01-30"):
        (tmp_path / day).mkdir()
        line = f"e{day},1,2,click,,v1,champion,1700000000"
        text = f"{','.join(COLUMNS)}\n{line}\n"
        (tmp_path / day / "a.csv").write_text(text, encoding="utf-8")
    (tmp_path / "2026-01-29" / "notes.txt").write_text("looked at by hand", encoding="utf-8")
    landed = land_journals(tmp_path, home.landing_zone, TODAY)
    assert [str(file.date) for file in landed] == ["2026-01-29", "2026-01-30"]
    assert land_journals(tmp_path, home.landing_zone, TODAY) == []
    assert (tmp_path / "2026-01-29" / "notes.txt").is_file()


def test_click_through_by_version_from_landed_journals(
    session: Session, client: TestClient, tmp_path: Path
) -> None:
    shown = [event(n, event=f"s{n}") for n in range(1, 41)]
    # Some have the ids of their impressions.
    clicked = [event(n, "click", event=f"{'c' if n < 6 else 's'}{n}") for n in range(1, 11)]
    again = [event(1, "click", event="c1")]
    other = {"version": "v2", "arm": "canary"}
    send(client, *shown, *clicked, event(1), event(99, "click"))
    send(client, event(1, "click", version="v0"))
    send(client, *again, *(event(n, **other) for n in range(1, 6)), event(1, "click", **other))
    land_journals(tmp_path / "feedback", session.landing, TOMORROW)
    assert not validate(session, TODAY, dataset="feedback").failed
    assert files(session, "feedback")["accepted"].sum() == 60
    assert not quarantine(session, "feedback")

    report = count_click_through(session, ClickThroughParams())
    assert not report.failed and not report.skipped
    assert report.figures == {"shown": 45, "clicked": 11, "never shown": 2}
    table = session.lake.scan(CLICK_THROUGH).collect()
    ClickThrough.validate(table)
    rows = table.select("version", "arm", "shown", "clicked", "share", "never_shown").rows()
    assert rows == [("v1", "champion", 40, 10, 0.25, 1), ("v2", "canary", 5, 1, 0.2, 0)]
    expected = binomtest(10, 40).proportion_ci(method="wilson")
    assert table.filter(version="v1").select("low", "high").row(0) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


def test_intervals_hold_though_users_click_more_or_less(session: Session) -> None:
    """Of a user's ten pairs each tells less than one of a user of its own."""
    rng = np.random.default_rng(4)
    trials, users, pairs = 200, 200, 10
    likely = np.repeat(rng.beta(0.3, 2.7, (trials, users)), pairs)
    place = pl.int_range(likely.size)
    drawn = pl.select(
        version=(place // (users * pairs)).cast(pl.String),
        user=place // pairs % users,
        item=place % pairs,
        clicked=pl.Series(rng.random(likely.size) < likely),
    )
    pair = pl.int_range(40)
    alone = pl.select(version=pl.lit("one"), user=pl.lit(1), item=pair, clicked=pair % 2 == 0)
    never = pl.select(version=pl.lit("no"), user=pair // 5, item=pair % 5, clicked=pl.lit(False))
    shown = pl.concat([drawn, alone, never], how="vertical_relaxed")
    day = datetime.date(2026, 1, 30)
    told = {"arm": pl.lit("champion"), "drop_date": pl.lit(day)}
    events = pl.concat(
        [
            shown.with_columns(kind=pl.lit("impression"), **told),
            shown.filter("clicked").with_columns(kind=pl.lit("click"), **told),
        ]
    )
    session.lake.write_frame(events.drop("clicked"), "feedback", {"drop_date": day.isoformat()})
    count_click_through(session, ClickThroughParams())
    found = session.lake.scan(CLICK_THROUGH).collect()
    held = found.filter(pl.col("version").is_in(["one", "no"]).not_())
    assert 0.9 <= held.select(pl.lit(0.1).is_between("low", "high")).to_series().mean() <= 0.99  # type: ignore[operator]
    for version, low, high in (("one", 0.0546, 0.9454), ("no", 0.0, 0.3244)):
        ends = found.filter(version=version).select("low", "high").row(0)
        assert ends == pytest.approx((low, high), abs=1e-4)


def test_of_feedback_that_is_withdrawn_nothing_is_told_any_more(
    session: Session, client: TestClient, tmp_path: Path
) -> None:
    send(client, event(1, event="s1"), event(1, "click", event="c1"))
    land_journals(tmp_path / "feedback", session.landing, TOMORROW)
    validate(session, TODAY, dataset="feedback")
    assert count_click_through(session, ClickThroughParams()).rows == {CLICK_THROUGH: 1}
    withdraw(session.landing, "feedback", TODAY)
    validate(session, TODAY, dataset="feedback")
    assert count_click_through(session, ClickThroughParams()).rows == {CLICK_THROUGH: 0}
    ClickThrough.validate(session.lake.scan(CLICK_THROUGH).collect())


def test_nothing_is_counted_before_feedback_lands(session: Session) -> None:
    assert count_click_through(session, ClickThroughParams()).skipped


def test_what_is_kept_is_answered_for_where_nothing_serves_yet(
    settings: ServiceSettings, tmp_path: Path
) -> None:
    nowhere = settings.model_copy(update={"bundles": tmp_path / "none"})
    with TestClient(build_app(nowhere), HERE) as client:
        assert client.get("/ready").status_code == 503
        assert send(client, event(1)) == 1
    assert len(rows_in(tmp_path / "feedback")) == 1


@pytest.mark.parametrize("field", ["event", "version"])
def test_no_line_of_a_journal_is_broken_by_what_is_told(
    client: TestClient, tmp_path: Path, field: str
) -> None:
    answer = client.post("/feedback", json={"events": [event(1, **{field: "v1\n"})]})
    assert answer.status_code == 422, rows_in(tmp_path / "feedback")


def test_journals_that_another_process_lands_meanwhile_are_left_to_it(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = (TODAY - datetime.timedelta(days=1)).isoformat()
    (tmp_path / day).mkdir()
    for name in ("a", "b"):
        text = f"{','.join(COLUMNS)}\n{name},1,2,click,,v1,champion,1700000000\n"
        (tmp_path / day / f"{name}.csv").write_text(text, encoding="utf-8")
    land = journals._land

    def land_behind_another(*given: Any) -> list[LandedFile]:
        monkeypatch.setattr(journals, "_land", land)
        landed = land(*given)
        land_journals(tmp_path, home.landing_zone, TODAY)
        return landed

    monkeypatch.setattr(journals, "_land", land_behind_another)
    assert len(land_journals(tmp_path, home.landing_zone, TODAY)) == 1
    assert len(home.landing_zone.files("feedback")) == 2
    kept = sorted(path.name for path in (tmp_path / "landed" / day).iterdir())
    assert kept == ["a.csv", "b.csv"]
