"""A local file becomes a blob: in blocks that are named by their content, seen once it is whole.

    file -> fingerprint -> blocks that are not staged yet -> committed blob with its checksums

A block's name holds its MD5, so an upload that broke off is taken up where it ended, and a file
that changed meanwhile shares no block with what it was. Azure checks the MD5 of every block as it
arrives. The blob says its own MD5 and SHA-256: whoever lands the file again compares these.
Blocks without a blob are nobody's; Azure removes them after a week.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 8 << 20
"""Bytes of a block; a blob has 50,000 blocks at most."""
AT_ONCE = 4
"""Blocks on their way at the same time."""
DIGEST = "sha256"
"""Name of the blob's metadata that holds the checksum of its content."""

Progress = Callable[[int, int], None]
"""Told the bytes that have arrived, and those of the whole file."""


class ChangedFileError(OSError):
    """A file that changed while it was uploaded."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file holds."""

    size: int
    sha256: str
    md5: bytes
    blocks: list[str]
    """Names of the blocks: place and MD5, all of one length as Azure asks."""


def fingerprint(source: Path) -> Fingerprint:
    """Read a file once for all of its checksums."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    names: list[str] = []
    size = 0
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            md5.update(block)
            names.append(_name_of(len(names), block))
            size += len(block)
    return Fingerprint(size, sha256.hexdigest(), md5.digest(), names)


def upload(
    source: Path, target: Path, known: Fingerprint, on_progress: Progress | None = None
) -> None:
    """Upload a file to a name that no blob has yet; what was staged before is not sent again.

    Raises:
        FileExistsError: there is such a blob, or somebody else has just made it.
        ChangedFileError: the file no longer holds what its fingerprint says.
    """
    from fsspec.asyn import sync

    storage, blob = _blob_of(target)
    sync(storage.loop, _upload, blob, source, known, on_progress or _say_nothing)
    storage.invalidate_cache()


def digest_of(target: Path) -> str | None:
    """The SHA-256 that a blob says of itself; None where another tool made it."""
    from fsspec.asyn import sync

    storage, blob = _blob_of(target)
    properties: Any = sync(storage.loop, blob.get_blob_properties)
    found: str | None = properties.metadata.get(DIGEST)
    return found


def _blob_of(target: Any) -> tuple[Any, Any]:
    """The file system of a path in Azure, and the client of its blob."""
    container, path, _ = target.fs.split_path(target.path)
    return target.fs, target.fs.service_client.get_blob_client(container, path)


async def _upload(blob: Any, source: Path, known: Fingerprint, on_progress: Progress) -> None:
    async with blob:
        if await blob.exists():
            raise FileExistsError(blob.blob_name)
        staged = await _staged(blob)
        waiting = [place for place, name in enumerate(known.blocks) if name not in staged]
        here = known.size - sum(_length(known, place) for place in waiting)
        on_progress(here, known.size)
        gate = asyncio.Semaphore(AT_ONCE)

        async def send(place: int) -> None:
            nonlocal here
            async with gate:
                block = await asyncio.to_thread(_read, source, place, known)
                # The service refuses a block whose MD5 is not the one that comes with it.
                await blob.stage_block(known.blocks[place], block, validate_content=True)
            here += len(block)
            on_progress(here, known.size)

        try:
            async with asyncio.TaskGroup() as group:
                for place in waiting:
                    group.create_task(send(place))
        except ExceptionGroup as failed:  # The first says why; the rest were only cancelled.
            raise failed.exceptions[0] from None
        await _commit(blob, known)


async def _staged(blob: Any) -> set[str]:
    """Names of blocks that an earlier try left."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        _, uncommitted = await blob.get_block_list("uncommitted")
    except ResourceNotFoundError:
        return set()
    return {block.id for block in uncommitted}


async def _commit(blob: Any, known: Fingerprint) -> None:
    from azure.core import MatchConditions
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import BlobBlock, ContentSettings

    try:
        await blob.commit_block_list(
            [BlobBlock(name) for name in known.blocks],
            content_settings=ContentSettings(content_md5=bytearray(known.md5)),
            metadata={DIGEST: known.sha256},
            match_condition=MatchConditions.IfMissing,
        )
    except HttpResponseError as error:
        # Whoever commits first takes the blocks of all others along.
        if await blob.exists():
            raise FileExistsError(blob.blob_name) from error
        raise


def _name_of(place: int, block: bytes) -> str:
    digest = hashlib.md5(block, usedforsecurity=False).hexdigest()
    return f"{place:06d}-{digest}"


def _length(known: Fingerprint, place: int) -> int:
    return min(BLOCK, known.size - place * BLOCK)


def _read(source: Path, place: int, known: Fingerprint) -> bytes:
    with source.open("rb") as file:
        file.seek(place * BLOCK)
        block = file.read(BLOCK)
    if _name_of(place, block) != known.blocks[place]:
        raise ChangedFileError(f"{source} changed while it was uploaded; land it again")
    return block


def _say_nothing(done: int, total: int) -> None:
    """Nobody watches."""
