"""Validated clicks become features: the categories are counted, then every row is encoded.

    clicks -> (first pass: training rows) -> click_encoder
    clicks + click_encoder -> (second pass: all rows) -> click_features

Rows are split in the order in which they came: by drop date, file and line. The earliest are
trained on and the latest tested on, as a model in use meets them.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import polars as pl
from pydantic import BaseModel, Field, model_validator

from recsys_assets.contracts.click_tables import CLICK_ENCODER, CLICK_FEATURES, ClickFeatures
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.contracts.features import SPLITS
from recsys_assets.contracts.schema import arrow_schema
from recsys_assets.kernels.categories import (
    FOLD,
    add_up,
    assign_folds,
    count_categories,
    merge_rare,
)
from recsys_assets.kernels.encode import Encoder, encode, feature_names
from recsys_assets.lake.store import place, remove_tree, scan_parquet, write_parquet
from recsys_assets.lake.tables import DataFile
from recsys_assets.steps.clicks import Block, click_parts, cut_blocks, nothing_landed
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


class EncodingParams(BaseModel):
    """How clicks are split and encoded; the rest after training and validation is tested on."""

    train: float = Field(default=0.8, gt=0, lt=1)
    """Share of the rows to train on."""
    validation: float = Field(default=0.1, gt=0, lt=1)
    """Share of the rows to choose the number of trees by."""
    folds: int = Field(default=5, ge=2, le=100)
    """Folds of the training rows; a row is encoded from the other folds."""
    smoothing: float = Field(default=50.0, gt=0)
    """Rows at the overall click rate that are added to those of each value."""
    min_count: int = Field(default=10, ge=1)
    """Values that fewer training rows hold are encoded together."""
    min_rows: int = Field(default=1_000, ge=10)
    """With fewer rows nothing is learned worth having."""
    block_rows: int = Field(default=200_000, ge=1_000)
    """Rows that one task encodes at once."""
    seed: int = Field(default=42, ge=0)
    """Another seed draws other folds."""

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> "EncodingParams":
        if self.train + self.validation >= 1:
            raise ValueError("train + validation must leave a share to test on")
        return self


def encode_clicks(session: Session, params: EncodingParams) -> StepReport:
    """Split all validated clicks by time, count the training part, encode every row."""
    if report := nothing_landed(session):
        return report
    parts = click_parts(session.lake)
    total = sum(part.rows for part in parts)
    if total < params.min_rows:
        return StepReport(
            failed=f"only {total} clicks of at least {params.min_rows} have landed: land more with "
            "`recsys land clicks FILE`"
        )
    blocks = cut_blocks(parts, (params.train, params.validation), params.block_rows)
    encoder, clicks = _count(session, blocks, params)
    rows = sum(block.rows for block in blocks if block.split == SPLITS[0])
    if clicks in (0, rows):
        return StepReport(
            failed=f"all {rows} training rows have the label {int(clicks > 0)}: land a log that "
            "holds impressions with clicks and without"
        )
    table = encoder.statistics.with_columns(smoothing=pl.lit(encoder.smoothing))
    versions = {CLICK_ENCODER: session.lake.write_frame(table, CLICK_ENCODER)}
    written = _encode(session, blocks, encoder, params)
    versions[CLICK_FEATURES] = session.lake.replace_files(
        CLICK_FEATURES,
        [DataFile(place(row["path"]), row["rows"]) for row in written],
        arrow_schema(ClickFeatures),
        f"run {session.run_id}",
        partition_by=["split"],
    )
    return _describe(blocks, written, encoder, versions)


def _count(session: Session, blocks: list[Block], params: EncodingParams) -> tuple[Encoder, int]:
    """The encoder of the training rows, and how many of them were clicked."""
    folder = session.lake.staging(CLICK_ENCODER)
    folds, seed = params.folds, params.seed

    def count(block: Block) -> Iterator[dict[str, Any]]:
        rows = block.read([LABEL, *CATEGORIES])
        rows = rows.with_columns(assign_folds(block.first, rows.height, folds, seed))
        statistics = count_categories(rows)
        path = f"{folder}/{block.first}.parquet"
        write_parquet(statistics, path, row_group_size=50_000)
        yield {"path": path, "rows": rows.height, "clicks": int(rows[LABEL].sum())}

    training = [block for block in blocks if block.split == SPLITS[0]]
    written = [row for _, row in map_items(session.spark, training, count)]
    statistics = scan_parquet(*(row["path"] for row in written))
    # Category by category: all values of a full log at once would not fit a small machine.
    merged = [
        merge_rare(add_up(statistics.filter(column=name)).collect(), params.min_count)
        for name in (LABEL, *CATEGORIES)
    ]
    remove_tree(folder)
    return Encoder(pl.concat(merged), params.smoothing), sum(row["clicks"] for row in written)


def _encode(
    session: Session, blocks: list[Block], encoder: Encoder, params: EncodingParams
) -> list[dict[str, Any]]:
    """Write the features of all blocks; one row about each file."""
    shared = session.spark.sparkContext.broadcast(encoder)
    root = session.lake.uri(CLICK_FEATURES)
    folds, seed = params.folds, params.seed

    def work(block: Block) -> Iterator[dict[str, Any]]:
        rows = block.read([LABEL, *NUMBERS, *CATEGORIES])
        fold_column = None
        if block.split == SPLITS[0]:
            rows = rows.with_columns(assign_folds(block.first, rows.height, folds, seed))
            fold_column = FOLD
        features = encode(rows, shared.value, fold_column).with_columns(rows[LABEL])
        path = f"{root}/split={block.split}/part-{block.first:012d}-{uuid.uuid4()}.parquet"
        write_parquet(features, path, compression="zstd", compression_level=1, statistics=False)
        yield {"path": path, "rows": rows.height, "clicks": int(rows[LABEL].sum())}

    written = [row for _, row in map_items(session.spark, blocks, work)]
    shared.destroy()
    return written


def _describe(
    blocks: list[Block], written: list[dict[str, Any]], encoder: Encoder, versions: dict[str, int]
) -> StepReport:
    files = pl.DataFrame(written).with_columns(split=pl.Series([b.split for b in blocks]))
    counted = files.group_by("split", maintain_order=True).agg(pl.col("rows", "clicks").sum())
    splits = counted.with_columns(click_rate=pl.col("clicks") / pl.col("rows"))
    rare = pl.col("value").is_null()
    categories = (
        encoder.statistics.filter(pl.col("column") != LABEL)
        .group_by("column", maintain_order=True)
        .agg(
            values=pl.col("value").drop_nulls().n_unique(),
            rows=pl.col("count").sum(),
            rare_share=pl.col("count").filter(rare).sum() / pl.col("count").sum(),
        )
    )
    return StepReport(
        rows={CLICK_FEATURES: int(files["rows"].sum()), CLICK_ENCODER: encoder.statistics.height},
        versions=versions,
        figures={
            "features": len(feature_names()),
            "category_values": int(categories["values"].sum()),
            **{f"{split}_rows": n for split, n in splits.select("split", "rows").iter_rows()},
        },
        tables={"Splits": splits.to_dicts(), "Categories": categories.to_dicts()},
    )
