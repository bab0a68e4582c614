"""Ad clicks in Criteo's form: what one row must be."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect

LABEL = "label"
NUMBERS = tuple(f"I{i}" for i in range(1, 14))
CATEGORIES = tuple(f"C{i}" for i in range(1, 27))


def _number(name: str) -> object:
    return pa.Field(
        nullable=True, ge=-1000, description=f"Count feature {name[1:]} of 13; may be missing."
    )


def _category(name: str) -> object:
    return pa.Field(
        nullable=True,
        str_matches="^[0-9a-f]{8}$",
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
