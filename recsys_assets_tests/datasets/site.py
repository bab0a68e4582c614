"""A real HTTP server on loopback that can break, change and lie, and a data set on it."""

import hashlib
import io
import socket
import zipfile
from dataclasses import dataclass, field

import numpy as np

from recsys_assets.datasets import Dataset
from recsys_assets_tests.servers.http import QuietHandler

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


class Handler(QuietHandler):
    """Serves a `Site` over HTTP/1.1, with ranges as RFC 9110 defines them."""

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
        # Noted first: the client may be done, of an empty body even with the headers, before this
        # thread goes on.
        self.site.sent.append(min(cut, len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if cut < len(body):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


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
