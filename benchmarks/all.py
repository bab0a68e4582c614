"""Every benchmark, one after the other, each against its peer; what they print, as one page.

    python benchmarks/all.py --peer-python ENV/bin/python --peers FOLDER --out PAGE

ENV holds `implicit`, `recommenders` and Spark, FOLDER the flows that users run today. Without them
each benchmark measures what it can. Takes over an hour; keep the machine quiet meanwhile.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("pyspark", "polars", "numpy", "lightgbm", "implicit", "dagster", "granian")


def main() -> None:
    """Run all; a benchmark that fails is named and the others go on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peers", type=Path, help="folder of als_quickstart.py, click_notebook.py")
    parser.add_argument("--out", type=Path, default=HERE / "last_run.md")
    parser.add_argument("--only", help="part of a command's name")
    options = parser.parse_args()
    page = [f"# Benchmarks, {time.strftime('%Y-%m-%d')}", "", machine(), ""]
    failed = []
    for command in commands(options.peer_python, options.peers):
        if options.only and options.only not in command[0]:
            continue
        shown = " ".join(Path(part).name if "/" in part else part for part in command)
        print(f"== {shown}", flush=True)
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *command],
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        print(done.stdout, flush=True)
        page += [f"## `{shown}`", "", "```", done.stdout.strip(), "```", f"{seconds:.0f} s", ""]
        if done.returncode:
            failed.append(shown)
            page += [f"FAILED with exit code {done.returncode}", ""]
        options.out.write_text("\n".join(page), encoding="utf-8")
    print(f"written to {options.out}")
    if failed:
        sys.exit(f"failed: {'; '.join(failed)}")


def commands(python: Path | None, peers: Path | None) -> list[list[str]]:
    """Script and arguments of each benchmark."""
    peer = ["--peer-python", str(python)] if python else []

    def script(name: str) -> list[str]:
        return [*peer, "--peer-script", str(peers / name)] if peers else []

    return [
        ["benchmarks/validation.py"],
        ["benchmarks/ratings_flow.py", *script("als_quickstart.py")],
        ["benchmarks/click_path.py", *script("click_notebook.py")],
        ["benchmarks/als.py", "--size", "20m"],
        ["benchmarks/ranking_metrics.py", *peer],
        ["benchmarks/click_quality.py"],
        ["benchmarks/serving.py"],
    ]


def machine() -> str:
    """What the figures were measured on."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, {pages * size / 2**30:.0f} GiB, {platform.machine()}, "
        f"Python {platform.python_version()}; {packages}; load at the start "
        f"{os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
