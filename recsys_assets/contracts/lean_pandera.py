"""Loads pandera without pandas-on-Spark, which it looks for to support frames that nobody has here.

Four hundred modules, Spark's plots and models among them: a tenth of the time that a command takes
to start.
"""

from recsys_assets.loading import loading_without

with loading_without("pyspark.pandas"):
    import pandera.polars  # noqa: F401
