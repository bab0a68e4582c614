"""Landed files and tables in Azure: the same behaviour as in folders, on a real server."""

import datetime
import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from aiohttp import ClientSession
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobClient
from polars.testing import assert_frame_equal

from recsys_assets.deployment import DeploymentError, current_deployment
from recsys_assets.home import Home
from recsys_assets.lake import store
from recsys_assets.lake.landed_bytes import count_file_lines, read_blocks, read_head
from recsys_assets.lake.listing import entries_below
from recsys_assets.lake.pending import waiting_drops
from recsys_assets.lake.rollbacks import restore_version
from recsys_assets.lake.store import place
from recsys_assets.lake.tables import DROP_DATE, DataFile
from recsys_assets.lake.withdrawals import reinstate, withdraw
from recsys_assets.resources.compute import LocalSpark
from recsys_assets.resources.ownership import MARK, ForeignTablesError, claim
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.servers.azurite import ACCOUNT, Azurite

DAY = datetime.date(2026, 1, 30)
LINES = b"".join(b"%d,some text of the line\n" % n for n in range(5_000))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_bytes(LINES)
    return path


def test_a_landed_file_is_found_again_and_never_landed_twice(
    cloud_home: Home, source: Path
) -> None:
    zone = cloud_home.landing_zone
    landed = zone.land(source, "ratings", DAY)
    assert not landed.known and landed.size == len(LINES) and landed.name == "ratings.csv"
    assert zone.land(source, "ratings", DAY).known
    source.write_bytes(LINES + b"one more\n")
    assert zone.land(source, "ratings", DAY).name == "ratings-2.csv"
    assert [file.name for file in zone.drop("ratings", DAY)] == ["ratings.csv", "ratings-2.csv"]
    assert zone.dates("ratings") == [DAY] and zone.dates("movies") == []


def test_a_second_home_lands_files_and_changes_no_tables(
    cloud_home: Home, source: Path, tmp_path: Path
) -> None:
    other = Home(root=tmp_path / "laptop", account=ACCOUNT)
    other.root.mkdir()
    for _ in range(2):
        claim(cloud_home)
    with pytest.raises(ForeignTablesError, match=f"{cloud_home.root} on .* --name .home.json"):
        claim(other)
    context: Any = None  # whoever is refused has asked for nothing yet
    for refused in (
        lambda: Storage(home=str(other.root), account=ACCOUNT).alone(context),
        lambda: LocalSpark(home=str(other.root), account=ACCOUNT).wait_for_turn(context),
    ):
        with pytest.raises(ForeignTablesError):
            refused()
    assert other.landing_zone.land(source, "ratings", DAY).size == len(LINES)
    (place(cloud_home.address("lake")) / MARK).unlink()
    claim(other)
    claim(Home(root=cloud_home.root))  # of its own folders nobody asks


