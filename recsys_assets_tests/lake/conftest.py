"""Tables to write to."""

from pathlib import Path

import pytest

from recsys_assets.lake.tables import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))
