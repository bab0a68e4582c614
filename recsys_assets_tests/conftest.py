"""What tests share: one Spark session in each process, and a fresh home for each test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import pytest
from click.testing import Result
from dagster._core.storage.defs_state.base import DefsStateStorage
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from recsys_assets.cli.app import app
from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.registry import runs
from recsys_assets.registry.database import make_tables
from recsys_assets.resources.spark import SparkSettings, open_spark
from recsys_assets.steps.session import Session
from recsys_assets_tests.acceptance.commands import QUICK_JVM
from recsys_assets_tests.resources.alert_servers import Mailbox, Posts, smtp_server, webhook_server

Recsys = Callable[..., Result]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print at the end what tests have measured: ``record_property("figure", …)``."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    figures = [
        text
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.write_line(figure)


@pytest.fixture(autouse=True)
def fresh_state_of_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster keeps the storage of an instance long closed, and asks it at the next load.

    It may be put back at any moment, when the collector ends what held the instance.
    """
    monkeypatch.setattr(DefsStateStorage, "get", lambda: None)


@pytest.fixture(scope="session", autouse=True)
def copied_registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new registry begins with a copy of MLflow's tables; processes of their own make them.

    MLflow makes them by dozens of migrations, which take two seconds of processor time.
    """
    made, lock = tmp_path_factory.mktemp("mlflow") / "mlflow.db", Lock()

    def make(uri: str) -> None:
        file = Path(uri.removeprefix("sqlite:///"))
        with lock:
            if not made.exists():
                make_tables(f"sqlite:///{made}")
            if not file.exists():
                shutil.copy(made, file)
        make_tables(uri)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "make_tables", make)
        yield


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one Spark session, with the jars of the project's own cache."""
    conf = current_deployment({"RECSYS_SPARK_CONF": str(QUICK_JVM)}).spark.conf
    settings = SparkSettings(master="local[2]", driver_memory="4g", shuffle_partitions=2, conf=conf)
    session = open_spark(
        settings, current_deployment().home.cache, tmp_path_factory.mktemp("spark")
    )
    yield session
    session.stop()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own."""
    fresh = Home(root=tmp_path / "home")
    fresh.prepare()
    return fresh


@pytest.fixture
def session(spark: SparkSession, home: Home) -> Session:
    """What a step works with, in a home of its own."""
    return Session(
        spark,
        home.lake,
        home.landing_zone,
        home.registry,
        run_id="test-run",
        reports=home.reports,
    )


@pytest.fixture
def recsys(home: Home, monkeypatch: pytest.MonkeyPatch) -> Recsys:
    """The command, with its arguments as one text or several."""
    monkeypatch.setenv("RECSYS_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server."""
    with smtp_server() as server:
        yield server


@pytest.fixture
def posts() -> Iterator[Posts]:
    """A receiver of webhooks."""
    with webhook_server() as server:
        yield server
