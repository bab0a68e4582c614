"""The site that tests fetch from."""

from collections.abc import Iterator

import pytest

from recsys_assets_tests.datasets.site import (
    FILES,
    Handler,
    Site,
    zip_of,
)
from recsys_assets_tests.servers.http import http_server


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site(files={"/ml-t.zip": zip_of(FILES)})
    with http_server(type("SiteHandler", (Handler,), {"site": state})) as port:
        state.address = f"http://127.0.0.1:{port}"
        yield state
