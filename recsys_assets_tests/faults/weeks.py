"""Three weeks of daily drops in minutes: the real schedules and sensors tick, and faults strike.

    python -m recsys_assets_tests.faults.weeks [--days 21]

After downtime only the last tick that was missed is made up for, as the daemon does. Prints the
timeline of runs, alerts and recoveries, and how memory and disk went.
"""

import argparse
import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from recsys_assets.lake.tidying import tidy_table
from recsys_assets_tests.faults.bench import INGEST, PUBLISH, Bench
from recsys_assets_tests.faults.contents import differing, tables
from recsys_assets_tests.faults.homes import build_template
from recsys_assets_tests.faults.simulated import simulate, size_of
from recsys_assets_tests.faults.troubles import ORDINARY, TROUBLES
from recsys_assets_tests.resources.alert_servers import smtp_server, webhook_server

FLAT = 1.15
"""Memory of the last third over that of the first."""


def undisturbed(folder: Path, bench: Bench) -> list[str]:
    """Tables that differ from those of one run over everything that lies there in the end."""
    fresh = build_template(folder / "fresh")
    shutil.rmtree(fresh.root / "landing")
    shutil.copytree(bench.home.root / "landing", fresh.root / "landing")
    with smtp_server() as mailbox, webhook_server() as posts:
        other = Bench(fresh, mailbox, posts)
        dates = fresh.landing_zone.dates("ratings")
        movies = dg.AssetSelection.assets("movies", "quarantine_movies")
        assert other.run(INGEST | movies | PUBLISH, [dates[0], dates[-1]])
    found, expected = tables(bench.home), tables(fresh)
    return differing({name: found[name] for name in expected}, expected)


def unexpected(timeline: list[dict[str, Any]]) -> list[str]:
    """Days on which people were told something else than they should have been."""
    problems = []
    for row in timeline:
        trouble = TROUBLES.get(row["day"], ORDINARY)
        expected = {"told": trouble.told, "recovered": trouble.recovered}
        if {name: row[name] for name in expected} != expected:
            problems.append(f"day {row['day']}: told {row['told']}, recovered {row['recovered']}")
        failed, damaged = "FAILED" in row["runs"], trouble.told == "table-damaged"
        if failed != damaged:
            problems.append(f"day {row['day']}: {row['runs']}")
    return problems


def in_thirds(timeline: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """The greatest figure of the first third of the days, and of the last."""
    figures, third = [float(row[name]) for row in timeline], max(1, len(timeline) // 3)
    return max(figures[:third]), max(figures[-third:])


def main(words: list[str] | None = None) -> int:
    """Print the timeline; 0 where it reads as it should and ends as an undisturbed home would."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--days", type=int, default=21)
    given = parser.parse_args(words)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="recsys-weeks-") as name:
        weeks, bench = simulate(Path(name), given.days)
        lake = Path(bench.home.lake.root)
        before = size_of(lake)
        for table in bench.home.lake.names():
            tidy_table(bench.home.lake, table, 0)
        after = size_of(lake)
        wide = {"tbl_rows": -1, "tbl_cols": -1, "fmt_str_lengths": 60, "tbl_width_chars": 170}
        with pl.Config(**wide, tbl_hide_dataframe_shape=True):  # type: ignore[arg-type]
            print(pl.DataFrame(weeks.timeline))
        problems = unexpected(weeks.timeline) + undisturbed(Path(name), bench)
        problems += bench.lost_or_doubled()
    first, last = in_thirds(weeks.timeline, "memory")
    if last > FLAT * first:
        problems.append("memory grows")
    print(f"memory: {first:.0f} MB in the first third, {last:.0f} in the last")
    first, last = in_thirds(weeks.timeline, "disk")
    print(f"disk: {first} MB in the first third, {last} in the last; the lake has")
    print(f"{before / 1e6:.1f} MB with every version, {after / 1e6:.1f} MB tidied")
    print("; ".join(problems) or "every day as it should, every table as of an undisturbed run")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
