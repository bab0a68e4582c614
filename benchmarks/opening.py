"""What every benchmark opens: Spark on all cores, with tables and models in a home of its own."""

from pathlib import Path

from pyspark.sql import SparkSession

from recsys_assets.home import Home
from recsys_assets.resources.spark import SparkSettings, open_spark
from recsys_assets.steps.session import Session


def open_session(
    home: Home, cache: Path | None = None, settings: SparkSettings | None = None
) -> Session:
    """A session on an empty home.

    Args:
        home: where tables, models and reports go.
        cache: where Spark's jars lie; the project's own cache if None.
        settings: of Spark; all cores of this machine if None.
    """
    if cache is None:
        # Imported late: it brings Dagster, which a flow from a file alone does without.
        from recsys_assets.deployment import current_deployment

        cache = current_deployment().home.cache
    home.prepare()
    spark = open_spark(settings or SparkSettings(), cache, home.scratch)
    return session_on(spark, home)


def session_on(spark: SparkSession, home: Home) -> Session:
    """What a step works with."""
    return Session(
        spark,
        home.lake,
        home.landing_zone,
        home.registry,
        run_id="benchmark",
        reports=home.reports,
    )
