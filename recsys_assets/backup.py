"""Backup and restore of the databases: Dagster's, MLflow's, the ledgers of alerts and digests.

    home/**/*.db, *.sqlite -> SQLite's online backup -> folder/<same path> + manifest.json
    folder -> checked against its manifest -> home

A backup may be taken while runs are at work: each database is copied in one consistent state. A
restore may not: it replaces the files under those who have them open.
"""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from recsys_assets.home import Home
from recsys_assets.registry.relocation import relocate_artifacts
from recsys_assets.resources.run_lock import alone

MANIFEST = "manifest.json"
_SUFFIXES = {".db", ".sqlite"}


class BackupError(Exception):
    """A backup that cannot be made or used; the message says why and what to do."""


def databases(home: Home) -> list[Path]:
    """Database files of a home, as paths within it."""
    folders = (home.dagster, home.root / "mlflow")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [path for path in home.root.glob("*") if path.is_file()]
    return sorted(p.relative_to(home.root) for p in files if p.suffix in _SUFFIXES)


def back_up(home: Home, folder: Path) -> dict[str, str]:
    """Copy every database into a folder; path within the home → SHA-256 of the copy.

    Raises:
        BackupError: there is no database, the folder holds something, or a copy is not sound.
    """
    if not (found := databases(home)):
        raise BackupError(f"no database lies in {home.root}: does RECSYS_HOME name the right home?")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty: name a new folder")
    digests = {}
    for path in found:
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        _copy_database(home.root / path, copy)
        digests[path.as_posix()] = _digest(copy)
    manifest = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "databases": digests}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return digests


def restore(home: Home, folder: Path) -> list[str]:
    """Put the databases of a backup in place; paths within the home.

    All of them are checked before the first is replaced; those that were there are kept beside
    with the suffix ``.before-restore``, with a number where one is kept already. Databases that the
    backup does not know are set aside too: they would not fit the others. The ledger of digests
    stays and takes in what the backup knows, for no mail is unsent; the lookup store stays, for its
    lists are those of the tables. In another home than the one that was backed up, models' files
    are looked for below that home.

    Raises:
        BackupError: the folder is no backup, or is damaged.
        HomeBusyError: a run is at work.
    """
    known = _manifest(folder)
    for path, digest in known.items():
        if not (folder / path).is_file() or _digest(folder / path) != digest:
            raise BackupError(f"{folder / path} is missing or damaged: use another backup")
    with alone(home.root):
        stay = {home.lookup} if home.lookup.is_file() and _is_sound(home.lookup) else set()
        if _keeps_mails(home.digests, folder / home.digests.name):
            stay.add(home.digests)
        targets = {
            home.root / path: folder / path for path in known if home.root / path not in stay
        }
        partials = {target: target.with_name(f".{target.name}.part") for target in targets}
        try:  # there may be no room for all of them: before the first of those there is moved
            for target, copy in targets.items():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(copy, partials[target])
                if target == home.root / "mlflow" / "mlflow.db":
                    relocate_artifacts(partials[target], home.root / "mlflow" / "artifacts")
        except BaseException:
            for partial in partials.values():
                partial.unlink(missing_ok=True)
            raise
        for found in databases(home):
            if home.root / found not in stay:
                _set_aside(home.root / found)
        for target, partial in partials.items():
            partial.replace(target)
    return sorted(known)


def _manifest(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["databases"]
        paths = {Path(path) for path in known}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder} is no backup: it has no readable {MANIFEST}") from error
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        raise BackupError(f"{folder}: its {MANIFEST} names files outside of the home")
    if not paths:  # restored, it would only set aside what is there
        raise BackupError(f"{folder} holds no database: use another backup")
    return {str(path): str(digest) for path, digest in known.items()}


def _copy_database(source: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=30)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            (state,) = copy.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied: {error}") from error
    if state != "ok":
        raise BackupError(f"{source} is damaged: {state}")


def _keeps_mails(ledger: Path, copy: Path) -> bool:
    """Whether a ledger of digests can stay, now with the mails of its copy in a backup."""
    if not ledger.is_file():
        return False
    try:
        with closing(sqlite3.connect(ledger.as_uri(), uri=True, timeout=30)) as database:
            if copy.is_file():
                # Only read: the backup may lie where nothing can be written.
                database.execute("ATTACH ? AS copy", (f"{copy.resolve().as_uri()}?immutable=1",))
                with database:
                    database.execute("INSERT OR IGNORE INTO mails SELECT * FROM copy.mails")
    except sqlite3.Error:  # damaged: the copy is all there is
        return False
    return _is_sound(ledger)


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database:
            return bool(database.execute("PRAGMA quick_check").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _set_aside(path: Path) -> None:
    # The write-ahead log belongs to the database it lies beside, and to no other.
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    # What an earlier restore set aside, perhaps one that was killed, is all there is of it.
    marks = (".before-restore", *(f".before-restore-{n}" for n in range(2, 10_000)))
    free = next(m for m in marks if not any(f.with_name(f.name + m).exists() for f in files))
    for old in files:
        if old.is_file():
            old.replace(old.with_name(old.name + free))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
