"""The account of landed files, and the tables of rejected lines."""

import datetime

import pandera.polars as pa
import polars as pl

FILES = "files"


class Files(pa.DataFrameModel):
    """What became of each landed file: lines read = accepted + quarantined."""

    dataset: pl.String = pa.Field(description="Data set the file was landed for.")
    drop_date: datetime.date = pa.Field(description="Date of the drop it came with.")
    file: pl.String = pa.Field(description="Name of the file within its drop.")
    size: pl.Int64 = pa.Field(ge=0, description="Bytes of the file as it lies.")
    form: pl.String = pa.Field(nullable=True, description="Published form it was read as.")
    read: pl.Int64 = pa.Field(ge=0, description="Lines read, without a header line.")
    accepted: pl.Int64 = pa.Field(ge=0, description="Lines that became rows of the table.")
    quarantined: pl.Int64 = pa.Field(ge=0, description="Lines kept apart, alone or with the file.")
    rejected: pl.Boolean = pa.Field(description="Whether the file was rejected as a whole.")
    reasons: pl.String = pa.Field(description="Broken rule → number of lines, as JSON.")
    message: pl.String = pa.Field(nullable=True, description="Why the file was rejected.")

    @pa.dataframe_check
    @classmethod
    def every_line_is_accounted_for(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Lines read = accepted + quarantined."""
        return data.lazyframe.select(pl.col("read") == pl.col("accepted") + pl.col("quarantined"))


class Origin(pa.DataFrameModel):
    """Where a validated row came from: columns of every validated table, after its own."""

    file: pl.String = pa.Field(description="Name of the file within its drop.")
    drop_date: datetime.date = pa.Field(description="Date of the drop it came with.")


class Quarantine(pa.DataFrameModel):
    """One rejected line: where it stood, what it said, which rules it broke."""

    drop_date: datetime.date = pa.Field(description="Date of the drop it came with.")
    file: pl.String = pa.Field(description="Name of the file within its drop.")
    line: pl.Int64 = pa.Field(ge=1, description="Line of the file, 1 for the first.")
    raw: pl.String = pa.Field(description="The line as it stood.")
    rules: pl.List(pl.String) = pa.Field(description="Every rule the line broke.")  # type: ignore[valid-type]
    run_id: pl.String = pa.Field(description="Run that set it apart.")


def quarantine_of(dataset: str) -> str:
    """Table of the rejected lines of a data set."""
    return f"quarantine_{dataset}"
