"""Folders of any name, withdrawn drops, rollbacks, doubles that are replayed, growing files."""

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recsys_assets.home import Home
from recsys_assets.lake.landing import LandingError
from recsys_assets.lake.pending import pending_dates
from recsys_assets.lake.withdrawals import reinstate, withdraw
from recsys_assets.steps.features.tables import SplitParams, build_interactions
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation import drops
from recsys_assets_tests.conftest import Recsys
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


@pytest.mark.parametrize("name", ["two words", "jörg", "a+b@c"])
def test_a_home_may_lie_in_a_folder_of_any_name(
    session: Session, tmp_path: Path, name: str
) -> None:
    home = Home(root=tmp_path / name)
    there = replace(session, lake=home.lake, landing=home.landing_zone)
    place(there, csv_of([*ratings(20), "bad"]))
    validate(there)
    assert rows(there).height == 20 and len(quarantine(there)) == 1
    assert build_interactions(there, SplitParams()).rows == {"interactions": 20}


def test_a_corrected_file_of_the_same_name_and_size_waits(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    source = tmp_path / "ratings.csv"
    source.write_text(csv_of(["1,1,1.0,1112486001"]), encoding="utf-8")
    recsys("land", "ratings", source, "--date", DAY)
    validate(session)
    recsys("withdraw", "ratings", DAY, "--no-rebuild")
    source.write_text(csv_of(["1,1,5.0,1112486001"]), encoding="utf-8")
    recsys("land", "ratings", source, "--date", DAY)
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    validate(session)
    assert rows(session)["rating"].to_list() == [5.0]
    # What was withdrawn before is not in the way.
    recsys("withdraw", "ratings", DAY, "--no-rebuild")


@pytest.mark.parametrize("whole_drop", [False, True])
def test_a_file_that_lands_in_place_of_a_removed_one_waits(
    session: Session, tmp_path: Path, whole_drop: bool
) -> None:
    source = tmp_path / "ratings.csv"
    for stars in (1.0, 5.0):
        source.write_text(csv_of([f"1,1,{stars},1112486001"]), encoding="utf-8")
        landed = session.landing.land(source, "ratings", DAY)
        assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
        validate(session)
        assert rows(session)["rating"].to_list() == [stars]
        landed.path.unlink()
        if whole_drop:
            landed.path.parent.rmdir()


def test_what_lands_later_under_the_same_name_corrects_what_landed_before(
    session: Session, tmp_path: Path
) -> None:
    source = tmp_path / "movies.csv"
    for title in ("Tipyng error", "Typing eror", "Typing error"):
        source.write_text(f"movieId,title,genres\n1,{title},Drama\n", encoding="utf-8")
        session.landing.land(source, "movies", DAY)
    validate(session, dataset="movies")
    assert rows(session, "movies")["title"].to_list() == ["Typing error"]


@pytest.mark.parametrize("date", [DAY, NEXT_DAY])
def test_what_has_landed_again_is_not_put_back_too(
    session: Session, tmp_path: Path, date: datetime.date
) -> None:
    source = tmp_path / "ratings.csv"
    source.write_text(csv_of(ratings(3)), encoding="utf-8")
    session.landing.land(source, "ratings", DAY)
    withdraw(session.landing, "ratings", DAY)
    session.landing.land(source, "ratings", date)
    with pytest.raises(LandingError, match=f"has landed again as {date}/ratings"):
        reinstate(session.landing, "ratings", DAY)


def test_the_last_withdrawal_alone_is_undone(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    source = tmp_path / "ratings.csv"
    for stars in (1.0, 3.0, 5.0):
        source.write_text(csv_of([f"1,1,{stars},1112486001"]), encoding="utf-8")
        recsys("land", "ratings", source, "--date", DAY)
        recsys("withdraw", "ratings", DAY, "--no-rebuild")
    for name in ("ratings-3.csv", "ratings-2.csv", "ratings.csv"):
        said = recsys("withdraw", "ratings", DAY, "--undo", "--no-rebuild").stdout
        assert f"1 files put back: {name}" in said
        recsys("withdraw", "ratings", DAY, "--no-rebuild")
        recsys("withdraw", "ratings", DAY, "--undo", "--no-rebuild")
        (session.landing.landing / "ratings" / DAY.isoformat() / name).unlink()
    recsys("withdraw", "ratings", DAY, "--undo", "--no-rebuild", code=1)


def test_a_withdrawal_that_broke_off_is_undone_as_a_whole(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        place(session, csv_of(ratings(3)), name)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _once(Path.replace, "b.csv"))
        with pytest.raises(KeyboardInterrupt):
            withdraw(session.landing, "ratings", DAY)
    assert withdraw(session.landing, "ratings", DAY) == ["b.csv"]
    assert reinstate(session.landing, "ratings", DAY) == ["a.csv", "b.csv"]


def _once(replace: Callable[[Path, Path], Path], fatal: str) -> Callable[[Path, Path], Path]:
    """Like the function, but a file of that name ends it."""

    def moved(source: Path, target: Path) -> Path:
        if source.name == fatal:
            raise KeyboardInterrupt
        return replace(source, target)

    return moved


def test_a_drop_that_a_rollback_took_away_waits(recsys: Recsys, session: Session) -> None:
    for number, date in enumerate((DAY, NEXT_DAY)):
        place(session, csv_of(ratings(5, user=number + 1)), date=date)
        validate(session, date)
    recsys("rollback", "ratings", "--to", 0)
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [NEXT_DAY]


def test_a_drop_waits_too_where_a_rollback_left_it_as_many_rows(
    recsys: Recsys, session: Session
) -> None:
    place(session, csv_of([*ratings(5), "bad"]), date=NEXT_DAY)
    for user in (1, 100):
        place(session, csv_of([*ratings(1, user), f"bad {user}"]))
        validate(session, DAY, NEXT_DAY)
    for table in ("ratings", "quarantine_ratings"):
        held = rows(session, table)
        recsys("rollback", table, "--to", 1)
        assert not rows(session, table).equals(held)
        assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY, NEXT_DAY]
        validate(session, DAY, NEXT_DAY)
        assert sorted(rows(session, table).rows()) == sorted(held.rows())
        assert pending_dates(session.lake, session.landing, ["ratings"]) == []


def test_a_drop_that_a_rollback_brought_back_goes(recsys: Recsys, session: Session) -> None:
    place(session, csv_of(ratings(5)))
    place(session, csv_of(ratings(7, user=2)), date=NEXT_DAY)
    version = validate(session, DAY, NEXT_DAY).versions["ratings"]
    recsys("withdraw", "ratings", NEXT_DAY, "--no-rebuild")
    validate(session, NEXT_DAY)
    recsys("rollback", "ratings", "--to", version)
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [NEXT_DAY]
    validate(session, NEXT_DAY)
    assert rows(session).height == 5


def test_lines_that_a_rollback_brought_back_go(recsys: Recsys, session: Session) -> None:
    place(session, csv_of([*ratings(5), "bad"]))
    validate(session)
    recsys("withdraw", "ratings", DAY, "--no-rebuild")
    validate(session)
    recsys("rollback", "quarantine_ratings", "--to", 0)
    assert len(quarantine(session)) == 1
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    validate(session)
    assert quarantine(session) == []


def test_a_drop_whose_run_died_before_its_account_is_withdrawn_too(
    recsys: Recsys, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(session, csv_of(ratings(5)))
    validate(session)
    place(session, csv_of(ratings(7, user=2)), date=NEXT_DAY)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(drops, "polars_schema", die)
        with pytest.raises(KeyboardInterrupt):
            validate(session, NEXT_DAY)
    recsys("withdraw", "ratings", NEXT_DAY, "--no-rebuild")
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [NEXT_DAY]
    validate(session, NEXT_DAY)
    assert rows(session).height == 5


def test_that_nothing_is_left_of_a_table_is_said(recsys: Recsys, session: Session) -> None:
    place(session, csv_of(ratings(20)))
    validate(session)
    build_interactions(session, SplitParams())
    recsys("withdraw", "ratings", DAY, "--no-rebuild")
    validate(session)
    assert "holds no row any more" in build_interactions(session, SplitParams()).failed
    assert rows(session, "interactions").height == 20


def test_doubles_are_not_replayed(recsys: Recsys, session: Session, tmp_path: Path) -> None:
    lines = "movieId,title,genres\n1,Old,Drama\nx,C,Drama\n1,New,Drama\n"
    place(session, lines, "movies.csv", "movies")
    validate(session, dataset="movies")
    out = tmp_path / "repaired.csv"
    recsys("quarantine", "show", "movies", "--out", out)
    session.landing.land(out, "movies", DAY)
    validate(session, dataset="movies")
    assert rows(session, "movies").filter(item=1)["title"].to_list() == ["New"]


def test_a_file_that_grew_while_it_was_read_waits(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(session, csv_of(ratings(20)))
    whole = drops._validate

    def grow(*arguments: object) -> None:
        whole(*arguments)  # type: ignore[arg-type]
        with path.open("a", encoding="utf-8") as file:
            file.write("3,3,3.0,1112486000\n")

    with monkeypatch.context() as patch:
        patch.setattr(drops, "_validate", grow)
        validate(session)
    assert pending_dates(session.lake, session.landing, ["ratings"]) == [DAY]
    validate(session)
    assert rows(session).height == 21 == files(session)["read"].sum()


def test_no_line_breaks_the_commands(recsys: Recsys, session: Session, tmp_path: Path) -> None:
    place(session, csv_of(ratings(20)))
    validate(session)
    recsys("quarantine", "show", "ratings", code=2)
    place(session, csv_of([*ratings(20), r"7,1,\[/red]9,1112486027"]))
    newest = validate(session).versions["ratings"]
    assert r"\[/red]9" in recsys("quarantine", "show", "ratings").stdout
    recsys("quarantine", "show", "ratings", "--out", tmp_path, code=2)
    recsys("rollback", "ratings", "--to", newest)
    place(session, "<html>sign in</html>\n")
    validate(session)
    recsys("quarantine", "show", "ratings", "--out", tmp_path / "fix.csv", code=2)
    long = tmp_path / f"{'評' * 83}.csv"
    long.write_text(csv_of(ratings(1)), encoding="utf-8")
    recsys("land", "ratings", long)


def test_a_long_name_that_is_cut_at_a_dot_does_not_hide_its_file(
    session: Session, tmp_path: Path
) -> None:
    source = tmp_path / f"x.{'b' * 115}.csv"
    source.write_text(csv_of(ratings(3)), encoding="utf-8")
    landed = session.landing.land(source, "ratings", DAY)
    assert [file.path for file in session.landing.files("ratings")] == [landed.path]
