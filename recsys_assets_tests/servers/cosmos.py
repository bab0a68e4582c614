"""Cosmos DB on loopback: a public double of its NoSQL interface, and a gate that throttles.

What this cannot show: what a request really costs, consistency levels, expiry, atomic batches,
access rights.
"""

import http.client
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from recsys_assets_tests.servers.http import QuietHandler, http_server
from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port

KEY = "dGhlIGtleSBvZiBub2JvZHk="
# The double answers a read of a missing document with an error of its own; Cosmos DB says 404.
PROGRAM = """
const lib = '@vercel/cosmosdb-server/lib/';
const read = require(lib + 'handler/read-document'), original = read.default;
read.default = (account, request, response, parameters) => {
  try { return original(account, request, response, parameters); }
  catch (error) {
    if (!(error instanceof TypeError)) throw error;
    response.statusCode = 404;
    return { code: 'NotFound', message: 'Entity with the specified id does not exist.' };
  }
};
const { createHttpServer } = require('@vercel/cosmosdb-server');
createHttpServer({ keepAlive: true }).listen(+process.argv[2], '127.0.0.1');
"""


@dataclass
class Gate:
    """What stands before the double: it lets requests through, or asks to wait."""

    url: str = ""
    upstream: int = 0
    refuse_every: int = 0
    """One of so many writes is answered with 429; none if 0."""
    refused: int = 0
    writes: int = 0
    lock: Lock = field(default_factory=Lock)
    unavailable: int = 0
    """So many of the next requests are answered with 503."""
    dropped: int = 0
    """The connections of so many of the next writes end without an answer."""

    def drops(self, method: str, path: str) -> bool:
        with self.lock:
            dropped = self.dropped > 0 and method == "POST" and path.rstrip("/").endswith("/docs")
            self.dropped -= dropped
            return dropped

    def refusal(self, method: str, path: str) -> int:
        with self.lock:
            if self.unavailable:
                self.unavailable -= 1
                self.refused += 1
                return 503
            if method != "POST" or not path.rstrip("/").endswith("/docs"):
                return 0
            self.writes += 1
            refuse = bool(self.refuse_every) and self.writes % self.refuse_every == 0
            self.refused += refuse
            return 429 if refuse else 0


class _Handler(QuietHandler):
    gate: Gate
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.gate.drops(self.command, self.path):
            self.close_connection = True
            return None
        status = self.gate.refusal(self.command, self.path)
        if status:
            return self._answer(status, [("x-ms-retry-after-ms", "20")], b'{"code":"wait"}')
        upstream = http.client.HTTPConnection("127.0.0.1", self.gate.upstream, timeout=30)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _OWN]
        charged = [("x-ms-request-charge", "6.29")] if self.command == "POST" else []
        self._answer(answer.status, kept + charged, content)
        return None

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


_OWN = {"content-length", "connection", "keep-alive", "transfer-encoding", "x-ms-request-charge"}


@contextmanager
def cosmos_server(modules: Path, folder: Path) -> Iterator[Gate]:
    """Start the double and the gate before it."""
    program = folder / "cosmos.js"
    program.write_text(PROGRAM, encoding="utf-8")
    port = free_port()
    log = folder / "cosmos.log"
    node = shutil.which("node") or "node"
    process = start([node, str(program), str(port)], folder, log, env={"NODE_PATH": str(modules)})
    gate = Gate(upstream=port)
    try:
        wait_for_port(port, process, log, 30)
        with http_server(type("Handler", (_Handler,), {"gate": gate})) as own:
            gate.url = f"http://127.0.0.1:{own}"
            yield gate
    finally:
        stop(process)
