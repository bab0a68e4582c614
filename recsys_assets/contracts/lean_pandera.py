"""Loads pandera for polars alone: without pandas, for whose frames nobody here has contracts.

Pandera is made to do without it where it is not installed. Loaded together they are 440 modules
more, a fifth of the time that a command takes to start; and pandas-on-Spark another 400.
"""

# First: it asks which libraries there are, and remembers the answer.
import polars  # noqa: F401

from recsys_assets.loading import loading_without

with loading_without("pandas", "pyspark.pandas"):
    import pandera.polars  # noqa: F401
