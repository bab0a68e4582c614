"""Published tables and champion models become a bundle.

top_k, similar_items, movie_features, interactions + als_model, click_model -> a folder
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.clicks import CLICKS
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.offers import OFFERS
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.kernels.boosting import click_probability
from recsys_assets.kernels.encode import encode
from recsys_assets.kernels.folding import FoldIn
from recsys_assets.kernels.vectors import places_of
from recsys_assets.lake.tables import DROP_DATE, Lake
from recsys_assets.registry import CHAMPION, ModelRegistry
from recsys_assets.serving.bundle import EVERYBODY, load_bundle
from recsys_assets.serving.catalogue import write_catalogue
from recsys_assets.serving.clicks import FIELDS, write_click_scorer, write_offers
from recsys_assets.serving.folder import BundleWriter
from recsys_assets.serving.lists import write_runs

FACTOR_MODEL = "als_model"
"""Model whose item vectors fold in new users."""


class ExportParams(BaseModel):
    """What goes into a bundle beside the tables."""

    segment_length: int = Field(default=200, ge=1)
    """Items of the list for everybody and of that for each genre."""
    example_users: int = Field(default=20, ge=1)
    """Users whose lists are embedded as examples."""
    example_clicks: int = Field(default=50, ge=1)
    """Rows of clicks that are embedded as examples."""


@dataclass
class Export:
    """A bundle on its way into its folder."""

    lake: Lake
    registry: ModelRegistry
    params: ExportParams
    writer: BundleWriter
    items: NDArray[np.int32] = field(default_factory=lambda: np.array([], np.int32))
    facts: dict[str, Any] = field(
        default_factory=lambda: {
            "models": {},
            "tables": {},
            "rows": {},
            "examples": {"lists": [], "clicks": [], "fold_in": []},
        }
    )

    def scan(self, table: str, empty: dict[str, Any]) -> pl.LazyFrame:
        """A table, and in the facts its version; where it does not exist, no rows."""
        if not self.lake.exists(table):
            return pl.LazyFrame(schema=empty)
        version = self.facts["tables"].setdefault(table, self.lake.version(table))
        return self.lake.scan(table, version).select(*empty)

    def places(self, items: pl.Series) -> NDArray[np.int64]:
        """Places of items in the catalogue, which holds all of them."""
        return places_of(items.to_numpy(), self.items)[0]


def write_bundle(lake: Lake, registry: ModelRegistry, root: Path, params: ExportParams) -> str:
    """Write a bundle of what is published now, and load it once to prove it; its version.

    Raises:
        MissingTableError: no lists have been published yet.
        BundleError: the bundle does not answer as the batch does.
    """
    lake.open(TOP_K)
    export = Export(lake, registry, params, BundleWriter(root))
    try:
        movies = _write_items(export)
        _write_lists(export)
        _write_similar(export)
        _write_seen(export)
        export.facts["segments"] = _segments(movies, params.segment_length)
        _write_fold_in(export)
        _write_clicks(export)
        _write_offers(export)
        version = export.writer.finish(export.facts)
    except BaseException:
        export.writer.abandon()
        raise
    load_bundle(root / version)
    return version


def _write_items(export: Export) -> pl.DataFrame:
    """All items that anything speaks of, with what the catalogue knows of them."""
    schema = {
        "item": pl.Int32,
        "title": pl.String,
        "year": pl.Int32,
        "genres": pl.List(pl.String),
        "rating_count": pl.Int64,
    }
    movies = export.scan(MOVIE_FEATURES, schema).collect()
    spoken_of = [
        export.scan(TOP_K, {"item": pl.Int32}),
        export.scan(SIMILAR_ITEMS, {"item": pl.Int32}),
        export.scan(SIMILAR_ITEMS, {"similar_item": pl.Int32}).rename({"similar_item": "item"}),
        export.scan(INTERACTIONS, {"item": pl.Int32}),
        movies.lazy().select("item"),
    ]
    items = pl.concat([frame.unique() for frame in spoken_of]).unique().sort("item").collect()
    full = items.join(movies, on="item", how="left", maintain_order="left")
    export.items = full["item"].to_numpy()
    described = full.select("item", "title", "year", "genres")
    export.facts |= write_catalogue(export.writer, described)
    export.facts["rows"]["items"] = full.height
    return full


def _write_lists(export: Export) -> None:
    schema = {
        "user": pl.Int32,
        "rank": pl.Int32,
        "item": pl.Int32,
        "score": pl.Float32,
        "reason": pl.String,
        "model": pl.String,
        "model_version": pl.Int64,
    }
    made_by = pl.struct("model", "model_version")
    lists = (
        export.scan(TOP_K, schema)
        .with_columns(
            # Reasons repeat: numbered, they take four bytes a row.
            reason_number=pl.col("reason").rank("dense").cast(pl.Int32) - 1,
            model_number=made_by.rank("dense").cast(pl.Int32) - 1,
        )
        .sort("user", "rank")
        .collect()
    )
    numbered = lists.select("reason", "reason_number").unique().sort("reason_number")
    models = lists.select("model", "model_version", "model_number").unique().sort("model_number")
    places = export.places(lists["item"])
    owners = write_runs(export.writer, "lists", lists["user"], places, lists["score"].to_numpy())
    export.writer.array("lists_reasons", lists["reason_number"].to_numpy())
    export.writer.array("lists_models", lists["model_number"].gather(owners["start"]).to_numpy())
    export.writer.text(
        "reasons.jsonl", "\n".join(json.dumps(r, ensure_ascii=False) for r in numbered["reason"])
    )
    export.facts["models"]["lists"] = models.select("model", "model_version").rows()
    export.facts["rows"] |= {"users": owners.height, "list_rows": lists.height}
    export.facts["examples"]["lists"] = _list_examples(lists, owners, export.params)


def _list_examples(
    lists: pl.DataFrame, owners: pl.DataFrame, params: ExportParams
) -> list[tuple[int, list[int], list[float]]]:
    """Users spread over all, with their whole lists."""
    every = max(1, owners.height // params.example_users)
    chosen = owners["owner"].gather_every(every).head(params.example_users)
    rows = lists.filter(pl.col("user").is_in(chosen.implode()))
    grouped = rows.group_by("user", maintain_order=True).agg("item", "score")
    return [(user, items, scores) for user, items, scores in grouped.iter_rows()]


def _write_similar(export: Export) -> None:
    schema = {
        "item": pl.Int32,
        "rank": pl.Int32,
        "similar_item": pl.Int32,
        "similarity": pl.Float32,
    }
    rows = export.scan(SIMILAR_ITEMS, schema).sort("item", "rank").collect()
    places = export.places(rows["similar_item"])
    write_runs(export.writer, "similar", rows["item"], places, rows["similarity"].to_numpy())


def _write_seen(export: Export) -> None:
    schema = {"user": pl.Int32, "item": pl.Int32, "rating": pl.Float32}
    rows = export.scan(INTERACTIONS, schema).sort("user", "item").collect()
    places = export.places(rows["item"])
    write_runs(export.writer, "seen", rows["user"], places, rows["rating"].to_numpy())


def _segments(movies: pl.DataFrame, length: int) -> dict[str, tuple[list[int], list[float]]]:
    """What most people rated: of all movies, and of each genre."""
    ranked = (
        movies.with_row_index("place")
        .with_columns(pl.col("rating_count").fill_null(0))
        .sort("rating_count", "item", descending=[True, False])
    )
    by_genre = ranked.explode("genres").drop_nulls("genres")
    parts = by_genre.partition_by("genres", as_dict=True, maintain_order=True)
    named = {EVERYBODY: ranked, **{f"genre {genre}": part for (genre,), part in parts.items()}}
    return {
        name: (
            part["place"].head(length).to_list(),
            part["rating_count"].head(length).cast(pl.Float64).to_list(),
        )
        for name, part in sorted(named.items())
    }


def _write_fold_in(export: Export) -> None:
    if not export.registry.has(FACTOR_MODEL, CHAMPION):
        return
    found = export.registry.find(FACTOR_MODEL, CHAMPION)
    settings = export.registry.params(found)
    model = export.registry.load(FACTOR_MODEL, CHAMPION).unwrap_python_model()
    alpha, penalty = float(settings["alpha"]), float(settings["regularization"])
    fold_in = FoldIn(model.items, model.item_factors, alpha, penalty)
    export.writer.array("factor_items", fold_in.items)
    export.writer.array("factors", fold_in.factors)
    export.facts["models"]["fold_in"] = {
        "model": FACTOR_MODEL,
        "version": found.version,
        "alpha": alpha,
        "regularization": penalty,
    }
    for count in (1, 5, 20):
        rated = np.arange(0, len(fold_in.items), max(1, len(fold_in.items) // count))[:count]
        stars = np.resize(np.array([5.0, 3.0, 4.0], np.float32), len(rated))
        scores = fold_in.scores(fold_in.vector(rated, stars))[rated]
        example = (fold_in.items[rated].tolist(), stars.tolist(), scores.tolist())
        export.facts["examples"]["fold_in"].append(example)


def _write_clicks(export: Export) -> None:
    if not export.registry.has(CLICK_MODEL, CHAMPION):
        return
    found = export.registry.find(CLICK_MODEL, CHAMPION)
    model = export.registry.load(CLICK_MODEL, CHAMPION).unwrap_python_model()
    trees = model.booster.model_to_string()
    write_click_scorer(export.writer, model.encoder, trees, model.blend)
    export.facts["models"]["click"] = {"model": CLICK_MODEL, "version": found.version}
    rows = (
        export.lake.scan(CLICKS.name).select(*FIELDS).head(export.params.example_clicks).collect()
    )
    # The batch's own way, from a frame, against which the service's way is held.
    scores = click_probability(model.booster, encode(rows, model.encoder), model.blend)
    export.facts["examples"]["clicks"] = list(zip(rows.rows(), scores.tolist(), strict=True))


def _write_offers(export: Export) -> None:
    if not export.lake.exists(OFFERS.name):
        return
    schema = {"item": pl.Int32, **dict.fromkeys(FIELDS, pl.String), DROP_DATE: pl.Date}
    rows = export.scan(OFFERS.name, schema).sort("item", DROP_DATE).collect()
    write_offers(export.writer, rows.unique("item", keep="last", maintain_order=True))
