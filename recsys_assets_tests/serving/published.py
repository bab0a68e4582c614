"""A small platform as it stands after a run: tables in the lake, models in the registry."""

import tempfile
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL, NUMBERS
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES, Interactions
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import feature_matrix
from recsys_assets.kernels.click_folds import assign_folds
from recsys_assets.kernels.effects import fit_effects
from recsys_assets.kernels.encode import ALL_FOLDS, Encoder, encode, feature_names
from recsys_assets.kernels.recommending import TopKTask, similar_items
from recsys_assets.kernels.tally import count_categories
from recsys_assets.kernels.vectors import Vectors
from recsys_assets.registry.click_files import save_clicks
from recsys_assets.registry.clicks import ClickModel
from recsys_assets.registry.factors import FactorModel, save_factors
from recsys_assets.synthetic.criteo import click_batches

USERS, ITEMS, K, RANK = 40, 60, 20, 8
SETTINGS = {"alpha": 0.6, "regularization": 0.2}
PAIRS, BLEND = ("C14*C17", "I5*C2"), Blend(-0.1, 0.6, 0.5)
GENRES = ("Comedy", "Drama", "War")


def publish(home: Home, seed: int = 3) -> None:
    """Fill lake and registry; another seed gives other lists."""
    rng = np.random.default_rng(seed)
    items = np.arange(2, 2 * ITEMS + 2, 2, dtype=np.int32)
    users = np.arange(1, USERS + 1, dtype=np.int32)
    vectors = Vectors(
        users,
        items,
        rng.normal(size=(USERS, RANK)).astype(np.float32),
        rng.normal(size=(ITEMS, RANK)).astype(np.float32),
    )
    _write_movies(home, items)
    _write_lists(home, vectors, rng)
    _log_factors(home, vectors)


def _write_movies(home: Home, items: np.ndarray) -> None:
    titles = [f'Story {n}, "part {n}" — été ({1950 + n})' for n in range(ITEMS)]
    frame = pl.DataFrame(
        {
            "item": items,
            "title": titles,
            "year": pl.Series([1950 + n if n % 7 else None for n in range(ITEMS)], dtype=pl.Int32),
            "genres": [[GENRES[n % 3]] if n % 5 else [] for n in range(ITEMS)],
            "rating_count": pl.Series([ITEMS - n for n in range(ITEMS)], dtype=pl.Int64),
            "rating_mean": 3.0,
            "last_rated": pl.Series([1_700_000_000] * ITEMS, dtype=pl.Int64),
        }
    )
    home.lake.write_frame(frame, MOVIE_FEATURES)


def _write_lists(home: Home, vectors: Vectors, rng: np.random.Generator) -> None:
    rows = [
        (int(u), int(i), float(rng.integers(1, 11)) / 2, 1_700_000_000, "train")
        for u in vectors.users
        for i in rng.choice(vectors.items, 5, replace=False)
    ]
    seen = pl.DataFrame(rows, schema=polars_schema(Interactions), orient="row")
    home.lake.write_frame(seen, INTERACTIONS)
    pairs = [seen[name].to_numpy() for name in ("user", "item", "rating")]
    task = TopKTask(vectors, vectors.matrix(*pairs), K)
    lists = task.lists_of_block((0, USERS)).with_columns(
        reason=pl.format("because you rated movie {}", "reason_item"),
        model=pl.lit("als_model"),
        model_version=pl.lit(1, pl.Int64),
    )
    home.lake.write_frame(lists, TOP_K)
    similar = similar_items(vectors, 10).with_columns(model_version=pl.lit(1, pl.Int64))
    home.lake.write_frame(similar, SIMILAR_ITEMS)


def _log_factors(home: Home, vectors: Vectors) -> None:
    sides = (
        ("user", vectors.users, vectors.user_factors),
        ("item", vectors.items, vectors.item_factors),
    )
    factors = pl.concat(
        [
            pl.DataFrame(
                {"task": "ranking", "side": side, "id": ids, "factors": matrix.tolist()},
                schema_overrides={"factors": pl.List(pl.Float32)},
            )
            for side, ids, matrix in sides
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        home.registry.log(
            "als_model",
            FactorModel(),
            {"factors": save_factors(factors, Path(folder) / "factors.npz")},
            pl.DataFrame({"user": [1], "k": [3]}),
            params=SETTINGS,
            metrics={},
        )


def clicks(rows: int = 3_000, seed: int = 11) -> pl.DataFrame:
    """Clicks as validation leaves them."""
    return pl.concat(click_batches(rows, seed))


def publish_clicks(home: Home) -> None:
    """Add a click model, and the clicks it was trained on."""
    raw = clicks()
    home.lake.write_frame(raw, CLICKS.name)
    folds = assign_folds(0, raw.height, 3, 1)
    encoder = Encoder(count_categories(raw.with_columns(folds), PAIRS, min_count=5), 20.0)
    label = raw[LABEL].cast(pl.Int8).to_numpy()
    fits = {ALL_FOLDS: fit_effects(encoder.levels(raw), encoder.level_sizes, label)}
    encoder = replace(encoder, effects=encoder.table_of_effects(fits)).without_folds()
    features = encode(raw, encoder)
    data = lgb.Dataset(
        feature_matrix(features), raw[LABEL].to_numpy(), feature_name=feature_names()
    )
    settings = {"objective": "binary", "num_leaves": 7, "verbose": -1, "num_threads": 1}
    trees = BoostedTrees(lgb.train(settings, data, 20).model_to_string())
    with tempfile.TemporaryDirectory() as folder:
        home.registry.log(
            CLICK_MODEL,
            ClickModel(),
            save_clicks(Path(folder), encoder, trees, BLEND),
            raw.head(2).select(pl.col(NUMBERS).cast(pl.Float64), *CATEGORIES),
            params={},
            metrics={},
        )
