"""A standalone Spark cluster on loopback, whose workers can be killed."""

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import pyspark

from recsys_assets.resources.jvm import prepare_environment
from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port

SPARK_HOME = Path(pyspark.__file__).parent


class SparkCluster:
    """A master, and workers of one core each."""

    def __init__(self, folder: Path, workers: int = 2, memory: str = "2g") -> None:
        """Nothing starts before the cluster is entered.

        Args:
            folder: where logs and the workers' files go.
            workers: to begin with.
            memory: of each worker, all its executors together.
        """
        self._folder, self._count, self._memory = folder, workers, memory
        self._master: subprocess.Popen[bytes] | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self._started = 0
        port = free_port()
        self._port, self.address = port, f"spark://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        prepare_environment()
        log = self._folder / "master.log"
        self._master = self._start("master.Master", log, "--port", str(self._port))
        try:
            wait_for_port(self._port, self._master, log, 60)
            for _ in range(self._count):
                self.add_worker()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in (*self._workers, self._master):
            if process is not None:
                stop(process)

    def add_worker(self) -> None:
        """Start one more worker; it joins within seconds."""
        self._started += 1
        log = self._folder / f"worker{self._started}.log"
        words = ("-c", "1", "-m", self._memory, "-d", str(self._folder / "work"), self.address)
        self._workers.append(self._start("worker.Worker", log, *words))

    def kill_worker(self) -> None:
        """SIGKILL the oldest worker, and with it the executor it runs."""
        process = self._workers.pop(0)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def executors(self) -> list[Path]:
        """Folder of each executor that was ever started."""
        return list((self._folder / "work").glob("app-*/*"))

    def _start(self, name: str, log: Path, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1"}
        command = [
            *(str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"),
            *("--host", "127.0.0.1", "--webui-port", "0"),
            *words,
        ]
        return start(command, self._folder, log, env=environment)
