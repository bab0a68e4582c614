"""Disks without room, and tables that a disk has damaged."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from recsys_assets_tests.faults.bench import INGEST, Bench
from recsys_assets_tests.faults.fault import Fault, NotHereError
from recsys_assets_tests.faults.homes import DAYS


@contextlib.contextmanager
def small_disk(folder: Path, spare_kilobytes: int) -> Iterator[Callable[[], None]]:
    """Put a folder on a disk of its own with little room; yields what makes the disk large."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        aside.rename(folder)
        raise NotHereError("no file system may be mounted here")

    def resize(kilobytes: int) -> None:
        size = ["mount", "-o", f"remount,size={kilobytes}k", str(folder)]
        subprocess.run(size, check=True)

    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True, symlinks=True)
        disk = os.statvfs(folder)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024
        resize(used + spare_kilobytes)
        yield lambda: resize(1 << 20)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _disk_full(part: str, spare: int) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        room = spare + 4 * random.randrange(4)
        grow = bench.mounted.enter_context(small_disk(bench.home.root / part, room))
        succeeded = bench.run()
        bench.tick()
        grow()
        if succeeded:
            raise NotHereError("the disk was large enough")

    return strike


def _damage(table: str, how: str) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        folder = Path(bench.home.lake.uri(table))
        log = max((folder / "_delta_log").glob("*.json"))
        if how == "cut log":
            log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
        elif how == "rubbish in log":
            log.write_bytes(random.randbytes(500))
        elif how == "no log":
            shutil.rmtree(folder / "_delta_log")
            (folder / "_delta_log").mkdir()
            (folder / "_delta_log" / f"{0:020}.json").write_text("not json")
        else:
            for path in folder.rglob("*.parquet"):
                path.write_bytes(path.read_bytes()[:20])
        succeeded = bench.run()
        bench.tick()
        assert not succeeded
        folder.rename(bench.home.root / f"{table}.damaged")
        if table == "ratings":
            assert bench.run(INGEST, DAYS)

    return strike


def full_disks() -> list[Fault]:
    """Disks that fill up in the midst of a write."""
    return [
        Fault(
            f"disk full: {part}, {spare} kB left", "disk", _disk_full(part, spare), ("disk-full",)
        )
        for part, spare in (("lake", 8), ("lake", 60), ("lake", 140), ("mlflow", 8))
    ]


def damaged_tables() -> list[Fault]:
    """Logs and data files that are cut off, gone, or rubbish."""
    return [
        Fault(f"{how} of {table}", "damage", _damage(table, how), ("table-damaged",))
        for table, how in (
            ("top_k", "cut log"),
            ("interactions", "rubbish in log"),
            ("movie_features", "no log"),
            ("ratings", "cut log"),
            ("ratings", "cut files"),
        )
    ]
