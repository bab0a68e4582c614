"""Safe unpacking: an archive goes in, the wanted files come out, and nothing else is written.

Only named members are copied, each to a path that the caller chose, so that no name in the archive
decides where bytes go. An archive that tries (absolute names, `..`, links) is rejected as a whole,
and so is a member that unpacks to more bytes than allowed. A file gets its name when it is whole.
"""

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # An encrypted zip file, or a compression method the zip reader does not know.
)


class ArchiveError(ValueError):
    """An archive that is damaged, unsafe or not the expected one."""


def unpack(archive: Path, targets: Mapping[str, Path], max_bytes: int) -> None:
    """Copy members of a `.zip` or `.tar.gz` archive to files.

    Args:
        archive: the archive.
        targets: file to write per path inside the archive.
        max_bytes: limit of the unpacked size of each member.

    Raises:
        ArchiveError: unreadable, unsafe, too large, or without one of the members.
    """
    read = _zip_members if archive.suffix == ".zip" else _tar_members
    missing = dict(targets)
    try:
        with closing(read(archive, set(targets))) as found:
            for name, size, source in found:
                if size > max_bytes:
                    raise ArchiveError(f"{name} has {size:,} bytes, allowed are {max_bytes:,}")
                if name not in missing:
                    raise ArchiveError(f"{name} is in it twice")
                with source as stream, _whole_file(missing.pop(name)) as file:
                    shutil.copyfileobj(stream, file, 2**20)
    except UNREADABLE as error:
        raise ArchiveError(f"it cannot be read ({type(error).__name__}: {error})") from error
    if missing:
        raise ArchiveError(f"it does not contain {', '.join(missing)}")


Member = tuple[str, int, IO[bytes]]
"""Path in the archive, unpacked size in bytes, content."""


def _zip_members(path: Path, wanted: set[str]) -> Generator[Member, None, None]:
    """The wanted members of a zip file, after every name in it was checked."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            _check(info.filename, stat.S_ISLNK(info.external_attr >> 16))
        for info in archive.infolist():
            if info.filename in wanted:
                yield info.filename, info.file_size, archive.open(info)


def _tar_members(path: Path, wanted: set[str]) -> Generator[Member, None, None]:
    """The wanted members of a compressed tar file, read once from start to end."""
    with tarfile.open(path, "r:gz") as archive:
        for info in archive:
            _check(info.name, not (info.isfile() or info.isdir()))
            name = str(PurePosixPath(info.name))
            content = archive.extractfile(info) if name in wanted else None
            if content:
                yield name, info.size, content


def _check(name: str, special: bool) -> None:
    """Raise, unless the member is a plain file or folder below the root of the archive."""
    windows = PureWindowsPath(name)
    if windows.drive or windows.root or ".." in windows.parts:
        raise ArchiveError(f"the member {name!r} points outside the archive")
    if special:
        raise ArchiveError(f"the member {name!r} is a link or a device")


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for writing that gets its name only when the block ends well."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
