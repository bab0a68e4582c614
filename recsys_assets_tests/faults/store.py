"""An object store on loopback that can refuse: enough of S3 to read a Delta table from it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from recsys_assets_tests.servers.http import QuietHandler, http_server


@dataclass
class Store:
    """The store, and how it behaves."""

    url: str = ""
    mood: str = "well"
    """well, refuses (503), slow (later than anybody waits), or breaks (cuts the connection)."""
    refused: int = 0

    @property
    def options(self) -> dict[str, str]:
        """Settings under which delta-rs reads from it, with little patience."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "timeout": "2s",
            "connect_timeout": "2s",
            "max_retries": "1",
            "retry_timeout": "3s",
        }


@contextmanager
def object_store(root: Path) -> Iterator[Store]:
    """Serve a folder as the bucket ``lake``."""
    store = Store()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, body: bool) -> None:
            if store.mood == "slow":
                time.sleep(4)
            if store.mood == "breaks":
                store.refused += 1
                self.close_connection = True
                return
            if store.mood != "well":
                store.refused += 1
                return self._send(503, b"<Error><Code>ServiceUnavailable</Code></Error>", body)
            split = urlsplit(self.path)
            key = unquote(split.path).removeprefix("/lake").strip("/")
            query = parse_qs(split.query)
            if "list-type" in query:
                return self._send(200, self._listing(query), body)
            path = root / key
            if not path.is_file():
                return self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", body)
            data, status = path.read_bytes(), 200
            asked = self.headers.get("Range", "")
            if asked.startswith("bytes="):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                data = (
                    data[int(first) : int(last) + 1 if last else None]
                    if first
                    else data[-int(last) :]
                )
                status = 206
            return self._send(status, data, body)

        def _listing(self, query: dict[str, list[str]]) -> bytes:
            prefix = query.get("prefix", [""])[0]
            after = query.get("start-after", [""])[0]
            keys = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
            chosen = [k for k in keys if k.startswith(prefix) and k > after]
            entries = "".join(
                f"<Contents><Key>{k}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f'<ETag>"e"</ETag><Size>{(root / k).stat().st_size}</Size></Contents>'
                for k in chosen
            )
            text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
            return text.encode()

        def _send(self, status: int, data: bytes, body: bool) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.send_header("ETag", '"e"')
            self.end_headers()
            if body:
                self.wfile.write(data)

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """Clients that give up on a slow answer are what is wanted."""

    with http_server(Handler, Server) as port:
        store.url = f"http://127.0.0.1:{port}"
        yield store
