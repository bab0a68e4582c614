"""What checks look at."""

import pytest

from recsys_assets.home import Home
from recsys_assets.resources.storage import Storage


@pytest.fixture
def storage(home: Home) -> Storage:
    return Storage(home=str(home.root))
