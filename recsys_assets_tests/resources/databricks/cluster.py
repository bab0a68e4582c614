"""A job cluster on this machine: installs the libraries of a run and runs its task on local Spark.

    PENDING: libraries "installed" -> RUNNING: the wheel's entry point in a process -> TERMINATED

The process gets nothing of this one's environment but a Java and a Python: what a step needs must
come with the cluster, the wheel, or the volume.
"""

import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from recsys_assets.resources.jars import PACKAGES
from recsys_assets.resources.jvm import prepare_environment
from recsys_assets.resources.spark import SparkSettings, session_config

PENDING, RUNNING, TERMINATED, BROKEN = "PENDING", "RUNNING", "TERMINATED", "INTERNAL_ERROR"
ENTRY = (
    "import sys; from importlib.metadata import distribution; "
    "points = distribution(sys.argv[1]).entry_points; "
    "next(iter(points.select(name=sys.argv[2]))).load()()"
)
PENDING_SECONDS = 0.1


class InstallationError(Exception):
    """A library that a cluster cannot get."""


@dataclass
class JobRun:
    """One submitted run."""

    number: int
    request: dict[str, Any]
    page: str
    state: dict[str, str] = field(default_factory=lambda: {"life_cycle_state": PENDING})
    cancelled: Event = field(default_factory=Event)
    process: subprocess.Popen[bytes] | None = None
    termination: str = ""
    """Code with which the run ended, where it is not what the result says."""
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    finished: int = 0
    error: str = ""

    @property
    def outcome(self) -> str:
        return self.state.get("result_state") or self.state["life_cycle_state"]

    @property
    def ended(self) -> bool:
        return self.state["life_cycle_state"] in (TERMINATED, BROKEN)

    def end(self, result: str, message: str = "", life_cycle: str = TERMINATED) -> None:
        self.finished = int(time.time() * 1000)
        self.state = {
            "life_cycle_state": life_cycle,
            "result_state": result,
            "state_message": message,
        }

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def described(self) -> dict[str, Any]:
        tasks = [{"task_key": t["task_key"], "run_id": self.number} for t in self.request["tasks"]]
        name = self.request["run_name"]
        return {
            "run_id": self.number,
            "run_name": name,
            "run_page_url": self.page,
            "state": self.state,
            "start_time": self.started,
            "end_time": self.finished,
            "status": {
                "state": self.state["life_cycle_state"],
                "termination_details": {"code": self.termination or "RUN_EXECUTION_ERROR"},
            }
            if self.ended
            else {"state": self.state["life_cycle_state"]},
            "tasks": tasks,
        }


@dataclass
class Cluster:
    """What one run gets to itself."""

    folder: Path
    cache: Path
    """Where Spark's jars are."""
    program: str | None = None
    """Python that runs in place of the wheel's entry point."""
    own: dict[str, str] = field(default_factory=dict)
    """What processes find in their environment, whoever asked for the cluster."""
    conf: dict[str, str] = field(default_factory=dict)
    """Spark's settings there, whoever asked for the cluster."""

    def execute(self, run: JobRun) -> None:
        """Take a run to its end."""
        (task,) = run.request["tasks"]
        if run.cancelled.wait(PENDING_SECONDS):
            return run.end("CANCELED", "Run cancelled.")
        try:
            self._install(task["libraries"])
            self._configure(task["new_cluster"])
        except (InstallationError, OSError, zipfile.BadZipFile) as error:
            return run.end("FAILED", f"Library installation failed: {error}", BROKEN)
        self._start(run, task)
        return self._watch(run)

    def _install(self, libraries: list[dict[str, Any]]) -> None:
        """Unpack wheels as pip does; Maven packages must be among those of the cache."""
        for library in libraries:
            if "whl" in library:
                with zipfile.ZipFile(library["whl"]) as wheel:
                    wheel.extractall(self.folder / "site")
            elif library["maven"]["coordinates"] not in PACKAGES:
                raise InstallationError(f"{library['maven']} cannot be resolved")

    def _configure(self, cluster: dict[str, Any]) -> None:
        settings = SparkSettings(
            master="local[2]",
            driver_memory="2g",
            shuffle_partitions=2,
            azure=bool(self.conf),
            conf=self.conf,
        )
        config = session_config(settings, self.cache, self.folder / "scratch")
        del config["spark.python.daemon.module"]  # the settings of this cluster are its own
        config.update(cluster.get("spark_conf") or {})
        (self.folder / "scratch").mkdir(parents=True)
        lines = [f"{key} {value}" for key, value in config.items()]
        (self.folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _start(self, run: JobRun, task: dict[str, Any]) -> None:
        wheel = task["python_wheel_task"]
        entry = [sys.executable, "-c", ENTRY, wheel["package_name"], wheel["entry_point"]]
        command = [sys.executable, "-c", self.program] if self.program else entry
        prepare_environment()
        kept = ("PATH", "JAVA_HOME", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
        environment = {
            **{name: os.environ[name] for name in kept},
            # Which kernels OpenBLAS chooses shows in the last digits.
            **{name: text for name, text in os.environ.items() if name.startswith("OPENBLAS_")},
            "PYTHONPATH": str(self.folder / "site"),
            "SPARK_CONF_DIR": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            **task["new_cluster"].get("spark_env_vars", {}),
            **self.own,
        }
        with (self.folder / "output.txt").open("wb") as output:
            run.process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        run.state = {"life_cycle_state": RUNNING, "state_message": "In run"}

    def _watch(self, run: JobRun) -> None:
        assert run.process is not None
        if run.cancelled.is_set():
            run.kill()
        try:
            code = run.process.wait(run.request.get("timeout_seconds"))
        except subprocess.TimeoutExpired:
            run.kill()
            run.process.wait()
            return run.end("TIMEDOUT", "Run timed out.")
        if run.cancelled.is_set():
            return run.end("CANCELED", "Run cancelled.")
        if code == -signal.SIGKILL:  # the driver is gone, by no one's order
            run.termination = "DRIVER_ERROR"
            return run.end("FAILED", "The Spark driver has stopped unexpectedly.", BROKEN)
        if code:
            output = (self.folder / "output.txt").read_text(encoding="utf-8").strip().splitlines()
            run.error = output[-1] if output else f"exit {code}"
            return run.end("FAILED", "Workload failed, see run output for details.")
        return run.end("SUCCESS")
