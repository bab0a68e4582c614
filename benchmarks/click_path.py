"""The click path against its parts done by others, in turn, on one generated log of clicks.

    python benchmarks/click_path.py --rows 1000000
    python benchmarks/click_path.py --rows 4000000 --only LightGBM
    python benchmarks/click_path.py --peer-python ENV/bin/python --peer-script click_notebook.py

In one warm Spark session: this side validates, encodes, trains and evaluates; SynapseML and native
LightGBM grow trees on the same features with the same settings, each from the table's files on, a
hundred large ones and as many and as large as the platform grows by itself; StringIndexer and
VectorAssembler encode the same rows, written, and so does polars in one process. Against them
stands what gives the same: values counted and rows encoded, written; the additive model, which has
no counterpart there, is in the seconds of the whole stage. With a peer, both sides also run whole,
each from nothing but the file in a process of its own. Prints medians, spread and ratios.

A run of the platform trains once. Here it trains again and again in one JVM, and the idle OpenMP
pool of the time before would slow the trees; Spark ends a thread, and LightGBM's pool with it, when
it had nothing to do for a minute, so SynapseML begins after that minute.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import lightgbm as lgb
import polars as pl
from figures import print_faster, print_line, print_slower, spread
from opening import open_session
from other_encodings import encode_in_polars, index_in_spark
from stages import DATE, write_clicks

from recsys_assets.contracts.click_tables import CLICK_EFFECTS, CLICK_ENCODER, CLICK_FEATURES
from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL
from recsys_assets.home import Home
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import click_probability, feature_matrix
from recsys_assets.kernels.encode import Encoder
from recsys_assets.kernels.metrics.classification import auc
from recsys_assets.lake.spark_files import read_table
from recsys_assets.steps.clicks.boosting import boost
from recsys_assets.steps.clicks.counts import count_values
from recsys_assets.steps.clicks.evaluation import evaluate_click_model
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks, write_features
from recsys_assets.steps.clicks.model import ClickModelParams, train_click_model
from recsys_assets.steps.clicks.parts import click_parts, cut_blocks
from recsys_assets.steps.clicks.scores import feature_parts
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops

Answer = TypeVar("Answer")

WARM_UP_ROWS = 5_000
SYNAPSEML, NATIVE = "LightGBM by SynapseML", "LightGBM, native"
SETTINGS = {"a hundred trees": "at most 1.2, 1.15", "the platform's own trees": "at most 1.15"}
"""What is grown, and the bar it is held to."""
ENCODED = "counted and encoded"
IDLE = 61.0
"""Seconds after which Spark has let go of the threads of what it did before."""
PARAMS = ClickModelParams(leaves=63, trees=100)
ENCODING = EncodingParams()


def main() -> None:
    """Measure all sides, or be one of them."""
    options = _options()
    if options.ours:
        with tempfile.TemporaryDirectory() as folder:
            _run_path(open_session(Home(root=Path(folder) / "home")), options.ours)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = write_clicks(Path(folder) / "clicks.tsv", options.rows)
        seconds: dict[str, list[float]] = defaultdict(list)
        if options.peer_script:
            # First, while no JVM of this process holds memory that the peer may need.
            _measure_whole(options, file, seconds)
        _measure_parts(Path(folder), file, options, seconds)
        _print(seconds, options.rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="measure only sides with this word in the name")
    parser.add_argument("--peer-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--peer-script", type=Path, help="takes the file as its only argument")
    parser.add_argument("--peer-timeout", type=float, default=900, help="seconds")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure_parts(
    folder: Path, file: Path, options: argparse.Namespace, seconds: dict[str, list[float]]
) -> None:
    sample = write_clicks(folder / "sample.tsv", WARM_UP_ROWS)
    warm = open_session(Home(root=folder / "warm-up" / "home"))
    _run_path(warm, sample)
    session = open_session(Home(root=folder / "home"))
    for number in range(options.repeats):
        # Where one pair alone is asked for, once: its features do not change.
        if not (number and options.only):
            for stage, spent in _run_path(session, file).items():
                seconds[stage].append(spent)
    rows = read_table(session.lake, session.spark, CLICKS.name)
    test = _features(session, "test")
    own = ClickModelParams().for_rows(sum(part.rows for part in feature_parts(session, "train")))
    # Trees first: where they grow nothing but the path ran before, as in a run of the platform.
    trees: dict[str, Callable[[], str]] = {}
    for grown, params in zip(SETTINGS, (PARAMS, own), strict=True):
        trees[f"{SYNAPSEML}, {grown}"] = partial(_boost, session, params)
        trees[f"{NATIVE}, {grown}"] = partial(_boost_natively, session, params)
        print(f"  {grown}: {params.trees} of {params.leaves} leaves", flush=True)
    encoders: dict[str, Callable[[], None]] = {
        ENCODED: lambda: _encode(session),
        "StringIndexer + VectorAssembler": lambda: index_in_spark(rows),
        "polars in one process": lambda: encode_in_polars(click_parts(session.lake), ENCODING),
    }
    for sides in (trees, encoders):
        wanted = {name: side for name, side in sides.items() if options.only in name}
        for _ in range(options.repeats if wanted else 0):
            _measure_in_turn(wanted, seconds, test)
    session.spark.stop()


def _measure_in_turn(
    sides: Mapping[str, Callable[[], str | None]],
    seconds: dict[str, list[float]],
    test: pl.DataFrame,
) -> None:
    """One round: each side once."""
    for name, side in sides.items():
        if name.startswith(SYNAPSEML):
            time.sleep(IDLE)
        spent, text = _timed(side)
        seconds[name].append(spent)
        print(f"  {name}: {spent:.1f} s{_judge(text, test) if text else ''}", flush=True)


def _judge(text: str, test: pl.DataFrame) -> str:
    return f", AUC {auc(test[LABEL], click_probability(BoostedTrees(text), test)):.4f}"


def _run_path(session: Session, file: Path) -> dict[str, float]:
    """Seconds of each stage of this side."""
    session.landing.land(file, CLICKS.name, DATE)
    validation = ValidationParams(dataset=CLICKS.name, dates=[DATE])
    stages: dict[str, Callable[[], StepReport]] = {
        "validate": lambda: validate_drops(session, validation),
        "encode, with the additive model": lambda: encode_clicks(session, ENCODING),
        "train, choose, register": lambda: train_click_model(session, PARAMS),
        "evaluate": lambda: evaluate_click_model(session, NoParams()),
    }
    spent = {name: _timed(partial(_run_stage, stage))[0] for name, stage in stages.items()}
    return spent | {"whole path": sum(spent.values())}


def _run_stage(stage: Callable[[], StepReport]) -> None:
    report = stage()
    if report.failed or report.skipped:
        raise SystemExit(report.failed or report.skipped)
    if "auc (click_model)" in report.figures:
        print(f"  ours: AUC {report.figures['auc (click_model)']:.4f}")


def _timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def _encode(session: Session) -> None:
    """What `encode_clicks` does, its pairs and effects known; the files belong to no table."""
    shares = (ENCODING.train, ENCODING.validation)
    blocks = cut_blocks(click_parts(session.lake), shares, ENCODING.block_rows)
    training = [block for block in blocks if block.split == "train"]
    counted = count_values(session, training, (LABEL, *CATEGORIES), ENCODING)
    pairs = session.lake.scan(CLICK_ENCODER).drop("smoothing")
    pairs = pairs.filter(pl.col("column").str.contains("*", literal=True))
    effects = session.lake.scan(CLICK_EFFECTS).collect()
    encoder = Encoder(pl.concat([counted, pairs.collect()]), ENCODING.smoothing, effects)
    write_features(session, blocks, encoder, ENCODING)


def _boost(session: Session, params: ClickModelParams) -> str:
    rows = read_table(session.lake, session.spark, CLICK_FEATURES)
    return boost(rows.filter("split = 'train'"), params)


def _boost_natively(session: Session, params: ClickModelParams) -> str:
    native = params.native() | {"num_threads": os.cpu_count()}
    rows = _features(session, "train")
    train = lgb.Dataset(feature_matrix(rows), rows[LABEL].to_numpy(), params=native)
    return lgb.train(native, train, params.trees).model_to_string()


def _features(session: Session, split: str) -> pl.DataFrame:
    return pl.read_parquet([part.path for part in feature_parts(session, split)])


def _measure_whole(
    options: argparse.Namespace, file: Path, seconds: dict[str, list[float]]
) -> None:
    # Not resolved: a virtual environment is found by the link's own place.
    python = str(options.peer_python.absolute())
    ours = [sys.executable, __file__, "--ours", str(file)]
    peer = [python, str(options.peer_script.absolute()), str(file)]
    environment = {**os.environ, "PYSPARK_PYTHON": python}
    sides = {
        "this side, from the file on": partial(_run, ours, dict(os.environ), None),
        "peer": partial(_run, peer, environment, options.peer_timeout),
    }
    for _ in range(options.repeats):
        for name, side in list(sides.items()):
            if (spent := side()) is not None:
                seconds[name].append(spent)
            else:
                # What came to no end once is not waited for again.
                del sides[name]


def _run(command: list[str], environment: dict[str, str], timeout: float | None) -> float | None:
    """Seconds; None where it failed or was not done in time, which is said."""
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=timeout
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(error.stderr or "")[-2000:]
        print(f"{error} ({time.perf_counter() - started:.0f} s)\n{said}", flush=True)
        return None
    print("  " + done.stdout.strip().replace("\n", "\n  "), flush=True)
    return time.perf_counter() - started


def _print(seconds: dict[str, list[float]], rows: int) -> None:
    for stage in ("validate", "encode, with the additive model", "train, choose, register"):
        print_line(f"click path: {stage}", spread(seconds[stage]))
    print_line("click path: evaluate", spread(seconds["evaluate"]))
    print_line("click path, whole, warm", spread(seconds["whole path"]))
    if encoded := seconds[ENCODED]:
        what = "click rows counted, encoded, written"
        other = "StringIndexer + VectorAssembler"
        print_faster(what, encoded, other, seconds[other], "at least 8")
        print_slower(what, encoded, "polars", seconds["polars in one process"], "at most 2.5")
    for grown, bar in SETTINGS.items():
        if ours := seconds[f"{SYNAPSEML}, {grown}"]:
            what = f"click model, {grown}, {rows:,} rows, by SynapseML"
            print_slower(what, ours, NATIVE, seconds[f"{NATIVE}, {grown}"], bar)
    whole = seconds.get("this side, from the file on")
    what = "click path from the file on"
    if whole and "peer" in seconds:
        print_faster(what, whole, "click_notebook.py", seconds["peer"])
    elif whole:
        print_line(what, spread(whole), "click_notebook.py came to no end")


if __name__ == "__main__":
    main()
