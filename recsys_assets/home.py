"""The one folder that holds all state of a deployment on this machine."""

import uuid
from pathlib import Path

from pydantic import BaseModel, field_validator

from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.store import name_account, place
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry

_UNREADABLE = set("[]{}()*?|^\\%=,:;#\"'`<>")
"""Characters that one or other of Spark, polars and delta-rs takes for more than a letter."""

PROJECT = Path(__file__).resolve().parents[1]


class Home(BaseModel):
    """Folders below ``RECSYS_HOME``; two homes share nothing."""

    root: Path
    account: str = ""
    """Storage account of Azure in which landed files and tables lie; below the root if empty."""
    mlflow: str = ""
    """MLflow's address (see `registry.address`); a database file below the root if empty."""

    @field_validator("root")
    @classmethod
    def _can_be_read_by_all(cls, root: Path) -> Path:
        if found := sorted(_UNREADABLE & set(str(root))):
            raise ValueError(
                f"Spark and the tables cannot work in {root}, for its {' '.join(found)}: "
                "choose a folder named by letters, digits and blanks"
            )
        return root

    @property
    def landing_zone(self) -> LandingZone:
        """Files as they came, and copies of the rejected ones."""
        return LandingZone(place(self.address("landing")), place(self.address("rejected")))

    @property
    def lake(self) -> Lake:
        """The Delta tables."""
        return Lake(self.address("lake"))

    def address(self, part: str) -> str:
        """Where one of landing, rejected and lake lies: a folder, or a container of its own."""
        if not self.account:
            return str(self.root / part)
        name_account(self.account)
        return f"abfss://{part}@{self.account}.dfs.core.windows.net"

    @property
    def registry(self) -> ModelRegistry:
        """The models: in MLflow on a database file, or wherever it is served."""
        if self.mlflow:
            return ModelRegistry(self.mlflow)
        mlflow = self.root / "mlflow"
        return ModelRegistry(f"sqlite:///{mlflow / 'mlflow.db'}", str(mlflow / "artifacts"))

    @property
    def reports(self) -> Path:
        """Pages about evaluations, for people."""
        return self.root / "reports"

    @property
    def bundles(self) -> Path:
        """What the scoring and lookup service answers from."""
        return self.root / "bundles"

    @property
    def feedback(self) -> Path:
        """Journals of that service: what was shown and clicked."""
        return self.root / "feedback"

    @property
    def asked_runs(self) -> Path:
        """What `recsys run` asks of a daemon, one file for each run."""
        return self.root / "asked_runs"

    @property
    def lookup(self) -> Path:
        """Published lists by user, where no lookup store is configured."""
        return self.root / "lookup.sqlite"

    @property
    def warehouse(self) -> Path:
        """Published tables for SQL, where no warehouse is configured."""
        return self.root / "warehouse.duckdb"

    @property
    def dagster(self) -> Path:
        """Dagster's own home: runs, events, schedules."""
        return self.root / "dagster"

    @property
    def cache(self) -> Path:
        """What can be fetched again: Spark's jars, downloaded data sets."""
        return self.root / "cache"

    @property
    def scratch(self) -> Path:
        """Spark's temporary files."""
        return self.root / "scratch"

    @property
    def alerts(self) -> Path:
        """Ledger of delivered alerts."""
        return self.root / "alerts.sqlite"

    @property
    def digests(self) -> Path:
        """Ledger of digests: who was sent what."""
        return self.root / "digests.sqlite"

    def prepare(self) -> None:
        """Create the folders that others expect, and give Dagster its settings."""
        for folder in (self.dagster, self.cache, self.scratch, self.root / "mlflow"):
            folder.mkdir(parents=True, exist_ok=True)
        settings = PROJECT / "dagster.yaml"
        if settings.is_file():
            _replace(self.dagster / "dagster.yaml", settings.read_bytes())


def _replace(path: Path, content: bytes) -> None:
    """Give a file its content, which others who read it see whole; left alone where it has it.

    Every command comes here, also while another one starts, and while the disk is full.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    partial.write_bytes(content)
    partial.replace(path)
