"""Ranking and folding in."""

import argparse
from pathlib import Path

from figures import print_line

from recsys_assets_tests.serving.running import Running
from service.load import BODIES, show, wrk


def posts(
    service: Running, files: dict[str, Path], options: argparse.Namespace, said: dict[str, str]
) -> None:
    """Ranking and folding in."""
    asked = [
        ("100 candidates x 39", "/rank", "rank100", 10, "250 requests/s, p50 6 ms, p99 25 ms"),
        ("1,000 candidates", "/rank", "rank1000", 1, "p99 100 ms"),
        ("1,000 candidates", "/rank", "rank1000", 4, "p99 100 ms"),
        ("new user, 20 ratings", "/recommendations", "fold", 1, "p99 25 ms"),
        ("new user, 20 ratings", "/recommendations", "fold", 4, "p99 25 ms"),
    ]
    for name, path, file, connections, bar in asked:
        chosen = said | {"BENCH_PATH": path, "BENCH_BODIES": str(files[file])}
        wrk(service.url, BODIES, connections, 1, chosen)
        rounds = [
            wrk(service.url, BODIES, connections, options.seconds, chosen)
            for _ in range(options.rounds)
        ]
        print_line(f"`{path}`, {name}, {connections} in flight", show(rounds), bar=bar)
