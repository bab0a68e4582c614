"""Every benchmark, one after the other, each against its peer; their figures go into results.md.

    python benchmarks/all.py --peer-python ENV/bin/python --peers FOLDER
    python benchmarks/all.py --only als

ENV holds `recommenders` and Spark, FOLDER the flows that users run today. Without them each
benchmark measures what it can. All take a little over two hours; keep the machine quiet meanwhile.
Written is the section "Side by side" alone, and in it the lines of the benchmarks that ran to their
end.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from figures import COLUMNS

HERE = Path(__file__).parent
PACKAGES = ("pyspark", "polars", "numpy", "lightgbm", "implicit", "dagster", "granian")
SECTION = "## Side by side\n"
HEAD = f"| command | {' | '.join(COLUMNS)} | measured |\n" + "|---" * (len(COLUMNS) + 2) + "|"


def main() -> None:
    """Run all; a benchmark that fails is named and the others go on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peers", type=Path, help="folder of als_quickstart.py, click_notebook.py")
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    parser.add_argument("--only", help="part of a command")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    named = {shorten(command): command for command in commands(options.peer_python, options.peers)}
    chosen = {shown: c for shown, c in named.items() if not options.only or options.only in shown}
    if not chosen:
        sys.exit(f"--only {options.only!r} is part of none of these commands: {'; '.join(named)}")
    failed = []
    for shown, command in chosen.items():
        print(f"== {shown}", flush=True)
        measured = f"{time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}"
        lines = run(command)
        if lines is None:
            failed.append(shown)
            continue
        rows = [f"| `{shown}` {line} {measured} |" for line in lines]
        page = options.out.read_text(encoding="utf-8")
        options.out.write_text(replace_rows(page, shown, rows), encoding="utf-8")
    if failed:
        sys.exit(f"failed, its lines are as they were: {'; '.join(failed)}")


def shorten(command: list[str]) -> str:
    """A command as it is shown, without the folders of this machine."""
    return " ".join(Path(part).name if part.startswith("/") else part for part in command)


def commands(python: Path | None, peers: Path | None) -> list[list[str]]:
    """Script and arguments of each benchmark."""
    peer = ["--peer-python", str(python.absolute())] if python else []

    def script(name: str) -> list[str]:
        return [*peer, "--peer-script", str((peers / name).absolute())] if peers else []

    return [
        ["benchmarks/validation.py"],
        ["benchmarks/ratings_flow.py", *script("als_quickstart.py")],
        ["benchmarks/click_path.py", *script("click_notebook.py")],
        ["benchmarks/click_path.py", "--rows", "4000000", "--only", "LightGBM"],
        ["benchmarks/click_quality.py"],
        ["benchmarks/als.py", "--size", "20m", "--rounds", "2"],
        ["benchmarks/ranking_metrics.py", *peer],
        ["benchmarks/serving.py"],
        ["benchmarks/growth.py", "--plot", "docs/images/growth.png"],
        ["benchmarks/cluster.py", "--ratings", "400000", "--clicks", "200000"],
        ["benchmarks/criteo_size.py"],
    ]


def run(command: list[str]) -> list[str] | None:
    """The lines of the table that a benchmark prints; None where it fails. All is shown."""
    lines = []
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", *command],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                if line.startswith("| "):
                    lines.append(line.strip())
        except BaseException:  # else what it has started would go on, beside what is measured next
            os.killpg(process.pid, signal.SIGTERM)
            raise
    return None if process.returncode else lines


def replace_rows(page: str, command: str, rows: list[str]) -> str:
    """The page with new lines for one command; those of the others stay as they are."""
    before, _, rest = page.partition(SECTION)
    section, heading, after = rest.partition("\n## ")
    kept = [line for line in section.splitlines() if line.startswith("| `")]
    kept = [line for line in kept if not line.startswith(f"| `{command}` ")]
    table = "\n".join([HEAD, *sorted([*kept, *rows], key=lambda line: line.split(" | ")[0])])
    return f"{before}{SECTION}\n{machine()}\n\n{table}\n{heading}{after}"


def machine() -> str:
    """What the figures were measured on."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Written by `make bench` on {os.cpu_count()} cores, {pages * size / 2**30:.0f} GiB, "
        f"{platform.machine()}, Python {platform.python_version()}, {packages}. Medians, with the "
        "least and the most of the rounds; both sides in turn."
    )


if __name__ == "__main__":
    main()
