"""A bundle in service: everything answers are made from, verified before the first one."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recsys_assets.kernels.folding import FoldIn
from recsys_assets.kernels.top_k import Ints
from recsys_assets.serving.catalogue import Catalogue, Filters, Places, read_catalogue
from recsys_assets.serving.clicks import (
    ClickScorer,
    KnownOffers,
    raw_rows,
    read_click_scorer,
    read_offers,
)
from recsys_assets.serving.folder import (
    BundleError,
    BundleReader,
    read_manifest,
    verified_manifest,
)
from recsys_assets.serving.lists import Runs, mapped, read_runs

EVERYBODY = "everybody"
TOLERANCE = 1e-6
"""Most by which a score may differ from that of the batch."""


@dataclass(frozen=True)
class Bundle:
    """One version of everything."""

    version: str
    facts: dict[str, Any]
    catalogue: Catalogue
    lists: Runs
    list_reasons: "memoryview[int]"
    """Of each row of a list, which of the reasons."""
    list_models: "memoryview[int]"
    """Of each user, which of the models made the list."""
    reasons: list[bytes]
    """JSON strings."""
    similar: Runs
    segments: dict[str, tuple[list[int], list[float]]]
    """Name → places and scores, the best first."""
    seen: Runs
    """Items that each user has rated."""
    fold_in: FoldIn | None
    clicks: ClickScorer | None
    offers: KnownOffers | None

    @cached_property
    def list_heads(self) -> list[bytes]:
        """The start of a stored answer after the user's id, by model."""
        return [
            b',"known":true,"source":"stored","segment":null,"version":"%b","model":"%b",'
            b'"model_version":%d' % (self.version.encode(), model.encode(), version)
            for model, version in self.facts["models"]["lists"]
        ]

    def seen_by(self, user: int) -> Places:
        """Places of the items that a user has rated."""
        row = self.seen.row(user)
        return np.array(self.seen.of(row)[0] if row is not None else [], np.int64)

    def segment_for(self, filters: Filters) -> str:
        """The segment that suits a user nobody knows."""
        genre = filters.genre
        return f"genre {genre}" if f"genre {genre}" in self.segments else EVERYBODY

    def ids(self, places: Places) -> Ints:
        """Ids of items by place."""
        found: Ints = self.catalogue.ids[places]
        return found


def load_bundle(folder: Path, proved: bool = False) -> Bundle:
    """The bundle of a folder, after all its checksums and examples have been found right.

    Args:
        folder: of the bundle.
        proved: whether they have been found right before; then it is only read.

    Raises:
        BundleError: it must not serve; the message says why.
    """
    try:
        reader = BundleReader(folder, (read_manifest if proved else verified_manifest)(folder))
        bundle = _read(reader)
        if not proved:
            _compare(bundle, reader.facts["examples"])
    except BundleError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, OSError) as error:
        raise BundleError(
            f"{folder.name} cannot be read ({type(error).__name__}: {error}); if another release"
            " wrote it, make a new one: recsys run --select serving_bundle"
        ) from error
    return bundle


def _read(reader: BundleReader) -> Bundle:
    return Bundle(
        version=reader.folder.name,
        facts=reader.facts,
        catalogue=read_catalogue(reader),
        lists=read_runs(reader, "lists"),
        list_reasons=mapped(reader.array("lists_reasons")),
        list_models=mapped(reader.array("lists_models")),
        reasons=reader.lines("reasons.jsonl"),
        similar=read_runs(reader, "similar"),
        segments={
            name: (places, scores) for name, (places, scores) in reader.facts["segments"].items()
        },
        seen=read_runs(reader, "seen"),
        fold_in=_read_fold_in(reader),
        clicks=read_click_scorer(reader),
        offers=read_offers(reader),
    )


def _read_fold_in(reader: BundleReader) -> FoldIn | None:
    about = reader.facts["models"].get("fold_in")
    if about is None:
        return None
    items, factors = reader.array("factor_items"), reader.array("factors")
    fold_in = FoldIn(items, factors, about["alpha"], about["regularization"])
    # Computed now, so that the first user does not wait for them.
    assert len(fold_in.gram) == factors.shape[1] and len(fold_in.directions) == len(items)
    return fold_in


def _compare(bundle: Bundle, examples: dict[str, Any]) -> None:
    """Hold a bundle against examples that the batch computed.

    Raises:
        BundleError: an answer differs.
    """
    for user, items, scores in examples["lists"]:
        row = bundle.lists.row(user)
        places, found = bundle.lists.of(row) if row is not None else ([], [])
        if bundle.ids(np.array(places, np.int64)).tolist() != items:
            raise BundleError(f"{bundle.version}: the list of an example user is another")
        _near(bundle, "the scores of an example list", found, scores)
    if bundle.clicks and examples["clicks"]:
        rows = raw_rows([row for row, _ in examples["clicks"]])
        found = bundle.clicks.probability(bundle.clicks.features(rows)).tolist()
        expected = [probability for _, probability in examples["clicks"]]
        _near(bundle, "the click probabilities of the examples", found, expected)
    for items, stars, expected in examples["fold_in"]:
        assert bundle.fold_in is not None
        rows_of, _ = bundle.fold_in.places(np.array(items, np.int32))
        vector = bundle.fold_in.vector(rows_of, np.array(stars, np.float32))
        found = bundle.fold_in.scores(vector)[rows_of].tolist()
        _near(bundle, "the scores of an example of a new user", found, expected)


def _near(bundle: Bundle, what: str, found: list[float], expected: list[float]) -> None:
    if len(found) != len(expected) or not np.allclose(found, expected, rtol=0, atol=TOLERANCE):
        raise BundleError(f"{bundle.version}: {what} differ from those of the batch")
