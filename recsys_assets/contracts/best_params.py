"""Contract of the table of the best parameters that sweeps have found."""

import pandera.polars as pa
import polars as pl

BEST_PARAMS = "best_params"


class BestParams(pa.DataFrameModel):
    """The best parameters of one model; the next training takes them over."""

    model: pl.String = pa.Field(description="The model they are for.")
    params: pl.String = pa.Field(
        description="Parameter → value, as JSON; none where the defaults were the best."
    )
    metric: pl.String = pa.Field(description="What they were judged by, on the validation part.")
    value: pl.Float64 = pa.Field(description="The figure they reached.")
    default_value: pl.Float64 = pa.Field(description="The figure that the defaults reached.")
    trials: pl.Int64 = pa.Field(ge=1, description="Trials of the search, pruned ones included.")
    data_version: pl.Int64 = pa.Field(ge=0, description="Version of the table searched on.")
    found_at: pl.Datetime("us", "UTC") = pa.Field(description="When they were found.")  # type: ignore[valid-type]
