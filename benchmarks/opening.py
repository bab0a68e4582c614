"""What every benchmark opens: Spark on all cores, with tables and models in a home of its own."""

from pyspark.sql import SparkSession

from recsys_assets.home import Home
from recsys_assets.resources.spark import SparkSettings, open_spark
from recsys_assets.steps.session import Session


def open_session(home: Home, settings: SparkSettings | None = None) -> Session:
    """A session on an empty home.

    Args:
        home: where tables, models and reports go.
        settings: of Spark; all cores of this machine if None.
    """
    # Imported late: it brings Dagster, which a flow from a file alone does without.
    from recsys_assets.deployment import current_deployment

    home.prepare()
    # The jars are those of the project's own cache.
    cache = current_deployment().home.cache
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
