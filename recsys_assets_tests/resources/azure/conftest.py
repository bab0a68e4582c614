"""A vault on loopback, and this process's identity to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys_assets.resources.azure import secrets
from recsys_assets_tests.resources.alert_servers import make_certificate
from recsys_assets_tests.servers.vault import IDENTITY_HEADER, VaultDouble, vault_double


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultDouble]:
    """A vault that this process reads as a managed identity."""
    certificate = make_certificate(tmp_path)
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with vault_double(certificate) as double:
        monkeypatch.setenv("IDENTITY_ENDPOINT", double.identity_url)
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        secrets.forget()
        yield double
    secrets.forget()
