"""What breaks off, or happens twice, between this machine and a container: whole or not at all."""

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recsys_assets.home import Home
from recsys_assets.lake import store
from recsys_assets.lake.pending import waiting_drops
from recsys_assets.lake.withdrawals import reinstate, withdraw

DAY = datetime.date(2026, 1, 30)
LINES = b"".join(b"%d,some text of the line\n" % n for n in range(5_000))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "clicks.tsv"
    path.write_bytes(LINES)
    return path


def names(home: Home) -> list[str]:
    return [file.name for file in home.landing_zone.drop("clicks", DAY)]


def test_two_that_land_the_same_content_at_once_land_it_once(
    cloud_home: Home, source: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        zones = [cloud_home.landing_zone] * 2
        landed = list(pool.map(lambda zone: zone.land(source, "clicks", DAY), zones))
    assert names(cloud_home) == ["clicks.tsv"]
    assert sorted(file.known for file in landed) == [False, True]


def test_a_commit_whose_answer_is_lost_is_no_second_file(
    cloud_home: Home, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.blob.aio import BlobClient

    whole, lost = BlobClient.commit_block_list, []

    async def answered_late(self: Any, *blocks: Any, **options: Any) -> Any:
        answer = await whole(self, *blocks, **options)
        if not lost:
            lost.append(answer)
            raise ResourceExistsError  # what the client's own repetition is answered
        return answer

    monkeypatch.setattr(BlobClient, "commit_block_list", answered_late)
    cloud_home.landing_zone.land(source, "clicks", DAY)
    assert names(cloud_home) == ["clicks.tsv"]


@pytest.mark.parametrize("error", [ConnectionError, KeyboardInterrupt])
def test_a_file_that_breaks_off_on_its_way_back_has_not_landed(
    cloud_home: Home, source: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    zone = cloud_home.landing_zone
    zone.land(source, "clicks", DAY)
    withdraw(zone, "clicks", DAY)

    def half(read: Any, write: Any, _: int) -> None:
        write.write(read.read(len(LINES) // 2))
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(store.shutil, "copyfileobj", half)
        with pytest.raises(error):
            reinstate(zone, "clicks", DAY)
    assert names(cloud_home) == []
    assert reinstate(zone, "clicks", DAY) == ["clicks.tsv"]
    assert zone.drop("clicks", DAY)[0].size == len(LINES)


@pytest.mark.parametrize("way", [withdraw, reinstate])
def test_a_move_that_broke_off_before_the_removal_goes_on(
    cloud_home: Home, source: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[..., list[str]]
) -> None:
    zone = cloud_home.landing_zone
    zone.land(source, "clicks", DAY)
    if way is reinstate:
        withdraw(zone, "clicks", DAY)

    def broken(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(store, "remove", broken)
        with pytest.raises(ConnectionError):
            way(zone, "clicks", DAY)
    assert way(zone, "clicks", DAY) == ["clicks.tsv"]
    assert names(cloud_home) == (["clicks.tsv"] if way is reinstate else [])


def test_a_drop_that_has_just_changed_is_left_to_settle(cloud_home: Home, source: Path) -> None:
    zone = cloud_home.landing_zone
    zone.land(source, "clicks", DAY)
    assert waiting_drops(cloud_home.lake, zone, ["clicks"], settled_for=3600).dates == []
    assert waiting_drops(cloud_home.lake, zone, ["clicks"], settled_for=0).dates == [DAY]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:S3cr%t@h/db",
        "postgres//me:S3cr@h/db",
        "postgresql://me:x@S3cr@h/db",
        "postgresql://me:12/S3cr@h/db",
    ],
)
def test_an_address_that_cannot_be_read_is_not_told(address: str) -> None:
    from recsys_assets.delivery.warehouse import PostgresWarehouse
    from recsys_assets.delivery.warehouse_tables import WarehouseError

    with pytest.raises(WarehouseError, match="RECSYS_WAREHOUSE_URL") as found:
        PostgresWarehouse(address)
    assert "S3cr" not in str(found.value) and found.value.__context__ is None
