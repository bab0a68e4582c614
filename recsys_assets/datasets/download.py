"""Downloads that survive a broken line: an address goes in, a verified archive comes out.

Bytes go to `NAME.part`; what identifies that version on the server (ETag or Last-Modified) goes
to `NAME.part.version`. The next attempt, in the same call or in a later one, asks for the missing
bytes only (`Range`), on condition that the version is still the same (`If-Range`): see RFC 9110,
sections 13.1.5 and 14. The file gets its name only after its checksum was right.
"""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from recsys_assets.datasets.catalogue import Dataset

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes expected (None: not known)."""

BROKEN = (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError)
"""Errors of a connection that once worked, so that trying again makes sense."""


class FetchError(RuntimeError):
    """A data set could not be fetched; the text says why, and what to do next."""


def download(
    client: httpx.Client,
    dataset: Dataset,
    target: Path,
    on_progress: Progress,
    pauses: Sequence[float],
) -> None:
    """Download the archive of a data set to `target` and verify it.

    Args:
        client: the HTTP client.
        dataset: what to download.
        target: where the archive shall be; its folder exists.
        on_progress: told about every piece that arrives.
        pauses: seconds to wait before each new attempt after the connection broke.

    Raises:
        FetchError: unreachable, refused, broken too often, too large, or a wrong checksum.
    """
    checksum = dataset.checksum or _published_checksum(client, dataset)
    part = target.with_name(f"{target.name}.part")
    for pause in (*pauses, None):
        try:
            _receive(client, dataset, part, on_progress)
            break
        except httpx.RequestError as error:
            if pause is None or not isinstance(error, BROKEN):
                raise _unreachable(dataset, str(dataset.url), error, part) from error
            time.sleep(pause)
    _verify(dataset, part, checksum)
    part.replace(target)
    _version_file(part).unlink(missing_ok=True)


def _receive(client: httpx.Client, dataset: Dataset, part: Path, on_progress: Progress) -> None:
    """One attempt: append the missing bytes to `part`, or start over where that is impossible."""
    have = part.stat().st_size if part.exists() else 0
    with client.stream("GET", str(dataset.url), headers=_conditions(part, have)) as response:
        span = re.match(r"bytes (\*|\d+-\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
        if have and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            if span and span[2] == str(have):
                return  # Every byte was there already; only the verification was missing.
        elif response.status_code == httpx.codes.OK:
            return _write(response, dataset, part, 0, on_progress)
        elif response.status_code == httpx.codes.PARTIAL_CONTENT:
            if span and span[1].startswith(f"{have}-"):
                return _write(response, dataset, part, have, on_progress)
        else:
            raise _refused(dataset, response)
    if not have:
        raise _refused(dataset, response)
    # The part does not fit what the server has now.
    discard(part)
    return _receive(client, dataset, part, on_progress)


def _conditions(part: Path, have: int) -> dict[str, str]:
    """Headers that ask for the bytes after the first `have` ones, of the same version only."""
    # A compressed transfer would have other byte positions than the file.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if _version_file(part).exists():
            headers["If-Range"] = _version_file(part).read_text(encoding="ascii")
    return headers


def _write(
    response: httpx.Response, dataset: Dataset, part: Path, have: int, on_progress: Progress
) -> None:
    """Write the body to `part` after the first `have` bytes, and remember its version."""
    etag = response.headers.get("ETag", "")
    # A weak tag promises an equal meaning, not equal bytes.
    version = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    _version_file(part).unlink(missing_ok=True)
    if version.isascii() and version:
        _version_file(part).write_text(version, encoding="ascii")
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else dataset.size
    with part.open("ab" if have else "wb") as file:
        on_progress(have, total)
        for piece in response.iter_raw():
            have += file.write(piece)
            if have > dataset.max_bytes:
                discard(part)
                raise FetchError(
                    f"{dataset.name}: {dataset.url} is larger than {dataset.max_bytes:,} bytes, "
                    f"so it is not what the catalogue describes. See {dataset.page}."
                )
            on_progress(have, total)


def _verify(dataset: Dataset, part: Path, checksum: str) -> None:
    """Remove `part` and raise, unless it has the checksum."""
    algorithm, expected = checksum.split(":")
    with part.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        size = part.stat().st_size
        discard(part)
        raise FetchError(
            f"{dataset.name}: {dataset.url} arrived damaged or was replaced by its publisher: "
            f"{algorithm} {found} instead of {expected} ({size:,} bytes). The file was removed. "
            f"Fetch it again; if this repeats, see {dataset.page}."
        )


def _published_checksum(client: httpx.Client, dataset: Dataset) -> str:
    """The MD5 sum in the file beside the archive, in the format of `md5sum` or of BSD `md5`."""
    address = f"{dataset.url}.md5"
    try:
        response = client.get(address)
    except httpx.RequestError as error:
        raise _unreachable(dataset, address, error) from error
    if response.status_code != httpx.codes.OK:
        raise _refused(dataset, response)
    found = re.search(r"\b[0-9a-fA-F]{32}\b", response.text)
    if not found:
        raise FetchError(f"{dataset.name}: {address} holds no MD5 sum. {dataset.by_hand}")
    return f"md5:{found[0].lower()}"


def discard(part: Path) -> None:
    """Remove an unfinished download."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _unreachable(
    dataset: Dataset, address: str, error: httpx.RequestError, part: Path | None = None
) -> FetchError:
    have = part.stat().st_size if part and part.exists() else 0
    kept = f" The first {have:,} bytes are kept; the next fetch asks for the rest." if have else ""
    return FetchError(
        f"{dataset.name}: {address} could not be reached ({type(error).__name__}: {error}).{kept} "
        f"Check the network and the proxy, then fetch again. {dataset.by_hand}"
    )


def _refused(dataset: Dataset, response: httpx.Response) -> FetchError:
    return FetchError(
        f"{dataset.name}: {response.url} answered {response.status_code} "
        f"{response.reason_phrase}. See {dataset.page}. {dataset.by_hand}"
    )
