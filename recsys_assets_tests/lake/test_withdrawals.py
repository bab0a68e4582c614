"""Files of drops go out of the landing zone and in again, each as it came."""

import datetime
import fcntl
import json
import time
from pathlib import Path

import pytest

from recsys_assets.lake import withdrawals
from recsys_assets.lake.landing import LandingError, LandingZone
from recsys_assets.lake.withdrawals import reinstate, withdraw

DAY, NEXT_DAY = datetime.date(2026, 1, 30), datetime.date(2026, 1, 31)


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing", tmp_path / "rejected")


def put(folder: Path, **contents: str) -> None:
    """Files of these names and contents, by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")


def held(folder: Path) -> dict[str, str]:
    """Name → content of the files in a folder that are no records."""
    files = (path for path in folder.iterdir() if not path.name.startswith("."))
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def test_a_drop_goes_and_comes_back_and_no_other(zone: LandingZone) -> None:
    drop, other = (zone.landing / "ratings" / f"{date}" for date in (DAY, NEXT_DAY))
    put(drop, a="1", b="2")
    put(other, a="3")
    assert withdraw(zone, "ratings", DAY) == ["a", "b"]
    assert zone.dates("ratings") == [DAY, NEXT_DAY], "its folder tells that it was withdrawn"
    assert (held(drop), held(other)) == ({}, {"a": "3"})
    assert held(zone.withdrawn / "ratings" / f"{DAY}") == {"a": "1", "b": "2"}
    with pytest.raises(LandingError, match=f"no ratings file landed for {DAY}"):
        withdraw(zone, "ratings", DAY)
    with pytest.raises(LandingError, match="no movies file was withdrawn"):
        reinstate(zone, "movies", DAY)
    assert reinstate(zone, "ratings", DAY) == ["a", "b"]
    assert held(drop) == {"a": "1", "b": "2"}
    with pytest.raises(LandingError, match=f"no ratings file was withdrawn for {DAY}"):
        reinstate(zone, "ratings", DAY)


def test_one_file_goes_alone(zone: LandingZone) -> None:
    drop = zone.landing / "ratings" / f"{DAY}"
    put(drop, a="1", b="2")
    with pytest.raises(LandingError, match=f"no ratings file called c landed for {DAY}"):
        withdraw(zone, "ratings", DAY, "c")
    assert withdraw(zone, "ratings", DAY, "a") == ["a"]
    assert held(drop) == {"b": "2"}
    assert reinstate(zone, "ratings", DAY) == ["a"]


def test_what_lies_in_the_way_is_not_overwritten_and_nothing_is_moved(zone: LandingZone) -> None:
    drop, away = (root / "ratings" / f"{DAY}" for root in (zone.landing, zone.withdrawn))
    put(drop, a="1", b="2")
    put(away, b="2")
    with pytest.raises(LandingError, match="b is in the way"):
        withdraw(zone, "ratings", DAY)
    assert (held(drop), held(away)) == ({"a": "1", "b": "2"}, {"b": "2"})
    (away / "b").unlink()
    withdraw(zone, "ratings", DAY)
    put(drop, b="of other content")
    with pytest.raises(LandingError, match="b is in the way"):
        reinstate(zone, "ratings", DAY)
    assert (held(drop), held(away)) == ({"b": "of other content"}, {"a": "1", "b": "2"})


@pytest.mark.parametrize("date", [DAY, NEXT_DAY])
def test_what_has_landed_again_is_told_by_its_new_place(
    zone: LandingZone, date: datetime.date
) -> None:
    put(zone.landing / "ratings" / f"{DAY}", a="1")
    withdraw(zone, "ratings", DAY)
    put(zone.landing / "ratings" / f"{date}", b="1")
    with pytest.raises(LandingError, match=f"^a has landed again as {date}/b: withdraw that"):
        reinstate(zone, "ratings", DAY)


def test_what_lay_in_another_drop_before_is_not_taken_for_landed_again(zone: LandingZone) -> None:
    for date in (DAY, NEXT_DAY):
        put(zone.landing / "ratings" / f"{date}", rows=f"of {date}", empty="a header")
    time.sleep(0.02)
    withdraw(zone, "ratings", NEXT_DAY)
    assert reinstate(zone, "ratings", NEXT_DAY) == ["empty", "rows"]


def test_files_of_one_size_may_differ(zone: LandingZone) -> None:
    put(zone.landing / "ratings" / f"{DAY}", a="1")
    withdraw(zone, "ratings", DAY)
    put(zone.landing / "ratings" / f"{NEXT_DAY}", a="2")
    assert reinstate(zone, "ratings", DAY) == ["a"]


def test_files_of_which_nothing_is_noted_come_back_last(zone: LandingZone) -> None:
    drop, away = (root / "ratings" / f"{DAY}" for root in (zone.landing, zone.withdrawn))
    put(away, by_hand="0")
    for name in ("a", "b"):
        put(drop, **{name: name})
        withdraw(zone, "ratings", DAY)
    for name in ("b", "a", "by_hand"):
        assert reinstate(zone, "ratings", DAY) == [name]
    assert json.loads((away / ".withdrawals.json").read_text()) == []


def test_nobody_lands_files_while_others_are_on_their_way(
    zone: LandingZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_their_way: list[str] = []

    def move(source: Path, target: Path) -> None:
        with (zone.landing / ".lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        on_their_way.append(source.replace(target).parent.parent.parent.name)

    monkeypatch.setattr(withdrawals, "move", move)
    put(zone.landing / "ratings" / f"{DAY}", a="1")
    withdraw(zone, "ratings", DAY)
    reinstate(zone, "ratings", DAY)
    assert on_their_way == ["withdrawn", "landing"]
