"""Fetching: resumed where it broke, verified, and refused with a reason."""

import hashlib
import socket
from pathlib import Path

import pytest

from recsys_assets.datasets import DATASETS, Dataset, FetchError, fetch_dataset
from recsys_assets.datasets.download import discard
from recsys_assets_tests.datasets.site import (
    FILES,
    LAST_MODIFIED,
    MOVIES,
    RATINGS,
    Site,
    dataset_at,
    quiet,
    zip_of,
)


def cut_short(site: Site, dataset: Dataset, cache: Path) -> Path:
    """Let a fetch break after 100,000 bytes; the part that was kept."""
    site.cuts = [100_000]
    with pytest.raises(FetchError):
        fetch_dataset(dataset, cache, quiet, pauses=())
    part = cache / "ml-t" / "ml-t.zip.part"
    assert 0 < part.stat().st_size <= 100_000
    return part


def test_fetch_returns_the_ratings_and_the_movies(site: Site, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    files = fetch_dataset(dataset_at(site), tmp_path, lambda *step: steps.append(step))
    assert [path.name for path in files] == ["ratings.csv", "movies.csv"]
    assert [path.read_bytes() for path in files] == [RATINGS, MOVIES]
    size = len(site.files["/ml-t.zip"])
    assert steps[0] == (0, size) and steps[-1] == (size, size) and steps == sorted(steps)
    assert sorted(path.name for path in files[0].parent.iterdir()) == [
        "ml-t.zip",
        "movies.csv",
        "ratings.csv",
    ]


def test_a_second_call_sends_no_request(site: Site, tmp_path: Path) -> None:
    dataset = dataset_at(site)
    first = fetch_dataset(dataset, tmp_path, quiet)
    assert fetch_dataset(dataset, tmp_path, quiet) == first
    first[0].unlink()  # A file that got lost comes from the archive in the cache.
    assert fetch_dataset(dataset, tmp_path, quiet)[0].read_bytes() == RATINGS
    (tmp_path / "ml-t" / "ml-t.zip").unlink()  # The files are enough, too.
    assert fetch_dataset(dataset, tmp_path, quiet) == first
    assert len(site.asked) == 1


def test_a_broken_connection_is_resumed_where_it_broke(site: Site, tmp_path: Path) -> None:
    size = len(site.files["/ml-t.zip"])
    site.cuts = [size // 2, 1000]
    files = fetch_dataset(dataset_at(site), tmp_path, quiet, pauses=(0, 0))
    assert files[0].read_bytes() == RATINGS
    (_, first, _), *later = site.asked
    assert first is None
    starts = [int(str(asked).removeprefix("bytes=").removesuffix("-")) for _, asked, _ in later]
    assert len(starts) == 2 and 0 < starts[0] <= size // 2 and starts[0] <= starts[1]
    assert all(condition == '"one"' for _, _, condition in later)
    assert site.sent[-1] == size - starts[-1]


def test_a_later_call_asks_for_the_missing_bytes_only(site: Site, tmp_path: Path) -> None:
    dataset = dataset_at(site)
    part = cut_short(site, dataset, tmp_path)
    have = part.stat().st_size
    steps: list[tuple[int, int | None]] = []
    files = fetch_dataset(dataset, tmp_path, lambda *step: steps.append(step), pauses=())
    assert files[0].read_bytes() == RATINGS
    assert site.asked[-1] == ("/ml-t.zip", f"bytes={have}-", '"one"')
    assert site.sent[-1] == len(site.files["/ml-t.zip"]) - have
    assert steps[0] == (have, len(site.files["/ml-t.zip"]))


def test_the_error_of_a_broken_connection_says_what_is_kept(site: Site, tmp_path: Path) -> None:
    site.cuts = [50_000, 0, 0]
    with pytest.raises(FetchError, match=r"The first [\d,]+ bytes are kept; the next fetch asks"):
        fetch_dataset(dataset_at(site), tmp_path, quiet, pauses=(0, 0))
    assert len(site.asked) == 3


def test_a_file_that_changed_meanwhile_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    cut_short(site, dataset_at(site), tmp_path)
    site.files["/ml-t.zip"] = zip_of(FILES | {"ml-t/ratings.csv": RATINGS[::-1]})
    site.etag = '"two"'
    site.cuts = []
    files = fetch_dataset(dataset_at(site), tmp_path, quiet, pauses=())
    assert files[0].read_bytes() == RATINGS[::-1]
    assert site.asked[-1][2] == '"one"' and site.sent[-1] == len(site.files["/ml-t.zip"])


@pytest.mark.parametrize("fault", ["no ranges", "wrong start", "longer part"])
def test_a_server_that_cannot_resume_sends_everything(
    site: Site, tmp_path: Path, fault: str
) -> None:
    part = cut_short(site, dataset_at(site), tmp_path)
    site.ranges, site.wrong_start = fault != "no ranges", fault == "wrong start"
    if fault == "longer part":
        part.write_bytes(bytes(len(site.files["/ml-t.zip"]) + 1))
    files = fetch_dataset(dataset_at(site), tmp_path, quiet, pauses=())
    assert files[0].read_bytes() == RATINGS
    assert site.sent[-1] == len(site.files["/ml-t.zip"])


def test_a_complete_part_is_only_verified(site: Site, tmp_path: Path) -> None:
    part = cut_short(site, dataset_at(site), tmp_path)
    part.write_bytes(site.files["/ml-t.zip"])
    assert fetch_dataset(dataset_at(site), tmp_path, quiet)[0].read_bytes() == RATINGS
    assert site.sent[-1] == 0


def test_a_weak_tag_is_no_proof_of_equal_bytes(site: Site, tmp_path: Path) -> None:
    site.etag = 'W/"one"'
    cut_short(site, dataset_at(site), tmp_path)
    fetch_dataset(dataset_at(site), tmp_path, quiet)
    assert site.asked[-1][2] == LAST_MODIFIED


def test_without_a_known_version_only_the_checksum_decides(site: Site, tmp_path: Path) -> None:
    part = cut_short(site, dataset_at(site), tmp_path)
    kept = part.read_bytes()
    discard(part)
    part.write_bytes(kept)
    fetch_dataset(dataset_at(site), tmp_path, quiet)
    assert site.asked[-1] == ("/ml-t.zip", f"bytes={len(kept)}-", None)


def test_a_wrong_checksum_removes_the_file(site: Site, tmp_path: Path) -> None:
    wrong = "sha256:" + "0" * 64
    with pytest.raises(FetchError) as caught:
        fetch_dataset(dataset_at(site, wrong), tmp_path, quiet)
    right = hashlib.sha256(site.files["/ml-t.zip"]).hexdigest()
    assert f"sha256 {right} instead of {'0' * 64}" in str(caught.value)
    assert "Fetch it again" in str(caught.value)
    assert list((tmp_path / "ml-t").iterdir()) == []
    assert fetch_dataset(dataset_at(site), tmp_path, quiet)[0].read_bytes() == RATINGS


@pytest.mark.parametrize("text", ["{}  ml-t.zip\n", "MD5 (ml-t.zip) = {}\n"])
def test_the_checksum_beside_the_archive_is_used(site: Site, tmp_path: Path, text: str) -> None:
    md5 = hashlib.md5(site.files["/ml-t.zip"], usedforsecurity=False).hexdigest()
    site.files["/ml-t.zip.md5"] = text.format("f" * 32).encode()
    with pytest.raises(FetchError, match=f"md5 {md5} instead of {'f' * 32}"):
        fetch_dataset(dataset_at(site, None), tmp_path, quiet)
    site.files["/ml-t.zip.md5"] = text.format(md5.upper()).encode()
    assert fetch_dataset(dataset_at(site, None), tmp_path, quiet)[1].read_bytes() == MOVIES


def test_a_missing_or_odd_published_checksum_is_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"ml-t\.zip\.md5 answered 404 Not Found"):
        fetch_dataset(dataset_at(site, None), tmp_path, quiet)
    site.files["/ml-t.zip.md5"] = b"<html>moved</html>"
    with pytest.raises(FetchError, match=r"ml-t\.zip\.md5 holds no MD5 sum"):
        fetch_dataset(dataset_at(site, None), tmp_path, quiet)


def test_redirects_are_followed(site: Site, tmp_path: Path) -> None:
    site.redirects["/old.zip"] = f"{site.address}/ml-t.zip"
    dataset = dataset_at(site, url=f"{site.address}/old.zip")
    assert fetch_dataset(dataset, tmp_path, quiet)[0].read_bytes() == RATINGS


def test_an_unreachable_address_tells_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # Bound but not listening: connections are refused.
        dataset = dataset_at(
            Site(address=f"http://127.0.0.1:{free.getsockname()[1]}"), f"md5:{'0' * 32}"
        )
        with pytest.raises(FetchError) as caught:
            fetch_dataset(dataset, tmp_path, quiet)
    text = str(caught.value)
    assert f"{dataset.url} could not be reached (ConnectError" in text
    assert "Check the network and the proxy" in text
    assert f"download {dataset.url} by hand, unpack it, then run `recsys land ratings FILE`" in text
    assert "(FILE is ml-t/ratings.csv) and `recsys land movies FILE`" in text


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "proxy://127.0.0.1"])
def test_a_proxy_that_cannot_be_used_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(FetchError, match=r"ALL_PROXY names cannot be used.*recsys land ratings"):
        fetch_dataset(DATASETS["ml-latest-small"], tmp_path, quiet)


def test_a_name_that_does_not_resolve_is_an_unreachable_address(tmp_path: Path) -> None:
    dataset = dataset_at(Site(address="http://no-such-host.invalid"), None)
    with pytest.raises(FetchError, match=r"no-such-host\.invalid/ml-t\.zip\.md5 could not be"):
        fetch_dataset(dataset, tmp_path, quiet)


def test_a_refusal_names_the_status(site: Site, tmp_path: Path) -> None:
    dataset = dataset_at(site, url=f"{site.address}/gone.zip")
    with pytest.raises(FetchError, match=r"gone\.zip answered 404 Not Found\. See .*/about\. Or"):
        fetch_dataset(dataset, tmp_path, quiet)


def test_an_archive_above_the_limit_is_not_stored(site: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="is larger than 50,000 bytes"):
        fetch_dataset(dataset_at(site, max_bytes=50_000), tmp_path, quiet)
    assert list((tmp_path / "ml-t").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(FetchError, match=r"cannot write to .*file/ml-t .*choose another folder"):
        fetch_dataset(dataset_at(site), tmp_path / "file", quiet)
