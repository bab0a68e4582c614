"""Features of movies and users, and the interactions that models learn from and are judged by.

ratings -> interactions        latest rating per user–item pair, split as asked
movies + interactions -> movie_features
movies + interactions -> user_features
"""

import numpy as np
import polars as pl
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES, USER_FEATURES
from recsys_assets.kernels.plots import data as plots
from recsys_assets.kernels.titles import YEAR
from recsys_assets.lake.spark_files import read_table, write_table
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.steps.features.splits import SplitParams, with_parts, with_split
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.report import StepReport, not_landed, nothing_left
from recsys_assets.steps.session import Session

LARGEST_HERE = 25_000_000
"""Ratings up to which this process splits them, 0.12 KB of memory for each."""
_PAIR = ["user", "item"]
_COLUMNS = [*_PAIR, "rating", "timestamp"]


def build_interactions(session: Session, params: SplitParams) -> StepReport:
    """Keep the latest rating of each pair and split the pairs.

    By default a pair's part follows from a hash of user, item and seed alone: it is the same on
    every day and under every partitioning, so that no row that once tested a model ever trains its
    successor. The other splits are stable under partitioning too, but move with what arrives.
    """
    if not session.lake.has_rows("ratings"):
        if session.lake.has_rows(INTERACTIONS):
            return nothing_left("ratings", INTERACTIONS)
        return not_landed("ratings")
    rows = session.lake.open("ratings").count()
    write = _split_here if rows <= LARGEST_HERE else _split_in_spark
    return _report_interactions(session, write(session, params))


def _split_here(session: Session, params: SplitParams) -> int:
    """The table's new version, made in this process."""
    ordered = session.lake.scan("ratings").sort(*_PAIR, "timestamp", DROP_DATE)
    last = pl.any_horizontal(pl.col(_PAIR) != pl.col(_PAIR).shift(-1)).fill_null(value=True)
    latest = ordered.filter(last).select(_COLUMNS).collect()
    return session.lake.write_frame(with_parts(latest, params), INTERACTIONS)


def _split_in_spark(session: Session, params: SplitParams) -> int:
    """The table's new version, made by Spark's executors."""
    latest = _latest(session, "ratings", _PAIR, ["timestamp", DROP_DATE])
    rows = with_split(latest.select(*_COLUMNS), params)
    # In this order a user's rows lie together, and equal tables train equal models.
    ordered = rows.repartition(_partitions(session), "user").sortWithinPartitions(*_PAIR)
    return write_table(session.lake, ordered, INTERACTIONS)


def _report_interactions(session: Session, version: int) -> StepReport:
    table = session.lake.scan(INTERACTIONS)
    parts = table.group_by("split").len().sort("split").collect()
    stars = table.group_by("rating").len().sort("rating").collect()
    tail = table.group_by("item").len().sort("len", descending=True).collect()
    days = (
        table.group_by(pl.from_epoch("timestamp").dt.date().alias("day"))
        .len()
        .sort("day")
        .collect()
    )
    users = table.select(pl.col("user").n_unique()).collect().item()
    pairs = int(parts["len"].sum())
    report = StepReport(
        rows={INTERACTIONS: pairs},
        versions={INTERACTIONS: version},
        figures={
            "users": users,
            "items": tail.height,
            "density": pairs / max(users * tail.height, 1),
            **{f"{part}_rows": n for part, n in parts.iter_rows()},
        },
    )
    report.draw("Ratings", lambda: plots.rating_histogram(stars["rating"], stars["len"]))
    report.draw("Long tail", lambda: plots.long_tail(tail["len"]))
    report.draw("Activity", lambda: plots.activity_by_day(days["day"].to_list(), days["len"]))
    return report


