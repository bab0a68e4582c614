"""A PostgreSQL server of its own, from the programs of this machine."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from recsys_assets_tests.servers.ports import free_port, start, stop

USER, DATABASE, PASSWORD = "dagster", "dagster", "only-on-loopback"


def find_programs() -> Path | None:
    """Folder of initdb and postgres; None where there is no PostgreSQL."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def postgres_server(programs: Path) -> Iterator[dict[str, Any]]:
    """Start a server with an empty database; what `psycopg.connect` wants to know."""
    # PostgreSQL refuses to run as root, and no other user may look into pytest's folders.
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="recsys-pg-"))
    if user:
        shutil.chown(folder, user["user"])
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    options = ["--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256", "--no-sync"]
    initdb = [str(programs / "initdb"), "--pgdata", str(folder / "data"), *options]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)
    port = free_port()
    settings = ["-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-c", "fsync=off"]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *settings]
    process = start(command, folder, folder / "log", **user)
    known = {"host": "127.0.0.1", "port": port, "user": USER, "password": PASSWORD}
    try:
        _create_database(known)
        yield {**known, "dbname": DATABASE}
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _create_database(known: dict[str, Any]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(**known, dbname="postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}".encode())
                return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
