"""The click model of a bundle: candidates in, click probabilities out, by the batch kernels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import additive_log_odds, contributions
from recsys_assets.kernels.click_fields import CATEGORIES, NUMBERS
from recsys_assets.kernels.code_table import CodeTable, code_table_of, encode_codes
from recsys_assets.kernels.encode import Encoder, feature_names
from recsys_assets.kernels.top_k import Ints
from recsys_assets.kernels.vectors import places_of
from recsys_assets.serving.folder import BundleReader, BundleWriter

FIELDS = (*NUMBERS, *CATEGORIES)
Fields = Sequence[Any]
"""Values of all fields of a row in the order of `FIELDS`; None where missing."""
_ABSENT = "--------"
_WORD = np.dtype("<u8")
_ABSENT_WORD, _NO_CODE = np.frombuffer(f"{_ABSENT}00000000".encode(), _WORD)


@dataclass(frozen=True)
class RawRows:
    """Fields of rows as arrays."""

    numbers: NDArray[np.float32]
    """Rows × 13, NaN where missing."""
    codes: NDArray[np.uint32]
    """Rows × 26; 0 where missing."""
    absent: NDArray[np.bool_]
    """Rows × 26, whether the category is missing."""

    @property
    def missing(self) -> NDArray[np.int64]:
        """Rows without a value, by field."""
        return np.concatenate([np.isnan(self.numbers).sum(axis=0), self.absent.sum(axis=0)])


def raw_rows(rows: Sequence[Fields]) -> RawRows:
    """Rows of fields as arrays.

    Raises:
        ValueError: a category is not eight hexadecimal digits.
    """
    split = len(NUMBERS)
    numbers = np.fromiter(
        chain.from_iterable([row[:split] for row in rows]), np.float32, len(rows) * split
    )
    values = list(chain.from_iterable([row[split:] for row in rows]))
    # All at once: a number from each text would take longer than scoring does.
    digits = "".join([_ABSENT if value is None else value for value in values])
    if digits != digits.lower() or len(digits) != len(values) * len(_ABSENT):
        raise ValueError("categories are eight digits each, in lower case")
    words = np.frombuffer(digits.encode("ascii"), _WORD).copy()
    absent = words == _ABSENT_WORD
    if np.count_nonzero(absent) != values.count(None):
        raise ValueError("a category is no number")
    words[absent] = _NO_CODE
    codes = np.frombuffer(bytes.fromhex(words.tobytes().decode("ascii")), ">u4")
    shape = (len(rows), len(CATEGORIES))
    return RawRows(
        numbers.reshape(len(rows), split),
        codes.astype(np.uint32).reshape(shape),
        absent.reshape(shape),
    )


@dataclass(frozen=True)
class ClickScorer:
    """Encoder, trees and calibration of one version."""

    table: CodeTable
    trees: BoostedTrees
    blend: Blend
    model: str
    model_version: int

    def features(self, rows: RawRows) -> NDArray[np.float32]:
        """Features of rows, in the order of `feature_names`."""
        return encode_codes(rows.numbers, rows.codes, rows.absent, self.table)

    def probability(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Click probability of each row, what `click_probability` says, by LightGBM."""
        scores = self.trees.booster.predict(features, raw_score=True, num_threads=1)
        return self.blend.probability(np.asarray(scores), additive_log_odds(features))

    def contributions(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to the log odds of each row, the rest (bias) in the last column.

        Exact Shapley values of the trees: Lundberg et al., "Consistent Individualized Feature
        Attribution for Tree Ensembles" (2018). They cost a thousand times as much as scoring.
        """
        return contributions(self.trees, features, self.blend)


@dataclass(frozen=True)
class KnownOffers:
    """Fields of items on offer, by ascending id."""

    items: Ints
    lines: list[bytes]
    """Of each item its fields as a JSON array."""

    def rows(self, items: Sequence[int]) -> list[Fields | None]:
        """Fields of items; None for those that no offer is known of."""
        places, known = places_of(np.array(items, np.int32), self.items)
        found = zip(places.tolist(), known.tolist(), strict=True)
        return [json.loads(self.lines[place]) if there else None for place, there in found]


def write_offers(writer: BundleWriter, offers: pl.DataFrame) -> None:
    """Add offers to a bundle: item and all fields, by ascending item."""
    writer.array("offer_items", offers["item"].to_numpy())
    lines = (json.dumps(row) for row in offers.select(FIELDS).iter_rows())
    writer.text("offers.jsonl", "\n".join(lines))


def read_offers(reader: BundleReader) -> KnownOffers | None:
    """The offers of a bundle; None where it has none."""
    if not reader.has("offers.jsonl"):
        return None
    return KnownOffers(reader.array("offer_items"), reader.lines("offers.jsonl"))


def write_click_scorer(
    writer: BundleWriter, encoder: Encoder, trees: BoostedTrees, blend: Blend
) -> None:
    """Add encoder, trees and calibration to a bundle."""
    table = code_table_of(encoder.without_folds())
    for field in fields(table):
        writer.array(f"encoder_{field.name}", getattr(table, field.name))
    writer.text("booster.txt", trees.text)
    writer.text("blend.json", json.dumps(blend._asdict()))


def read_click_scorer(reader: BundleReader) -> ClickScorer | None:
    """Encoder, trees and calibration of a bundle; None where it has none."""
    about = reader.facts["models"].get("click")
    if about is None:
        return None
    trees = BoostedTrees(reader.text("booster.txt"))
    # LightGBM reads them here, so that no request waits for it.
    if trees.booster.feature_name() != feature_names():
        raise ValueError("booster.txt was trained on other features than this service makes")
    table = CodeTable(*(reader.array(f"encoder_{field.name}") for field in fields(CodeTable)))
    blend = Blend(**json.loads(reader.text("blend.json")))
    return ClickScorer(table, trees, blend, about["model"], about["version"])
