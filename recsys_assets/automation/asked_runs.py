"""Runs that people ask for at a terminal where a daemon starts all runs, as in the images.

`recsys run` -> a file below the home -> the sensor `start_asked_runs` -> a run like every other

Commands beside a code location see Dagster's records and the home, but nobody who starts runs. What
the daemon has started is seen by everybody: it waits in the queue, is watched, shows in the UI, and
ends the troubles that it mends.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pydantic import BaseModel, ValidationError

from recsys_assets.automation.jobs import ingest, main, weekly
from recsys_assets.resources.storage import Storage

ASKED = "recsys/asked"
"""Tag of a run that was asked for: the name of its file."""
_SUFFIX = ".json"


class AskedRun(BaseModel):
    """What somebody wants to be run."""

    job: str
    """Name of the job: `ingest`, `main` or `weekly`."""
    assets: list[str] | None
    """Assets of it; all where there is no list."""
    tags: dict[str, str]
    """Tags of the run: the drops to work on."""

    @property
    def keys(self) -> list[dg.AssetKey] | None:
        """Keys of the assets; None where the whole job is wanted."""
        if self.assets is None:
            return None
        return [dg.AssetKey.from_user_string(asset) for asset in self.assets]

    def request(self, name: str) -> dg.RunRequest:
        """The same in Dagster's words; one name is started once."""
        return dg.RunRequest(
            run_key=name,
            job_name=self.job,
            asset_selection=self.keys,
            tags=self.tags | {ASKED: name},
        )


def ask_for(folder: Path, asked: AskedRun) -> str:
    """Leave word that a run is wanted; the name by which its run is known."""
    folder.mkdir(parents=True, exist_ok=True)
    name = uuid.uuid4().hex
    partial = folder / f"{name}.part"
    partial.write_text(asked.model_dump_json(), encoding="utf-8")
    partial.replace(folder / f"{name}{_SUFFIX}")  # the sensor sees all of it or nothing
    return name


def take_back(folder: Path, name: str) -> None:
    """No longer ask; nothing where the file is gone already."""
    (folder / f"{name}{_SUFFIX}").unlink(missing_ok=True)


def run_of(instance: dg.DagsterInstance, name: str) -> dg.DagsterRun | None:
    """The first run that was started for a name, if there is one yet."""
    found = instance.get_runs(dg.RunsFilter(tags={ASKED: name}), ascending=True, limit=1)
    return found[0] if found else None


def requests_of(folder: Path, instance: dg.DagsterInstance) -> Iterator[dg.RunRequest]:
    """One request for each file; files whose run has been started are removed.

    Raises:
        ValueError: a file is none of those that `ask_for` writes.
    """
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        if run_of(instance, path.stem):
            path.unlink(missing_ok=True)
            continue
        try:
            asked = AskedRun.model_validate_json(path.read_bytes())
        except FileNotFoundError:  # taken back in this moment
            continue
        except ValidationError as error:
            raise ValueError(f"{path} asks for no run, remove it: {error}") from error
        yield asked.request(path.stem)


def build_asked_sensor(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor that starts what was asked for; ``status``: whether it starts switched on."""

    @dg.sensor(
        jobs=[ingest, main, weekly],
        minimum_interval_seconds=10,
        default_status=status,
        description="Starts what `recsys run` asks for, where it cannot run it itself.",
    )
    def start_asked_runs(
        context: dg.SensorEvaluationContext, storage: Storage
    ) -> list[dg.RunRequest] | dg.SkipReason:
        requests = list(requests_of(storage.state.asked_runs, context.instance))
        return requests or dg.SkipReason("nobody asks for a run")

    return start_asked_runs
