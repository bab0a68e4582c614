"""The runbook: a section for every alert, and every command in it works as it stands there."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys_assets.automation import causes
from recsys_assets_tests.acceptance.commands import copy_of, environment, recsys
from recsys_assets_tests.resources.alert_servers import free_port

PROJECT = Path(__file__).resolve().parents[2]
RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
PARTS = ("**Means**", "**Look at**", "**Do**", "**Verify**")
FAILS = {"recsys health", "recsys health --no-location"}
"""Commands that answer with exit code 1 where no daemon runs, as in a test."""
GIVEN = "RECSYS_SPARK_MEMORY=2g "
"""What the environment of a test says already: with it a command is the same as without."""
UNDO = "recsys withdraw ratings 2026-01-30 --undo"
"""Rebuilds as the withdrawal before it does, and as a later command of the book does once more."""
ELSEWHERE = {"recsys run"}
"""Takes a minute and a half, and `test_run.py` does it a second time in a home like this one."""


def sections() -> dict[str, str]:
    found = re.split(r"^## ", RUNBOOK.split("# Backup and restore")[0], flags=re.MULTILINE)[1:]
    return {text.split("\n", 1)[0].strip(): text for text in found}


def commands() -> list[str]:
    """Every command, the same one only once, in the order of the book."""
    blocks = re.findall(r"^```bash\n(.*?)^```", RUNBOOK, flags=re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix(GIVEN) for block in blocks for line in block.splitlines() if line]
    return list(dict.fromkeys(lines))


def kinds() -> set[str]:
    tables = [*causes._KINDS, *causes._CHECK_KINDS]
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (PROJECT / "recsys_assets" / "automation").glob("*.py")
    )
    named = re.findall(r'kind="([a-z-]+)"', source) + re.findall(r'return "([a-z-]+)"', source)
    return {kind for kind, _ in tables} | set(named)


def test_every_kind_of_alert_has_a_section_with_all_parts() -> None:
    book = sections()
    assert kinds() <= set(book), kinds() - set(book)
    assert set(book) - kinds() <= {"other"}
    for name, text in book.items():
        for part in PARTS:
            assert part in text, f"{name} lacks {part}"


def test_every_option_in_it_exists() -> None:
    """Quick: each command of ours is known with its options, without running it."""
    from typer.main import get_command

    from recsys_assets.cli.app import app

    for line in commands():
        words = [w for w in shlex.split(line) if "=" not in w.split("/")[0] or w.startswith("-")]
        if words[0] != "recsys":
            continue
        command, rest = get_command(app), words[1:]
        while hasattr(command, "commands"):
            assert rest[0] in command.commands, line
            command, rest = command.commands[rest[0]], rest[1:]
        known = {o for p in command.params for o in [*p.opts, *p.secondary_opts]}
        assert {word for word in rest if word.startswith("--")} <= known, line


@pytest.fixture(scope="module")
def book_home(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the drops that the runbook speaks of, one of them with bad lines."""
    home = copy_of(undisturbed, tmp_path_factory.mktemp("book") / "home")
    folder = home / "landing"
    (folder / "ratings" / "2026-01-31").mkdir(exist_ok=True)
    lines = [f"{user},1,4.0,yesterday" for user in range(9001, 9004)]
    good = [f"{user},{item},4.0,978300760" for user in (9001, 9002) for item in range(1, 60)]
    text = "\n".join(["userId,movieId,rating,timestamp", *lines, *good]) + "\n"
    (folder / "ratings" / "2026-01-31" / "bad.csv").write_text(text, encoding="utf-8")
    (folder / "ratings" / "2026-01-31" / "page.csv").write_text("<html>\n", encoding="utf-8")
    (folder / "movies" / "2026-02-01").mkdir()
    (folder / "movies" / "2026-02-01" / "page.csv").write_text("<html>\n", encoding="utf-8")
    done = recsys(
        home,
        "run",
        "--select",
        "ratings",
        "--from",
        "2026-01-31",
        "--to",
        "2026-01-31",
    )
    assert done.returncode == 0, done.stderr
    # A drop of nothing but rejected files fails its run, once; the runs of the book come after it.
    bad = ["--from", "2026-02-01", "--to", "2026-02-01"]
    rejected = recsys(home, "run", "--select", "movies", *bad)
    assert rejected.returncode == 1, rejected.stderr
    corrected = text.replace("yesterday", "978300761")
    (home / "corrected.csv").write_text(corrected, encoding="utf-8")
    return home


def shell(home: Path) -> dict[str, str]:
    """The environment in which `recsys` is this project's command."""
    tools = home / "tools"
    if not tools.is_dir():
        tools.mkdir()
        script = tools / "recsys"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m recsys_assets.cli "$@"\n')
        script.chmod(0o755)
    known = environment(home)
    return known | {"PATH": f"{tools}:{known['PATH']}", "PYTHONPATH": str(PROJECT)}


@pytest.mark.slow
def test_every_command_runs(book_home: Path) -> None:
    for line in commands():
        if line.startswith("recsys ui") or line in ELSEWHERE:
            continue
        done = subprocess.run(
            ["bash", "-c", f"{UNDO} --no-rebuild" if line == UNDO else line],
            cwd=book_home,
            env=shell(book_home),
            text=True,
            capture_output=True,
            check=False,
        )
        expected = {0, 1} if line in FAILS else {0}
        assert done.returncode in expected, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def ui(book_home: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The UI, started as the runbook says, on a free port."""
    port = free_port()
    words = ["recsys", "ui", "--port", str(port), *request.param]
    with subprocess.Popen(
        words,
        cwd=book_home,
        env=shell(book_home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{url}/server_info", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


LAUNCH = """mutation { launchRun(executionParams: {mode: "default", selector: {
    repositoryLocationName: "recsys_assets", repositoryName: "__repository__",
    jobName: "publish"}}) { __typename } }"""


def ask(url: str, query: str) -> str:
    request = urllib.request.Request(
        f"{url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.slow
@pytest.mark.parametrize("ui", [["--read-only"]], indirect=True)
def test_a_read_only_ui_shows_everything_and_starts_nothing(ui: str) -> None:
    assert "top_k" in ask(ui, "{ assetNodes { assetKey { path } } }")
    assert "UnauthorizedError" in ask(ui, LAUNCH)


@pytest.mark.slow
@pytest.mark.parametrize("ui", [[]], indirect=True)
def test_the_ui_brings_the_daemon_back(ui: str, book_home: Path) -> None:
    assert ui
    end = time.monotonic() + 120
    while time.monotonic() < end:
        done = recsys(book_home, "health", "--no-location", "--json")
        if '"healthy": true' in done.stdout:
            return
        time.sleep(3)
    raise AssertionError(done.stdout)
