"""Where bytes lie: folders of this machine or containers of Azure, reached in one way.

    /data/lake/top_k/…                                     pathlib and polars, as if this were not
    abfss://lake@account.dfs.core.windows.net/top_k/…      the same calls, through adlfs and polars

A place in Azure is a `UPath`, which speaks pathlib's language. Who may read and write there is for
the libraries to find out in the environment, by the names that all of Azure's tools know
(``AZURE_STORAGE_ACCOUNT_NAME`` and a workload, managed or service identity); so no credential is
passed about, and Spark's workers have them as this process does.
"""

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import polars as pl

_COPY_BYTES = 8 << 20


def is_remote(address: str | Path) -> bool:
    """Whether an address is one in Azure."""
    return "://" in str(address)


def place(address: str) -> Path:
    """The place of an address; for those in Azure an object that does what pathlib's do."""
    if not is_remote(address):
        return Path(address)
    from upath import UPath

    # Listings are not cached: others write too.
    return cast(Path, UPath(address, use_listings_cache=False, anon=False))


def name_account(account: str) -> None:
    """Tell the libraries of this process, and those of its children, whose containers these are.

    A path as text names its container only. An account that the environment names for other tools
    must not get the files of a table whose log lies in this one.
    """
    os.environ["AZURE_STORAGE_ACCOUNT_NAME"] = account


def open_bytes(path: Path) -> io.BufferedReader:
    """A file for reading bytes, lines and ranges."""
    stream: Any = path.open("rb")
    return (
        io.BufferedReader(stream, 1 << 20) if is_remote(path) else cast(io.BufferedReader, stream)
    )


def create(source: Path, target: Path) -> None:
    """Copy a local file to a place of this machine where there is none.

    Raises:
        FileExistsError: there is one.
    """
    if target.exists():
        raise FileExistsError(target)
    copy(source, target)


def copy(source: Path, target: Path) -> None:
    """Copy a file, replacing what is there; it is seen under its name only when it is whole."""
    if is_remote(target):  # a blob is there once its last block is committed
        with open_bytes(source) as read, _whole_or_nothing(target) as write:
            shutil.copyfileobj(read, write, _COPY_BYTES)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    try:
        if is_remote(source):
            with open_bytes(source) as read, partial.open("wb") as write:
                shutil.copyfileobj(read, write, _COPY_BYTES)
        else:
            shutil.copyfile(source, partial)
        partial.replace(target)
    except BaseException:  # a disk that is full would stay so by a file that nobody sees
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def _whole_or_nothing(target: Path) -> Iterator[IO[bytes]]:
    """A new blob for writing, which is not committed where the writing breaks off."""
    stream: Any = target.open("wb")
    try:
        yield stream
    except BaseException:
        # Closing commits what has been written so far, unless that has been done already.
        stream.forced = True
        raise
    finally:
        stream.close()


def move(source: Path, target: Path) -> None:
    """Give a file another name; in Azure it is copied first, so that it is never nowhere."""
    if is_remote(source):
        copy(source, target)
        remove(source)
    else:
        source.replace(target)


def remove(path: Path, missing_ok: bool = False) -> None:
    """Remove one file; in Azure too, where `unlink` takes names such as ``a*.csv`` for patterns.

    Raises:
        FileNotFoundError: it is not there, and that is not ``missing_ok``.
    """
    if not is_remote(path):
        path.unlink(missing_ok)
        return
    remote: Any = path
    try:
        remote.fs.rm_file(remote.path)
    except FileNotFoundError:
        if not missing_ok:
            raise


def same_content(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with open_bytes(one) as left, open_bytes(other) as right:
        while block := left.read(_COPY_BYTES):
            if block != right.read(_COPY_BYTES):
                return False
    return True


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it; nothing where there is none."""
    if not is_remote(folder):
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.exists():
        remote: Any = folder
        remote.fs.rm(remote.path, recursive=True)


def make_folder(folder: Path) -> None:
    """Make a folder where folders are things of their own; blobs need none."""
    if not is_remote(folder):
        folder.mkdir(parents=True, exist_ok=True)


def scan_parquet(*paths: str | Path) -> pl.LazyFrame:
    """Parquet files, read when they are needed."""
    named = [str(path) for path in paths]
    return pl.scan_parquet(named, **_access(*named))


def read_parquet(path: str | Path) -> pl.DataFrame:
    """One Parquet file."""
    return pl.read_parquet(str(path), **_access(str(path)))


def write_parquet(frame: pl.DataFrame, path: str | Path, **options: Any) -> None:
    """Write a Parquet file; its folder is made where there is none."""
    make_folder(place(str(path)).parent)
    frame.write_parquet(str(path), **options, **_access(str(path)))


def write_numbers(frame: pl.DataFrame, path: str | Path, repeated: Sequence[str]) -> None:
    """Write a Parquet file of numbers, uncompressed; its folder is made where there is none.

    Args:
        frame: numbers.
        path: where to.
        repeated: columns whose values repeat. They are written as places in a list of their values,
            which for numbers polars' own writer cannot do, and take less room than compressed.
    """
    target = place(str(path))
    make_folder(target.parent)
    with target.open("wb") as file:
        frame.write_parquet(
            cast(IO[bytes], file),
            compression="uncompressed",
            statistics=False,
            use_pyarrow=True,
            pyarrow_options={"use_dictionary": [*repeated]},
        )


def scan_ipc(path: str | Path) -> pl.LazyFrame:
    """One Arrow file, read when it is needed."""
    return pl.scan_ipc(str(path), **_access(str(path)))


def read_ipc(path: str | Path) -> pl.DataFrame:
    """One Arrow file."""
    return scan_ipc(path).collect() if is_remote(str(path)) else pl.read_ipc(str(path))


def write_ipc(frame: pl.DataFrame, path: str | Path) -> None:
    """Write an Arrow file into a folder that is there."""
    frame.write_ipc(str(path), **_access(str(path)))


def _access(*paths: str) -> dict[str, Any]:
    """Let polars' own Azure client find the credentials, as delta-rs does; it renews them itself.

    Left alone polars asks azure-identity in Python, which knows no account keys.
    """
    return {"credential_provider": None} if any(map(is_remote, paths)) else {}
