"""HTTP servers on loopback: what all doubles of services have in common."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Thread


class QuietHandler(BaseHTTPRequestHandler):
    """Answers requests, and prints nothing about them."""

    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Take requests until the client goes, be it because it was killed."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at what a double remembers."""


@contextmanager
def http_server(
    handler: type[BaseHTTPRequestHandler],
    kind: type[ThreadingHTTPServer] = ThreadingHTTPServer,
    tls: SSLContext | None = None,
) -> Iterator[int]:
    """Serve as long as the context lasts; yields the port."""
    server = kind(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
