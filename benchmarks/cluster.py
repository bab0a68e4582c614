"""The stages of both flows on a standalone cluster of one worker and of two; with workers killed.

    python benchmarks/cluster.py --ratings 1000000 --clicks 500000

Each worker has one core and an executor of its own; the driver has the whole machine, as where
there is a cluster it has one too. Prints for each stage its seconds with one worker and with two,
the speed-up, and the bytes shuffled; how far the tables lie from those of a run without a cluster;
and, from a last run in which a worker is killed in the middle of each stage and another comes three
seconds later, how that ended.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from figures import print_line
from opening import open_session
from stages import FLOWS

from recsys_assets.home import Home
from recsys_assets.resources.spark import SparkSettings
from recsys_assets_tests.servers.spark_cluster import SparkCluster
from recsys_assets_tests.servers.spark_counts import cost_since, last_ids

NEW_WORKER_AFTER = 3.0
"""Seconds for which the cluster has one worker less."""
TABLES = (
    *("ratings", "movies", "interactions", "movie_features", "als_factors", "popularity"),
    *("ranking_evaluation", "top_k", "similar_items", "clicks", "click_features"),
    "click_evaluation",
)


def main() -> None:
    """Run everything, or be the driver of one flow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--clicks", type=int, default=500_000)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_stages(options.one[0], int(options.one[1]), options.one[2], Path(options.one[3]))
        return
    for kind, rows in (("ratings", options.ratings), ("clicks", options.clicks)):
        with tempfile.TemporaryDirectory() as folder:
            compare(kind, rows, Path(folder))


def compare(kind: str, rows: int, folder: Path) -> None:
    """One flow in all four ways."""
    print(f"== {kind}, {rows:,} rows", flush=True)
    here = list(drive(kind, rows, "local[2]", folder / "here"))
    print(f"without a cluster: {sum(stage['seconds'] for stage in here):.1f} s", flush=True)
    found = {}
    for workers in (1, 2):
        logs = folder / f"cluster{workers}"
        logs.mkdir()
        with SparkCluster(logs, workers, memory="3g") as cluster:
            found[workers] = list(drive(kind, rows, cluster.address, folder / f"home{workers}"))
    for alone, one, two in zip(here, found[1], found[2], strict=True):
        print_line(
            f"{two['stage']}, {rows:,} rows, two workers",
            f"{two['seconds']:.1f} s, {two['shuffled']:,} KB shuffled in {two['tasks']} tasks",
            f"one worker {one['seconds']:.1f} s, local {alone['seconds']:.1f} s",
            f"{one['seconds'] / two['seconds']:.2f} times faster",
        )
    show_differences("two workers", folder / "here", folder / "home2")
    with_kills(kind, rows, folder, {stage["stage"]: stage["seconds"] for stage in found[2]})


def with_kills(kind: str, rows: int, folder: Path, known: dict[str, float]) -> None:
    """A run in which a worker is killed half way through each stage."""
    logs = folder / "cluster"
    logs.mkdir()
    with SparkCluster(logs, 2, memory="3g") as cluster:
        strikes: list[threading.Timer] = []

        def strike(stage: str) -> None:
            for seconds, deed in (
                (known[stage] / 2, cluster.kill_worker),
                (known[stage] / 2 + NEW_WORKER_AFTER, cluster.add_worker),
            ):
                strikes.append(threading.Timer(seconds, deed))
                strikes[-1].start()

        for ended in drive(kind, rows, cluster.address, folder / "killed", strike):
            for timer in strikes:
                timer.join()  # the next stage begins with two workers
            strikes.clear()
            stage, seconds = ended["stage"], ended["seconds"]
            print_line(
                f"{stage}, {rows:,} rows, one of two workers killed",
                f"ends {ended['end']} after {seconds:.1f} s, {ended['failed_tasks']} tasks failed",
                f"undisturbed {known[stage]:.1f} s",
                bar="ends well",
            )
    show_differences("workers killed", folder / "here", folder / "killed")


def drive(
    kind: str,
    rows: int,
    master: str,
    home: Path,
    begins: Callable[[str], None] = lambda stage: None,
) -> Iterator[dict[str, Any]]:
    """Run a flow in a process of its own; what it says of each stage when that has ended.

    Args:
        kind: ratings or clicks.
        rows: how many.
        master: Spark master.
        home: folder of state.
        begins: told the name of each stage when it begins.
    """
    command = [sys.executable, "-W", "ignore", __file__]
    command += ["--one", kind, str(rows), master, str(home)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as driver,
    ):
        assert driver.stdout and driver.stdin
        for line in driver.stdout:
            if line.startswith("begin "):
                begins(line.split(maxsplit=1)[1].strip())
            elif line.startswith("{"):
                yield json.loads(line)
                driver.stdin.write("go on\n")
                driver.stdin.flush()
        if driver.wait():
            errors.seek(0)
            sys.exit(f"{kind} on {master} failed:\n{errors.read().decode()[-3000:]}")


def run_stages(kind: str, rows: int, master: str, root: Path) -> None:
    """All stages on one master; after each waits for a line, while the cluster is mended."""
    conf = {"spark.executor.memory": "2g", "spark.executor.cores": "1"}
    settings = SparkSettings(master=master, driver_memory="4g", conf=conf)
    session = open_session(Home(root=root), settings=settings)
    spark = session.spark
    land, stages = FLOWS[kind]
    land(session, root, rows, 0)
    for name, step, params in stages:
        before = last_ids(spark)
        print(f"begin {name}", flush=True)
        started = time.perf_counter()
        report = step(session, params)
        seconds = time.perf_counter() - started
        cost = cost_since(spark, *before)
        said = {
            "stage": name,
            "seconds": seconds,
            "end": report.failed or report.skipped or "well",
            "shuffled": cost.shuffled_kilobytes,
            "tasks": cost.tasks,
            "failed_tasks": cost.failed_tasks,
        }
        print(json.dumps(said), flush=True)
        sys.stdin.readline()
    spark.stop()


def show_differences(what: str, here: Path, there: Path) -> None:
    """How far the tables of one home lie from those of another, a line for all."""
    found = []
    for name in TABLES:
        lakes = [Home(root=root).lake for root in (here, there)]
        if all(lake.exists(name) for lake in lakes):
            found.append(f"{name}: {difference(*(lake.scan(name).collect() for lake in lakes))}")
    print_line(f"tables with {what}, against a run without a cluster", "; ".join(found))


def difference(here: pl.DataFrame, there: pl.DataFrame) -> str:
    """Rows that differ in what is exact, and the largest difference of what is measured."""
    if here.height != there.height:
        return f"{here.height:,} rows here, {there.height:,} there"
    measured = [n for n, kind in here.schema.items() if kind.is_float() or kind.is_nested()]
    exact = [name for name in here.columns if name not in measured]
    both = [frame.sort(exact) for frame in (here, there)]
    unequal = both[0].select(exact).hash_rows() != both[1].select(exact).hash_rows()
    largest = 0.0
    for name in measured:
        one, two = (frame[name] for frame in both)
        if one.dtype.is_nested():
            one, two = one.explode(), two.explode()
        if one.dtype.is_numeric() and len(one) == len(two):
            largest = max(largest, float((one - two).abs().max() or 0.0))  # type: ignore[arg-type]
    if not unequal.any() and largest == 0.0:
        return "equal"
    return f"{unequal.sum():,} of {here.height:,} rows differ, floats by at most {largest:.2g}"


if __name__ == "__main__":
    main()