def test_as_many_requests_list_many_drops_as_few(
    cloud_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone, asked = cloud_home.landing_zone, [0]
    request = ClientSession._request

    async def counted(self: Any, *words: Any, **options: Any) -> Any:
        asked[0] += 1
        return await request(self, *words, **options)

    def asked_for(drops: int) -> int:
        for number in range(drops):
            day = DAY - datetime.timedelta(number)
            (zone.landing / "ratings" / day.isoformat() / "ratings.csv").write_bytes(LINES)
        asked[0] = 0
        sizes = [file.size for file in zone.files("ratings")]
        assert sizes == [len(LINES)] * drops and len(zone.dates("ratings")) == drops
        assert [file.date for file in zone.drop("ratings", DAY)] == [DAY]
        return asked[0]

    monkeypatch.setattr(ClientSession, "_request", counted)
    assert asked_for(2) == asked_for(6)


def test_a_file_that_cannot_be_asked_for_is_not_passed_over(
    cloud_home: Home, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud_home.landing_zone.land(source, "ratings", DAY)

    whole = BlobClient.get_blob_properties

    async def unavailable(self: Any, *words: Any, **options: Any) -> Any:
        if self.blob_name.endswith(source.name):
            raise HttpResponseError("ServerBusy")
        return await whole(self, *words, **options)

    monkeypatch.setattr(BlobClient, "get_blob_properties", unavailable)
    assert len(cloud_home.landing_zone.drop("ratings", DAY)) == 1


def test_a_container_that_is_gone_is_not_one_in_which_nothing_landed(
    cloud_home: Home, azurite: Azurite
) -> None:
    zone = cloud_home.landing_zone
    assert zone.dates("ratings") == [] and zone.drop("ratings", DAY) == []
    service = BlobServiceClient.from_connection_string(azurite.connection)
    service.delete_container("landing")
    for ask in (lambda: zone.dates("ratings"), lambda: zone.drop("ratings", DAY)):
        with pytest.raises(ResourceNotFoundError, match="container does not exist"):
            ask()
    with pytest.raises(ResourceNotFoundError, match="container does not exist"):
        entries_below(zone.landing)


def test_a_record_that_cannot_be_read_puts_nothing_back_that_was_not_withdrawn_last(
    cloud_home: Home, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = cloud_home.landing_zone
    for name in ("ratings.csv", "ratings-2.csv"):
        assert zone.land(source, "ratings", DAY).name == name
        withdraw(zone, "ratings", DAY)
        source.write_bytes(source.read_bytes() + b"corrected\n")

    whole = BlobClient.get_blob_properties

    async def unavailable(self: Any, *words: Any, **options: Any) -> Any:
        if self.blob_name.endswith(".json"):
            raise HttpResponseError("ServerBusy")
        return await whole(self, *words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(BlobClient, "get_blob_properties", unavailable)
        with pytest.raises(HttpResponseError):
            reinstate(zone, "ratings", DAY)
    assert zone.drop("ratings", DAY) == []
    assert reinstate(zone, "ratings", DAY) == ["ratings-2.csv"]


def test_no_name_is_given_twice_though_its_blob_has_been_removed(
    cloud_home: Home, source: Path
) -> None:
    zone = cloud_home.landing_zone
    for name in ("ratings.csv", "ratings-2.csv", "ratings-3.csv"):
        landed = zone.land(source, "ratings", DAY)
        assert landed.name == name  # of the same name and size it would count as read
        store.remove(landed.path)
        source.write_bytes(bytes(reversed(source.read_bytes())))
    zone.land(source, "ratings", DAY)
    assert [file.name for file in zone.drop("ratings", DAY)] == ["ratings-4.csv"]
    assert zone.dates("ratings") == [DAY] and len(zone.files("ratings")) == 1


def test_many_that_land_at_once_lose_nothing(cloud_home: Home, tmp_path: Path) -> None:
    def land(number: int) -> str:
        source = tmp_path / str(number) / "ratings.csv"
        source.parent.mkdir()
        source.write_bytes(b"%d\n" % number * 100)
        return cloud_home.landing_zone.land(source, "ratings", DAY).name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(land, range(8)))
    assert len(set(names)) == 8
    found = {file.path.read_bytes()[:1] for file in cloud_home.landing_zone.drop("ratings", DAY)}
    assert found == {b"%d" % number for number in range(8)}


def test_a_rejected_file_is_copied_with_its_report_and_can_be_pardoned(
    cloud_home: Home, source: Path
) -> None:
    zone = cloud_home.landing_zone
    file = zone.land(source, "ratings", DAY)
    copy = zone.reject(file, {"rule": "file.header"})
    assert str(copy).startswith("abfss://rejected/")
    assert store.same_content(copy, file.path) and store.same_content(copy, source)
    report = copy.with_name("ratings.csv.report.json").read_text(encoding="utf-8")
    assert "file.header" in report
    zone.pardon(file)
    zone.pardon(file)
    assert not copy.exists()


def test_a_drop_can_be_withdrawn_and_brought_back(cloud_home: Home, source: Path) -> None:
    zone = cloud_home.landing_zone
    zone.land(source, "ratings", DAY)
    waiting = waiting_drops(cloud_home.lake, zone, ["ratings"])
    assert waiting.dates == [DAY] and waiting_drops(cloud_home.lake, zone, ["ratings"]) == waiting
    assert withdraw(zone, "ratings", DAY) == ["ratings.csv"]
    assert zone.dates("ratings") == [DAY] and zone.drop("ratings", DAY) == []
    assert reinstate(zone, "ratings", DAY) == ["ratings.csv"]
    (back,) = zone.drop("ratings", DAY)
    assert back.path.read_bytes() == LINES


def test_files_called_like_patterns_are_moved_and_pardoned_alone(
    cloud_home: Home, source: Path
) -> None:
    zone = cloud_home.landing_zone
    folder = zone.landing / "ratings" / DAY.isoformat()
    contents = {"a*.csv": b"star", "ab.csv": b"plain", "a[1].csv": b"twice downloaded"}
    for name, content in contents.items():  # as another tool uploads them
        (folder / name).write_bytes(content)
    files = {file.path.name: file for file in zone.drop("ratings", DAY)}
    copies = [zone.reject(files[name], {"rule": "file.header"}) for name in sorted(contents)]
    zone.pardon(files["a*.csv"])
    assert [copy.exists() for copy in copies] == [False, True, True]
    zone.pardon(files["a[1].csv"])
    assert [copy.exists() for copy in copies] == [False, False, True]
    withdraw(zone, "ratings", DAY)
    assert zone.drop("ratings", DAY) == []
    reinstate(zone, "ratings", DAY)
    found = {file.path.name: file.path.read_bytes() for file in zone.drop("ratings", DAY)}
    assert found == contents


@pytest.mark.parametrize("packed", [False, True])
def test_blocks_are_cut_as_from_a_local_file(
    cloud_home: Home, tmp_path: Path, packed: bool
) -> None:
    local = tmp_path / ("lines.csv.gz" if packed else "lines.csv")
    local.write_bytes(gzip.compress(LINES) if packed else LINES)
    remote = cloud_home.landing_zone.land(local, "ratings", DAY).path
    assert count_file_lines(remote) == 5_000
    assert read_head(remote) == read_head(local)
    spans = [None] if packed else [None, (0, 40_000), (40_000, 80_000), (80_000, len(LINES))]
    for span in spans:
        here, there = (list(read_blocks(p, span, 20_000, True)) for p in (local, remote))
        assert there == here and here


def test_tables_are_written_replaced_by_partition_and_rolled_back(cloud_home: Home) -> None:
    lake = cloud_home.lake
    assert lake.names() == [] and not lake.exists("numbers")
    frame = pl.DataFrame({"n": [1, 2, 3], "part": ["a", "a", "b"]})
    lake.write_frame(frame.filter(part="a"), "numbers", {"part": "a"})
    lake.write_frame(frame.filter(part="b"), "numbers", {"part": "b"})
    assert_frame_equal(lake.scan("numbers").sort("n").collect(), frame)
    lake.write_frame(pl.DataFrame({"n": [9], "part": ["a"]}), "numbers", {"part": "a"})
    assert sorted(lake.scan("numbers").collect()["n"]) == [3, 9]
    restore_version(lake, "numbers", 1)
    assert_frame_equal(lake.scan("numbers").sort("n").collect(), frame)
    lake.write_frame(frame, "whole")
    assert lake.names() == ["numbers", "whole"]


def test_files_of_workers_become_a_drop_and_staging_is_emptied(cloud_home: Home) -> None:
    lake = cloud_home.lake
    staging = lake.staging("test")
    store.write_ipc(pl.DataFrame({"n": [1]}), staging / "old.arrow")
    assert not list(lake.staging("test").glob("*"))
    path = lake.folder("ratings", DAY) / "part-1.parquet"
    store.write_parquet(pl.DataFrame({"n": [1, 2]}), path)
    schema = pa.schema([pa.field("n", pa.int64())])
    assert lake.replace_drop("ratings", DAY, [DataFile(path, 2)], schema, "run x") == 0
    rows = lake.scan("ratings").collect()
    assert rows["n"].to_list() == [1, 2] and rows[DROP_DATE].to_list() == [DAY, DAY]
    numbers = pl.DataFrame({"n": [0.5, 0.5, None], "m": [1.0, 2.0, 3.0]})
    store.write_numbers(numbers, staging / "numbers.parquet", ["n"])
    assert_frame_equal(store.read_parquet(staging / "numbers.parquet"), numbers)


def test_writers_at_the_same_time_lose_no_rows(cloud_home: Home) -> None:
    lake = cloud_home.lake
    lake.write_frame(pl.DataFrame({"n": [0], "part": ["0"]}), "numbers", {"part": "0"})

    def write(number: int) -> None:
        frame = pl.DataFrame({"n": [number], "part": [str(number)]})
        lake.write_frame(frame, "numbers", {"part": str(number)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(1, 5)))
    assert sorted(lake.scan("numbers").collect()["n"]) == [0, 1, 2, 3, 4]


def test_the_deployment_asks_for_an_account_and_puts_everything_there(home: Home) -> None:
    with pytest.raises(DeploymentError, match="RECSYS_AZURE_STORAGE_ACCOUNT is not set"):
        current_deployment({"RECSYS_DEPLOYMENT": "azure"})
    settings = {"RECSYS_DEPLOYMENT": "azure", "RECSYS_AZURE_STORAGE_ACCOUNT": ACCOUNT}
    found = current_deployment({**settings, "RECSYS_HOME": str(home.root)})
    assert found.automated
    assert found.home.lake.root == f"abfss://lake@{ACCOUNT}.dfs.core.windows.net"
    assert str(found.home.landing_zone.landing) == "abfss://landing/"
