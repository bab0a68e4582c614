import datetime
import gzip
import json
import random
from collections.abc import Callable

import polars as pl
import pytest

from recsys_assets.contracts.files import FILES
from recsys_assets.lake.pending import pending_dates
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

CLICK = "\t".join(["1", "5", "", *["2"] * 11, "", *["68fd1e64"] * 25])
U_ITEM = "{item}|Léon (1994)|01-Jan-1994||http://x|" + "|".join("0100000000000000010")


def ratings_forms(user: int) -> list[bytes]:
    fields = [str(user), "2", "3.5", "1112486027"]
    quoted = ",".join(f'"{field}"' for field in fields)
    other = "user,item,rating,timestamp\r\n" + ",".join(fields) + "\r\n"
    return [
        (HEADER + ",".join(fields) + "\n").encode(),
        other.encode("utf-8-sig"),
        f'"userId","movieId","rating","timestamp"\n{quoted}'.encode(),
        "\t".join(fields).encode() + b"\n",
        "::".join(fields).encode() + b"\n",
    ]


def movies_forms(item: int) -> list[bytes]:
    row = f'{item},"Léon (1994)",Action|War\n'
    return [
        ("movieId,title,genres\n" + row).encode(),
        ("item,title,genres\n" + row).encode(),
        f"{item}::Léon (1994)::Action|War\n".encode("latin-1"),
        f"{item}::Léon (1994)::Action|War\n".encode(),
        U_ITEM.format(item=item).encode("latin-1"),
    ]


@pytest.mark.parametrize(
    ("dataset", "forms", "expected"),
    [
        ("ratings", ratings_forms, (2, 3.5, 1112486027)),
        ("movies", movies_forms, ("Léon (1994)", "Action|War")),
    ],
)
def test_every_published_form_says_the_same(
    session: Session, dataset: str, forms: Callable[[int], list[bytes]], expected: tuple[object]
) -> None:
    for n in range(5):
        place(session, forms(2 * n + 1)[n], f"plain-{n}", dataset)
        place(session, gzip.compress(forms(2 * n + 2)[n]), f"packed-{n}", dataset)
    assert not validate(session, dataset=dataset).failed
    assert sorted(rows(session, dataset).rows()) == [(n, *expected) for n in range(1, 11)]
    assert files(session, dataset)["form"].n_unique() == 4


def test_clicks_arrive_plain_and_packed(session: Session) -> None:
    place(session, CLICK, "day.tsv", "clicks")
    place(session, gzip.compress(CLICK.encode()), "day.tsv.gz", "clicks")
    assert not validate(session, dataset="clicks").failed
    expected = (1, 5, None, *[2] * 11, None, *["68fd1e64"] * 25)
    assert rows(session, "clicks").rows() == [expected] * 2


BAD = {
    0: "1,2",
    7: "",
    50: "x,1,3.5,1112486000",
    51: '1,"2,3.5,1112486000',
    120: "1,2,9,1112486000",
    199: "1,2,3,4,5",
}


def damaged_lines() -> list[str]:
    """Two hundred good lines and, among them, every kind of bad one."""
    lines = ratings(200)
    for position, line in BAD.items():
        lines.insert(position, line)
    return lines


@pytest.mark.parametrize("chunk_bytes", [128, 1 << 20])
def test_line_numbers_are_those_of_the_file(session: Session, chunk_bytes: int) -> None:
    comma, tab = damaged_lines(), [line.replace(",", "\t") for line in damaged_lines()]
    texts = {"header": HEADER + "\n".join(comma), "bare": "\n".join(tab)}
    for name, text in texts.items():
        for packed in (False, True):
            data = text.encode()
            place(session, gzip.compress(data) if packed else data, f"{name}-{packed}")
    validate(session, chunk_bytes=chunk_bytes)
    found = [entry for entry in quarantine(session) if entry[3] != ["user_item.duplicate"]]
    assert len(found) == 4 * 6
    for file, line, raw, _ in found:
        assert texts[file.split("-")[0]].split("\n")[line - 1] == raw
    for name, first in (("header", 2), ("bare", 1)):
        for packed in (False, True):
            numbers = [line for file, line, *_ in found if file == f"{name}-{packed}"]
            assert numbers == [position + first for position in BAD]
    assert rows(session).height == 200
    assert len(quarantine(session)) == 4 * 206 - 200


def test_random_damage_loses_no_line(session: Session) -> None:
    chance = random.Random(7)
    for n in range(8):
        data = bytearray(csv_of(ratings(300, user=n + 1)).encode())
        for _ in range(chance.randrange(40)):
            data[chance.randrange(len(HEADER), len(data))] = chance.choice(b'\n,"x9. \r')
        place(session, bytes(data), f"{n}.csv")
    validate(session, chunk_bytes=500, max_bad_share=1)
    account = files(session)
    assert account["rejected"].sum() == 0
    assert account["quarantined"].min() == 0 or account["quarantined"].sum() > 0
    for row in account.iter_rows(named=True):
        data = (session.landing.landing / "ratings" / DAY.isoformat() / row["file"]).read_bytes()
        assert row["read"] == len(data.decode().removesuffix("\n").split("\n")) - 1
        assert sum(json.loads(row["reasons"]).values()) >= row["quarantined"]
    assert rows(session).height == account["accepted"].sum()
    assert len(quarantine(session)) == account["quarantined"].sum() > 0


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
    assert {t: session.lake.version(t) for t in before} == before
    assert rows(session).equals(held) and quarantine(session) == apart
    assert files(session)["rejected"].to_list() == [True, False]


