"""Archives: only the files asked for come out, and nothing gets out of the cache."""

import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from recsys_assets.datasets import Dataset, FetchError, fetch_dataset
from recsys_assets_tests.datasets.site import (
    FILES,
    MOVIES,
    RATINGS,
    Site,
    dataset_at,
    quiet,
    zip_of,
)


def zip_with_link() -> bytes:
    buffer = io.BytesIO(zip_of(FILES))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("ml-t/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def zip_with_repeat() -> bytes:
    buffer = io.BytesIO(zip_of(FILES))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ml-t/ratings.csv", b"other")
    return buffer.getvalue()


def damaged_zip() -> bytes:
    content = bytearray(zip_of(FILES))
    content[1000] ^= 0xFF  # Inside the compressed ratings.
    return bytes(content)


ARCHIVES = {
    "parent folder": (zip_of(FILES | {"../evil.txt": b"x"}), r"'\.\./evil\.txt' points outside"),
    "deep parent": (zip_of(FILES | {"a/../../evil.txt": b"x"}), "points outside the archive"),
    "absolute": (zip_of(FILES | {"/evil.txt": b"x"}), "points outside the archive"),
    "windows": (zip_of(FILES | {"C:\\evil.txt": b"x"}), "points outside the archive"),
    "windows parent": (zip_of(FILES | {"a\\..\\..\\evil.txt": b"x"}), "points outside"),
    "link": (zip_with_link(), "'ml-t/link' is a link"),
    "repeat": (zip_with_repeat(), "ratings.csv is in it twice"),
    "missing": (zip_of({"ml-t/ratings.csv": RATINGS}), "does not contain ml-t/movies.csv"),
    "no archive": (b"<html>sorry</html>", "cannot be read .BadZipFile"),
    "damaged": (damaged_zip(), "cannot be read"),
    "bomb": (zip_of(FILES | {"ml-t/movies.csv": bytes(10**6)}), "1,000,000 bytes, allowed"),
}


@pytest.mark.parametrize("fault", ARCHIVES)
def test_a_bad_archive_is_rejected(site: Site, tmp_path: Path, fault: str) -> None:
    site.files["/ml-t.zip"], message = ARCHIVES[fault]
    cache = tmp_path / "deep" / "cache"
    with pytest.raises(FetchError, match=message) as caught:
        fetch_dataset(dataset_at(site, max_bytes=500_000), cache, quiet)
    assert f"{cache / 'ml-t' / 'ml-t.zip'} was rejected" in str(caught.value)
    assert "Delete it and fetch again" in str(caught.value)
    assert not list(tmp_path.rglob("evil*")) and not list(tmp_path.rglob("*.part"))
    kept = [path for path in tmp_path.rglob("*.csv") if path.read_bytes() not in (RATINGS, MOVIES)]
    assert kept == []


def tar_of(*entries: tuple[str, bytes | None]) -> bytes:
    """A compressed tar file; an entry without content is a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content or b"")
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


def clicks_at(site: Site, content: bytes) -> Dataset:
    site.files["/clicks.tar.gz"] = content
    return dataset_at(
        site,
        "sha256:" + hashlib.sha256(content).hexdigest(),
        url=f"{site.address}/clicks.tar.gz",
        members={"clicks": "train.txt"},
    )


def test_a_compressed_tar_file_is_unpacked(site: Site, tmp_path: Path) -> None:
    dataset = clicks_at(site, tar_of(("readme.txt", b"r"), ("./train.txt", RATINGS)))
    (clicks,) = fetch_dataset(dataset, tmp_path, quiet)
    assert clicks.name == "train.txt" and clicks.read_bytes() == RATINGS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar_of(("train.txt", None)), "'train.txt' is a link"),
        (tar_of(("../train.txt", b"x")), "points outside"),
        (tar_of(("other.txt", b"x")), "does not contain train.txt"),
        (tar_of(("train.txt", RATINGS))[:-4000], "cannot be read"),
        (b"nothing", "cannot be read"),
    ],
    ids=["link", "parent folder", "missing", "truncated", "no archive"],
)
def test_a_bad_tar_file_is_rejected(
    site: Site, tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(FetchError, match=message):
        fetch_dataset(clicks_at(site, content), tmp_path, quiet)
    assert not list(tmp_path.rglob("train.txt*"))
