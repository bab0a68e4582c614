"""Files that are rejected as a whole, and what becomes of their drop and its table."""

import gzip
import json

import pytest

from recsys_assets.lake.pending import pending_dates
from recsys_assets.lake.withdrawals import withdraw
from recsys_assets.steps.report import CONCERNED
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.landing_files import (
    DAY,
    HEADER,
    NEXT_DAY,
    csv_of,
    files,
    place,
    quarantine,
    ratings,
    rows,
    validate,
)

LONG = "9" * ((1 << 20) + 1)


WRONG: list[tuple[bytes, str, int | None]] = [
    (b"", "file.empty", None),
    (b"<html><body>Sign in</body></html>\n", "file.html", 1),
    (csv_of(ratings(3)).encode("utf-16"), "file.encoding", 1),
    (b"userId,movieId,rating\n1,2,3\n", "file.columns", 1),
    (b"movieId,userId,rating,timestamp\n1,2,3,1112486027\n", "file.columns", 1),
    (b"userId,userId,rating,timestamp\n1,2,3,1112486027\n", "file.header", 1),
    (csv_of([*ratings(30), "1,2,\0,1", *ratings(30)]).encode(), "file.binary", 32),
    (csv_of([*ratings(30), "é", *ratings(3)]).encode("latin-1"), "file.encoding", 32),
    (csv_of([*ratings(30), LONG, *ratings(3)]).encode(), "file.line_length", 32),
    (csv_of([*ratings(9), "x"] * 3 + ["y"] * 8).encode(), "file.bad_share", None),
    (gzip.compress(csv_of(ratings(500)).encode())[:-20], "file.gzip", None),
    (gzip.compress(csv_of(ratings(500)).encode())[:40] + b"x" * 500, "file.gzip", None),
    (gzip.compress(b""), "file.empty", None),
    (b"\x1f\x8bnot gzip at all", "file.gzip", None),
]


@pytest.mark.parametrize("chunk_bytes", [4096, 1 << 25])
def test_files_of_the_wrong_shape_are_rejected_whole_and_others_go_on(
    session: Session, chunk_bytes: int
) -> None:
    for n, (content, _, _) in enumerate(WRONG):
        place(session, content, f"bad-{n:02}.csv")
    place(session, csv_of(ratings(4, user=9)), "good.csv")
    assert not validate(session, chunk_bytes=chunk_bytes).failed
    assert rows(session)["user"].to_list() == [9] * 4
    folder = session.landing.rejected / "ratings" / DAY.isoformat()
    for (content, rule, line), account in zip(
        WRONG, files(session).head(-1).iter_rows(named=True), strict=True
    ):
        assert account["rejected"] and account["accepted"] == 0 and account["message"]
        assert account["message"].startswith(f"line {line}: ") == (line is not None)
        assert list(json.loads(account["reasons"])) == [rule]
        assert (folder / account["file"]).read_bytes() == content
        report = folder / f"{account['file']}.report.json"
        said = json.loads(report.read_text(encoding="utf-8"))
        assert (said["rule"], said["lines"], said["line"]) == (rule, account["read"], line)
    assert quarantine(session) == []
    written = list(session.lake.folder("ratings", DAY).glob("*.parquet"))
    assert len(written) == len(session.lake.open("ratings").file_uris())


def test_the_lines_of_a_rejected_file_are_counted_and_shown(session: Session) -> None:
    place(session, gzip.compress(csv_of([*ratings(5), *["x"] * 15]).encode()))
    report = validate(session)
    account = files(session).row(0, named=True)
    assert (account["read"], account["quarantined"]) == (20, 20)
    assert "15 of 20 lines are bad, more than 20%" in account["message"]
    assert "row.field_count 15" in report.failed
    copy = session.landing.rejected / "ratings" / DAY.isoformat() / "ratings.csv.report.json"
    examples = json.loads(copy.read_text(encoding="utf-8"))["examples"]
    assert examples[0] == {"line": 7, "raw": "x", "rules": ["row.field_count"]}


def test_a_drop_of_only_rejected_files_leaves_the_table_as_it_was(session: Session) -> None:
    place(session, csv_of([*ratings(9), "x"]))
    place(session, csv_of(ratings(5, user=2)), date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)
    before = {t: session.lake.version(t) for t in ("ratings", "quarantine_ratings")}
    held, apart = rows(session), quarantine(session)
    place(session, "<html>")
    report = validate(session, DAY)
    assert report.failed.startswith("Every file of the 2026-01-30 drop was rejected")
    assert "ratings.csv" in report.failed and "web page" in report.failed
    assert report.figures[CONCERNED] == DAY.isoformat()
    place(session, "<html>", date=NEXT_DAY)
    both = validate(session, DAY, NEXT_DAY).figures[CONCERNED]
    assert both == f"{DAY},{NEXT_DAY}"
    assert {t: session.lake.version(t) for t in before} == before
    assert rows(session).equals(held) and quarantine(session) == apart
    assert files(session)["rejected"].to_list() == [True, True]


HEADERS = {
    "plain": HEADER.encode(),
    "unended": HEADER.rstrip().encode(),
    "marked": HEADER.encode("utf-8-sig"),
    "packed": gzip.compress(HEADER.encode()),
}


def test_of_files_of_one_name_only_what_was_withdrawn_goes(session: Session) -> None:
    by_hand = place(session, csv_of(ratings(9)))
    validate(session)
    for content, left in (("<html>\n", 0), (csv_of(ratings(5)), 5), ("<html></html>\n", 5)):
        if not left:
            withdraw(session.landing, "ratings", DAY)
        by_hand.write_text(content, encoding="utf-8")
        validate(session)
        assert rows(session).height == left


