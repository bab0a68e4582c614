import csv
import re
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.contracts import DATASETS
from recsys_assets.kernels.delimited import MAX_LINE_BYTES, Dialect, ShapeFault
from recsys_assets.kernels.validation import Rules, ValidatedBlock, validate_block

RULES = {name: Rules(dataset.model) for name, dataset in DATASETS.items()}


def dialect_of(dataset: str, name: str) -> Dialect:
    return next(d for d in DATASETS[dataset].dialects if d.name == name)


def validate(text: str | bytes, dataset: str = "ratings", form: str = "") -> ValidatedBlock:
    dialect = dialect_of(dataset, form) if form else DATASETS[dataset].dialects[0]
    data = text.encode() if isinstance(text, str) else text
    block = validate_block(data, dialect, RULES[dataset])
    assert block.accepted.height + block.rejected.height == block.lines
    assert dict(block.accepted.schema) == RULES[dataset].dtypes
    return block


def rejected(block: ValidatedBlock) -> dict[int, tuple[str, list[str]]]:
    return {line: (raw, rules) for line, raw, rules in block.rejected.iter_rows()}


GOOD = "7,8,3.5,1112486027"


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("1,2,3.5", ["row.field_count"]),
        ("1,2,3.5,1112486027,", ["row.field_count"]),
        ("1", ["row.field_count"]),
        ("", ["row.blank"]),
        ("  \t", ["row.blank"]),
        ('1,2,3.5,"1112486027', ["row.open_quote"]),
        ('"1"2,2,3.5,1112486027', ["row.open_quote"]),
        ("1,2,3.5,yesterday", ["timestamp.integer"]),
        ("1,2,3.5,", ["timestamp.missing"]),
        (",2,3.5,1112486027", ["user.missing"]),
        ('"",2,3.5,1112486027', ["user.missing"]),
        (",,,", ["user.missing", "item.missing", "rating.missing", "timestamp.missing"]),
        ("1,2,5.5,1112486027", ["rating.in_range"]),
        ("1,2,0.0,1112486027", ["rating.in_range"]),
        ("1,2,3.7,1112486027", ["rating.half_step"]),
        ("1,2,9.9,1112486027", ["rating.in_range", "rating.half_step"]),
        ("1,2,NaN,1112486027", ["rating.number"]),
        ("1,2\r,3.5,1112486027", ["row.carriage_return"]),
        ("1,2,inf,1112486027", ["rating.in_range", "rating.half_step"]),
        ("1,2,1e999,1112486027", ["rating.in_range", "rating.half_step"]),
        ("1,2,three,1112486027", ["rating.number"]),
        ("0,2,3.5,1112486027", ["user.greater_than_or_equal_to"]),
        ("-1,2,3.5,1112486027", ["user.greater_than_or_equal_to"]),
        ("99999999999,2,3.5,1112486027", ["user.integer"]),
        ("1,99999999999999999999999,3.5,1112486027", ["item.integer"]),
        ("1.5,2,3.5,1112486027", ["user.integer"]),
        ("1,2,3.5,1", ["timestamp.in_range"]),
        ("1,2,3.5,1112486027000", ["timestamp.in_range"]),
        (
            "x,0,9,1",
            [
                "user.integer",
                "item.greater_than_or_equal_to",
                "rating.in_range",
                "timestamp.in_range",
            ],
        ),
        (
            "userId,movieId,rating,timestamp",
            ["user.integer", "item.integer", "rating.number", "timestamp.integer"],
        ),
    ],
)
def test_every_broken_rule_of_a_line_is_named(line: str, rules: list[str]) -> None:
    block = validate(f"{GOOD}\n{line}\n{GOOD}\n")
    assert list(rejected(block)) == [1]
    raw, said = rejected(block)[1]
    assert raw == line
    assert sorted(said) == sorted(rules)
    assert block.accepted.rows() == [(7, 8, 3.5, 1112486027)] * 2


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("final", [True, False])
def test_line_ends_do_not_matter(ending: str, final: bool) -> None:
    block = validate(ending.join([GOOD, "x", GOOD]) + (ending if final else ""))
    assert block.lines == 3
    assert rejected(block) == {1: ("x", ["row.field_count"])}


def test_a_line_cut_off_at_the_end_of_the_file_is_set_apart() -> None:
    assert rejected(validate(f"{GOOD}\n7,8,3.5,11")) == {1: ("7,8,3.5,11", ["timestamp.in_range"])}
    assert rejected(validate(f"{GOOD}\n7,8")) == {1: ("7,8", ["row.field_count"])}


