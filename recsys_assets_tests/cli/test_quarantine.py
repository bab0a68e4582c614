import json
from pathlib import Path

import pytest

from recsys_assets.cli import quarantine
from recsys_assets.contracts.feedback import COLUMNS
from recsys_assets.home import Home
from recsys_assets.steps.session import Session
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.steps.landing_files import (
    DAY,
    HEADER,
    NEXT_DAY,
    csv_of,
    place,
    ratings,
    rows,
    validate,
)

BAD = ["7,1,3.5,yesterday", "7,2,[red]9[/red],1112486027"]


def fill(session: Session) -> None:
    place(session, csv_of([*ratings(20), *BAD]))
    place(session, "1\t2\t3\t881250949\n" * 1 + "9\t9\n", "u.data", date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY, max_bad_share=0.5)


def test_lines_are_counted_by_rule(recsys: Recsys, session: Session) -> None:
    assert "no line is quarantined" in recsys("quarantine", "list").stdout
    fill(session)
    listed = json.loads(recsys("quarantine", "list", "--json").stdout)
    assert listed[0] == {
        "dataset": "ratings",
        "drop_date": "2026-01-30",
        "file": "ratings.csv",
        "rule": "rating.number",
        "lines": 1,
    }
    assert [row["rule"] for row in listed] == [
        "rating.number",
        "timestamp.integer",
        "row.field_count",
    ]
    assert "timestamp.integer" in recsys("quarantine", "list").stdout


def test_files_rejected_as_a_whole_are_told_where_no_line_is_apart(
    recsys: Recsys, session: Session
) -> None:
    place(session, "<html>\n")
    validate(session)
    assert json.loads(recsys("quarantine", "list", "--json").stdout) == []
    listed = recsys("quarantine", "list").stdout
    assert "1 files were rejected as a whole" in listed and "recsys status" in listed
    refused = recsys("quarantine", "show", "ratings", code=2).stderr
    assert "ever been quarantined by itself" in " ".join(refused.split())


def test_lines_are_shown_as_they_stood(recsys: Recsys, session: Session) -> None:
    fill(session)
    shown = json.loads(recsys("quarantine", "show", "ratings", "--json").stdout)
    assert [(row["line"], row["raw"], row["rules"]) for row in shown] == [
        (22, BAD[0], "timestamp.integer"),
        (23, BAD[1], "rating.number"),
        (2, "9\t9", "row.field_count"),
    ]
    chosen = recsys("quarantine", "show", "ratings", "--date", DAY, "--limit", 1)
    assert BAD[0] in chosen.stdout and BAD[1] not in chosen.stdout
    assert "1 of 2 lines" in chosen.stdout
    none = recsys("quarantine", "show", "ratings", "--date", "2026-01-01").stdout
    assert "no line of ratings is quarantined there" in " ".join(none.split())
    assert "[red]9" in recsys("quarantine", "show", "ratings", "--file", "ratings.csv").stdout


def test_of_a_huge_line_the_beginning_is_shown(recsys: Recsys, session: Session) -> None:
    place(session, csv_of([*ratings(20), "x" * 200_000]))
    validate(session)
    shown = recsys("quarantine", "show", "ratings").stdout
    assert len(shown) < 20_000 and "200,000 characters" in " ".join(shown.replace("│", "").split())
    assert (
        len(json.loads(recsys("quarantine", "show", "ratings", "--json").stdout)[0]["raw"]) == 2e5
    )


