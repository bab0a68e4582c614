"""Databases are copied while they are written to, and come back as they were."""

import errno
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets import backup
from recsys_assets.backup import BackupError, back_up, databases, restore
from recsys_assets.delivery.lookup import publish
from recsys_assets.delivery.sqlite_store import SqliteStore
from recsys_assets.home import Home
from recsys_assets.resources.digests import MailLedger
from recsys_assets.resources.run_lock import HomeBusyError


@dg.asset
def made() -> None: ...


def instance(home: Home) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home.dagster))


def run(home: Home) -> str:
    with instance(home) as found:
        return dg.materialize([made], instance=found).run_id


def runs(home: Home) -> set[str]:
    with instance(home) as found:
        return {run.run_id for run in found.get_runs()}


def events(home: Home, run_id: str) -> int:
    with instance(home) as found:
        return len(found.all_logs(run_id))


def test_what_was_there_comes_back_and_what_came_later_goes(home: Home, tmp_path: Path) -> None:
    first = run(home)
    registry = home.registry.client()
    registry.create_registered_model("als_model")
    copies = back_up(home, tmp_path / "backup")
    assert {"mlflow/mlflow.db"} < set(copies)
    assert any(path.endswith(f"{first}.db") for path in copies), "the events of each run"
    kept = events(home, first)
    second = run(home)
    registry.create_registered_model("rank_model")
    assert runs(home) == {first, second}

    restore(home, tmp_path / "backup")
    assert runs(home) == {first}
    assert events(home, first) == kept
    with closing(sqlite3.connect(home.root / "mlflow" / "mlflow.db")) as connection:
        names = connection.execute("SELECT name FROM registered_models").fetchall()
    assert names == [("als_model",)]
    third = run(home)
    assert runs(home) == {first, third}, "the restored databases can be written to"


def test_restored_into_another_home_models_are_its_own(home: Home, tmp_path: Path) -> None:
    old = home.registry.start_run("old", {})
    home.registry.log_files(old, {"old.txt": b"1"})
    back_up(home, tmp_path / "backup")
    other = Home(root=tmp_path / "other")
    other.prepare()
    restore(other, tmp_path / "backup")
    new = other.registry.start_run("new", {})
    other.registry.log_files(new, {"new.txt": b"2"})
    for run in (old, new):
        place = other.registry.client().get_run(run.mlflow_run_id).info.artifact_uri
        assert place is not None and place.startswith(str(other.root / "mlflow" / "artifacts"))
    assert list(other.root.glob("mlflow/artifacts/**/new.txt"))
    assert not list(home.root.glob("mlflow/artifacts/**/new.txt"))
    restore(home, tmp_path / "backup")
    place = home.registry.client().get_run(old.mlflow_run_id).info.artifact_uri
    assert place is not None and list(Path(place).glob("old.txt"))


def test_a_backup_under_way_holds_nobody_up_and_is_consistent(home: Home, tmp_path: Path) -> None:
    path = home.root / "alerts.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE pairs (a INTEGER, b INTEGER)")
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            number = 0
            while not stop.is_set():
                number += 1
                with connection:
                    connection.execute("INSERT INTO pairs VALUES (?, 0)", (number,))
                    connection.execute("UPDATE pairs SET b = a WHERE a = ?", (number,))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(5):
            back_up(home, tmp_path / f"backup{n}")
    finally:
        stop.set()
        writer.join()
    for n in range(5):
        with closing(sqlite3.connect(tmp_path / f"backup{n}" / "alerts.sqlite")) as copy:
            assert copy.execute("SELECT count(*) FROM pairs WHERE a <> b").fetchone() == (0,)


def test_a_restore_that_finds_no_room_changes_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(home)
    copies = back_up(home, tmp_path / "backup")
    second = run(home)
    copied: list[Path] = []

    def full(source: Path, target: Path) -> None:
        target.touch()
        copied.append(target)
        if len(copied) == len(copies):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    monkeypatch.setattr(backup, "relocate_artifacts", lambda *_: None)
    with pytest.raises(OSError, match="No space left"):
        restore(home, tmp_path / "backup")
    assert runs(home) == {first, second}
    assert not any(path.exists() for path in copied)


