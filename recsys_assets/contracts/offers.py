"""Offers: click fields of items, so that candidates can be ranked by their ids alone."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS, Clicks
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect

_FIELDS = {n: a for n, a in Clicks.__annotations__.items() if n != LABEL}

Offers: type[pa.DataFrameModel] = type(
    "Offers",
    (pa.DataFrameModel,),
    {
        "__doc__": "An item on offer with the click fields that are its own.",
        "__annotations__": {"item": pl.Int32, **_FIELDS},
        "item": pa.Field(ge=1, description="The item's id, 1 or more."),
        **{
            name: pa.Field(nullable=True, ge=-1000, description=f"Count feature {name[1:]} of 13.")
            for name in NUMBERS
        },
        **{
            name: pa.Field(
                nullable=True,
                str_matches="^[0-9a-f]{8}$",
                description=f"Category {name[1:]} of 26 as eight hexadecimal digits.",
            )
            for name in CATEGORIES
        },
    },
)

_COLUMNS = ("item", *NUMBERS, *CATEGORIES)

OFFERS = Dataset(
    name="offers",
    model=Offers,
    dialects=(Dialect("offers.tsv", "\t", _COLUMNS, header=_COLUMNS),),
    key=("item",),
)
"""Items on offer; fields that belong to the user or the moment are left empty."""