def test_lines_are_written_in_the_form_they_came_in(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    fill(session)
    out = tmp_path / "fix"
    several = recsys("quarantine", "show", "ratings", "--out", out, code=2)
    assert "several forms" in " ".join(several.stderr.split())
    said = recsys("quarantine", "show", "ratings", "--date", DAY, "--out", out).stdout
    assert out.read_text(encoding="utf-8") == HEADER + "".join(f"{line}\n" for line in BAD)
    assert f"recsys quarantine replay ratings {out} --date 2026-01-30" in said
    recsys("quarantine", "show", "ratings", "--file", "u.data", "--out", out)
    assert out.read_text(encoding="utf-8") == "9\t9\n"
    recsys("quarantine", "show", "ratings", "--file", "nowhere", "--out", out, code=2)


def test_a_report_is_written_beside_the_lines_to_correct(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    fill(session)
    out, report = tmp_path / "fix.csv", tmp_path / "report.csv"
    command = ("quarantine", "show", "ratings", "--out", out, "--report", report)
    recsys(*command, "--file", "ratings.csv")
    assert BAD[0] in out.read_text(encoding="utf-8")
    assert "timestamp.integer" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--out", "--report"])
def test_lines_are_not_written_over_a_folder(
    recsys: Recsys, session: Session, tmp_path: Path, option: str
) -> None:
    fill(session)
    refused = recsys("quarantine", "show", "ratings", option, tmp_path, code=2)
    assert "is a folder" in " ".join(refused.stderr.replace("│", " ").split())


def test_lines_without_a_time_are_replayed_into_their_own_drop(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    out, header = tmp_path / "repaired.csv", "movieId,title,genres\n"
    for date, lines in ((DAY, "x,Old,Drama\n2,B,Drama\n"), (NEXT_DAY, "y,C,Drama\n1,New,Drama\n")):
        place(session, header + lines, "movies.csv", "movies", date)
        validate(session, date, dataset="movies")
    said = recsys("quarantine", "show", "movies", "--out", out, code=2).stderr
    assert f"several drops, from {DAY} to {NEXT_DAY}" in " ".join(said.replace("│", " ").split())
    recsys("quarantine", "show", "movies", "--date", DAY, "--out", out)
    assert out.read_text(encoding="utf-8") == f"{header}x,Old,Drama\n"


def test_lines_without_a_key_are_not_replayed_twice_unawares(
    recsys: Recsys, session: Session, tmp_path: Path
) -> None:
    header, out = ",".join(COLUMNS), tmp_path / "fix.csv"
    line = "list-1,1,2,impression,1,v1,champion,1700000000"
    command = ("quarantine", "show", "feedback", "--out", out)
    for name, said in (("first.csv", False), ("fix.csv", True)):
        place(session, f"{header}\n{line}\nbad {name}\n", name, "feedback")
        validate(session, dataset="feedback")
        text = " ".join(recsys(*command).stdout.split())
        assert ("several files: first.csv, fix.csv; those that you have replayed" in text) == said
    assert "several files" not in recsys(*command, "--file", "fix.csv").stdout


def test_corrected_lines_become_rows(
    recsys: Recsys, session: Session, home: Home, tmp_path: Path
) -> None:
    fill(session)
    fixed = tmp_path / "fixed.csv"
    fixed.write_text(HEADER + "7,1,3.5,1112486027\n", encoding="utf-8")
    recsys("quarantine", "replay", "ratings", fixed, "--date", DAY)
    assert (7, 1, 3.5, 1112486027) in rows(session).rows()
    status = json.loads(recsys("status", "--json").stdout)
    assert status["tables"]["ratings"]["checks"]["every_line_accounted_for"] == "passed"


def test_what_has_landed_before_is_not_said_to_land(
    recsys: Recsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "run_command", lambda **_: None)
    fixed = tmp_path / "fixed.csv"
    fixed.write_text(csv_of(ratings(3)), encoding="utf-8")
    said = [
        " ".join(recsys("quarantine", "replay", "ratings", fixed, "--date", day).stdout.split())
        for day in (DAY, NEXT_DAY)
    ]
    assert f"landed as ratings/{DAY}/fixed.csv, read as ratings.csv" in said[0]
    assert f"landed before as ratings/{DAY}/fixed.csv; nothing copied" in said[1]


def test_corrected_lines_that_an_older_file_wins_over_are_told(
    recsys: Recsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "run_command", lambda **_: None)
    for name in ("movies.csv", "fix.csv"):
        (tmp_path / name).write_text(f"movieId,title,genres\n7,{name},Drama\n", encoding="utf-8")
    day = ("--date", DAY)
    recsys("land", "movies", tmp_path / "movies.csv", *day)
    said = recsys("quarantine", "replay", "movies", tmp_path / "fix.csv", *day).stdout
    assert "movies.csv of the same drop is read later" in " ".join(said.split())
    said = recsys("quarantine", "replay", "movies", tmp_path / "fix.csv", *day).stdout
    assert "read later" not in said