HEADERS = {
    "plain": HEADER.encode(),
    "unended": HEADER.rstrip().encode(),
    "marked": HEADER.encode("utf-8-sig"),
    "packed": gzip.compress(HEADER.encode()),
}


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
    assert validate(session).failed
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


@pytest.mark.parametrize("chunk_bytes", [100, 1 << 25])
def test_of_doubled_pairs_the_latest_stays(session: Session, chunk_bytes: int) -> None:
    padding = ratings(10, user=5)
    first = ["1,1,1.0,1112486001", "bad", "1,2,1.0,1112486009", *padding, "1,3,1.0,1112486003"]
    second = [
        "1,1,2.0,1112486002",
        "1,2,2.0,1112486002",
        "1,3,2.0,1112486003",
        "1,3,3.0,1112486003",
    ]
    place(session, csv_of(first), "a.csv")
    place(session, csv_of(second), "b.csv")
    report = validate(session, chunk_bytes=chunk_bytes)
    kept = rows(session).filter(user=1).sort("item")
    assert kept["rating"].to_list() == [2.0, 1.0, 3.0]
    rule = ["user_item.duplicate"]
    assert quarantine(session) == [
        ("a.csv", 2, first[0], rule),
        ("a.csv", 3, "bad", ["row.field_count"]),
        ("a.csv", 15, first[-1], rule),
        ("b.csv", 3, second[1], rule),
        ("b.csv", 4, second[2], rule),
    ]
    assert report.drops[DAY.isoformat()]["accepted"] == 13 == rows(session).height
    assert report.drops[DAY.isoformat()]["quarantined"] == 5
    assert len(list(session.lake.folder("ratings", DAY).iterdir())) == len(
        session.lake.open("ratings").file_uris()
    )


def test_doubles_in_a_packed_file_of_many_blocks(session: Session) -> None:
    lines = ratings(100) + ratings(100)
    lines.insert(150, "bad")
    place(session, gzip.compress(csv_of(lines).encode()))
    validate(session, chunk_bytes=300)
    assert rows(session).height == 100
    found = quarantine(session)
    assert [line for _, line, _, _ in found] == [*range(2, 102), 152]
    assert all(raw == lines[line - 2] for _, line, raw, _ in found)


def test_doubles_do_not_count_as_bad_lines(session: Session) -> None:
    place(session, csv_of(ratings(1) * 10))
    assert not validate(session).failed
    assert rows(session).height == 1 and len(quarantine(session)) == 9


def test_a_movie_that_comes_twice_keeps_its_later_line(session: Session) -> None:
    place(session, "movieId,title,genres\n1,Old,A\n2,Two,B\n1,New,A\n", "m.csv", "movies")
    validate(session, dataset="movies", max_bad_share=0.5)
    assert sorted(rows(session, "movies").rows()) == [(1, "New", "A"), (2, "Two", "B")]
    assert quarantine(session, "movies") == [("m.csv", 2, "1,Old,A", ["item.duplicate"])]


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


def test_a_few_bad_lines_do_not_condemn_a_short_file(session: Session) -> None:
    place(session, csv_of([*ratings(2), "x"]))
    place(session, csv_of(["y"]), name="worse.csv")
    validate(session)
    shown = files(session).sort("file").select("accepted", "quarantined", "rejected").rows()
    assert shown == [(2, 1, False), (0, 1, True)]


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


def test_a_file_that_keeps_no_row_still_counts(session: Session) -> None:
    place(session, csv_of(["x", "y"]))
    report = validate(session, max_bad_share=1)
    assert not report.failed
    assert report.rows["ratings"] == 0 and len(quarantine(session)) == 2


def test_spark_reads_the_tables_that_were_written(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]), "sieben Brücken.csv")
    validate(session)
    row = session.lake.read(session.spark, "ratings").orderBy("item").first()
    assert row is not None
    assert row.asDict() == {
        "user": 1,
        "item": 1,
        "rating": 3.5,
        "timestamp": 1112486001,
        "file": "sieben Brücken.csv",
        "drop_date": DAY,
    }
    lines = session.lake.read(session.spark, "quarantine_ratings").collect()
    assert [(line["line"], line["rules"]) for line in lines] == [(11, ["row.field_count"])]
    account = session.lake.read(session.spark, FILES).collect()
    assert [(row["dataset"], row["read"]) for row in account] == [("ratings", 10)]


def test_a_name_that_is_no_text_does_not_stop_the_drop(session: Session) -> None:
    folder = session.landing.landing / "ratings" / DAY.isoformat()
    folder.mkdir(parents=True)
    (folder / b"caf\xe9.csv".decode("utf-8", "surrogateescape")).write_text(csv_of(ratings(2)))
    validate(session)
    assert files(session)["file"].to_list() == ["caf\ufffd.csv"]
    assert rows(session).height == 2


def test_the_report_says_what_became_of_each_file(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]))
    report = validate(session)
    shown = report.tables["Files"]
    assert [(row["file"], row["read"], row["accepted"], row["quarantined"]) for row in shown] == [
        ("ratings.csv", 10, 9, 1)
    ]
    assert report.rows == {"ratings": 9, "quarantine_ratings": 1, "files": 1}
    assert report.versions["ratings"] == session.lake.version("ratings")
    assert pl.DataFrame(shown).height == 1