def test_a_name_as_long_as_can_be_does_not_stop_the_run(session: Session) -> None:
    for place_of, name in enumerate(("я" * 123 + "-а.csv", "9" * 255)):
        path = place(session, "<html>\n", name)
        place(session, csv_of(ratings(place_of + 1)))
        assert validate(session).failed == ""
        copies = sorted((session.landing.rejected / "ratings" / str(DAY)).iterdir())
        assert [copy.name[-12:] for copy in copies] == [name[-12:], ".report.json"]
        path.unlink()
        copies[0].unlink()
        copies[1].unlink()


def test_copies_of_rejected_files_that_were_withdrawn_go(session: Session) -> None:
    place(session, "<html>\n", "page.csv")
    place(session, csv_of(ratings(3)))
    validate(session)
    withdraw(session.landing, "ratings", DAY, "page.csv")
    validate(session)
    assert not list((session.landing.rejected / "ratings" / str(DAY)).iterdir())


def test_what_was_withdrawn_goes_though_its_correction_is_rejected(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]), "first.csv")
    place(session, csv_of(ratings(5, user=2)), date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)
    withdraw(session.landing, "ratings", DAY)
    place(session, "<html>\n", "second.csv")
    report = validate(session)
    assert "rejected, so what was withdrawn has left its table" in report.failed
    assert rows(session)["user"].unique().to_list() == [2] and quarantine(session) == []
    place(session, csv_of(ratings(3)), "third.csv")
    validate(session)
    place(session, "<html>\n", "third.csv")
    (session.landing.landing / "ratings" / str(DAY) / "second.csv").unlink()
    assert "its table stays as it was" in validate(session).failed
    assert rows(session).height == 8


@pytest.mark.parametrize("chunk_bytes", [10, 1 << 25])
def test_a_header_without_lines_is_a_file_of_no_rows(session: Session, chunk_bytes: int) -> None:
    for name, content in HEADERS.items():
        place(session, content, name)
    place(session, csv_of(ratings(4)), "z.csv")
    assert not validate(session, chunk_bytes=chunk_bytes).failed
    columns = ("form", "read", "accepted", "quarantined", "rejected")
    form, account = "ratings.csv (userId)", files(session).select(columns).rows()
    assert account == [(form, 0, 0, 0, False)] * 4 + [(form, 4, 4, 0, False)]
    assert rows(session).height == 4
    assert pending_dates(session.lake, session.landing, ["ratings"]) == []


def test_a_drop_of_headers_alone_does_not_empty_its_table(session: Session) -> None:
    place(session, csv_of([*ratings(9), "x"]))
    validate(session)
    version, apart = session.lake.version("ratings"), quarantine(session)
    place(session, HEADER)
    place(session, gzip.compress(HEADER.encode()), "more.csv.gz")
    report = validate(session)
    assert report.failed.startswith("Every file of the 2026-01-30 drop was rejected")
    assert "a header and no line of data" in report.failed
    assert session.lake.version("ratings") == version and quarantine(session) == apart
    account = files(session)
    assert account["reasons"].to_list() == ['{"file.empty": 1}'] * 2
    assert account["rejected"].all() and account["read"].sum() == 0


def test_a_header_beside_a_rejected_file_does_not_empty_the_table(session: Session) -> None:
    place(session, csv_of(ratings(9)), "a.csv")
    validate(session)
    place(session, HEADER, "a.csv")
    place(session, "<html>", "b.csv")
    assert "no file of the drop that is not rejected holds any" in validate(session).failed
    assert rows(session).height == 9


def test_other_drops_of_the_same_run_are_still_committed(session: Session) -> None:
    place(session, "<html>")
    place(session, csv_of(ratings(5, user=2)), date=NEXT_DAY)
    report = validate(session, DAY, NEXT_DAY)
    assert "2026-01-30" in report.failed and "2026-01-31" not in report.failed
    assert rows(session)["user"].to_list() == [2] * 5
    assert report.rows["ratings"] == 5


def test_a_table_is_not_made_by_rejected_files_alone(session: Session) -> None:
    place(session, "<html>")
    report = validate(session)
    assert report.failed and "ratings" not in report.rows
    assert not session.lake.exists("ratings")


def test_a_few_bad_lines_do_not_condemn_a_short_file(session: Session) -> None:
    place(session, csv_of([*ratings(2), "x"]))
    place(session, csv_of(["y"]), name="worse.csv")
    validate(session)
    shown = files(session).sort("file").select("accepted", "quarantined", "rejected").rows()
    assert shown == [(2, 1, False), (0, 1, True)]


def test_what_a_person_has_accepted_is_not_rejected_by_the_next_run(session: Session) -> None:
    content = csv_of([*ratings(30), *["x"] * 20, "1,1,4.0,1112499999"])
    place(session, content)
    assert "20 of 51 lines are bad, more than 20%" in validate(session).failed
    for share in (0.5, None):
        assert not validate(session, max_bad_share=share).failed
        assert rows(session).height == 30 and len(quarantine(session)) == 21
    assert validate(session, max_bad_share=0.1).failed
    assert validate(session).failed, "rejected since"
    validate(session, max_bad_share=0.5)
    place(session, content.replace("1,30,", "1,30x,") + "x\n")
    assert "22 of 52 lines are bad" in validate(session).failed, "another file"


def test_a_file_that_keeps_no_row_still_counts(session: Session) -> None:
    place(session, csv_of(["x", "y"]))
    report = validate(session, max_bad_share=1)
    assert not report.failed
    assert report.rows["ratings"] == 0 and len(quarantine(session)) == 2
