"""Whose containers are meant, where a process knows more than one account."""

import datetime
from collections.abc import Iterator

import pytest
from adlfs import AzureBlobFileSystem

from recsys_assets.home import Home
from recsys_assets.lake.store import place


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment in which no other test has named an account."""
    for name in ("CONNECTION_STRING", "ACCOUNT_KEY"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    AzureBlobFileSystem.clear_instance_cache()
    yield
    AzureBlobFileSystem.clear_instance_cache()


def test_files_go_to_the_account_that_the_log_of_their_table_lies_in(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "another")
    cloud = Home(root=home.root, account="ours")
    assert "@ours." in cloud.lake.uri("ratings")
    folder = cloud.lake.folder("ratings", datetime.date(2026, 1, 30))
    for path in (folder, cloud.landing_zone.landing):
        again: object = place(str(path)).fs.account_name  # type: ignore[attr-defined]
        assert again == "ours"
