"""MLflow's database file: its tables are made by one process, whoever else begins meanwhile.

MLflow makes them by dozens of migrations that nothing guards. Two processes that begin on a new
file get into each other's, and may leave it such that no later one gets through.
"""

import fcntl
from functools import cache
from pathlib import Path

_SQLITE = "sqlite:///"


@cache
def make_tables(uri: str) -> None:
    """Have MLflow make the tables of a database file, where they are missing; once a process.

    Args:
        uri: MLflow's address of the file, ``sqlite:///…``.
    """
    from mlflow import MlflowClient

    file = Path(uri.removeprefix(_SQLITE))
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        MlflowClient(uri, uri).search_experiments(max_results=1)
