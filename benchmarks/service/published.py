"""Tables and models of full size, made up, and the bundle of them."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import polars as pl

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL, NUMBERS
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.home import Home
from recsys_assets.kernels.blending import MEAN
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import feature_matrix
from recsys_assets.kernels.click_folds import assign_folds
from recsys_assets.kernels.effects import fit_effects
from recsys_assets.kernels.encode import ALL_FOLDS, Encoder, encode, feature_names
from recsys_assets.kernels.tally import count_categories
from recsys_assets.registry.click_files import save_clicks
from recsys_assets.registry.clicks import ClickModel
from recsys_assets.registry.factors import FactorModel
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.synthetic.criteo import click_batches

RANK, LENGTH = 48, 100


def publish(home: Home, users: int, items: int) -> str:
    """Fill the tables with made-up lists of full size; the bundle of them."""
    rng = np.random.default_rng(1)
    ids = np.arange(1, items + 1, dtype=np.int32)
    genres = ["Action", "Comedy", "Drama", "Horror", "Romance", "War"]
    movies = {
        "item": ids,
        "title": [f"The film with the number {n} ({1930 + n % 90})" for n in ids],
        "year": (1930 + ids % 90).astype(np.int32),
        "genres": [[genres[n % 6], genres[n // 6 % 6]] for n in ids],
        "rating_count": rng.integers(0, 5_000, items),
    }
    home.lake.write_frame(pl.DataFrame(movies), MOVIE_FEATURES)
    owners = np.repeat(np.arange(1, users + 1, dtype=np.int32), LENGTH)
    step = rng.integers(1, items // LENGTH, users)
    chosen = (rng.integers(0, items, users)[:, None] + step[:, None] * np.arange(LENGTH)) % items
    lists = pl.DataFrame(
        {
            "user": owners,
            "rank": np.tile(np.arange(1, LENGTH + 1, dtype=np.int32), users),
            "item": ids[chosen.ravel()],
            "score": np.tile(np.linspace(1, 0.1, LENGTH, dtype=np.float32), users),
            "reason": np.repeat(rng.integers(1, items, users).astype(np.int32), LENGTH),
        }
    ).with_columns(
        pl.format("because you rated The film with the number {}", "reason").alias("reason"),
        model=pl.lit("rank_model"),
        model_version=pl.lit(1, pl.Int64),
    )
    home.lake.write_frame(lists, TOP_K)
    similar = {
        "item": np.repeat(ids, 10),
        "rank": np.tile(np.arange(1, 11, dtype=np.int32), items),
        "similar_item": ids[rng.integers(0, items, 10 * items)],
        "similarity": np.tile(np.linspace(1, 0.1, 10, dtype=np.float32), items),
    }
    home.lake.write_frame(pl.DataFrame(similar), SIMILAR_ITEMS)
    seen = {
        "user": np.repeat(np.arange(1, users + 1, dtype=np.int32), 20),
        "item": ids[rng.integers(0, items, 20 * users)],
        "rating": np.full(20 * users, 4, np.float32),
    }
    home.lake.write_frame(pl.DataFrame(seen), INTERACTIONS)
    _log_factors(home, ids, rng)
    _log_clicks(home)
    return write_bundle(home.lake, home.registry, home.bundles, ExportParams())


def _log_factors(home: Home, ids: np.ndarray, rng: np.random.Generator) -> None:
    path = home.root / "factors.npz"
    np.savez(
        path,
        ranking_user_ids=np.array([1], np.int32),
        ranking_user_factors=np.ones((1, RANK), np.float32),
        ranking_item_ids=ids,
        ranking_item_factors=rng.normal(0, 0.1, (len(ids), RANK)).astype(np.float32),
    )
    settings = {"alpha": 0.6, "regularization": 0.2}
    example = pl.DataFrame({"user": [1], "k": [3]})
    home.registry.log(
        "als_model", FactorModel(), {"factors": path}, example, params=settings, metrics={}
    )


def _log_clicks(home: Home) -> None:
    raw = pl.concat(click_batches(200_000, 7))
    home.lake.write_frame(raw.head(1_000), CLICKS.name)
    training = raw.with_columns(assign_folds(0, raw.height, 2, 1))
    encoder = Encoder(count_categories(training, min_count=10), 50.0)
    label = raw[LABEL].cast(pl.Int8).to_numpy()
    fits = {ALL_FOLDS: fit_effects(encoder.levels(raw), encoder.level_sizes, label)}
    encoder = replace(encoder, effects=encoder.table_of_effects(fits)).without_folds()
    matrix = feature_matrix(encode(raw.head(50_000), encoder))
    data = lgb.Dataset(matrix, raw[LABEL].head(50_000).to_numpy(), feature_name=feature_names())
    settings = {"objective": "binary", "num_leaves": 63, "verbose": -1, "num_threads": 2}
    trees = BoostedTrees(lgb.train(settings, data, 100).model_to_string())
    files = save_clicks(home.root, encoder, trees, MEAN)
    fields = raw.head(2).select(*NUMBERS, *CATEGORIES).with_columns(pl.col(NUMBERS).cast(float))
    home.registry.log(CLICK_MODEL, ClickModel(), files, fields, params={}, metrics={})
