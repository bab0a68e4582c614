"""Contract of the drift table: how far every drop is from those before it."""

import pandera.polars as pa
import polars as pl

DRIFT = "drift"


class Drift(pa.DataFrameModel):
    """One figure of one column of one drop."""

    dataset: pl.String = pa.Field(isin=["ratings", "clicks"], description="Whose drop it is.")
    drop_date: pl.Date = pa.Field(description="Date of the drop.")
    column: pl.String = pa.Field(description="Column, or “score” for what the model says of it.")
    measure: pl.String = pa.Field(
        isin=["psi", "ks", "mean", "new_share"],
        description="psi, ks: distance from the reference; mean: difference of the means; "
        "new_share: share of users or items never seen before.",
    )
    value: pl.Float64 = pa.Field(description="The figure.")
    current: pl.Float64 = pa.Field(nullable=True, description="Mean of the drop, of means.")
    reference: pl.Float64 = pa.Field(nullable=True, description="Mean of the reference, of means.")
    threshold: pl.Float64 = pa.Field(description="Beyond it the column counts as drifted.")
    drifted: pl.Boolean = pa.Field(description="Whether it is beyond, with rows enough to tell.")
    rows: pl.Int64 = pa.Field(ge=1, description="Rows of the drop that were looked at.")
    reference_rows: pl.Int64 = pa.Field(ge=1, description="Rows of the reference.")
