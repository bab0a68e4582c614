"""The ratings flow against a peer's, in turn, on one generated file of MovieLens 1M's shape.

    python benchmarks/ratings_flow.py --peer-python ENV/bin/python --peer-script als_quickstart.py

Both sides start from nothing but the file, in a process of their own: open Spark, read, split, fit
ALS, find every user's ten best unseen items, compute ranking and rating metrics. This side also
validates every row, fits a second model for ratings, and logs its models, in a home that is set up
(MLflow has its database, Spark's jars are in the cache). Without a peer only this side is measured.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from ast import literal_eval
from collections.abc import Callable
from pathlib import Path

from figures import print_faster, print_line, spread

from recsys_assets.home import PROJECT, Home
from recsys_assets.synthetic.movielens import SIZES, generate_movies, generate_ratings

Measured = tuple[dict[str, float], float]
"""Stage → seconds, and nDCG@10 of the first model that a side tells of."""
OURS = Path(__file__).with_name("our_ratings_flow.py")


def main() -> None:
    """Measure both sides."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        file = _generate(Path(folder), options.size)
        sides: dict[str, Callable[[], Measured]] = {"ours": lambda: _measure_ours(options, file)}
        if options.peer_script:
            sides["peer"] = lambda: _measure_peer(options, file)
        runs: dict[str, list[float]] = {name: [] for name in sides}
        ndcg = {}
        for number in range(options.repeats):
            for name, measure in sides.items():
                stages, ndcg[name] = measure()
                runs[name].append(sum(stages.values()))
                shown = ", ".join(f"{stage} {s:.1f}" for stage, s in stages.items())
                print(f"{name} {number + 1}: {runs[name][-1]:.1f} s ({shown})", flush=True)
    what = f"ratings flow, {options.size} ratings"
    if "peer" in runs:
        other = options.peer_script.name
        print_faster(what, runs["ours"], other, runs["peer"], "at least 8")
        figures = (f"{ndcg['ours']:.4f}", f"{other} {ndcg['peer']:.4f}")
        print_line(f"{what}: nDCG@10 of ALS's lists", *figures, bar="better")
    else:
        print_line(what, spread(runs["ours"]))


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
    return parser.parse_args()


def _generate(folder: Path, size: str) -> Path:
    movies = generate_movies(SIZES[size], seed=1)
    ratings = generate_ratings(SIZES[size], seed=1, movies=movies)
    file = folder / "ratings.csv"
    names = {"userId": "user", "movieId": "item"}
    ratings.sort("timestamp", "userId", "movieId").rename(names).write_csv(file)
    return file


def _measure_ours(options: argparse.Namespace, file: Path) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder))
        home.prepare()
        home.registry.experiment_id()  # as `recsys setup` does
        command = [sys.executable, "-W", "ignore", str(OURS), str(file), folder, str(options.cache)]
        return _measure(command, dict(os.environ))


def _measure_peer(options: argparse.Namespace, file: Path) -> Measured:
    # Not resolved: a virtual environment is found by the link's own place.
    python = str(options.peer_python.absolute())
    command = [python, str(options.peer_script.absolute()), str(file)]
    return _measure(command, {**os.environ, "PYSPARK_PYTHON": python})


def _measure(command: list[str], environment: dict[str, str]) -> Measured:
    """Seconds of each stage that a side prints; imports and the like are `start and end`."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    found = re.findall(r"^(?!in all)(.+): ([\d.]+) s$", done.stdout, re.MULTILINE)
    stages = {name: float(value) for name, value in found}
    quality = [literal_eval(text) for text in re.findall(r"^\{.*\}$", done.stdout, re.MULTILINE)]
    print("\n".join(f"  {figures}" for figures in quality))
    first = quality[0].get("ndcg@10") or quality[0]["ndcg"]
    return {"start and end": seconds - sum(stages.values()), **stages}, first


if __name__ == "__main__":
    main()
