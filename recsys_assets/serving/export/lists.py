"""Tables of lists become runs of places in the catalogue.

top_k, similar_items, interactions -> arrays
"""

import json

import polars as pl

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.serving.export.draft import Export, ExportParams
from recsys_assets.serving.lists import write_runs


def write_lists(export: Export) -> None:
    """Add the stored lists, with examples of them."""
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


def write_similar(export: Export) -> None:
    """Add the lists of similar items."""
    schema = {
        "item": pl.Int32,
        "rank": pl.Int32,
        "similar_item": pl.Int32,
        "similarity": pl.Float32,
    }
    rows = export.scan(SIMILAR_ITEMS, schema).sort("item", "rank").collect()
    places = export.places(rows["similar_item"])
    write_runs(export.writer, "similar", rows["item"], places, rows["similarity"].to_numpy())


def write_seen(export: Export) -> None:
    """Add what each user has rated."""
    schema = {"user": pl.Int32, "item": pl.Int32, "rating": pl.Float32}
    rows = export.scan(INTERACTIONS, schema).sort("user", "item").collect()
    places = export.places(rows["item"])
    write_runs(export.writer, "seen", rows["user"], places, rows["rating"].to_numpy())
