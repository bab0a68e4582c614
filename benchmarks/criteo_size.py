"""Clicks of the size of Criteo's log, from generating to evaluation, as a user runs them.

    python benchmarks/criteo_size.py
    python benchmarks/criteo_size.py --clicks 1000000 --drops 4

Every stage is a command of its own in one home, so that a stage which was killed is run again from
the tables before it. Prints for each its minutes and what all processes together held at most, then
both over all, and how well the clicks of the test part are told.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import print_line
from usage import Usage

from recsys_assets.contracts.click_tables import CLICK_EVALUATION
from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home

RECSYS = Path(sys.executable).with_name("recsys")
STAGES = {
    "validated": "landing/clicks,clicks,quarantine_clicks",
    "counted, encoded": "click_features",
    "trained, chosen, registered": "click_model,click_promotion",
    "evaluated": "click_evaluation",
}


def main() -> None:
    """Run all stages in a new home."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clicks", type=int, default=45_840_617)
    parser.add_argument("--drops", type=int, default=24)
    options = parser.parse_args()
    generate = ["generate", "--clicks", f"{options.clicks}", "--drops", f"{options.drops}"]
    commands = {"generated, landed": [*generate, "--ratings", "1000"]}
    commands |= {stage: ["run", "--select", assets] for stage, assets in STAGES.items()}
    minutes, most = 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        # The jars are those of the project's own home: fetching them is no part of it.
        Path(folder, "cache").symlink_to(current_deployment().home.cache)
        for stage, arguments in commands.items():
            started = time.perf_counter()
            with Usage() as usage:
                subprocess.run(
                    [RECSYS, *arguments],
                    env={**os.environ, "RECSYS_HOME": folder},
                    stdout=sys.stderr,
                    check=True,
                )
            taken = (time.perf_counter() - started) / 60
            held = usage.peak / 2**30
            print_line(stage, f"{taken:.1f} min, {held:.1f} GiB (once)")
            minutes, most = minutes + taken, max(most, held)
        bar = "75 min, 18 GiB"
        print_line("all", f"{minutes:.1f} min, {most:.1f} GiB (once)", bar=bar)
        evaluation = Home(root=Path(folder)).lake.scan(CLICK_EVALUATION).collect()
        for model, _, split, metric, value in evaluation.iter_rows():
            print_line(f"{model}, {metric} of {split} rows", f"{value:.4f}")


if __name__ == "__main__":
    main()
