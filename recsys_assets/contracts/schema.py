"""Schemas that follow from a contract, for each library that wants its own."""

import pandera.polars as pandera
import polars as pl
import pyarrow as pa

Model = type[pandera.DataFrameModel]


def polars_schema(model: Model) -> dict[str, pl.DataType]:
    """Column → polars type."""
    return {name: column.dtype.type for name, column in model.to_schema().columns.items()}


def arrow_schema(model: Model) -> pa.Schema:
    """Arrow schema of a contract as Spark and Delta hold it."""
    return plain_schema(pl.DataFrame(schema=polars_schema(model)))


def plain_schema(frame: pl.DataFrame) -> pa.Schema:
    """Arrow schema of a frame as Spark and Delta hold it."""
    # polars speaks of large strings; Spark and Delta know one kind of string only.
    fields = frame.head(0).to_arrow().schema
    return pa.schema([pa.field(f.name, _plain(f.type)) for f in fields])


def _plain(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return pa.string()
    if pa.types.is_large_list(dtype):
        return pa.list_(_plain(dtype.value_type))
    return dtype
