"""The site that tests fetch from."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from recsys_assets_tests.datasets.site import (
    FILES,
    Handler,
    Site,
    zip_of,
)


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
