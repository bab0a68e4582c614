"""Uploads to a real server: taken up where they broke off, checked block by block, seen whole."""

import datetime
import hashlib
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, BlobServiceClient

from recsys_assets.home import Home
from recsys_assets.lake import uploads
from recsys_assets.lake.uploads import ChangedFileError
from recsys_assets_tests.servers.azurite import Azurite

DAY = datetime.date(2026, 1, 30)
CONTENT = b"".join(b"%06d,a line of the file\n" % n for n in range(10_000))
BLOCK = 32 << 10
BLOCKS = -(-len(CONTENT) // BLOCK)


class BrokenOffError(Exception):
    """The connection is gone."""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(uploads, "BLOCK", BLOCK)
    path = tmp_path / "ratings.csv"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def blob(azurite: Azurite) -> BlobClient:
    service = BlobServiceClient.from_connection_string(azurite.connection)
    return service.get_blob_client("landing", f"ratings/{DAY}/ratings.csv")


def break_off(done: int, total: int) -> None:
    if done >= total / 2:
        raise BrokenOffError


def test_an_upload_that_broke_off_goes_on_where_it_ended(
    cloud_home: Home, source: Path, blob: BlobClient
) -> None:
    zone = cloud_home.landing_zone
    with pytest.raises(BrokenOffError):
        zone.land(source, "ratings", DAY, break_off)
    assert not blob.exists() and zone.drop("ratings", DAY) == []
    _, staged = blob.get_block_list("uncommitted")
    assert BLOCKS / 2 <= len(staged) < BLOCKS

    said: list[tuple[int, int]] = []
    zone.land(source, "ratings", DAY, lambda *progress: said.append(progress))
    assert said[0][0] >= len(CONTENT) / 2, "blocks that had arrived were sent again"
    assert len(said) == 1 + BLOCKS - len(staged)
    assert said[-1] == (len(CONTENT), len(CONTENT))
    assert blob.download_blob().readall() == CONTENT


def test_the_blob_says_its_checksums_and_is_never_landed_twice(
    cloud_home: Home, source: Path, blob: BlobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = cloud_home.landing_zone
    zone.land(source, "ratings", DAY)
    properties = blob.get_blob_properties()
    assert bytes(properties.content_settings.content_md5) == hashlib.md5(CONTENT).digest()
    assert properties.metadata == {"sha256": hashlib.sha256(CONTENT).hexdigest()}
    # Nothing is read back for the comparison.
    monkeypatch.delattr("recsys_assets.lake.store.same_content")
    assert zone.land(source, "ratings", DAY).known
    source.write_bytes(CONTENT[::-1])
    assert zone.land(source, "ratings", DAY).name == "ratings-2.csv"


def test_a_blob_that_another_tool_uploaded_is_compared_by_its_bytes(
    cloud_home: Home, source: Path, blob: BlobClient
) -> None:
    blob.upload_blob(CONTENT)
    assert cloud_home.landing_zone.land(source, "ratings", DAY).known


def test_another_file_shares_no_block_with_one_that_broke_off(
    cloud_home: Home, source: Path, blob: BlobClient
) -> None:
    zone = cloud_home.landing_zone
    with pytest.raises(BrokenOffError):
        zone.land(source, "ratings", DAY, break_off)
    changed = CONTENT.replace(b"line", b"LINE")
    source.write_bytes(changed)
    zone.land(source, "ratings", DAY)
    assert blob.download_blob().readall() == changed


def test_a_file_that_changes_on_the_way_is_not_landed(
    cloud_home: Home, source: Path, blob: BlobClient
) -> None:
    def scribble(done: int, total: int) -> None:
        if not done:
            source.write_bytes(CONTENT.upper())

    with pytest.raises(ChangedFileError, match="land it again"):
        cloud_home.landing_zone.land(source, "ratings", DAY, scribble)
    assert not blob.exists()


def test_a_block_that_arrives_damaged_is_refused(
    cloud_home: Home, source: Path, blob: BlobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is exchanged after its checksum was made, as a bad line would do."""
    from azure.storage.blob.aio import BlobClient as AsyncBlobClient

    whole = AsyncBlobClient.stage_block

    async def damaged(self: Any, name: str, block: bytes, **options: Any) -> Any:
        digest = bytearray(hashlib.md5(block).digest())
        options = {"headers": {"Content-MD5": _base64(digest)}}
        return await whole(self, name, b"x" + block[1:], **options)

    monkeypatch.setattr(AsyncBlobClient, "stage_block", damaged)
    with pytest.raises(HttpResponseError, match=r"(?i)md5"):
        cloud_home.landing_zone.land(source, "ratings", DAY)
    assert not blob.exists()


def _base64(digest: bytearray) -> str:
    import base64

    return base64.b64encode(digest).decode()
