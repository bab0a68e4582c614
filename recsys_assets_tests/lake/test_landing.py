import datetime
import fcntl
import os
import threading
from pathlib import Path

import pytest

from recsys_assets.lake import landing
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landing import LandingError, LandingZone
from recsys_assets.lake.withdrawals import reinstate, withdraw

DAY = datetime.date(2026, 1, 30)
NEXT_DAY = datetime.date(2026, 1, 31)


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing", tmp_path / "rejected")


def source(tmp_path: Path, name: str, content: str = "a") -> Path:
    path = tmp_path / "from" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_a_file_lands_under_its_date(zone: LandingZone, tmp_path: Path) -> None:
    landed = zone.land(source(tmp_path, "a.csv"), "ratings", DAY)
    assert landed.path == tmp_path / "landing" / "ratings" / "2026-01-30" / "a.csv"
    assert landed.path.read_text(encoding="utf-8") == "a"
    assert not landed.known
    assert zone.files("ratings") == [landed] == zone.drop("ratings", DAY)
    assert zone.files("movies") == []


@pytest.mark.parametrize("date", [DAY, NEXT_DAY])
@pytest.mark.parametrize("name", ["a.csv", "b.csv"])
def test_the_same_content_never_lands_twice(
    zone: LandingZone, tmp_path: Path, date: datetime.date, name: str
) -> None:
    first = zone.land(source(tmp_path, "a.csv"), "ratings", DAY)
    again = zone.land(source(tmp_path, name), "ratings", date)
    assert again.known and again.path == first.path
    assert zone.files("ratings") == [first]


def test_other_content_under_the_same_name_gets_a_name_of_its_own(
    zone: LandingZone, tmp_path: Path
) -> None:
    for content in ("a", "b", "c"):
        zone.land(source(tmp_path, "a.csv.gz", content), "ratings", DAY)
    assert [file.name for file in zone.files("ratings")] == [
        "a.csv.gz",
        "a-2.csv.gz",
        "a-3.csv.gz",
    ]


