"""Public data sets for `recsys fetch NAME`: a name goes in, files ready for landing come out.

`catalogue` says what is published where, `download` brings the archive, `unpack` takes the files
out. Everything lands in `<cache>/<name>/`; a second call finds it there and sends no request.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import httpx

from recsys_assets.datasets.catalogue import DATASETS, Dataset
from recsys_assets.datasets.download import FetchError, Progress, download
from recsys_assets.datasets.unpack import ArchiveError, unpack

__all__ = ["DATASETS", "Dataset", "FetchError", "Progress", "fetch_dataset"]

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
PAUSES = (1.0, 4.0, 10.0)
"""Seconds before the second, third and fourth attempt after a broken connection."""


def fetch_dataset(
    dataset: Dataset, cache: Path, on_progress: Progress, pauses: Sequence[float] = PAUSES
) -> list[Path]:
    """Download, verify and unpack a data set, as far as the cache does not have it yet.

    Args:
        dataset: what to fetch.
        cache: folder for all data sets; created when absent. The archive stays there too, and
            may be deleted.
        on_progress: told the bytes that arrived and the bytes expected.
        pauses: seconds to wait before each new attempt after the connection broke.

    Returns:
        The files in the order of `dataset.members`: ratings, then movies.

    Raises:
        FetchError: whatever kept the files from arriving; its text says what to do next.
    """
    folder = cache / dataset.name
    targets = {member: folder / PurePosixPath(member).name for member in dataset.members.values()}
    if all(path.exists() for path in targets.values()):
        return list(targets.values())
    archive = folder / dataset.archive
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not archive.exists():
            with _client(dataset) as client:
                download(client, dataset, archive, on_progress, pauses)
        unpack(archive, targets, dataset.max_bytes)
    except ArchiveError as error:
        raise FetchError(
            f"{dataset.name}: {archive} was rejected: {error}. Delete it and fetch again; "
            f"if this repeats, see {dataset.page}."
        ) from error
    except OSError as error:
        raise FetchError(
            f"{dataset.name}: cannot write to {folder} ({error}). Make room or choose another "
            "folder, then fetch again: what has arrived is kept."
        ) from error
    return list(targets.values())


def _client(dataset: Dataset) -> httpx.Client:
    """What asks for addresses, by the proxy that the environment names.

    Raises:
        FetchError: that is none which it can speak to.
    """
    try:
        return httpx.Client(timeout=TIMEOUT, follow_redirects=True)
    except (ImportError, ValueError) as error:  # SOCKS, or no address
        raise FetchError(
            f"{dataset.name}: the proxy that HTTPS_PROXY or ALL_PROXY names cannot be used"
            f" ({error}): name one by http://. {dataset.by_hand}"
        ) from error
