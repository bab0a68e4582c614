"""Code location, web server and daemon on PostgreSQL, by the commands of their images."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import Popen
from typing import Any

import psycopg
import yaml

from recsys_assets.contracts.files import quarantine_of
from recsys_assets.deployment import current_deployment
from recsys_assets.home import PROJECT
from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port

DOCKER = PROJECT / "docker"
BIN = Path(sys.executable).parent
LAUNCH = """
mutation($job: String!, $assets: [AssetKeyInput!]!, $day: String!) {
  launchRun(executionParams: {
    selector: {
      jobName: $job, repositoryName: "__repository__", repositoryLocationName: "recsys_assets",
      assetSelection: $assets
    }
    executionMetadata: {tags: [{key: "dagster/partition", value: $day}]}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""


GENERATE = ["recsys", "generate", "--users", "60", "--movies", "80", "--ratings", "2000"]
GENERATE += ["--clicks", "0", "--drops", "1"]
ASSETS, DAY = ["ratings", quarantine_of("ratings")], "2026-01-31"


def command_of(image: str) -> list[str]:
    """The command an image starts."""
    text = (DOCKER / image / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    return list(json.loads(re.findall(r"^CMD (.*)$", text, re.M)[-1]))


class Stack:
    """Three of the four containers of the compose file, as processes of this machine."""

    def __init__(self, folder: Path, database: dict[str, Any]) -> None:
        self.folder, self.database = folder, database
        self.code_port, self.web_port = free_port(), free_port()
        self.processes: list[Popen[bytes]] = []
        self.environment = {
            **{
                name: os.environ[name]
                for name in ("PATH", "HOME", "JAVA_HOME")
                if name in os.environ
            },
            "PYTHONPATH": str(PROJECT),
            "DAGSTER_HOME": str(folder),
            "RECSYS_DEPLOYMENT": "production",
            "RECSYS_HOME": str(folder / "home"),
            "DAGSTER_POSTGRES_HOST": database["host"],
            "DAGSTER_POSTGRES_USER": database["user"],
            "DAGSTER_POSTGRES_PASSWORD": database["password"],
            "DAGSTER_POSTGRES_DB": database["dbname"],
        }
        (folder / "home").mkdir()
        (folder / "home" / "cache").symlink_to(current_deployment().home.cache)
        settings = (DOCKER / "dagster.yaml").read_text(encoding="utf-8")
        settings = settings.replace("5432", str(database["port"]))
        settings = settings.replace("/opt/dagster/logs", str(folder / "logs"))
        (folder / "dagster.yaml").write_text(settings, encoding="utf-8")
        workspace = yaml.safe_load((DOCKER / "workspace.yaml").read_text(encoding="utf-8"))
        workspace["load_from"][0]["grpc_server"].update(host="127.0.0.1", port=self.code_port)
        (folder / "workspace.yaml").write_text(yaml.safe_dump(workspace), encoding="utf-8")

    def words(self, image: str, command: list[str]) -> list[str]:
        """The command line that runs an image's command."""
        return [str(BIN / command[0]), *command[1:]]

    def start(self, name: str, image: str, command: list[str], port: int | None = None) -> None:
        """Start one of the containers, and wait until it listens."""
        log = self.folder / f"{name}.log"
        process = start(self.words(image, command), self.folder, log, env=self.known)
        self.processes.append(process)
        if port:
            wait_for_port(port, process, log, 180)

    def start_all(self) -> None:
        """Start code location, web server and daemon by the commands of images and compose file."""
        code, web = str(self.code_port), str(self.web_port)
        local = {"0.0.0.0": "127.0.0.1", "4000": code, "3000": web}
        for name, image, port in (
            ("code", "user_code", self.code_port),
            ("web", "platform", self.web_port),
        ):
            command = [local.get(word, word) for word in command_of(image)]
            self.start(name, image, command, port)
        compose = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
        self.start("daemon", "platform", compose["services"]["daemon"]["command"])

    def stop_all(self) -> None:
        """End them, the last first."""
        for process in reversed(self.processes):
            stop(process)

    def check(self, image: str, *command: str) -> int:
        """Exit code of a health check."""
        return self.call(image, *command).returncode

    def call(self, image: str, *command: str) -> subprocess.CompletedProcess[str]:
        """A command given beside what an image runs, as by `docker compose exec`."""
        words = self.words(image, list(command))
        return subprocess.run(
            words, env=self.known, cwd=self.folder, capture_output=True, text=True, check=False
        )

    @property
    def known(self) -> dict[str, str]:
        """The whole environment of the processes that are started."""
        return self.environment

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web_port}/graphql", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(json.load(answer)["data"])
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error


def run_an_asset(stack: Stack) -> None:
    """Ask for health, land a drop, validate it by a run on Spark; its end is in the database."""
    code = str(stack.code_port)
    assert stack.check("user_code", "dagster", "api", "grpc-health-check", "--port", code) == 0
    assert stack.check("user_code", "dagster", "api", "grpc-health-check", "--port", "1") != 0
    with urllib.request.urlopen(
        f"http://127.0.0.1:{stack.web_port}/server_info", timeout=30
    ) as info:
        assert "dagster_webserver_version" in json.load(info)

    assert stack.check("user_code", *GENERATE) == 0
    launched = stack.ask(
        LAUNCH, job="__ASSET_JOB", assets=[{"path": [name]} for name in ASSETS], day=DAY
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    with psycopg.connect(**stack.database) as connection:
        deadline, status = time.monotonic() + 180, ""
        while status not in ("SUCCESS", "FAILURE") and time.monotonic() < deadline:
            time.sleep(1)
            query = "SELECT status FROM runs WHERE run_id = %s"
            row = connection.execute(query, [launched["run"]["runId"]]).fetchone()
            connection.rollback()
            status = row[0] if row else ""
        assert status == "SUCCESS"
        # A sensor of the daemon may have made the same assets again meanwhile.
        made = (
            "SELECT count(DISTINCT asset_key) FROM event_logs"
            " WHERE run_id = %s AND dagster_event_type = 'ASSET_MATERIALIZATION'"
        )
        found = connection.execute(made, [launched["run"]["runId"]])
        assert found.fetchone() == (len(ASSETS),)
    assert stack.check("platform", "dagster-daemon", "liveness-check") == 0


def ask_for_a_run(stack: Stack) -> None:
    """`recsys run` beside the code location: the daemon runs it, and its records tell of it."""
    said = stack.call("user_code", "recsys", "run", "--select", "movies,popular_movies")
    told = said.stdout + said.stderr
    assert said.returncode == 0, told
    assert "✓ validate_movies" in told and "✓ popular_movies" in told, told
    run_id = re.findall(r"run ([0-9a-f-]{36}): succeeded", told)[0]
    with psycopg.connect(**stack.database) as connection:
        query = "SELECT value FROM run_tags WHERE run_id = %s AND key = 'dagster/sensor_name'"
        assert connection.execute(query, [run_id]).fetchone() == ("start_asked_runs",)
    assert not list((stack.folder / "home" / "asked_runs").glob("*.json"))
