"""Lists for users of whom no rating is known.

interactions + movie_features -> user_segments
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from recsys_assets.contracts.features import EVERY_PART, INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import NEWCOMERS, USER_SEGMENTS, UserSegments
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.recommenders.histories import Catalogue, build_catalogue
from recsys_assets.kernels.recommenders.popularity import choose_half_life, newcomer_popularity
from recsys_assets.kernels.recommenders.reasons import popular_among
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.candidates import read_titles
from recsys_assets.steps.recommenders.learning_data import read_content, read_training
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session


class UserSegmentsParams(StepParams):
    """What is published for each segment."""

    k: int = Field(default=20, ge=1)
    """Movies per segment."""


def list_user_segments(session: Session, params: UserSegmentsParams) -> StepReport:
    """Publish what recent newcomers rate, for everybody and for those who like a genre."""
    needed = [t for t in (INTERACTIONS, MOVIE_FEATURES) if not session.lake.exists(t)]
    if needed:
        return StepReport(skipped=f"no {', '.join(needed)} yet: nothing is known of newcomers")
    catalogue = build_catalogue(read_training(session.lake, EVERY_PART), read_content(session.lake))
    half_life = choose_half_life(catalogue)
    titles = read_titles(session.lake)
    rows = _rows(catalogue, half_life, params.k, np.isin(catalogue.items, list(titles)))
    named = [(segment, rank, item, titles[item], *more) for segment, rank, item, *more in rows]
    table = pl.DataFrame(named, schema=polars_schema(UserSegments), orient="row")
    version = session.lake.write_frame(table, USER_SEGMENTS)
    return StepReport(
        rows={USER_SEGMENTS: table.height},
        versions={USER_SEGMENTS: version},
        figures={"segments": table["segment"].n_unique(), "half_life_seconds": half_life},
        tables={"Newcomers": table.filter(segment=NEWCOMERS).head(10).to_dicts()},
    )


def _rows(
    catalogue: Catalogue, half_life: float, k: int, titled: NDArray[np.bool_]
) -> Iterator[tuple[str, int, int, float, str]]:
    """segment, rank, item, score, reason; of the items with a title, which alone can be shown."""
    content = catalogue.content
    genres = sorted({g for listed in content.genres for g in listed}) if content else []
    popularity = np.where(titled, newcomer_popularity(catalogue, half_life), -np.inf)
    for segment in (NEWCOMERS, *genres):
        liked, scores = [] if segment == NEWCOMERS else [segment], popularity
        if liked and content:
            inside = np.array([segment in listed for listed in content.genres])
            scores = np.where(inside, popularity, -np.inf)
        best = np.argsort(-scores, kind="stable")[:k]
        for rank, at in enumerate(best[np.isfinite(scores[best])], 1):
            yield segment, rank, int(catalogue.items[at]), float(scores[at]), popular_among(liked)
