"""For each movie those that the same people like.

als_factors + movie_features -> similar_items
"""

import polars as pl
from pydantic import Field

from recsys_assets.contracts.models import ALS_FACTORS
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS
from recsys_assets.kernels.recommending import similar_items
from recsys_assets.registry import CHALLENGER
from recsys_assets.steps.als.train import ALS_MODEL
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.candidates import read_titles, read_vectors
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session


class SimilarItemsParams(StepParams):
    """What is published for each movie."""

    k: int = Field(default=10, ge=1)
    """Similar movies per movie."""


def find_similar_items(session: Session, params: SimilarItemsParams) -> StepReport:
    """Publish for each movie those that the same people like."""
    if not session.lake.exists(ALS_FACTORS):
        return StepReport(skipped="no als_factors yet: nothing to compare")
    model = session.registry.find(ALS_MODEL, CHALLENGER)
    rows = similar_items(read_vectors(session.lake, "ranking"), params.k).with_columns(
        model_version=pl.lit(model.version, pl.Int64)
    )
    version = session.lake.write_frame(rows, SIMILAR_ITEMS)
    titles = read_titles(session.lake)
    best = rows.filter(rank=1).sort("similarity", "item", descending=[True, False]).head(10)
    examples = best.select(
        movie=pl.col("item").replace_strict(titles, default="?", return_dtype=pl.String),
        similar=pl.col("similar_item").replace_strict(titles, default="?", return_dtype=pl.String),
        similarity="similarity",
    )
    return StepReport(
        rows={SIMILAR_ITEMS: rows.height},
        versions={SIMILAR_ITEMS: version},
        tables={"Closest pairs": examples.to_dicts()},
    )
