import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_assets.kernels.lines import Lines, count_lines, find_lines, free_byte, plain_lines


def as_list(lines: Lines) -> list[bytes]:
    return lines.take(np.arange(len(lines)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\r\nb\r", [b"a", b"b"]),
        (b"a\r\r\n\r\nb", [b"a", b"", b"b"]),
        (b"a\rb\n", [b"a\rb"]),
    ],
)
def test_lines_end_in_any_of_the_usual_ways(data: bytes, expected: list[bytes]) -> None:
    lines = find_lines(data)
    assert as_list(lines) == expected
    assert count_lines(data) == len(lines) == len(expected)


@given(st.binary(max_size=200).filter(lambda data: b"\r" not in data))
def test_lines_are_those_of_a_plain_split(data: bytes) -> None:
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert as_list(find_lines(data)) == expected
    assert count_lines(data) == len(expected)


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.booleans()), max_size=30))
def test_joining_chosen_lines_keeps_them_and_their_order(rows: list[tuple[str, bool]]) -> None:
    lines = find_lines("".join(f"{text}\n" for text, _ in rows).encode())
    chosen = np.flatnonzero([keep for _, keep in rows])
    expected = "".join(f"{text}\n" for text, keep in rows if keep)
    assert lines.join(chosen) == expected.encode()


def test_a_free_byte_is_one_that_is_not_there() -> None:
    assert free_byte(b"a\x1f\x1e") == b"\x1d"
    assert free_byte(bytes(range(1, 32))) is None


@given(st.lists(st.text('a,"', max_size=12), min_size=1, max_size=8))
def test_plain_lines_read_without_quotes_say_what_a_csv_reader_says(texts: list[str]) -> None:
    lines = find_lines("".join(f"{text}\n" for text in texts).encode())
    plain = plain_lines(lines, b",", 3, quoted=True)
    for text, is_plain in zip(texts, plain, strict=True):
        if is_plain:
            assert next(csv.reader([text], strict=True)) == text.replace('"', "").split(",")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,c", True),
        ('"a","b","c"', True),
        ('a,"",c', True),
        ('a,"b', False),
        ('a,"b,c"', False),
        ('"a,b",c,d', False),
        ('a,b"c,d', False),
        ('"a"b,c,d', False),
        ('a,",",c', False),
        ("a,b", False),
        ("a,b,c,", False),
        ("", False),
    ],
)
def test_a_line_is_plain_if_quotes_hold_whole_fields(text: str, expected: bool) -> None:
    surrounded = find_lines(f'"x","y","z"\n{text}\n"x",y,z\n'.encode())
    assert plain_lines(surrounded, b",", 3, quoted=True).tolist() == [True, expected, True]


def test_quotes_are_letters_where_the_dialect_has_none() -> None:
    lines = find_lines(b'a,"b,c\n')
    assert plain_lines(lines, b",", 3, quoted=False).tolist() == [True]
    assert plain_lines(lines, b",", 3, quoted=True).tolist() == [False]