@pytest.mark.parametrize("name", ["a.csv", "a", "a-2.csv", "a-2026-01-30.csv.gz"])
def test_files_of_one_name_stand_in_the_order_in_which_they_landed(
    zone: LandingZone, tmp_path: Path, name: str
) -> None:
    zone.land(source(tmp_path, "b.csv", "of another name"), "ratings", DAY)
    landed = [
        zone.land(source(tmp_path, name, str(number)), "ratings", DAY).name for number in range(12)
    ]
    assert [file.name for file in zone.drop("ratings", DAY)] == [*landed, "b.csv"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b;c$(x).csv", "a_b_c_(x).csv"),
        (".hidden.csv", "hidden.csv"),
        ("...", "file"),
        ("-rf", "-rf"),
        ("Léon\n.csv", "Léon_.csv"),
        ("x" * 250 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_names_are_made_safe(zone: LandingZone, tmp_path: Path, name: str, expected: str) -> None:
    assert zone.land(source(tmp_path, name), "ratings", DAY).name == expected


def test_only_regular_files_land(zone: LandingZone, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(source(tmp_path, "a.csv"))
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "link.csv", tmp_path / "pipe", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LandingError, match="not a regular file"):
            zone.land(path, "ratings", DAY)
    assert zone.files("ratings") == []


def test_nothing_lands_behind_a_link_where_it_would_never_be_read(
    zone: LandingZone, tmp_path: Path
) -> None:
    drop = zone.landing / "ratings" / str(DAY)
    drop.parent.mkdir(parents=True)
    drop.symlink_to(tmp_path)
    with pytest.raises(LandingError, match=f"{DAY} is a link, behind which nothing is read"):
        zone.land(source(tmp_path, "a.csv"), "ratings", DAY)


def test_a_path_with_dots_lands_under_its_last_part(zone: LandingZone, tmp_path: Path) -> None:
    source(tmp_path, "a.csv")
    landed = zone.land(tmp_path / "from" / ".." / "from" / "a.csv", "ratings", DAY)
    assert landed.path.parent == tmp_path / "landing" / "ratings" / "2026-01-30"


def test_only_whole_files_in_folders_of_dates_are_seen(zone: LandingZone, tmp_path: Path) -> None:
    root = tmp_path / "landing" / "ratings"
    drop = root / "2026-01-30"
    (drop / "folder").mkdir(parents=True)
    (drop / ".a.csv.part").write_text("half", encoding="utf-8")
    (drop / "link.csv").symlink_to(source(tmp_path, "a.csv"))
    (drop / "by hand.csv").write_text("b", encoding="utf-8")
    for name in ("notes", "2026-02-31", "20260130", "2026-1-3"):
        (root / name).mkdir()
    (root / "2026-01-29").symlink_to(drop)
    (root / "2026-01-28").write_text("no folder", encoding="utf-8")
    assert zone.dates("ratings") == [DAY]
    assert zone.files("ratings") == [LandedFile("ratings", DAY, drop / "by hand.csv")]
    assert zone.drop("ratings", NEXT_DAY) == []


def test_a_copy_that_breaks_off_is_never_seen(
    zone: LandingZone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(source: Path, target: Path) -> None:
        Path(target).write_text("half", encoding="utf-8")
        raise OSError("no space left on device")

    monkeypatch.setattr("recsys_assets.lake.store.shutil.copyfile", break_off)
    with pytest.raises(OSError, match="no space"):
        zone.land(source(tmp_path, "a.csv"), "ratings", DAY)
    assert zone.files("ratings") == []
    assert [*(zone.landing / "ratings" / DAY.isoformat()).iterdir()] == []  # the room is free again
    monkeypatch.undo()
    assert zone.land(source(tmp_path, "a.csv"), "ratings", DAY).name == "a.csv"
    assert [path.name for path in zone.files("ratings")[0].path.parent.iterdir()] == ["a.csv"]


def test_those_who_land_at_once_lose_nothing(zone: LandingZone, tmp_path: Path) -> None:
    paths = []
    for n in range(8):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "a.csv").write_text(f"content {n}", encoding="utf-8")
        paths.append(folder / "a.csv")
    threads = [threading.Thread(target=zone.land, args=(p, "ratings", DAY)) for p in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    landed = {file.path.read_text(encoding="utf-8") for file in zone.files("ratings")}
    assert landed == {f"content {n}" for n in range(8)}


def test_who_lands_waits_for_others_before_it_looks_what_has_landed(
    zone: LandingZone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = landing.Newcomer.is_same

    def is_same(new: landing.Newcomer, path: Path) -> bool:
        with (zone.landing / ".lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return whole(new, path)

    zone.land(source(tmp_path, "a.csv"), "ratings", DAY)
    monkeypatch.setattr(landing.Newcomer, "is_same", is_same)
    assert zone.land(source(tmp_path, "a.csv"), "ratings", DAY).known


def test_no_name_of_a_drop_is_given_twice(zone: LandingZone, tmp_path: Path) -> None:
    """The account tells files by name and size: another of both would never be read."""
    zone.land(source(tmp_path, "a.csv", "1"), "ratings", DAY).path.unlink()
    landed = zone.land(source(tmp_path, "a.csv", "2"), "ratings", DAY)
    assert landed.name == "a-2.csv"
    landed.path.with_name("a-3.csv").write_text("3")  # by hand, which no record of names tells
    withdraw(zone, "ratings", DAY)
    assert zone.land(source(tmp_path, "a.csv", "4"), "ratings", DAY).name == "a-4.csv"
    assert zone.land(source(tmp_path, "a.csv", "5"), "ratings", NEXT_DAY).name == "a.csv"


def test_a_catalogue_that_a_later_drop_replaced_can_come_back(
    zone: LandingZone, tmp_path: Path
) -> None:
    later = NEXT_DAY + datetime.timedelta(days=1)

    def land(content: str, date: datetime.date, dataset: str = "movies") -> tuple[str, bool]:
        landed = zone.land(source(tmp_path, "a.csv", content), dataset, date)
        return f"{landed.date}/{landed.name}", landed.known

    for dataset in ("movies", "ratings"):
        for content, date in (("part 1", DAY), ("part 2", DAY), ("new", NEXT_DAY)):
            assert not land(content, date, dataset)[1]
    # Who lands all of it again, each under its date, changes nothing.
    assert land("part 1", DAY) == (f"{DAY}/a.csv", True)
    assert land("new", NEXT_DAY) == (f"{NEXT_DAY}/a.csv", True)
    assert [land("part 1", later)[1] for _ in range(2)] == [False, True]
    assert land("part 1", later, "ratings") == (f"{DAY}/a.csv", True)
    withdraw(zone, "movies", later)
    assert reinstate(zone, "movies", later) == ["a.csv"]


def test_what_was_rejected_lands_on_each_day_that_it_comes(
    zone: LandingZone, tmp_path: Path
) -> None:
    """The first day alone was told of, and all that followed were days without files."""
    page = source(tmp_path, "page.csv", "<html>sign in</html>")
    for date in (DAY, NEXT_DAY):
        landed = zone.land(page, "ratings", date)
        assert (landed.known, landed.date) == (False, date)
        zone.reject(landed, {"rule": "file.html"})
    for date in (DAY, NEXT_DAY):
        again = zone.land(page, "ratings", date)
        assert (again.known, again.date) == (True, date)


def test_a_rejected_file_is_copied_with_its_report_and_can_be_pardoned(
    zone: LandingZone, tmp_path: Path
) -> None:
    landed = zone.land(source(tmp_path, "a.csv"), "ratings", DAY)
    for _ in range(2):
        copy = zone.reject(landed, {"rule": "file.html", "message": "Anmeldung nötig"})
    assert copy == zone.rejected_copy(landed)
    assert sorted(path.name for path in copy.parent.iterdir()) == ["a.csv", "a.csv.report.json"]
    report = copy.with_name("a.csv.report.json").read_text(encoding="utf-8")
    assert '"rule": "file.html"' in report and "nötig" in report
    zone.pardon(landed)
    zone.pardon(landed)
    assert list(copy.parent.iterdir()) == []
    assert landed.path.exists()
