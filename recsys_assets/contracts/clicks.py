"""Ad clicks in Criteo's form: what one row must be."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.click_fields import (
    CATEGORIES,
    CATEGORY_PATTERN,
    LABEL,
    LEAST_NUMBER,
    NUMBERS,
)
from recsys_assets.kernels.delimited import Dialect


def _number(name: str) -> object:
    return pa.Field(
        nullable=True,
        ge=LEAST_NUMBER,  # The most is that of the column's type.
        description=f"Count feature {name[1:]} of 13; may be missing.",
    )


def _category(name: str) -> object:
    return pa.Field(
        nullable=True,
        str_matches=CATEGORY_PATTERN,
        description=f"Category {name[1:]} of 26 as eight hexadecimal digits; may be missing.",
    )


Clicks: type[pa.DataFrameModel] = type(
    "Clicks",
    (pa.DataFrameModel,),
    {
        "__doc__": "One impression of an advertisement, and whether it was clicked.",
        "__annotations__": {
            LABEL: pl.Int8,
            **dict.fromkeys(NUMBERS, pl.Int32),
            **dict.fromkeys(CATEGORIES, pl.String),
        },
        LABEL: pa.Field(
            in_range={"min_value": 0, "max_value": 1},
            description="1 where the advertisement was clicked, else 0.",
        ),
        **{name: _number(name) for name in NUMBERS},
        **{name: _category(name) for name in CATEGORIES},
    },
)

CLICKS = Dataset(
    name="clicks",
    model=Clicks,
    dialects=(Dialect("Criteo TSV", "\t", (LABEL, *NUMBERS, *CATEGORIES)),),
)
"""Click logs as Criteo publishes them: 40 fields by tab, no header; impressions have no key."""
