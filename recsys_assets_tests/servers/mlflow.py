"""A real MLflow server on loopback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Its address; runs and models lie in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "server.log"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts"), "--workers", "1"),
    ]
    # Eight processes more, each with all of MLflow, would wait for jobs that nobody asks for.
    quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = start(command, folder, log, env=quiet)
    try:
        wait_for_port(port, process, log, 120)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)
