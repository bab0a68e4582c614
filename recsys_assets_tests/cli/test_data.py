import datetime
from pathlib import Path

import pytest
from click.testing import Result

from recsys_assets.cli import landed
from recsys_assets.contracts.feedback import COLUMNS
from recsys_assets.home import Home
from recsys_assets.steps.session import Session
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.steps.landing_files import DAY, validate

HEADER = "userId,movieId,rating,timestamp\n"


def one_line(result: Result) -> str:
    return " ".join(result.stdout.split())


def test_landing_says_as_what_a_file_will_be_read(
    recsys: Recsys, home: Home, tmp_path: Path
) -> None:
    good, page = tmp_path / "ratings.csv", tmp_path / "page.csv"
    good.write_text(HEADER + "1,2,3.5,1112486027\n", encoding="utf-8")
    page.write_text("<html>", encoding="utf-8")
    said = one_line(recsys("land", "ratings", good, page, "--date", "2026-01-31"))
    assert "landed as ratings/2026-01-31/ratings.csv, read as ratings.csv (userId)" in said
    assert "landed as ratings/2026-01-31/page.csv, but it will be rejected" in said
    assert "file.html line 1: the file is a web page" in said
    assert len(home.landing_zone.files("ratings")) == 2


def test_landing_the_same_content_again_copies_nothing(
    recsys: Recsys, home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(HEADER + "1,2,3.5,1112486027\n", encoding="utf-8")
    recsys("land", "ratings", path, "--date", "2026-01-30")
    said = one_line(recsys("land", "ratings", path, "--date", "2026-01-31"))
    assert "has landed before as ratings/2026-01-30/ratings.csv; nothing copied" in said
    assert "wrong: recsys withdraw ratings 2026-01-30 --file ratings.csv" in said
    assert "wrong" not in one_line(recsys("land", "ratings", path, "--date", "2026-01-30"))
    assert len(home.landing_zone.files("ratings")) == 1


def test_who_may_land_files_but_not_read_tables_is_told_of_no_error(
    recsys: Recsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise OSError("Generic MicrosoftAzure error ↳ Error performing GET …: 403 Forbidden")

    monkeypatch.setattr(landed, "account_of_files", refused)
    for name in ("movies-2.csv", "movies-1.csv", "movies-1.csv"):
        (tmp_path / name).write_text(f"movieId,title,genres\n1,{name},Drama\n", encoding="utf-8")
        said = one_line(recsys("land", "movies", tmp_path / name, "--date", "2026-01-31"))
        assert "read later" not in said


def test_a_correction_that_an_older_file_of_its_drop_wins_over_is_told(
    recsys: Recsys, tmp_path: Path
) -> None:
    movies, fix, last = (tmp_path / name for name in ("movies.csv", "fix.csv", "movies-new.csv"))
    for path in (movies, fix, last):
        path.write_text(f"movieId,title,genres\n1,{path.stem} (1999),Drama\n", encoding="utf-8")
    day = ("--date", "2026-01-31")
    assert "read later" not in one_line(recsys("land", "movies", movies, *day))
    said = one_line(recsys("land", "movies", fix, *day))
    assert "movies.csv of the same drop is read later" in said
    assert "read later" not in one_line(recsys("land", "movies", fix, *day))
    assert "read later" not in one_line(recsys("land", "movies", last, "--date", "2026-02-01"))
    # What it says to do can be done: the same content lands under no other name before.
    assert "recsys withdraw movies 2026-01-31 --file fix.csv --no-rebuild" in said
    recsys("withdraw", "movies", "2026-01-31", "--file", "fix.csv", "--no-rebuild")
    renamed = fix.rename(tmp_path / "z.csv")
    said = one_line(recsys("land", "movies", renamed, *day))
    assert "movies/2026-01-31/z.csv, read as" in said and "read later" not in said


def test_who_lands_an_old_catalogue_again_is_told_which_holds(
    recsys: Recsys, tmp_path: Path
) -> None:
    old, new = tmp_path / "old" / "movies.csv", tmp_path / "movies.csv"
    old.parent.mkdir()
    for path, title in ((old, "Tipyng"), (new, "Typing")):
        path.write_text(f"movieId,title,genres\n1,{title},Drama\n", encoding="utf-8")
    for day, name in (("2026-01-31", "movies-2.csv"), ("2026-02-01", "movies.csv")):
        recsys("land", "movies", old, "--date", "2026-01-31")
        recsys("land", "movies", new, "--date", day)
        said = one_line(recsys("land", "movies", old, "--date", "2026-01-31"))
        assert f"movies/{day}/{name} came later: of rows with one key its own hold" in said
        assert f"recsys withdraw movies {day} --file {name}" in said
        recsys("withdraw", "movies", day, "--file", name, "--no-rebuild")
        again = recsys("land", "movies", old, "--date", "2026-01-31")
        assert "came later" not in one_line(again)


def test_no_file_that_was_rejected_wins_over_its_correction(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    page, corrected = tmp_path / "ratings.csv", tmp_path / "corrected.csv"
    page.write_text("<html>\n</html>\n", encoding="utf-8")
    corrected.write_text(HEADER + "1,2,3.5,1112486027\n", encoding="utf-8")
    recsys("land", "ratings", page, "--date", DAY)
    validate(session)
    assert "read later" not in one_line(recsys("land", "ratings", corrected, "--date", DAY))


def test_of_rows_without_a_key_all_are_kept_and_nothing_is_told(
    recsys: Recsys, tmp_path: Path
) -> None:
    for name in ("later.csv", "first.csv"):
        line = f"{name[:5]},1,2,impression,1,v1,champion,1700000000"
        (tmp_path / name).write_text(f"{','.join(COLUMNS)}\n{line}\n", encoding="utf-8")
        assert "read later" not in one_line(recsys("land", "feedback", tmp_path / name))


def test_the_known_forms_are_shown_whole_when_a_file_has_none(
    recsys: Recsys, tmp_path: Path
) -> None:
    path = tmp_path / "odd [1].csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    said = one_line(recsys("land", "ratings", path, "--date", "2026-01-30"))
    assert "file.columns" in said and "[ratings.csv (userId)" in said and "odd_1_" not in said
    assert "odd__1_.csv" in said


def test_what_cannot_be_landed_ends_in_one_clear_line(recsys: Recsys, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x", encoding="utf-8")
    assert "is none of ratings, movies, clicks" in recsys("land", "books", path, code=2).stderr
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    for date in ("31.01.2026", "2026-02-31", str(tomorrow), "1999-01-01"):
        recsys("land", "ratings", path, "--date", date, code=2)
    recsys("fetch", "ml-unknown", code=2)


def test_without_a_date_a_file_lands_today(recsys: Recsys, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x", encoding="utf-8")
    before = datetime.datetime.now(datetime.UTC).date()
    recsys("land", "ratings", path)
    assert before <= home.landing_zone.files("ratings")[0].date


def test_generated_files_land_once(recsys: Recsys, home: Home, tmp_path: Path) -> None:
    size = ["--users", 20, "--movies", 30, "--ratings", 300, "--clicks", 50, "--drops", 2]
    assert "landed 5 new files of 5" in one_line(recsys("generate", *size))
    assert "landed 0 new files of 5" in one_line(recsys("generate", *size))
    said = one_line(recsys("generate", *size, "--clicks", 0, "--out", tmp_path / "out"))
    assert "wrote 3 files" in said
    assert len(home.landing_zone.dates("ratings")) == 2


@pytest.mark.parametrize(
    "asked, said",
    [
        (["--ratings", 500], "ask for 600 to 480000 ratings"),
        (["--clicks", 2], "3 drops asked for, but this data fills 1 to 2"),
        (["--last-day", "2020-01-01"], "2019-12-30 is not between 2020-01-01"),
        (["--seed", -1], "greater than or equal to 0"),
    ],
)
def test_data_that_cannot_be_generated_is_said_to_be_so(
    recsys: Recsys, asked: list[object], said: str
) -> None:
    assert said in " ".join(recsys("generate", *asked, code=2).output.replace("│", "").split())


@pytest.mark.parametrize("command", [("generate", "--ratings", 900, "--out"), ("bundle",)])
def test_a_folder_that_cannot_be_written_is_told_in_one_line(
    recsys: Recsys, tmp_path: Path, command: tuple[object, ...]
) -> None:
    (tmp_path / "file").touch()
    refused = recsys(*command, tmp_path / "file" / "folder", code=2)
    assert "no folder for" in " ".join(refused.stderr.split())
