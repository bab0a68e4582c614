"""Validation with quarantine against plain conversion of the same CSV, in turn, in one process.

    python benchmarks/validation.py [--rows 5000000] [--rounds 7]

One side converts with polars alone, without a look at any row: scan_csv(...).sink_parquet(...).
The other validates every line on an open Spark session, sets bad lines and doubled pairs apart,
and commits the rest to a Delta table. One line in a thousand is bad. Prints the medians, their
ratio, and the most memory that all processes together held.
"""

import argparse
import datetime
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from figures import print_line, print_slower
from opening import open_session
from usage import Usage

from recsys_assets.home import Home
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops

DATE = datetime.date(2025, 1, 1)
ITEMS = 20_000


def main() -> None:
    """Generate the file, measure both sides in turn, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder) / "home")
        home.prepare()
        path = home.landing_zone.landing / "ratings" / DATE.isoformat() / "ratings.csv"
        bad = write_ratings(path, options.rows, bad=options.rows // 1000)
        print(f"{options.rows:,} ratings, {path.stat().st_size / 1e6:.0f} MB, {bad:,} bad lines")
        compare(open_session(home), path, options.rows, bad, options.rounds)


def write_ratings(path: Path, rows: int, bad: int) -> int:
    """Write distinct pairs of user and item, some lines of them bad; the number of bad lines."""
    chance = np.random.default_rng(0)
    pair = np.cumsum(chance.integers(1, 2 * 34_000 * ITEMS // 5_000_000, rows))
    frame = pl.DataFrame(
        {
            "userId": pair // ITEMS + 1,
            "movieId": pair % ITEMS + 1,
            "rating": chance.integers(1, 11, rows) / 2,
            "timestamp": chance.integers(900_000_000, 1_600_000_000, rows),
        }
    )
    kind = np.zeros(rows, np.int8)
    # No two in a row: a doubled pair repeats the line before it, which is a good one then.
    kind[chance.choice(np.arange(2, rows, 2), bad, replace=False)] = np.arange(bad) % 4 + 1
    is_kind = [pl.lit(pl.Series(kind == n)) for n in range(5)]
    path.parent.mkdir(parents=True)
    frame.with_columns(
        *[
            pl.when(is_kind[1]).then(pl.col(name).shift(1)).otherwise(name).alias(name)
            for name in ("userId", "movieId")
        ],
        rating=pl.when(is_kind[2]).then(9.0).otherwise("rating"),
        timestamp=pl.when(is_kind[3]).then(1).when(~is_kind[4]).then("timestamp"),
    ).write_csv(path)
    return bad


def compare(session: Session, path: Path, rows: int, bad: int, rounds: int) -> None:
    """Measure both sides in turn, after one round to warm up."""
    target = path.parents[3] / "plain.parquet"
    plain, ours = [], []
    with Usage() as usage:
        for number in range(rounds + 1):
            start = time.perf_counter()
            pl.scan_csv(path).sink_parquet(target)
            middle = time.perf_counter()
            report = validate_drops(session, ValidationParams(dataset="ratings", dates=[DATE]))
            end = time.perf_counter()
            assert report.rows["ratings"] == rows - bad, report
            assert report.rows["quarantine_ratings"] == bad, report
            if number:
                plain.append(middle - start)
                ours.append(end - middle)
    what = f"validation of {rows / 1e6:g} M ratings, from CSV to a table"
    print_slower(what, ours, "polars, to Parquet without a look at rows", plain, "at most 4")
    print_line(f"{what}: memory", f"{usage.peak / 2**30:.2f} GiB in all", bar="under 4 GiB")


if __name__ == "__main__":
    main()
