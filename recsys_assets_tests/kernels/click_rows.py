"""A few clicks whose statistics are known by heart."""

from collections.abc import Sequence

import polars as pl
from hypothesis import strategies as st

from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.encode import Encoder
from recsys_assets.kernels.tally import count_categories

A, B, C, NEW = "000000aa", "000000bb", "fffffffe", "12345678"


def clicks(**columns: Sequence[object]) -> pl.DataFrame:
    """Rows with the named columns; every other number and category is missing."""
    rows = len(next(iter(columns.values())))
    schema = {
        LABEL: pl.Int8,
        FOLD: pl.Int8,
        **dict.fromkeys(NUMBERS, pl.Int32),
        **dict.fromkeys(CATEGORIES, pl.String),
    }
    empty = dict.fromkeys([*NUMBERS, *CATEGORIES], [None] * rows)
    given_columns = {name: columns[name] for name in schema if name in columns}
    return pl.DataFrame(empty | given_columns, {n: schema[n] for n in empty | given_columns})


def fitted(training: pl.DataFrame, smoothing: float = 2.0, min_count: int = 1) -> Encoder:
    return Encoder(count_categories(training, min_count=min_count), smoothing)


def training_rows() -> pl.DataFrame:
    """Eight rows of two folds."""
    return clicks(
        label=[1, 0, 1, 1, 0, 0, 0, 1],
        fold=[0, 0, 0, 1, 1, 1, 1, 1],
        C1=[A, A, B, A, A, B, None, C],
        I1=[1, None, -2, 3, 4, 5, 6, 2_000_000_000],
    )


rows_of_clicks = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 2),
        st.sampled_from([A, B, C, None]),
        st.sampled_from([A, B]),
    ),
    min_size=4,
    max_size=30,
).filter(lambda rows: {0, 1, 2} <= {row[1] for row in rows})


def as_clicks(rows: list[tuple[int, int, str | None, str]]) -> pl.DataFrame:
    label, fold, first, second = zip(*rows, strict=True)
    return clicks(label=label, fold=fold, C1=first, C2=second)
