"""Fetching data sets from a real HTTP server on loopback that can break, change and lie."""

import hashlib
import io
import socket
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from pydantic import HttpUrl, ValidationError

from recsys_assets.datasets import DATASETS, Dataset, FetchError, fetch, fetch_dataset
from recsys_assets.datasets.download import discard

RATINGS = np.random.default_rng(3).bytes(300_000)
MOVIES = b"movieId,title,genres\n1,Toy Story (1995),Adventure\n"
FILES = {"ml-t/README.txt": b"hello", "ml-t/ratings.csv": RATINGS, "ml-t/movies.csv": MOVIES}
LAST_MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT"


@dataclass
class Site:
    """What the server has, how it behaves, and what was asked of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str | None = '"one"'
    ranges: bool = True
    wrong_start: bool = False
    cuts: list[int] = field(default_factory=list)
    """Per request: bytes of the body after which the connection breaks; then none."""
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Path, Range and If-Range of every request."""
    sent: list[int] = field(default_factory=list)
    """Bytes of the body sent per request."""
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    """Serves a `Site` over HTTP/1.1, with ranges as RFC 9110 defines them."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site, condition = self.site, self.headers["If-Range"]
        site.asked.append((self.path, self.headers["Range"], condition))
        if self.path in site.redirects:
            return self.answer(302, b"", Location=site.redirects[self.path])
        if self.path not in site.files:
            return self.answer(404, b"")
        body, start = site.files[self.path], 0
        if site.ranges and self.headers["Range"] and condition in (None, site.etag, LAST_MODIFIED):
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.answer(416, b"", **{"Content-Range": f"bytes */{len(body)}"})
            start = 0 if site.wrong_start else start
            span = f"bytes {start}-{len(body) - 1}/{len(body)}"
            return self.answer(206, body[start:], **{"Content-Range": span})
        return self.answer(200, body)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        cut = self.site.cuts.pop(0) if self.site.cuts else len(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", LAST_MODIFIED)
        if self.site.etag:
            self.send_header("ETag", self.site.etag)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        # Noted first: the client may be done before this thread goes on.
        self.site.sent.append(min(cut, len(body)))
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if cut < len(body):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site(files={"/ml-t.zip": zip_of(FILES)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def dataset_at(site: Site, checksum: str | None = "right", **changes: object) -> Dataset:
    """The test data set; by default with the right SHA-256 of what the site has."""
    if checksum == "right":
        checksum = "sha256:" + hashlib.sha256(site.files["/ml-t.zip"]).hexdigest()
    values: dict[str, object] = {
        "name": "ml-t",
        "title": "test",
        "url": f"{site.address}/ml-t.zip",
        "page": f"{site.address}/about",
        "licence": "none",
        "members": {"ratings": "ml-t/ratings.csv", "movies": "ml-t/movies.csv"},
        "checksum": checksum,
    }
    return Dataset.model_validate(values | changes)


def quiet(done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def cut_short(site: Site, dataset: Dataset, cache: Path, at: int) -> Path:
    """Let a fetch break after `at` bytes; the part that was kept."""
    site.cuts = [at]
    with pytest.raises(FetchError):
        fetch_dataset(dataset, cache, quiet, pauses=())
    part = cache / "ml-t" / "ml-t.zip.part"
    assert 0 < part.stat().st_size <= at
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
    part = cut_short(site, dataset, tmp_path, 100_000)
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
    cut_short(site, dataset_at(site), tmp_path, 100_000)
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
    part = cut_short(site, dataset_at(site), tmp_path, 100_000)
    site.ranges, site.wrong_start = fault != "no ranges", fault == "wrong start"
    if fault == "longer part":
        part.write_bytes(bytes(len(site.files["/ml-t.zip"]) + 1))
    files = fetch_dataset(dataset_at(site), tmp_path, quiet, pauses=())
    assert files[0].read_bytes() == RATINGS
    assert site.sent[-1] == len(site.files["/ml-t.zip"])


def test_a_complete_part_is_only_verified(site: Site, tmp_path: Path) -> None:
    part = cut_short(site, dataset_at(site), tmp_path, 100_000)
    part.write_bytes(site.files["/ml-t.zip"])
    assert fetch_dataset(dataset_at(site), tmp_path, quiet)[0].read_bytes() == RATINGS
    assert site.sent[-1] == 0


def test_a_weak_tag_is_no_proof_of_equal_bytes(site: Site, tmp_path: Path) -> None:
    site.etag = 'W/"one"'
    cut_short(site, dataset_at(site), tmp_path, 100_000)
    fetch_dataset(dataset_at(site), tmp_path, quiet)
    assert site.asked[-1][2] == LAST_MODIFIED


def test_without_a_known_version_only_the_checksum_decides(site: Site, tmp_path: Path) -> None:
    part = cut_short(site, dataset_at(site), tmp_path, 100_000)
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


def test_a_cache_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(FetchError, match=r"cannot write to .*file/ml-t .*choose another folder"):
        fetch_dataset(dataset_at(site), tmp_path / "file", quiet)


def test_fetch_by_name(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "ml-t", dataset_at(site))
    assert [path.name for path in fetch("ml-t", tmp_path, quiet)] == ["ratings.csv", "movies.csv"]
    with pytest.raises(FetchError, match=r"'ml-2m' is no known data set\. Known are: ml-latest-sm"):
        fetch("ml-2m", tmp_path, quiet)


def test_the_catalogue_names_official_addresses_only() -> None:
    assert set(DATASETS) == {
        *(f"ml-{size}" for size in ("latest-small", "100k", "1m", "10m", "20m", "25m", "32m")),
        "criteo-kaggle",
    }
    for name, dataset in DATASETS.items():
        assert dataset.name == name and dataset.url.scheme == "https" and dataset.licence
        if name.startswith("ml-"):
            assert dataset.archive == f"{name}.zip" and next(iter(dataset.members)) == "ratings"
            assert dataset.url.host == "files.grouplens.org"
        assert dataset.size and dataset.size < dataset.max_bytes
    assert [name for name, dataset in DATASETS.items() if dataset.checksum is None] == [
        "ml-latest-small"
    ]


def test_a_misspelt_checksum_does_not_enter_the_catalogue() -> None:
    with pytest.raises(ValidationError, match="checksum"):
        dataset_at(Site(address="http://localhost"), "md5:abc")
    assert isinstance(dataset_at(Site(address="http://localhost"), None).url, HttpUrl)
