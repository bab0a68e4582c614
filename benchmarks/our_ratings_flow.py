"""What ``ratings_flow.py`` measures on this side: the steps on one file, in a home that is set up.

    python benchmarks/our_ratings_flow.py RATINGS HOME CACHE

As ``recsys run`` does, it opens Spark in a thread while it loads the steps.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recsys_assets.loading import loading_modules
from recsys_assets.resources.spark import SparkSettings, open_spark

FILE, ROOT, CACHE = (Path(argument) for argument in sys.argv[1:])
AHEAD = ThreadPoolExecutor(1).submit(open_spark, SparkSettings(), CACHE, ROOT / "scratch")

with loading_modules():
    import datetime
    import json

    from opening import session_on
    from pydantic import BaseModel

    from recsys_assets.home import Home
    from recsys_assets.steps.als.train import ALSParams, train_als
    from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
    from recsys_assets.steps.features.tables import SplitParams, build_interactions
    from recsys_assets.steps.params import NoParams
    from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
    from recsys_assets.steps.recommenders.popularity import count_popularity
    from recsys_assets.steps.report import StepReport
    from recsys_assets.steps.session import Step
    from recsys_assets.steps.validation.drops import ValidationParams, validate_drops

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
    """All stages; prints the seconds of each, and the figures of the models."""
    home = Home(root=ROOT)
    home.landing_zone.land(FILE, "ratings", DATE)
    started = time.perf_counter()
    session = session_on(AHEAD.result(), home)
    print(f"session: {time.perf_counter() - started:.1f} s")
    reports = {}
    for name, step, params in STAGES:
        started = time.perf_counter()
        reports[name] = _checked(step(session, params))
        print(f"{name}: {time.perf_counter() - started:.1f} s")
    for row in reports["metrics"].tables["Models"]:
        print(json.dumps(row))


def _checked(report: StepReport) -> StepReport:
    if report.failed or report.skipped:
        raise SystemExit(report.failed or report.skipped)
    return report


if __name__ == "__main__":
    main()
