import pickle

import pytest

from recsys_assets.contracts import DATASETS
from recsys_assets.kernels.delimited import (
    MAX_LINE_BYTES,
    Dialect,
    ShapeFault,
    decode_text,
    recognize_dialect,
    split_line,
)

PUBLISHED = [
    ("ratings", "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n", "ratings.csv (userId)"),
    ("ratings", "user,item,rating,timestamp\n1,1,4.0,964982703\n", "ratings.csv (user)"),
    ("ratings", '"userId","movieId","rating","timestamp"\n1,1,4,9\n', "ratings.csv (userId)"),
    ("ratings", "\ufeffuserId,movieId,rating,timestamp\r\n1,1,4,9\r\n", "ratings.csv (userId)"),
    ("ratings", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n", "u.data"),
    ("ratings", "1::1193::5::978300760\n", "ratings.dat"),
    ("movies", "movieId,title,genres\n1,Toy Story (1995),Comedy\n", "movies.csv"),
    ("movies", "item,title,genres\n1,Toy Story (1995),Comedy\n", "movies.csv (item)"),
    ("movies", "1::Toy Story (1995)::Animation|Comedy\n", "movies.dat"),
    ("movies", "1|Toy Story (1995)|01-Jan-1995||http://x|" + "|".join("0" * 19), "u.item"),
    ("clicks", "\t".join(["1"] * 14 + ["68fd1e64"] * 26) + "\n", "Criteo TSV"),
]


@pytest.mark.parametrize(("dataset", "text", "expected"), PUBLISHED)
def test_every_published_form_is_recognized(dataset: str, text: str, expected: str) -> None:
    assert recognize_dialect(text.encode(), DATASETS[dataset].dialects).name == expected


HEADER = b"userId,movieId,rating,timestamp\n"


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (b"", "file.empty"),
        (b"\n \r\n", "file.empty"),
        (b"\xef\xbb\xbf", "file.empty"),
        ("userId".encode("utf-16"), "file.encoding"),
        ("userId".encode("utf-16-be"), "file.binary"),
        (b"\xfe\xff\x00u", "file.encoding"),
        (b"PK\x03\x04\x00\x00", "file.binary"),
        (b"<!DOCTYPE html>\n<html>", "file.html"),
        (b"  <html>", "file.html"),
        (b"userId,movieId,rating\n1,2,3\n", "file.columns"),
        (b"userId,movieId,rating,timestamp,x\n1,2,3,4,5\n", "file.columns"),
        (b"movieId,userId,rating,timestamp\n1,2,3,4\n", "file.columns"),
        (b"userId,movieId,stars,timestamp\n1,2,3,4\n", "file.columns"),
        (b"userId;movieId;rating;timestamp\n1;2;3;4\n", "file.columns"),
        (b"1,2,3,4\n", "file.columns"),
        (b'{"user": 1}\n', "file.columns"),
        (b"userId,userId,rating,timestamp\n1,2,3,4\n", "file.header"),
        (b"userId,movieId,rating,rating,timestamp\n1,2,3,3,4\n", "file.header"),
        (b"x" * (MAX_LINE_BYTES + 1), "file.line_length"),
    ],
)
def test_a_file_of_no_known_form_is_rejected_by_name(head: bytes, rule: str) -> None:
    with pytest.raises(ShapeFault) as caught:
        recognize_dialect(head, DATASETS["ratings"].dialects)
    assert caught.value.rule == rule
    assert caught.value.message


@pytest.mark.parametrize("rows", [1, MAX_LINE_BYTES // 7])
def test_lines_that_end_in_a_carriage_return_alone_are_told_of(rows: int) -> None:
    head = (HEADER + b"1,2,3,4\n" * rows).replace(b"\n", b"\r")
    with pytest.raises(ShapeFault, match="save the file with newlines"):
        recognize_dialect(head, DATASETS["ratings"].dialects)


@pytest.mark.parametrize("head", [HEADER, HEADER.rstrip(), b"\xef\xbb\xbf" + HEADER])
def test_a_header_alone_tells_the_form(head: bytes) -> None:
    assert recognize_dialect(head, DATASETS["ratings"].dialects).name == "ratings.csv (userId)"


def test_one_damaged_first_line_does_not_hide_the_form() -> None:
    head = b"1\t2\n" + b"1\t2\t3\t881250949\n" * 3
    assert recognize_dialect(head, DATASETS["ratings"].dialects).name == "u.data"
    with pytest.raises(ShapeFault):
        recognize_dialect(b"1\t2\n" * 3 + b"1\t2\t3\t881250949\n", DATASETS["ratings"].dialects)


def test_a_line_that_the_head_cuts_off_does_not_count() -> None:
    head = b"1\t2\t3\t881250949\n1\t2"
    assert recognize_dialect(head, DATASETS["ratings"].dialects).name == "u.data"


@pytest.mark.parametrize(("byte", "rule"), [(b"\xe9", "file.encoding"), (b"\0", "file.binary")])
def test_a_fault_among_the_first_lines_names_its_line(byte: bytes, rule: str) -> None:
    head = HEADER + b"1,2,3,881250949\n" * 5 + b"1,2," + byte + b",4\n" + b"1,2,3,881250949\n"
    with pytest.raises(ShapeFault) as caught:
        recognize_dialect(head, DATASETS["ratings"].dialects)
    assert (caught.value.rule, caught.value.line) == (rule, 7)


def test_text_outside_the_encoding_names_its_line() -> None:
    dialect = DATASETS["ratings"].dialects[0]
    with pytest.raises(ShapeFault) as caught:
        decode_text(b"a\nb\n\xe9\n", dialect)
    assert (caught.value.rule, caught.value.line) == ("file.encoding", 3)
    assert "0xe9" in caught.value.message
    with pytest.raises(ShapeFault) as caught:
        decode_text(b"a\nb\0\n", dialect)
    assert (caught.value.rule, caught.value.line) == ("file.binary", 2)


def test_latin_1_is_read_line_by_line() -> None:
    dialect = Dialect("movies.dat", "::", ("item", "title"), latin_1=True)
    mixed = "Léon".encode("latin-1") + b"\n" + "Amélie\n".encode()
    assert decode_text(mixed, dialect).decode() == "Léon\nAmélie\n"


def test_splitting_a_line_understands_quotes_only_where_the_dialect_does() -> None:
    quoted = Dialect("x", ",", ("a", "b"), quoted=True)
    assert split_line('1,"a, ""b"""', quoted) == ["1", 'a, "b"']
    assert split_line('1,"a', quoted) is None
    assert split_line('1,"a"b', quoted) is None
    assert split_line('1,"a', Dialect("x", ",", ("a", "b"))) == ["1", '"a']


def test_a_fault_survives_the_way_from_a_worker() -> None:
    fault = pickle.loads(pickle.dumps(ShapeFault("file.x", "why", 3)))
    assert (fault.rule, fault.message, fault.line) == ("file.x", "why", 3)
