"""The ratings flow against a peer's, in turn, on one generated file of MovieLens 1M's shape.

    python benchmarks/ratings_flow.py --peer-python ENV/bin/python --peer-script als_quickstart.py

Both sides start from nothing but the file, in a process of their own: open Spark, read, split, fit
ALS, find every user's ten best unseen items, compute ranking and rating metrics. This side also
validates every row, fits a second model for ratings, and logs its models. Without a peer only this
side is measured.
"""

import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recsys_assets.loading import loading_modules

with loading_modules():  # as the command does
    from opening import open_session
    from pydantic import BaseModel

    from recsys_assets.home import PROJECT, Home
    from recsys_assets.steps.als.train import ALSParams, train_als
    from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
    from recsys_assets.steps.features.tables import NoParams, SplitParams, build_interactions
    from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
    from recsys_assets.steps.recommenders.popularity import count_popularity
    from recsys_assets.steps.report import StepReport
    from recsys_assets.steps.session import Step
    from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
    from recsys_assets.synthetic.movielens import SIZES, generate_movies, generate_ratings

DATE = datetime.date(2025, 1, 1)
STAGES: tuple[tuple[str, Step, BaseModel], ...] = (
    (
        "read and validate",
        validate_drops,
        ValidationParams(dataset="ratings", dates=[DATE], chunk_bytes=8 << 20),
    ),
    # As much to train on as the peer has, and as much to test by.
    ("split", build_interactions, SplitParams(train=0.75, validation=0.0)),
    ("fit", train_als, ALSParams()),
    ("popularity", count_popularity, NoParams()),
    ("metrics", evaluate_ranking, RankingEvaluationParams()),
    ("top 10 of all users", recommend_top_k, TopKParams()),
)


def main() -> None:
    """Measure both sides, or be one of them."""
    options = _options()
    if options.ours:
        _run_ours(options.ours, options.cache)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = _generate(Path(folder), options.size)
        sides: dict[str, Callable[[], dict[str, float]]] = {
            "ours": lambda: _measure_ours(options, file)
        }
        if options.peer_script:
            sides["peer"] = lambda: _measure_peer(options, file)
        runs: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(options.repeats):
            for name, measure in sides.items():
                stages = measure()
                runs[name].append(sum(stages.values()))
                shown = ", ".join(f"{stage} {s:.1f}" for stage, s in stages.items())
                print(f"{name} {number + 1}: {runs[name][-1]:.1f} s ({shown})", flush=True)
    medians = {name: statistics.median(seconds) for name, seconds in runs.items()}
    print(", ".join(f"{name} median {seconds:.1f} s" for name, seconds in medians.items()))
    if "peer" in medians:
        print(f"ratio {medians['peer'] / medians['ours']:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--peer-script", type=Path, help="takes the file; prints `stage: 1.2 s`")
    parser.add_argument("--size", choices=sorted(SIZES), default="1m")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--cache",
        type=Path,
        default=PROJECT / ".recsys" / "cache",
        help="where `recsys setup` put Spark's jars",
    )
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _generate(folder: Path, size: str) -> Path:
    movies = generate_movies(SIZES[size], seed=1)
    ratings = generate_ratings(SIZES[size], seed=1, movies=movies)
    file = folder / "ratings.csv"
    names = {"userId": "user", "movieId": "item"}
    ratings.sort("timestamp", "userId", "movieId").rename(names).write_csv(file)
    return file


def _measure_ours(options: argparse.Namespace, file: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--ours", str(file), "--cache", str(options.cache)]
    return _measure(command, dict(os.environ))


def _measure_peer(options: argparse.Namespace, file: Path) -> dict[str, float]:
    # Not resolved: a virtual environment is found by the link's own place.
    python = str(options.peer_python.absolute())
    command = [python, str(options.peer_script.absolute()), str(file)]
    return _measure(command, {**os.environ, "PYSPARK_PYTHON": python})


def _measure(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Seconds of each stage that a side prints; imports and the like are its stage `start`."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    found = re.findall(r"^(?!in all)(.+): ([\d.]+) s$", done.stdout, re.MULTILINE)
    stages = {name: float(value) for name, value in found}
    for line in re.findall(r"^\{.*\}$", done.stdout, re.MULTILINE):
        print(f"  {line}")
    return {"start and end": seconds - sum(stages.values()), **stages}


def _run_ours(file: Path, cache: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder))
        home.prepare()
        home.landing_zone.land(file, "ratings", DATE)
        started = time.perf_counter()
        session = open_session(home, cache)
        print(f"session: {time.perf_counter() - started:.1f} s")
        reports = {}
        for name, step, params in STAGES:
            started = time.perf_counter()
            reports[name] = _checked(step(session, params))
            print(f"{name}: {time.perf_counter() - started:.1f} s")
        session.spark.stop()
    for row in reports["metrics"].tables["Models"]:
        print(json.dumps(row))


def _checked(report: StepReport) -> StepReport:
    if report.failed or report.skipped:
        raise SystemExit(report.failed or report.skipped)
    return report


if __name__ == "__main__":
    main()
