"""Pure functions of Arrow, polars and numpy values: no Spark, no Dagster, no I/O."""