def test_a_damaged_backup_changes_nothing(home: Home, tmp_path: Path) -> None:
    first = run(home)
    folder = tmp_path / "backup"
    copies = back_up(home, folder)
    damaged = folder / sorted(copies)[-1]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    second = run(home)
    with pytest.raises(BackupError, match="missing or damaged"):
        restore(home, folder)
    assert runs(home) == {first, second}


def test_what_is_no_backup_is_refused(home: Home, tmp_path: Path) -> None:
    run(home)
    with pytest.raises(BackupError, match="no backup"):
        restore(home, tmp_path)
    (tmp_path / "manifest.json").write_text(
        json.dumps({"databases": {"../../etc/passwd": "0"}}), encoding="utf-8"
    )
    with pytest.raises(BackupError, match="outside"):
        restore(home, tmp_path)
    with pytest.raises(BackupError, match="not empty"):
        back_up(home, tmp_path)


def test_a_backup_of_nothing_is_neither_made_nor_restored(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"no database .* RECSYS_HOME"):
        back_up(Home(root=tmp_path / "elsewhere"), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    first = run(home)
    (tmp_path / "manifest.json").write_text(json.dumps({"databases": {}}), encoding="utf-8")
    with pytest.raises(BackupError, match="holds no database"):
        restore(home, tmp_path)
    assert runs(home) == {first}


def test_nothing_is_restored_under_a_run(home: Home, tmp_path: Path) -> None:
    run(home)
    back_up(home, tmp_path / "backup")
    code = (
        "import sys, time; from pathlib import Path\n"
        "from recsys_assets.resources.run_lock import acquire\n"
        "acquire(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(HomeBusyError, match="another run is at work"):
            restore(home, tmp_path / "backup")
        process.kill()
    assert len(restore(home, tmp_path / "backup")) == len(databases(home)) > 0


def test_a_home_of_any_name_is_backed_up(tmp_path: Path) -> None:
    home = Home(root=tmp_path / "zwei wörter")
    home.root.mkdir()
    with closing(sqlite3.connect(home.alerts)) as connection:
        connection.execute("CREATE TABLE told (event TEXT)")
    back_up(home, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup" / "alerts.sqlite")) as copy:
        assert copy.execute("SELECT count(*) FROM told").fetchone() == (0,)


def test_what_the_first_restore_set_aside_stays(home: Home, tmp_path: Path) -> None:
    for text in ("older", "old", "now"):
        home.alerts.unlink(missing_ok=True)
        with closing(sqlite3.connect(home.alerts)) as connection:
            connection.execute(f"CREATE TABLE {text} (event TEXT)")
        if text != "now":
            back_up(home, tmp_path / text)
    restore(home, tmp_path / "older")
    restore(home, tmp_path / "old")
    kept = home.alerts.with_name("alerts.sqlite.before-restore")
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("now",)]


@pytest.mark.parametrize("is_damaged", [False, True])
def test_mails_sent_since_the_backup_are_not_sent_again(
    home: Home, tmp_path: Path, is_damaged: bool
) -> None:
    ledger = MailLedger(home.digests)
    assert ledger.claim("first", 7, 0)
    back_up(home, tmp_path / "backup")
    assert ledger.claim("second", 7, 0)
    if is_damaged:
        home.digests.write_bytes(b"not a database" * 1000)
    restore(home, tmp_path / "backup")
    assert not ledger.claim("first", 7, 0)
    assert ledger.claim("second", 7, 0) is is_damaged


def test_readers_of_the_lookup_store_do_not_go_back_with_the_databases(
    home: Home, tmp_path: Path
) -> None:
    store = SqliteStore(home.lookup)
    publish(store, "v1", [(7, "[]")])
    back_up(home, tmp_path / "backup")
    publish(store, "v2", [(7, "[]")])
    restore(home, tmp_path / "backup")
    pointer = store.pointer()
    assert pointer is not None and pointer.current == "v2"
    home.lookup.write_bytes(b"not a database" * 1000)
    restore(home, tmp_path / "backup")
    pointer = store.pointer()
    assert pointer is not None and pointer.current == "v1"
