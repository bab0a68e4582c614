"""The catalogue of public data sets."""

import pytest
from pydantic import HttpUrl, ValidationError

from recsys_assets.datasets import DATASETS
from recsys_assets_tests.datasets.site import Site, dataset_at


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
