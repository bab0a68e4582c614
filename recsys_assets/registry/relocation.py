"""A database of MLflow that comes from another home: where it says that models' files lie.

MLflow writes down full paths. Left as they are, a restored home would read its models from the home
that was backed up, and write new ones there.
"""

import sqlite3
from contextlib import closing
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


def relocate_artifacts(database: Path, artifacts: Path) -> None:
    """Let an MLflow database that nobody has open find files in a folder of its new home.

    Args:
        database: SQLite file of MLflow; one without experiments of ours is left as it is.
        artifacts: where the files of models lie now: ``mlflow/artifacts`` of a home.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
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
        f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
        f" WHERE {column} = ? OR substr({column}, 1, ?) = ?",
        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
    )
