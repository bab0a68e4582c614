"""The catalogue of public data sets: where each one is published, and how to know it arrived whole.

The addresses are those of the publishers. Checksums are the MD5 sums that GroupLens publishes
beside its stable archives (`NAME.zip.md5`), sizes those in the checksum list of TensorFlow
Datasets (`url_checksums/movielens.txt`) or served by the publisher. `ml-latest-small` is a
development set that GroupLens may replace at any time, so its sum is read from the published
file at every download. Criteo serves the archive of the Kaggle challenge from its own storage
(the older `go.criteo.net` address leads there) without a sum; the MD5 here is the one that the
winners of the challenge and later users of the archive report.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
CITATION = "Cite Harper and Konstan (2015), https://doi.org/10.1145/2827872."
RESEARCH = "Research use; no commercial use without permission of GroupLens."

Kind = Literal["ratings", "movies", "clicks"]


class Dataset(BaseModel):
    """One published archive and the files of it that the platform can land."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """Name on the command line, and of the folder in the cache."""
    title: str
    """What the data set holds, in one line."""
    url: HttpUrl
    """Official address of the archive (`.zip`, `.tar.gz`)."""
    page: HttpUrl
    """Official page with the description and the licence."""
    licence: str
    """Conditions of use in short; the page has the full text."""
    members: dict[Kind, str]
    """Path inside the archive per kind of file."""
    checksum: Annotated[str, Field(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")] | None
    """`md5:...` or `sha256:...` of the archive; None: published beside it, as `<url>.md5`."""
    size: int | None = None
    """Size of the archive in bytes, where known."""
    max_bytes: int = 4 * 2**30
    """Neither the archive nor an unpacked file may be larger than this."""

    @property
    def archive(self) -> str:
        """File name of the archive."""
        return PurePosixPath(self.url.path or "").name

    @property
    def by_hand(self) -> str:
        """What to do where this machine cannot download."""
        files = " and ".join(
            f"`recsys land {kind} FILE` (FILE is {member})" for kind, member in self.members.items()
        )
        return f"Or download {self.url} by hand, unpack it, then run {files}."


def _movielens(
    name: str, ratings: int, md5: str | None, size: int, licence: str, members: tuple[str, str]
) -> Dataset:
    version = re.sub("^ml-", "", name)
    return Dataset(
        name=name,
        title=f"MovieLens {version}: {ratings:,} ratings of movies",
        url=HttpUrl(f"{GROUPLENS}/{name}.zip"),
        page=HttpUrl(
            "https://grouplens.org/datasets/movielens/"
            + ("latest/" if md5 is None else f"{version}/")
        ),
        licence=f"{licence} {CITATION}",
        members={"ratings": members[0], "movies": members[1]},
        checksum=None if md5 is None else f"md5:{md5}",
        size=size,
    )


def _csv(folder: str) -> tuple[str, str]:
    return f"{folder}/ratings.csv", f"{folder}/movies.csv"


def _dat(folder: str) -> tuple[str, str]:
    return f"{folder}/ratings.dat", f"{folder}/movies.dat"


KEEP = f"{RESEARCH} No redistribution without permission."
SHARE = f"{RESEARCH} Redistribution under the same conditions."

_ALL = (
    _movielens("ml-latest-small", 100_836, None, 978_202, SHARE, _csv("ml-latest-small")),
    _movielens(
        "ml-100k",
        100_000,
        "0e33842e24a9c977be4e0107933c0723",
        4_924_029,
        KEEP,
        ("ml-100k/u.data", "ml-100k/u.item"),
    ),
    _movielens(
        "ml-1m", 1_000_209, "c4d9eecfca2ab87c1945afe126590906", 5_917_549, KEEP, _dat("ml-1m")
    ),
    _movielens(
        "ml-10m",
        10_000_054,
        "ce571fd55effeba0271552578f2648bd",
        65_566_137,
        KEEP,
        _dat("ml-10M100K"),
    ),
    _movielens(
        "ml-20m", 20_000_263, "cd245b17a1ae2cc31bb14903e1204af3", 198_702_078, SHARE, _csv("ml-20m")
    ),
    _movielens(
        "ml-25m", 25_000_095, "6b51fb2759a8657d3bfcbfc42b592ada", 261_978_986, SHARE, _csv("ml-25m")
    ),
    _movielens(
        "ml-32m", 32_000_204, "d472be332d4daa821edc399621853b57", 238_950_008, SHARE, _csv("ml-32m")
    ),
    Dataset(
        name="criteo-kaggle",
        title="Criteo display advertising challenge: 45,840,617 labelled ad impressions",
        url=HttpUrl(
            "https://criteostorage.blob.core.windows.net/criteo-research-datasets/"
            "kaggle-display-advertising-challenge-dataset.tar.gz"
        ),
        page=HttpUrl("https://ailab.criteo.com/ressources/"),
        licence="Criteo's terms of use for its research data sets: read and accept them first.",
        members={"clicks": "train.txt"},
        checksum="md5:df9b1b3766d9ff91d5ca3eb3d23bed27",
        size=4_576_820_670,
        # The training file has 11.1 GB.
        max_bytes=12 * 2**30,
    ),
)

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _ALL}
"""Every known data set by name, smallest MovieLens first."""
