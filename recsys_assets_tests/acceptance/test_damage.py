"""Damaged files through the whole platform: each ends where it belongs, and people are told.

The daemon, the UI, the mail server and the webhook receiver are real and run on loopback.
"""

import datetime
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.acceptance.commands import environment, recsys
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
    Posts,
    free_port,
    smtp_server,
    webhook_server,
)

pytestmark = pytest.mark.slow

DAY = datetime.date(2026, 1, 31)
HEADER = "userId,movieId,rating,timestamp\n"


@dataclass
class Platform:
    """A home with its UI and daemon at work, and what they told people."""

    home: Path
    url: str
    mailbox: Mailbox
    posts: Posts


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The UI and the daemon in production, with both channels."""
    home, port = tmp_path_factory.mktemp("damage"), free_port()
    with smtp_server() as mailbox, webhook_server() as posts:
        settings = {
            "RECSYS_DEPLOYMENT": "production",
            "RECSYS_SMTP_HOST": "127.0.0.1",
            "RECSYS_SMTP_PORT": str(mailbox.port),
            "RECSYS_SMTP_SECURITY": "plain",
            "RECSYS_SMTP_RECIPIENTS": "night@example.org",
            "RECSYS_WEBHOOK_URL": posts.url,
            "RECSYS_UI_URL": f"http://127.0.0.1:{port}",
            # The runs of this test are its own: the landing sensor waits for longer than it takes.
            "RECSYS_SETTLED_SECONDS": "86400",
        }
        command = [sys.executable, "-m", "recsys_assets.cli", "ui", "--port", str(port)]
        log = (home / "ui.log").open("w")
        with (
            log,
            subprocess.Popen(
                command, env=environment(home, **settings), stdout=log, stderr=log
            ) as process,
        ):
            platform = Platform(home, f"http://127.0.0.1:{port}", mailbox, posts)
            try:
                wait_for(lambda: answers(f"{platform.url}/server_info"), 120, "the UI")
                time.sleep(5)  # the sensors' cursors begin with the daemon's first look
                yield platform
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=60)


def asked(platform: Platform, query: str) -> dict[str, Any]:
    """The UI's answer to a query."""
    request = urllib.request.Request(
        f"{platform.url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer)["data"])


def answers(url: str) -> bool:
    """Whether a server answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come in {seconds} s"
        time.sleep(0.5)


def damaged_files(folder: Path) -> dict[str, Path]:
    """One good file with bad lines, and one file for each way of being no data at all."""
    size = MovieLensSize(users=60, movies=100, ratings=2500)
    files = {f.dataset: f.path for f in write_movielens(folder, size, 7, DAY, 1)}
    lines = files["ratings"].read_text(encoding="utf-8").splitlines()
    lines[521] = ",".join([*lines[521].split(",")[:3], "yesterday"])
    for number, stars in ((700, "0"), (800, "5.5"), (900, "-3")):
        fields = lines[number].split(",")
        lines[number] = ",".join([*fields[:2], stars, fields[3]])
    lines[1000] = ",".join(lines[1000].split(",")[:3])
    texts = {
        "damaged.csv": "\n".join(lines) + "\n",
        "page.csv": "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n",
        "empty.csv": "",
        "doubled.csv": "userId,movieId,rating,rating\n1,2,3.0,3.0\n",
        "cut.csv": HEADER + "9001,1,4.0,978300760\n9001,2,3.5,978300761\n9001,3,4.0,9783",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "wide.csv").write_text(HEADER + "1,2,3.0,978300760\n", encoding="utf-16")
    return {"movies": files["movies"]} | {name: folder / name for name in (*texts, "wide.csv")}


@pytest.fixture(scope="module")
def after_the_run(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The platform after a run over damaged files."""
    files = damaged_files(tmp_path_factory.mktemp("files"))
    movies = files.pop("movies")
    landed = [
        recsys(platform.home, "land", "movies", str(movies), "--date", str(DAY)),
        recsys(platform.home, "land", "ratings", *map(str, files.values()), "--date", str(DAY)),
    ]
    assert [done.returncode for done in landed] == [0, 0], landed
    assert "will be rejected" in landed[1].stdout
    ran = recsys(platform.home, "run")
    assert ran.returncode == 0, ran.stderr
    assert "no_rejected_files" in ran.stderr
    return platform


def test_each_file_ends_where_it_belongs(after_the_run: Platform) -> None:
    status = json.loads(recsys(after_the_run.home, "status", "--json").stdout)
    files = {file["file"]: file for file in status["files"]}
    assert all(f["read"] == f["accepted"] + f["quarantined"] for f in files.values())
    damaged = files["damaged.csv"]
    assert not damaged["rejected"]
    assert (damaged["read"], damaged["quarantined"]) == (2500, 5)
    assert damaged["reasons"] == {
        "rating.in_range": 3,
        "row.field_count": 1,
        "timestamp.integer": 1,
    }
    assert files["cut.csv"]["accepted"] == 2
    rejected = {name: list(f["reasons"]) for name, f in files.items() if f["rejected"]}
    assert rejected == {
        "page.csv": ["file.html"],
        "empty.csv": ["file.empty"],
        "doubled.csv": ["file.header"],
        "wide.csv": ["file.encoding"],
    }
    folder = after_the_run.home / "rejected" / "ratings" / str(DAY)
    assert {p.name for p in folder.iterdir() if not p.name.endswith(".json")} == set(rejected)
    report = json.loads((folder / "wide.csv.report.json").read_text(encoding="utf-8"))
    assert "UTF-16" in report["message"]


def test_the_quarantined_line_is_named_to_the_letter(after_the_run: Platform) -> None:
    done = recsys(after_the_run.home, "quarantine", "show", "ratings", "--json")
    lines = {(row["file"], row["line"]): row for row in json.loads(done.stdout)}
    bad = lines["damaged.csv", 522]
    assert bad["raw"].endswith(",yesterday")
    assert "timestamp.integer" in bad["rules"]


def test_people_are_told_of_the_failed_check(after_the_run: Platform) -> None:
    mailbox, posts = after_the_run.mailbox, after_the_run.posts
    wait_for(lambda: len(mailbox.mails) > 1 and len(posts.bodies) > 1, 120, "alert and summary")
    mail, summary = sorted(mailbox.bodies(), key=lambda body: body.startswith("INFO"))
    assert "published" in summary
    assert "no_rejected_files" in mail
    assert "page.csv" in mail or "doubled.csv" in mail
    assert f"{after_the_run.url}/runs/" in mail
    assert sorted(post["kind"] for post in posts.bodies) == ["file-rejected", "published"]


def test_the_pages_show_graph_plots_and_failed_check(
    after_the_run: Platform, tmp_path: Path
) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: `make test` installs it where it may")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"{after_the_run.url}/asset-groups")
        page.get_by_text("recommendations").first.wait_for()
        page.goto(f"{after_the_run.url}/assets/interactions?view=overview")
        page.get_by_text("[Show Markdown]").first.click()
        picture = page.locator("img[src^='data:image/png']").first
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 300
        page.goto(f"{after_the_run.url}/assets/ratings?view=checks&checkDetail=no_rejected_files")
        page.get_by_text("Failed").first.wait_for()
        browser.close()


def test_a_drop_of_nothing_but_rejected_files_fails_and_changes_nothing(
    after_the_run: Platform, tmp_path: Path
) -> None:
    page = tmp_path / "again.csv"
    page.write_text("<html><body>Bad gateway</body></html>\n", encoding="utf-8")
    before = json.loads(recsys(after_the_run.home, "status", "--json").stdout)["tables"]
    next_day = str(DAY + datetime.timedelta(days=1))
    recsys(after_the_run.home, "land", "ratings", str(page), "--date", next_day)
    told = len(after_the_run.mailbox.mails)
    ran = recsys(after_the_run.home, "run")
    assert ran.returncode == 1
    assert "Every file of the 2026-02-01 drop was rejected" in ran.stderr
    after = json.loads(recsys(after_the_run.home, "status", "--json").stdout)["tables"]
    assert after["ratings"]["version"] == before["ratings"]["version"]
    assert after["ratings"]["rows"] == before["ratings"]["rows"]
    wait_for(lambda: len(after_the_run.mailbox.mails) > told, 120, "the alert of the failed run")
    assert "web page" in after_the_run.mailbox.bodies()[-1]


def test_the_ui_lists_runs_with_their_job_and_repeats_them(after_the_run: Platform) -> None:
    """Those of `recsys run` too, which Dagster has not launched."""
    listed = asked(
        after_the_run,
        """{ pipelineOrError(params: {repositoryLocationName: "recsys_assets",
            repositoryName: "__repository__", pipelineName: "main"})
            { ... on Pipeline { runs { runId status } } } }""",
    )["pipelineOrError"]["runs"]
    assert "SUCCESS" in [run["status"] for run in listed]
    parameters = f'{{parentRunId: "{listed[-1]["runId"]}", strategy: ALL_STEPS}}'
    again = asked(
        after_the_run,
        f"""mutation {{ launchRunReexecution(reexecutionParams: {parameters})
            {{ __typename ... on LaunchRunSuccess {{ run {{ runId }} }} }} }}""",
    )["launchRunReexecution"]
    assert again["__typename"] == "LaunchRunSuccess", again
    cancel = f'runId: "{again["run"]["runId"]}", terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY'
    asked(after_the_run, f"mutation {{ terminateRun({cancel}) {{ __typename }} }}")
