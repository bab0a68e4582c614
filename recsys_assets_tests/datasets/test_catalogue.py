"""The catalogue of public data sets."""

from pathlib import Path

import pytest
from pydantic import HttpUrl, ValidationError

from recsys_assets.datasets import DATASETS, FetchError, fetch
from recsys_assets_tests.datasets.site import (
    Site,
    dataset_at,
    quiet,
)


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
