"""How time and memory of each stage grow with the data: four sizes, an exponent, a plot.

    python benchmarks/growth.py --ratings 100000 --clicks 50000 --plot docs/images/growth.png

Every size runs in a process of its own, stage after stage, on generated data of one shape: users
and movies grow with the ratings as they do from MovieLens 1M to 20M. The exponent is the slope of
log seconds over log rows, of the two largest sizes: below them what a stage costs whatever its
rows still shows. Prints a line for each stage; the exponent 1 is growth in proportion.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
from memory import Memory
from opening import open_session
from stages import FLOWS

from recsys_assets.home import Home

FACTORS = (1, 4, 16, 64)


def main() -> None:
    """Run all sizes, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ratings", type=int, default=100_000, help="at the smallest size")
    parser.add_argument("--clicks", type=int, default=50_000, help="at the smallest size")
    parser.add_argument("--sizes", type=int, default=len(FACTORS), help="how many of the four")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("KIND", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_stages(options.one[0], int(options.one[1]))
        return
    found: dict[str, list[tuple[int, float, float]]] = {}
    for kind, least in (("ratings", options.ratings), ("clicks", options.clicks)):
        for factor in FACTORS[: options.sizes if least else 0]:
            for name, seconds, gibibytes in measure(kind, least * factor):
                found.setdefault(name, []).append((least * factor, seconds, gibibytes))
    for name, sizes in found.items():
        shown = ", ".join(f"{rows:,}: {s:.1f} s {g:.1f} GiB" for rows, s, g in sizes)
        print(f"{name}: exponent {exponent(sizes):.2f} ({shown})")
    if options.plot:
        draw(found, options.plot)


def measure(kind: str, rows: int) -> list[tuple[str, float, float]]:
    """Stage, seconds and GiB of one size, in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", kind, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind} {rows:,} failed:\n{done.stderr[-3000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    print(f"{kind} {rows:,}: {sum(seconds for _, seconds, _ in lines):.0f} s", flush=True)
    return [(name, seconds, gibibytes) for name, seconds, gibibytes in lines]


def run_stages(kind: str, rows: int) -> None:
    """All stages on so many rows; prints stage, seconds and peak memory of each."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(Home(root=Path(folder) / "home"))
        land, stages = FLOWS[kind]
        land(session, Path(folder), rows)
        for name, step, params in stages:
            started = time.perf_counter()
            with Memory() as memory:
                report = step(session, params)
            if report.failed or report.skipped:
                sys.exit(f"{name}: {report.failed or report.skipped}")
            seconds = time.perf_counter() - started
            print(json.dumps([name, seconds, memory.peak / 2**30]), flush=True)


def exponent(sizes: list[tuple[int, float, float]]) -> float:
    """Growth between the two largest sizes."""
    if len(sizes) < 2:
        return math.nan
    (few, before, _), (many, after, _) = sizes[-2:]
    return math.log(after / before) / math.log(many / few)


def draw(found: dict[str, list[tuple[int, float, float]]], path: Path) -> None:
    """Seconds over rows, a line for each stage."""
    figure, axes = plt.subplots(figsize=(9, 6))
    for name, sizes in found.items():
        rows, seconds, _ = zip(*sizes, strict=True)
        axes.loglog(rows, seconds, marker="o", label=f"{name} ({exponent(sizes):.2f})")
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds")
    axes.legend(fontsize=8, title="stage (exponent)")
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.savefig(path, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
