"""Secrets stay secret, names stay inside, and hostile files cost neither memory nor time."""

import csv
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from pydantic import BaseModel

from recsys_assets.assets.steps import step_asset
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.deployment import current_deployment, secrets
from recsys_assets.home import Home
from recsys_assets.lake.landing import LandingZone
from recsys_assets.resources.alerts import Notifier
from recsys_assets.resources.compute import Compute
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.planted import MARK, PLANTED, holding
from recsys_assets_tests.resources.alert_servers import Posts, webhook_server
from recsys_assets_tests.steps.landing_files import DAY, csv_of, place, ratings, validate


class Params(BaseModel):
    """None."""


def leak(session: Session, params: Params) -> StepReport:
    """Tell what must not be told."""
    raise NotImplementedError


class Leaking(Compute):
    """A library that quotes credentials in its errors, or returns them."""

    quotes: bool = True

    def run(self, context: dg.AssetExecutionContext, step: Any, params: BaseModel) -> StepReport:
        secret = PLANTED["AZURE_CLIENT_SECRET"]
        if not self.quotes:
            return StepReport(rows={"leak": 1}, figures={"address": f"https://x?sig={secret}"})
        try:
            raise ValueError(f"bad credential {secret}")
        except ValueError as error:
            raise RuntimeError(f"request with {PLANTED['RECSYS_SMTP_PASSWORD']} failed") from error


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("planted")
class TestSecrets:
    def test_every_planted_one_is_known_as_a_secret(self) -> None:
        assert set(PLANTED.values()) <= set(secrets())
        assert secrets({"RECSYS_HOME": "/data/recsys", "SHORT_KEY": "abc"}) == []

    @pytest.mark.parametrize("quotes", [True, False])
    def test_a_step_that_quotes_one_leaves_no_trace_of_it(
        self, home: Home, quotes: bool, capfd: pytest.CaptureFixture[str]
    ) -> None:
        asset = step_asset("leak", leak, group="features", deps=[], kinds=set())
        with (
            webhook_server() as posts,
            dg.DagsterInstance.from_config(str(home.dagster)) as instance,
        ):
            self._tick(instance, home, posts)
            result = dg.materialize(
                [asset],
                instance=instance,
                resources={"compute": Leaking(quotes=quotes)},
                raise_on_error=False,
            )
            assert result.success != quotes
            self._tick(instance, home, posts)
            assert len(posts.bodies) == int(quotes)
            if quotes:
                assert "request with *** failed" in posts.bodies[0]["cause"]
            assert MARK not in str(posts.bodies)
        assert holding(home.root) == []
        seen = capfd.readouterr()
        assert MARK not in seen.out + seen.err

    @staticmethod
    def _tick(instance: dg.DagsterInstance, home: Home, posts: Posts) -> None:
        sensor = build_alert_sensors(dg.DefaultSensorStatus.STOPPED, Catalogue())[0]
        notifier = Notifier(
            webhook={"url": posts.url}, ledger_path=str(home.root / "alerts.sqlite")
        )
        resources = {"notifier": notifier, "storage": Storage(home=str(home.root))}
        cursor_file = home.root / "cursor"
        cursor = cursor_file.read_text() if cursor_file.exists() else None
        with dg.build_sensor_context(
            instance=instance, cursor=cursor, resources=resources
        ) as context:
            tick = sensor.evaluate_tick(context)
        cursor_file.write_text(tick.cursor or "")

    def test_settings_hand_on_names_not_values(self) -> None:
        known = {
            **PLANTED,
            "RECSYS_SMTP_HOST": "mail",
            "RECSYS_SMTP_USERNAME": "alerts",
            "RECSYS_SMTP_RECIPIENTS": "night@example.org",
            "RECSYS_WEBHOOK_URL": f"https://h/{MARK}",
            "RECSYS_SLACK_URL": f"https://h/{MARK}",
            "RECSYS_TEAMS_URL": f"https://h/{MARK}",
            "RECSYS_DATABRICKS_HOST": "https://adb",
            "RECSYS_DATABRICKS_WHEEL": "w",
            "RECSYS_DATABRICKS_VOLUME": "/v",
        }
        deployment = current_deployment(known)
        assert MARK not in repr(deployment)
        assert MARK not in repr(Notifier(**deployment.alerts))
        names = [
            deployment.alerts[channel][field].env_var_name
            for channel, field in (
                ("email", "password"),
                ("slack", "url"),
                ("teams", "url"),
                ("pagerduty", "routing_key"),
            )
        ]
        assert set(names) <= set(known)


