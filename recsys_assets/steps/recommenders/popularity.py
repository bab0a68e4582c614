"""The popularity model: what most people rated, for everybody alike.

    interactions (train) -> popularity -> popularity_model in the registry

It is the measure of every other model, and what users nobody knows are shown.
"""

import tempfile
from pathlib import Path

import polars as pl

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import POPULARITY
from recsys_assets.kernels.plots.data import long_tail
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.report import StepReport, not_landed, nothing_to_learn
from recsys_assets.steps.session import Session

POPULARITY_MODEL = "popularity_model"


def count_popularity(session: Session, params: NoParams) -> StepReport:
    """Count the training ratings of each item and register the list as a model."""
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    # Imported late: MLflow takes a second, and every process would load it.
    from recsys_assets.registry.answers import request_for
    from recsys_assets.registry.popularity import PopularityModel

    counts = (
        session.lake.scan(INTERACTIONS)
        .filter(split="train")
        .group_by("item")
        .agg(
            rating_count=pl.len().cast(pl.Int64),
            rating_mean=pl.col("rating").cast(pl.Float64).sort().mean(),
        )
        .sort(["rating_count", "item"], descending=[True, False])
        .collect()
    )
    if counts.is_empty():
        return nothing_to_learn()
    version = session.lake.write_frame(counts, POPULARITY)
    report = StepReport(rows={POPULARITY: counts.height}, versions={POPULARITY: version})
    report.draw("Long tail", lambda: long_tail(counts["rating_count"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "popularity.parquet"
        counts.write_parquet(path)
        logged = session.registry.log(
            POPULARITY_MODEL,
            PopularityModel(),
            {"popularity": path},
            request_for([1]),
            params={},
            metrics={"items": counts.height},
            plots=report.plots,
            tags={"dagster/run_id": session.run_id, "table/popularity": str(version)},
        )
    report.figures["model_version"] = logged.version
    report.links["MLflow run"] = logged.link
    return report
