"""Doubles within a drop, what Spark reads of the tables, what the report says."""

import gzip

import polars as pl
import pytest

from recsys_assets.contracts.files import FILES
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.landing_files import (
    DAY,
    csv_of,
    files,
    place,
    quarantine,
    ratings,
    rows,
    validate,
)


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
    assert report.drops[DAY.isoformat()].figures["accepted"] == 13 == rows(session).height
    assert report.drops[DAY.isoformat()].figures["quarantined"] == 5
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


def test_spark_reads_the_tables_that_were_written(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]), "sieben Brücken.csv")
    validate(session)
    delta = session.spark.read.format("delta")
    row = delta.load(session.lake.uri("ratings")).orderBy("item").first()
    assert row is not None
    assert row.asDict() == {
        "user": 1,
        "item": 1,
        "rating": 3.5,
        "timestamp": 1112486001,
        "file": "sieben Brücken.csv",
        "drop_date": DAY,
    }
    lines = delta.load(session.lake.uri("quarantine_ratings")).collect()
    assert [(line["line"], line["rules"]) for line in lines] == [(11, ["row.field_count"])]
    account = delta.load(session.lake.uri(FILES)).collect()
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
    shown = report.drops[DAY.isoformat()].files
    assert [(row["file"], row["read"], row["accepted"], row["quarantined"]) for row in shown] == [
        ("ratings.csv", 10, 9, 1)
    ]
    assert report.rows == {"ratings": 9, "quarantine_ratings": 1, "files": 1}
    assert report.versions["ratings"] == session.lake.version("ratings")
    assert pl.DataFrame(shown).height == 1
