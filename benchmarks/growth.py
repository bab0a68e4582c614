"""How time and memory of each stage grow with the data: four sizes, an exponent, a plot.

    python benchmarks/growth.py --ratings 100000 --clicks 50000 --plot docs/images/growth.png

Every size runs in a process of its own, stage after stage, on generated data of one shape: users
and movies grow with the ratings as they do from MovieLens 1M to 20M; with ``--movies`` the
catalogue is the same at every size, and users alone grow. The exponent is the slope of
log seconds over log rows, of the two largest sizes: below them what a stage costs whatever its
rows still shows. Prints a line for each stage; the exponent 1 is growth in proportion. Beside it
stands who computes at the largest size, of the cores that are busy on average.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from figures import print_line
from opening import open_session
from stages import FLOWS
from usage import Usage

from recsys_assets.home import Home

FACTORS = (1, 4, 16, 64)


class Measured(NamedTuple):
    """What one stage took at one size."""

    rows: int
    seconds: float
    gibibytes: float
    computing: dict[str, float]
    """Driver, JVM, workers → seconds of processor time."""


def main() -> None:
    """Run all sizes, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ratings", type=int, default=100_000, help="at the smallest size")
    parser.add_argument("--clicks", type=int, default=100_000, help="at the smallest size")
    parser.add_argument("--sizes", type=int, default=len(FACTORS), help="how many of the four")
    parser.add_argument("--movies", type=int, default=0, help="of every size; 0: grow with it")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("KIND", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_stages(options.one[0], int(options.one[1]), options.movies)
        return
    found: dict[str, list[Measured]] = {}
    for kind, least in (("ratings", options.ratings), ("clicks", options.clicks)):
        for factor in FACTORS[: options.sizes if least else 0]:
            for name, measured in measure(kind, least * factor, options.movies):
                found.setdefault(name, []).append(measured)
    for name, sizes in found.items():
        shown = ", ".join(f"{m.rows:,}: {m.seconds:.1f} s {m.gibibytes:.1f} GiB" for m in sizes)
        grows = f"exponent {exponent(sizes):.2f}"
        print_line(f"growth of {name}", shown, busy(sizes[-1]), grows, "at most 1.1")
    if options.plot:
        draw(found, options.plot)


def measure(kind: str, rows: int, movies: int) -> list[tuple[str, Measured]]:
    """Each stage of one size, in a process of its own."""
    one = ["--one", kind, str(rows), "--movies", str(movies)]
    command = [sys.executable, "-W", "ignore", __file__, *one]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind} {rows:,} failed:\n{done.stderr[-3000:]}")
    said = [json.loads(text) for text in done.stdout.splitlines() if text.startswith('["')]
    stages = [(name, Measured(rows, *figures)) for name, *figures in said]
    print(f"{kind} {rows:,}: {sum(m.seconds for _, m in stages):.0f} s", flush=True)
    return stages


def run_stages(kind: str, rows: int, movies: int) -> None:
    """All stages on so many rows; prints name, seconds, peak memory, processor time of each."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(Home(root=Path(folder) / "home"))
        land, stages = FLOWS[kind]
        land(session, Path(folder), rows, movies)
        for name, step, params in stages:
            started = time.perf_counter()
            with Usage() as usage:
                report = step(session, params)
            if report.failed or report.skipped:
                sys.exit(f"{name}: {report.failed or report.skipped}")
            seconds = time.perf_counter() - started
            print(json.dumps([name, seconds, usage.peak / 2**30, usage.seconds]), flush=True)


def exponent(sizes: list[Measured]) -> float:
    """Growth between the two largest sizes."""
    if len(sizes) < 2:
        return math.nan
    few, many = sizes[-2:]
    return math.log(many.seconds / few.seconds) / math.log(many.rows / few.rows)


def busy(measured: Measured) -> str:
    """Cores at work on average, and who used them, in words."""
    cores = ", ".join(
        f"{place} {seconds / measured.seconds:.2f}"
        for place, seconds in sorted(measured.computing.items())
    )
    return f"cores at work: {cores}"


def draw(found: dict[str, list[Measured]], path: Path) -> None:
    """Seconds over rows, a line for each stage, a picture for each flow."""
    figure, places = plt.subplots(1, len(FLOWS), figsize=(12, 6), sharey=True)
    for axes, (kind, (_, stages)) in zip(places, FLOWS.items(), strict=True):
        axes.set_prop_cycle(color=plt.get_cmap("Paired")(range(12)))
        for name in (name for name, *_ in stages if name in found):
            sizes = found[name]
            rows, seconds = [m.rows for m in sizes], [m.seconds for m in sizes]
            axes.loglog(rows, seconds, marker="o", label=f"{name} ({exponent(sizes):.2f})")
        axes.set_title(kind)
        axes.set_xlabel("rows")
        axes.grid(visible=True, which="major", alpha=0.3)
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12), "ncol": 2}
        axes.legend(fontsize=8, title="stage (exponent)", **below)
    places[0].set_ylabel("seconds")
    figure.savefig(path, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
