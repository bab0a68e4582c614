"""Figures for Prometheus, added up over all worker processes."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from recsys_assets.processes import lives
from recsys_assets.serving.clicks import FIELDS

__all__ = ["CONTENT_TYPE_LATEST"]

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

SECONDS = Histogram(
    "recsys_request_seconds",
    "Time from a request's arrival to its answer.",
    ("route", "status"),
    buckets=_BUCKETS,
)
FALLBACKS = Counter(
    "recsys_fallbacks", "Answers that were not personal, by what stood in for them.", ("segment",)
)
LOADED = Gauge(
    "recsys_bundle_loaded",
    "Workers that serve a version, by arm.",
    ("version", "arm"),
    multiprocess_mode="livesum",
)
REFUSED = Counter("recsys_bundles_refused", "Bundles that were found damaged, by worker.")
RANKED_ROWS = Counter("recsys_ranked_rows", "Candidates that were scored.")
MISSING = Counter(
    "recsys_features_missing", "Candidates that were scored without a field.", ("field",)
)
EVENTS = Counter("recsys_feedback_events", "Feedback taken.", ("kind", "version"))


class Timings:
    """`SECONDS` with its children at hand: finding them by label takes longer than observing."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, int], Histogram] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        child = self._children.get((route, status))
        if child is None:
            child = self._children[route, status] = SECONDS.labels(route, str(status))
        child.observe(seconds)


class MissingFields:
    """Rows without each field, summed here and handed on now and then: 39 counters are slow."""

    def __init__(self) -> None:
        self.rows = 0
        self.missing = np.zeros(len(FIELDS), np.int64)

    def add(self, rows: int, missing: NDArray[np.int64]) -> None:
        """Count scored rows."""
        self.rows += rows
        self.missing += missing

    def hand_on(self) -> None:
        """Move the sums to Prometheus' counters."""
        RANKED_ROWS.inc(self.rows)
        for field, count in zip(FIELDS, self.missing.tolist(), strict=True):
            if count:
                MISSING.labels(field).inc(count)
        self.rows, self.missing = 0, np.zeros(len(FIELDS), np.int64)


def exposition(shared: bool) -> bytes:
    """All figures in Prometheus' text form.

    Args:
        shared: whether several processes keep figures, in the folder that they share.
    """
    if not shared:
        return bytes(generate_latest(REGISTRY))
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    folder.mkdir(mode=0o700, exist_ok=True)
    _forget_the_dead(folder)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return bytes(generate_latest(registry))


def _forget_the_dead(folder: Path) -> None:
    """Take gauges of workers that are gone out of the figures.

    Asked for here, not where a worker starts: one that is replaced by a signal ends only after the
    new one has started.
    """
    for file in folder.glob("gauge_live*_*.db"):
        if not lives(int(file.stem.rpartition("_")[2])):
            # Another worker may be asked at the same time.
            file.unlink(missing_ok=True)
