"""Validated clicks become features: the categories are counted, then every row is encoded.

    clicks -> (training rows) -> click_encoder: rows and clicks of each value
    clicks -> (a sample of the training rows) -> pairs of columns that belong together, counted too
    clicks + click_encoder -> (training rows, once per fold) -> click_effects
    clicks + click_encoder + click_effects -> (all rows) -> click_features

Rows are split in the order in which they came: by drop date, file and line. The earliest are
trained on and the latest tested on, as a model in use meets them.
"""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl
from pydantic import Field, model_validator

from recsys_assets.contracts.click_tables import (
    CLICK_EFFECTS,
    CLICK_ENCODER,
    CLICK_FEATURES,
    ClickFeatures,
)
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.contracts.features import SPLITS
from recsys_assets.contracts.schema import arrow_schema
from recsys_assets.kernels.click_fit import EncodingPlan
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.encode import Encoder, encode, feature_names
from recsys_assets.lake.store import place, write_numbers
from recsys_assets.lake.tables import DataFile
from recsys_assets.steps.clicks.counts import choose_pairs, count_values
from recsys_assets.steps.clicks.effects import fit_effects_of
from recsys_assets.steps.clicks.parts import Block, click_parts, cut_blocks, nothing_landed
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items

_FIELDS = (*NUMBERS, *CATEGORIES)
REPEATED = (LABEL, *NUMBERS, *(f"{name}_count" for name in CATEGORIES))
"""Columns of the features in which few values repeat; means differ by fold too."""


class EncodingParams(StepParams, EncodingPlan):
    """How clicks are split and encoded; the rest after training and validation is tested on."""

    train: float = Field(default=0.8, gt=0, lt=1)
    """Share of the rows to train on."""
    validation: float = Field(default=0.1, gt=0, lt=1)
    """Share of the rows to choose the number of trees by."""
    min_rows: int = Field(default=1_000, ge=10)
    """With fewer rows nothing is learned worth having."""
    block_rows: int = Field(default=200_000, ge=1_000)
    """Rows that one task encodes at once."""

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
    training = [block for block in blocks if block.split == SPLITS[0]]
    statistics = count_values(session, training, (LABEL, *CATEGORIES), params)
    rows, clicks = statistics.filter(column=LABEL).select(pl.col("count", "clicks").sum()).row(0)
    if clicks in (0, rows):
        return StepReport(
            failed=f"all {rows} training rows have the label {int(clicks > 0)}: land a log that "
            "holds impressions with clicks and without"
        )
    if pairs := choose_pairs(training, params):
        counted = count_values(session, training, pairs, params)
        statistics = pl.concat([statistics, counted])
    encoder = Encoder(statistics, params.smoothing, earlier=params.earlier)
    effects = fit_effects_of(session, training, encoder, params)
    encoder = replace(encoder, effects=effects)
    table = encoder.statistics.with_columns(smoothing=pl.lit(encoder.smoothing))
    # First, for it takes longest: if it dies, the encoder is still that of the features.
    written = write_features(session, blocks, encoder, params)
    versions = {
        CLICK_ENCODER: session.lake.write_frame(table, CLICK_ENCODER),
        CLICK_EFFECTS: session.lake.write_frame(effects, CLICK_EFFECTS),
    }
    versions[CLICK_FEATURES] = session.lake.replace_files(
        CLICK_FEATURES,
        [DataFile(place(row["path"]), row["rows"]) for row in written],
        arrow_schema(ClickFeatures),
        f"run {session.run_id}",
        partition_by=["split"],
    )
    return _describe(blocks, written, encoder, versions)


def write_features(
    session: Session, blocks: list[Block], encoder: Encoder, plan: EncodingPlan
) -> list[dict[str, Any]]:
    """Write the features of all blocks; one row about each file: path, rows, clicks."""
    shared = session.spark.sparkContext.broadcast(encoder)
    root = session.lake.uri(CLICK_FEATURES)
    total = sum(block.rows for block in blocks if block.split == SPLITS[0])

    def work(block: Block) -> Iterator[dict[str, Any]]:
        rows = block.read([LABEL, *_FIELDS])
        fold_column = None
        if block.split == SPLITS[0]:
            rows = rows.with_columns(plan.fold_of(block.first, rows.height, total))
            fold_column = FOLD
            if plan.earlier:
                # The first period has no past to be encoded from.
                rows = rows.filter(pl.col(FOLD) > 0)
        features = encode(rows, shared.value, fold_column).with_columns(rows[LABEL])
        path = f"{root}/split={block.split}/part-{block.first:012d}-{uuid.uuid4()}.parquet"
        write_numbers(features, path, REPEATED)
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
        rows={
            CLICK_FEATURES: int(files["rows"].sum()),
            CLICK_ENCODER: encoder.statistics.height,
            CLICK_EFFECTS: 0 if encoder.effects is None else encoder.effects.height,
        },
        versions=versions,
        figures={
            "features": len(feature_names()),
            "category_values": int(categories["values"].sum()),
            "pairs": ", ".join(encoder.crosses) or "none stands out",
            **{f"{split}_rows": n for split, n in splits.select("split", "rows").iter_rows()},
        },
        tables={"Splits": splits.to_dicts(), "Categories": categories.to_dicts()},
    )
