"""The containers' commands and settings as processes here: PostgreSQL, code, web server, daemon."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import psycopg
import pytest
import yaml

from recsys_assets.deployment import current_deployment
from recsys_assets.home import PROJECT
from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port
from recsys_assets_tests.servers.postgres import find_programs, postgres_server

DOCKER = PROJECT / "docker"
BIN = Path(sys.executable).parent
PROGRAMS = find_programs()
LAUNCH = """
mutation($job: String!) {
  launchRun(executionParams: {
    selector: {
      jobName: $job, repositoryName: "__repository__", repositoryLocationName: "recsys_assets",
      assetSelection: [{path: ["popular_movies"]}]
    }
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""


def command_of(image: str) -> list[str]:
    """The command an image starts."""
    text = (DOCKER / image / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    return list(json.loads(re.findall(r"^CMD (.*)$", text, re.M)[-1]))


def adapted(command: list[str], changes: dict[str, str]) -> list[str]:
    return [str(BIN / command[0]), *(changes.get(word, word) for word in command[1:])]


class Stack:
    """Three of the four containers of the compose file, as processes."""

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

    def start(self, name: str, command: list[str], port: int | None = None) -> None:
        log = self.folder / f"{name}.log"
        process = start(command, self.folder, log, env=self.environment)
        self.processes.append(process)
        if port:
            wait_for_port(port, process, log, 120)

    def check(self, *command: str) -> int:
        """Exit code of a health check."""
        words = [str(BIN / command[0]), *command[1:]]
        return subprocess.run(
            words, env=self.environment, cwd=self.folder, capture_output=True, check=False
        ).returncode

    def ask(self, query: str, **variables: str) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web_port}/graphql", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(json.load(answer)["data"])
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    with postgres_server(PROGRAMS) as database:
        stack = Stack(tmp_path_factory.mktemp("stack"), database)
        code, web = str(stack.code_port), str(stack.web_port)
        try:
            local = {"0.0.0.0": "127.0.0.1", "4000": code, "3000": web}
            stack.start("code", adapted(command_of("user_code"), local), stack.code_port)
            stack.start("web", adapted(command_of("platform"), local), stack.web_port)
            compose = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
            stack.start("daemon", adapted(compose["services"]["daemon"]["command"], {}))
            yield stack
        finally:
            for process in reversed(stack.processes):
                stop(process)


@pytest.mark.slow
def test_the_four_containers_are_healthy_and_run_an_asset_on_postgresql(stack: Stack) -> None:
    code = str(stack.code_port)
    assert stack.check("dagster", "api", "grpc-health-check", "--port", code) == 0
    assert stack.check("dagster", "api", "grpc-health-check", "--port", "1") != 0
    with urllib.request.urlopen(
        f"http://127.0.0.1:{stack.web_port}/server_info", timeout=30
    ) as info:
        assert "dagster_webserver_version" in json.load(info)

    launched = stack.ask(LAUNCH, job="__ASSET_JOB")["launchRun"]
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
    assert stack.check("dagster-daemon", "liveness-check") == 0
