"""A database of MLflow that comes from another home: where it says that models' files lie.

MLflow writes down full paths. Left as they are, a home that was moved would find no model, and one
that was copied or restored would read its models from the home before, and write new ones there.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

_FOLDER = "/mlflow/artifacts"
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns that hold paths of files."""


@cache
def settle(database: Path, artifacts: Path) -> None:
    """Let an MLflow database find its files where its home lies now; looked at once a process.

    What a copy has written into the home before, and only there, is found there still.
    """
    relocate_artifacts(database, artifacts, leave_absent=True)


def relocate_artifacts(database: Path, artifacts: Path, leave_absent: bool = False) -> None:
    """Let an MLflow database find files in a folder of its new home.

    Args:
        database: SQLite file of MLflow; one without experiments of ours is left as it is.
        artifacts: where the files of models lie now: ``mlflow/artifacts`` of a home.
        leave_absent: whether paths stay of which files are in the folder before, not in this one.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.create_function(
            "stays", 2, lambda old, new: leave_absent and Path(old).exists() > Path(new).exists()
        )
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        known = {name for (name,) in tables}
        if "experiments" not in known:
            return
        found = connection.execute("SELECT DISTINCT artifact_location FROM experiments")
        for (old,) in found.fetchall():
            if old and old.endswith(_FOLDER) and old != str(artifacts):
                for table, column in _PLACES:
                    if table in known:
                        _replace_start(connection, table, column, old, str(artifacts))


def _replace_start(
    connection: sqlite3.Connection, table: str, column: str, old: str, new: str
) -> None:
    # Names of tables and columns are ours; values are passed apart.
    connection.execute(
        f"UPDATE {table} SET {column} = :new || substr({column}, :rest)"
        f" WHERE ({column} = :old OR substr({column}, 1, :rest) = :old || '/')"
        f" AND NOT stays({column}, :new || substr({column}, :rest))",
        {"old": old, "new": new, "rest": len(old) + 1},
    )