class TestFilesFromOutside:
    def test_links_and_devices_in_the_landing_zone_are_none_of_ours(self, home: Home) -> None:
        outside = home.root / "secret.csv"
        outside.write_text(csv_of(ratings(3)))
        folder = home.root / "landing" / "ratings" / DAY.isoformat()
        folder.mkdir(parents=True)
        (folder / "link.csv").symlink_to(outside)
        (folder / "up.csv").symlink_to("../../../secret.csv")
        os.mkfifo(folder / "pipe.csv")
        (home.root / "landing" / "ratings" / "2026-01-29").symlink_to(home.root)
        assert home.landing_zone.files("ratings") == []

    @pytest.mark.parametrize(
        "name",
        ["..", "...csv", "-rf", "a b;c$(reboot).csv", "x\ny.csv", "~root", "ü" * 100, "\u202e.csv"],
    )
    def test_no_name_leads_out_or_means_something_to_a_shell(
        self, tmp_path: Path, name: str
    ) -> None:
        source = tmp_path / "in" / (name if name != ".." else "..csv")
        source.parent.mkdir()
        source.write_text("x")
        zone = LandingZone(tmp_path / "landing", tmp_path / "rejected")
        landed = zone.land(source, "ratings", DAY)
        assert landed.path.parent == tmp_path / "landing" / "ratings" / DAY.isoformat()
        assert not set(landed.path.name) & set(" ;$\n/\\'\"`|&<>*?~\u202e")
        assert not landed.path.name.startswith(".")

    @pytest.mark.parametrize("make", ["line", "packed line", "bomb", "nested"])
    def test_two_gigabytes_in_one_line_or_file_cost_little(self, tmp_path: Path, make: str) -> None:
        path = tmp_path / "huge.csv"
        MAKERS[make](path)
        code = (
            "import re, sys; from pathlib import Path\n"
            "from recsys_assets_tests.malformed.test_corpus import judged_file\n"
            "account, rows = judged_file(Path(sys.argv[1]), 'ratings', Path(sys.argv[2]))\n"
            "said = Path('/proc/self/status').read_text()\n"
            "print(account.fault.rule, re.search(r'VmHWM:\\s+(\\d+)', said)[1])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
        rule, kilobytes = done.stdout.split()
        assert rule in {"file.line_length", "file.bomb", "file.binary", "file.columns"}
        assert int(kilobytes) < 1_200_000, "with the interpreter and its libraries"


def _line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"u")
        file.truncate(2 << 30)


def _repeated(path: Path, data: bytes, times: int) -> None:
    path.write_bytes(gzip.compress(data, 9) * times)


MAKERS: dict[str, Callable[[Path], None]] = {
    "line": _line,
    "packed line": lambda path: _repeated(path, b"u" * (10 << 20), 205),
    "bomb": lambda path: path.write_bytes(
        gzip.compress(csv_of(ratings(20)).encode()) + gzip.compress(b"\n" * (10 << 20), 9) * 205
    ),
    "nested": lambda path: path.write_bytes(gzip.compress(gzip.compress(b"u" * (300 << 20), 1), 1)),
}


class TestInjection:
    def test_a_spreadsheet_finds_no_formula_in_a_report(
        self, recsys: Recsys, session: Session, tmp_path: Path
    ) -> None:
        bad = ["=cmd|'/C calc'!A0,1", "+1+1,2", "@SUM(1),3", "-2+3,4", " =1,5", "\ufeff=1,6"]
        place(session, csv_of([*ratings(200), *bad]))
        validate(session)
        report = tmp_path / "report.csv"
        recsys("quarantine", "show", "ratings", "--report", report)
        cells = pl.read_csv(report)["raw"].to_list()
        assert len(cells) == 6
        assert all(cell.startswith("'") for cell in cells)
        fix = tmp_path / "fix.csv"
        recsys("quarantine", "show", "ratings", "--out", fix)
        assert fix.read_text().splitlines()[1:] == bad, "what is replayed is as it stood"

    @pytest.mark.parametrize("ends", [",", ";", ",;\t"])
    def test_nor_does_one_whose_cells_end_otherwise(
        self, recsys: Recsys, session: Session, tmp_path: Path, ends: str
    ) -> None:
        bad = ["9;=1+1", '9; =HYPERLINK("x"),1', "9\t=1+1\t-3", '9;"=1+1;9']
        place(session, csv_of([*ratings(200), *bad]))
        validate(session)
        report = tmp_path / "report.csv"
        recsys("quarantine", "show", "ratings", "--report", report)
        text = report.read_text()
        if len(ends) > 1:  # all of them count, but not within quotes
            text, ends = re.sub(r'("[^"]*")|[,;\t]', lambda found: found[1] or "\t", text), "\t"
        cells = [cell for row in csv.reader(text.splitlines(), delimiter=ends) for cell in row]
        assert not [cell for cell in cells if re.match(r"\s*[=+@-]", cell)]

    def test_no_value_ends_a_predicate(self, home: Home) -> None:
        home.lake.write_frame(pl.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "t", {"a": "x"})
        home.lake.delete("t", {"a": "x' OR '1'='1"})
        assert home.lake.scan("t").collect().height == 2


def test_nobody_is_told_what_runs_here() -> None:
    """MLflow decides on its telemetry when it is imported, and not at all where it sees a CI."""
    code = "import recsys_assets; from mlflow.telemetry import get_telemetry_client as client; "
    plain = {n: v for n, v in os.environ.items() if n not in ("CI", "MLFLOW_DISABLE_TELEMETRY")}
    said = subprocess.run(
        [sys.executable, "-c", f"{code}print(client())"],
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.strip() == "None"