def build_movie_features(session: Session, params: NoParams) -> StepReport:
    """Year and genres from the catalogue; popularity and recency from the interactions."""
    if not session.lake.has_rows("movies"):
        if session.lake.has_rows(MOVIE_FEATURES):
            return nothing_left("movies", MOVIE_FEATURES)
        return not_landed("movies")
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    latest = _latest(session, "movies", ["item"], [DROP_DATE])
    ratings = read_table(session.lake, session.spark, INTERACTIONS)
    popularity = ratings.groupBy("item").agg(
        F.count("*").alias("rating_count"),
        F.avg(F.col("rating").cast("double")).alias("rating_mean"),
        F.max("timestamp").alias("last_rated"),
    )
    year = F.regexp_extract("title", YEAR, 1)
    # "Drama|Drama|" is one genre: named twice, a list of the genre would hold the movie twice.
    named = F.array_distinct(F.split("genres", r"\|"))
    listed = F.filter(named, lambda g: (g != "") & ~g.startswith("("))
    features = latest.join(popularity, "item", "left").select(
        "item",
        "title",
        F.when(year.between("1870", "2100"), year.cast("int")).alias("year"),
        listed.alias("genres"),
        F.coalesce("rating_count", F.lit(0)).cast("long").alias("rating_count"),
        "rating_mean",
        "last_rated",
    )
    version = write_table(session.lake, features.orderBy("item").coalesce(1), MOVIE_FEATURES)
    return _report_movies(session, version)


def _report_movies(session: Session, version: int) -> StepReport:
    table = session.lake.scan(MOVIE_FEATURES).collect()
    genres = table["genres"].explode().drop_nulls().value_counts(sort=True).head(20)
    return StepReport(
        rows={MOVIE_FEATURES: table.height},
        versions={MOVIE_FEATURES: version},
        figures={
            "without_year": table["year"].null_count(),
            "never_rated": int((table["rating_count"] == 0).sum()),
        },
        tables={"Genres": [{"genre": g, "movies": n} for g, n in genres.iter_rows()]},
    )


def build_user_features(session: Session, params: NoParams) -> StepReport:
    """Activity, generosity and favourite genres of each user."""
    if not session.lake.exists(INTERACTIONS) or not session.lake.exists(MOVIE_FEATURES):
        return not_landed("ratings and movies")
    ratings = read_table(session.lake, session.spark, INTERACTIONS)
    movies = read_table(session.lake, session.spark, MOVIE_FEATURES)
    rating = F.col("rating").cast("double")
    profile = ratings.groupBy("user").agg(
        F.count("*").alias("rating_count"),
        F.avg(rating).alias("rating_mean"),
        F.stddev_pop(rating).alias("rating_deviation"),
        F.min("timestamp").alias("first_rated"),
        F.max("timestamp").alias("last_rated"),
    )
    nothing = F.array().cast("array<string>")
    features = profile.join(_favourites(ratings, movies), "user", "left").withColumn(
        "favourite_genres", F.coalesce("favourite_genres", nothing)
    )
    ordered = features.orderBy("user").coalesce(1)
    version = write_table(session.lake, ordered, USER_FEATURES)
    return _report_users(session, version)


def _favourites(ratings: DataFrame, movies: DataFrame) -> DataFrame:
    """The three genres each user rated most often; of equally frequent ones the first by name."""
    tagged = ratings.join(movies, "item").select("user", F.explode("genres").alias("genre"))
    counts = tagged.groupBy("user", "genre").count()
    # Structs are ordered by their fields in turn: descending count, then name.
    best = F.sort_array(F.collect_list(F.struct((-F.col("count")).alias("less"), "genre")))
    return counts.groupBy("user").agg(F.slice(best, 1, 3)["genre"].alias("favourite_genres"))


def _report_users(session: Session, version: int) -> StepReport:
    counts = session.lake.scan(USER_FEATURES).select("rating_count").collect()["rating_count"]
    return StepReport(
        rows={USER_FEATURES: counts.len()},
        versions={USER_FEATURES: version},
        figures={
            "median_ratings_per_user": float(np.median(counts.to_numpy())),
            "greatest_ratings_per_user": max(counts, default=0),
        },
    )


def _latest(session: Session, table: str, key: list[str], order: list[str]) -> DataFrame:
    """The last row of each key; no shuffle where one drop holds them all, as it has no doubles."""
    frame = read_table(session.lake, session.spark, table)
    if len(session.lake.open(table).partitions()) < 2:
        return frame
    newest = Window.partitionBy(*key).orderBy(*[F.desc(column) for column in order])
    return frame.withColumn("__place", F.row_number().over(newest)).filter("__place = 1")


def _partitions(session: Session) -> int:
    return int(session.spark.conf.get("spark.sql.shuffle.partitions") or 2)
