"""Ranking and folding in."""

import argparse
from pathlib import Path

from recsys_assets_tests.serving.running import Running
from service.load import BODIES, show, wrk


def posts(
    service: Running, files: dict[str, Path], options: argparse.Namespace, said: dict[str, str]
) -> None:
    """Ranking and folding in."""
    asked = [
        ("/rank, 100 candidates x 39, 10 at once", "/rank", "rank100", 10),
        ("/rank, 1000 candidates, 1 at once", "/rank", "rank1000", 1),
        ("/rank, 1000 candidates, 4 at once", "/rank", "rank1000", 4),
        ("new user, 20 ratings, 1 at once", "/recommendations", "fold", 1),
        ("new user, 20 ratings, 4 at once", "/recommendations", "fold", 4),
    ]
    for name, path, file, connections in asked:
        chosen = said | {"BENCH_PATH": path, "BENCH_BODIES": str(files[file])}
        wrk(service.url, BODIES, connections, 1, chosen)
        rounds = [
            wrk(service.url, BODIES, connections, options.seconds, chosen)
            for _ in range(options.rounds)
        ]
        show(name, rounds)
