"""Processes that die: the run's own at a random moment of a step, and Spark's JVM."""

import threading
import time
from collections.abc import Callable
from random import Random

import dagster as dg

from recsys_assets_tests.faults.bench import Bench
from recsys_assets_tests.faults.fault import Fault, NotHereError

DIED = ("worker-died",)


KILLED_STEPS = (
    "validate_ratings",
    "validate_movies",
    "interactions",
    "movie_features",
    "user_features",
    "popularity_model",
    "als_model",
    "landing__ratings",
    "ranking_evaluation",
    "popular_movies",
    "similar_items",
    "top_k",
    "rank_model",
    "promotion",
    "user_segments",
    "lookup_lists",
    "warehouse_lists",
)


LAST_STEPS = ("lookup_lists", "warehouse_lists")
"""Steps of a tenth of a second, after which the run soon ends."""


def _killed(step: str, after: float = 0.0) -> Callable[[Bench, Random], None]:
    spread = 0.1 if step in LAST_STEPS else 0.8

    def strike(bench: Bench, random: Random) -> None:
        killed = bench.kill(step, after + random.uniform(0, spread))
        bench.close_dead_runs()
        bench.tick()
        # A process may also be killed when its run has ended, and only the JVM is left to close.
        if not killed or bench.last_run() is dg.DagsterRunStatus.SUCCESS:
            raise NotHereError("the run was faster than the kill")

    return strike


def _jvm_killed(after: float) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        from pyspark import SparkContext

        def kill() -> None:
            time.sleep(after + random.uniform(0, 0.3))
            process = getattr(SparkContext._gateway, "proc", None)
            if process is not None:
                process.kill()
                process.wait()

        killer = threading.Thread(target=kill)
        killer.start()
        succeeded = bench.run()
        killer.join()
        bench.tick()
        if succeeded:
            raise NotHereError("the run was faster than the kill")

    return strike


def killed_processes() -> list[Fault]:
    """Processes killed at random moments of every stage."""
    found = [Fault(f"SIGKILL in {step}", "kill", _killed(step), DIED) for step in KILLED_STEPS]
    found.append(Fault("SIGKILL after top_k, in its checks", "kill", _killed("top_k", 0.7), DIED))
    found += [
        Fault(f"the JVM killed after {after} s", "jvm", _jvm_killed(after), DIED)
        for after in (1.0, 2.0, 3.0)
    ]
    return found
