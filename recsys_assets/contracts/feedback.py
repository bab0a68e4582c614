"""Feedback: what people were shown and what they clicked, and what came of it by version."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect
from recsys_assets.kernels.feedback_fields import CLICK, COLUMNS, IMPRESSION

CLICK_THROUGH = "click_through"


class Feedback(pa.DataFrameModel):
    """One recommendation that was shown, or clicked."""

    event: pl.String = pa.Field(
        str_matches=r"^[A-Za-z0-9_-]{1,64}$",
        description="Id of the event; told twice, it counts once.",
    )
    user: pl.Int32 = pa.Field(ge=1, description="Who was shown it.")
    item: pl.Int32 = pa.Field(ge=1, description="What was shown.")
    kind: pl.String = pa.Field(isin=[IMPRESSION, CLICK], description="Shown, or clicked.")
    rank: pl.Int32 = pa.Field(nullable=True, ge=1, description="Place in the list; may be missing.")
    version: pl.String = pa.Field(
        str_matches=r"^[A-Za-z0-9._-]{1,64}$", description="Version of the bundle that answered."
    )
    arm: pl.String = pa.Field(
        isin=["champion", "canary"], description="Whether it served as champion or as canary."
    )
    timestamp: pl.Int64 = pa.Field(
        in_range={"min_value": 631_152_000, "max_value": 4_102_444_800},
        description="When: seconds since 1970-01-01 UTC, between 1990 and 2100.",
    )


FEEDBACK = Dataset(
    name="feedback",
    model=Feedback,
    dialects=(Dialect("feedback.csv", ",", COLUMNS, header=COLUMNS, quoted=True),),
)
"""Journals of the service; an event that was told twice stands there twice, and counts once."""


class ClickThrough(pa.DataFrameModel):
    """How often recommendations of one version were clicked."""

    version: pl.String = pa.Field(description="Version of the bundle that answered.")
    arm: pl.String = pa.Field(description="Whether it served as champion or as canary.")
    shown: pl.Int64 = pa.Field(ge=1, description="Pairs of user and item that were shown.")
    clicked: pl.Int64 = pa.Field(ge=0, description="Those of them that were clicked.")
    share: pl.Float64 = pa.Field(
        in_range={"min_value": 0, "max_value": 1}, description="Clicked / shown."
    )
    low: pl.Float64 = pa.Field(
        in_range={"min_value": 0, "max_value": 1}, description="Lower end of its 95 % interval."
    )
    high: pl.Float64 = pa.Field(
        in_range={"min_value": 0, "max_value": 1}, description="Upper end of its 95 % interval."
    )
    never_shown: pl.Int64 = pa.Field(ge=0, description="Clicked pairs without an impression.")