def test_quoted_fields_say_what_bare_ones_say() -> None:
    quoted = '"7","8","3.5","1112486027"'
    assert validate(f"{quoted}\n{GOOD}\n").accepted.rows() == [(7, 8, 3.5, 1112486027)] * 2


def test_an_open_quote_swallows_no_other_line() -> None:
    block = validate(f'{GOOD}\n7,8,3.5,"1112486027\n{GOOD}\n7,8,"3.5,1\n{GOOD}\n')
    assert list(rejected(block)) == [1, 3]
    assert block.accepted.height == 3


def test_separators_that_even_out_hide_nothing() -> None:
    # Five fields here and three there: twice four on average.
    block = validate(f"{GOOD},\n7,8,3.5\n{GOOD}\n")
    assert {line: rules for line, (_, rules) in rejected(block).items()} == {
        0: ["row.field_count"],
        1: ["row.field_count"],
    }


def test_titles_keep_commas_quotes_and_accents() -> None:
    text = (
        '11,"American President, The (1995)",Comedy|Drama\n'
        '12,"He said ""no"", she said",Drama\n'
        "13,Léon: The Professional (1994),Action\n"
        '14,"Plain quoted",Action\n'
    )
    rows = validate(text, "movies").accepted.rows()
    assert [title for _, title, _ in rows] == [
        "American President, The (1995)",
        'He said "no", she said',
        "Léon: The Professional (1994)",
        "Plain quoted",
    ]
    assert [item for item, _, _ in rows] == [11, 12, 13, 14]


def test_a_title_of_blanks_is_none() -> None:
    block = validate("1, \t ,Drama\n2,,Drama\n3, Up (2009),Drama\n", "movies")
    assert [rules for _, rules in rejected(block).values()] == [
        ["title.not_blank"],
        ["title.missing"],
    ]
    assert block.accepted.rows() == [(3, " Up (2009)", "Drama")]


def test_movies_dat_may_be_in_latin_1_and_hold_colons() -> None:
    line = "5::Misérables: Les, (1995)::Drama|Musical\n"
    for encoding in ("latin-1", "utf-8"):
        block = validate(line.encode(encoding), "movies", "movies.dat")
        assert block.accepted.rows() == [(5, "Misérables: Les, (1995)", "Drama|Musical")]
    odd = validate("5::A::B::C\n", "movies", "movies.dat")
    assert rejected(odd) == {0: ("5::A::B::C", ["row.field_count"])}


def u_item(flags: str, title: str = "Léon (1994)") -> bytes:
    fields = ["5", title, "01-Jan-1995", "", "http://x", *flags]
    return ("|".join(fields) + "\n").encode("latin-1")


def test_genre_flags_become_genres() -> None:
    flags = {"Animation": 3, "Children": 4, "Comedy": 5}
    text = "".join("1" if n in flags.values() else "0" for n in range(19))
    block = validate(u_item(text) + u_item("0" * 19), "movies", "u.item")
    assert block.accepted.rows() == [
        (5, "Léon (1994)", "Animation|Children|Comedy"),
        (5, "Léon (1994)", "(no genres listed)"),
    ]
    bad = validate(u_item("0" * 18 + "x") + u_item("0" * 19, title=""), "movies", "u.item")
    assert [rules for _, rules in rejected(bad).values()] == [["genres.missing"], ["title.missing"]]


def click(label: str = "1", first: str = "5", category: str = "68fd1e64") -> str:
    return "\t".join([label, first, *["2"] * 12, category, *["0a"] * 0, *["68fd1e64"] * 25]) + "\n"


def test_clicks_may_miss_values_but_not_hold_wrong_ones() -> None:
    text = (
        click()
        + click(first="", category="")
        + click(label="2")
        + click(first="many")
        + click(category="xyz")
        + click(label="")
        + click(first="-2000")
        + "1\t2\n"
    )
    block = validate(text, "clicks")
    assert block.accepted["I1"].to_list() == [5, None]
    assert block.accepted["C1"].to_list() == ["68fd1e64", None]
    assert [rules for _, rules in rejected(block).values()] == [
        ["label.in_range"],
        ["I1.integer"],
        ["C1.str_matches"],
        ["label.missing"],
        ["I1.greater_than_or_equal_to"],
        ["row.field_count"],
    ]


def test_an_empty_last_category_is_missing_not_a_field_too_few() -> None:
    row = click().rstrip("\n").rsplit("\t", 1)[0] + "\t\n"
    assert validate(row * 2, "clicks").accepted["C26"].to_list() == [None, None]
    # A tab too many in one line and one too few in the next even out.
    tabs = click().rstrip("\n") + "\t\n" + row.rstrip("\t\n") + "\n"
    assert validate(tabs, "clicks").accepted.is_empty()


