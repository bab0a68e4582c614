"""MovieLens latest-small where it lies beside the project; elsewhere tests skip it."""

from pathlib import Path

import polars as pl
import pytest

from recsys_assets.contracts.ratings import RATINGS
from recsys_assets.lake.rows import read_rows


def _find() -> Path | None:
    beside = (folder / "shared" / "data" / "ml-latest-small" for folder in Path(__file__).parents)
    return next((folder for folder in beside if folder.is_dir()), None)


_FOLDER = _find()
REAL_RATINGS = _FOLDER / "ratings.csv" if _FOLDER else None
REAL_MOVIES = _FOLDER / "movies.csv" if _FOLDER else None

needs_real_data = pytest.mark.skipif(_FOLDER is None, reason="the real data are not here")


def read_real_ratings() -> pl.DataFrame:
    """User, item, rating, timestamp in the order of the published file."""
    assert REAL_RATINGS is not None
    return read_rows(REAL_RATINGS, RATINGS).frame
