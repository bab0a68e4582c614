"""What tables hold, for comparing homes, and a consumer that watches them all the time."""

import contextlib
import threading
import time

import polars as pl

from recsys_assets.contracts.models import PROMOTION
from recsys_assets.home import Home

NOT_DATA = {"run_id", "model_version"}
WATCHED = ("top_k", "ratings")


def tables(home: Home) -> dict[str, pl.DataFrame]:
    """Every table in a fixed order, without what names the run that wrote it."""
    frames = {}
    for name in home.lake.names():
        frame = home.lake.scan(name).collect()
        if name == PROMOTION:
            frame = in_use(frame)
        kept = [c for c in frame.columns if c not in NOT_DATA]
        plain = [c for c in kept if not isinstance(frame.schema[c], pl.List)]
        frames[name] = frame.select(kept).sort(plain)
    return frames


def in_use(decisions: pl.DataFrame) -> pl.DataFrame:
    """How good the champion of each model is after the decision on its newest challenger.

    A run that is repeated trains once more, so it decides about another version, and perhaps
    against a champion of the run that broke off.
    """
    figure = pl.when("promoted").then("challenger").otherwise("champion")
    return decisions.select("model", "metric", figure.alias("figure"))


def differing(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> list[str]:
    """Tables that are not the same."""
    names = found.keys() | expected.keys()
    return sorted(
        n for n in names if n not in found or n not in expected or not found[n].equals(expected[n])
    )


class Reader(threading.Thread):
    """A consumer that reads all the time, and notes every content it saw."""

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.seen: dict[str, set[str]] = {table: set() for table in WATCHED}
        self.done = threading.Event()

    def run(self) -> None:
        """Read until told to stop; a table under repair cannot be read, which is no torn read."""
        while not self.done.is_set():
            for table in WATCHED:
                with contextlib.suppress(Exception):
                    self.seen[table].add(content_of(self.home, table))
            time.sleep(0.05)


def content_of(home: Home, table: str) -> str:
    """What stands for the content of a table."""
    frame = home.lake.scan(table).drop("model_version", strict=False).collect()
    return str(frame.hash_rows(seed=1).sort().hash().sum()) + f"/{frame.height}"