def test_a_line_longer_than_a_mebibyte_rejects_the_file() -> None:
    with pytest.raises(ShapeFault) as caught:
        validate(f"{GOOD}\n{'9' * (MAX_LINE_BYTES + 1)}\n")
    assert (caught.value.rule, caught.value.line) == ("file.line_length", 2)
    block = validate(f"{GOOD}\n{'9' * MAX_LINE_BYTES}\n")
    assert block.rejected["rules"].to_list() == [["row.field_count"]]


def test_every_control_character_at_once_is_no_text() -> None:
    everything = bytes(range(1, 32)).replace(b"\n", b"")
    with pytest.raises(ShapeFault, match="control"):
        validate(everything)


def test_a_fault_of_the_contract_itself_is_raised_not_quarantined() -> None:
    class Broken(pa.DataFrameModel):
        user: pl.Int32
        other: pl.Int32

    with pytest.raises(pa.errors.SchemaErrors):
        Rules(Broken).schema.validate(pl.DataFrame({"user": [1]}), lazy=True)


def is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


_INT = re.compile(r"[ \t]*[+-]?[0-9]+")
_FLOAT = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_by_hand(line: str) -> tuple[Any, ...] | None:
    """What one line of ratings.csv says, by a second reading of the contract in plain Python."""
    fields = line.split(",")
    if "\r" in line:
        return None
    if '"' in line:
        try:
            fields = next(csv.reader([line], strict=True))
        except csv.Error:
            return None
    if len(fields) != 4:
        return None
    user, item, rating, timestamp = fields
    if not all(_INT.fullmatch(text) for text in (user, item, timestamp)):
        return None
    if not _FLOAT.fullmatch(rating):
        return None
    row = (int(user), int(item), float(np.float32(float(rating))), int(timestamp))
    in_range = 1 <= row[0] < 2**31 and 1 <= row[1] < 2**31 and 0.5 <= row[2] <= 5
    return row if in_range and row[2] * 2 % 1 == 0 and 631152000 <= row[3] <= 4102444800 else None


FIELD = st.one_of(
    st.integers(-1, 12).map(str),
    st.sampled_from(["4.5", "1112486027", '"5"', '"1,2"', '"', "", " 3", "3 ", "é", "1e0", "+2"]),
)
LINE = st.one_of(
    st.just(GOOD),
    st.just('"7","8","3.5","1112486027"'),
    st.lists(FIELD, min_size=3, max_size=5).map(",".join),
    st.tuples(FIELD, FIELD, FIELD).map(lambda f: ",".join([*f, "1112486027"])),
    st.tuples(st.sampled_from([GOOD]), st.integers(0, 17), st.text('1,."\r x', max_size=2)).map(
        lambda damage: damage[0][: damage[1]] + damage[2] + damage[0][damage[1] + 1 :]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINE, max_size=12), st.booleans())
def test_any_damage_is_judged_line_by_line(texts: list[str], final: bool) -> None:
    data = "\n".join(texts) + ("\n" if final and texts else "")
    lines = data.split("\n")[: -1 if data.endswith("\n") or not data else None]
    block = validate(data)
    expected = [read_by_hand(line.rstrip("\r")) for line in lines]
    assert block.lines == len(lines)
    assert block.accepted.rows() == [row for row in expected if row is not None]
    assert block.rejected["line"].to_list() == [n for n, row in enumerate(expected) if row is None]
    assert block.rejected["raw"].to_list() == [
        line.rstrip("\r") for line, row in zip(lines, expected, strict=True) if row is None
    ]
    assert all(block.rejected["rules"].list.len() > 0)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([(n, d.name) for n in DATASETS for d in DATASETS[n].dialects]),
)
def test_of_arbitrary_bytes_no_line_is_lost(data: bytes, form: tuple[str, str]) -> None:
    is_text = b"\0" not in data and (is_utf_8(data) or dialect_of(*form).latin_1)
    if not is_text:
        with pytest.raises(ShapeFault, match=r"NUL|not UTF-8"):
            validate(data, *form)
        return
    block = validate(data, *form)
    assert block.lines == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


@settings(max_examples=50, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=10), st.integers(0, 10))
def test_where_a_block_is_cut_does_not_matter(texts: list[str], cut: int) -> None:
    whole = validate("".join(f"{text}\n" for text in texts))
    first = validate("".join(f"{text}\n" for text in texts[:cut]))
    second = validate("".join(f"{text}\n" for text in texts[cut:]))
    assert whole.accepted.equals(pl.concat([first.accepted, second.accepted]))
    shifted = second.rejected.with_columns(pl.col("line") + first.lines)
    assert whole.rejected.equals(pl.concat([first.rejected, shifted]))
