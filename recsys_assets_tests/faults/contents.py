"""What consumers can read of a home, for comparing homes, and one who watches all the time.

Tables of the lake, the lists in the lookup store, and the rows in the warehouse.
"""

import contextlib
import json
import sqlite3
import threading
import time
from contextlib import closing

import duckdb
import polars as pl

from recsys_assets.contracts.models import PROMOTION
from recsys_assets.home import Home

NOT_DATA = {"run_id", "model_version"}
LOOKUP, WAREHOUSE = "lists in the lookup store", "rows in the warehouse"
WATCHED = ("top_k", "ratings", LOOKUP)


def tables(home: Home) -> dict[str, pl.DataFrame]:
    """Every table in a fixed order, without what names the run that wrote it."""
    frames = {LOOKUP: looked_up(home)} if home.lookup.is_file() else {}
    if home.warehouse.is_file():
        frames[WAREHOUSE] = in_warehouse(home)
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


def looked_up(home: Home) -> pl.DataFrame:
    """User, rank and item of the version that the pointer names."""
    with closing(sqlite3.connect(f"file:{home.lookup}?mode=ro", uri=True)) as store:
        users = "SELECT user, list FROM lists JOIN pointer ON version = current"
        rows = [
            (user, entry["rank"], entry["item"])
            for user, text in store.execute(users)
            for entry in json.loads(text)
        ]
    return pl.DataFrame(rows, ["user", "rank", "item"], orient="row").sort("user", "rank")


def in_warehouse(home: Home) -> pl.DataFrame:
    """User, rank and item of the published rows."""
    with closing(duckdb.connect(str(home.warehouse), read_only=True)) as warehouse:
        rows = warehouse.execute('SELECT "user", rank, item FROM recsys.top_k').fetchall()
    return pl.DataFrame(rows, ["user", "rank", "item"], orient="row").sort("user", "rank")


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


def is_readable(home: Home, table: str) -> bool:
    """Whether there is anything to watch."""
    return home.lookup.is_file() if table == LOOKUP else home.lake.exists(table)


def content_of(home: Home, table: str) -> str:
    """What stands for the content of a table."""
    if table == LOOKUP:
        frame = looked_up(home)
    else:
        frame = home.lake.scan(table).drop("model_version", strict=False).collect()
    return str(frame.hash_rows(seed=1).sort().hash().sum()) + f"/{frame.height}"
