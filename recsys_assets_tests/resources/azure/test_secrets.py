"""References to secrets: what settings show, what is fetched, what each fault says."""

import datetime
import logging
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.deployment import DeploymentError, current_deployment
from recsys_assets.deployment import secrets as hidden
from recsys_assets.deployment.notices import digest_settings
from recsys_assets.home import Home
from recsys_assets.resources.alerts import Alert, AlertDeliveryError, Notifier, Severity
from recsys_assets.resources.azure import secrets
from recsys_assets.resources.azure.secrets import SecretError, refer, reveal
from recsys_assets.resources.azure.workspace import DATABRICKS_SCOPE, DatabricksByAzure
from recsys_assets.resources.digests import Digest, Digests
from recsys_assets.resources.digests.links import is_signed
from recsys_assets_tests.resources.alert_servers import (
    ACCOUNT,
    HOST,
    make_certificate,
    smtp_server,
    webhook_server,
)
from recsys_assets_tests.servers.vault import CLIENT, CLIENT_SECRET, TENANT, VaultDouble

VALUE = "hunter2-and-a-half"


def test_a_reference_is_looked_up_once_and_again_after_a_while(
    vault: VaultDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.secrets["webhook-token"] = f"{VALUE}\n"
    reference = refer(vault.url, "webhook-token")
    assert reveal(reference) == VALUE
    assert VALUE in hidden(), "what was fetched is struck out of errors, too"
    vault.secrets["webhook-token"] = "rotated"
    assert reveal(reference) == VALUE and vault.reads == ["webhook-token"]
    monkeypatch.setattr(secrets, "KEPT_SECONDS", 0.0)
    assert reveal(reference) == "rotated"
    assert vault.tokens == [("managed identity", "https://vault.azure.net")]
    assert reveal("a plain setting") == "a plain setting"


def test_a_service_principal_gets_in_by_its_secret_and_not_by_another(
    vault: VaultDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.secrets["x"] = VALUE
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", vault.url)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    assert reveal(refer(vault.url, "x")) == VALUE
    assert vault.tokens == [("client secret", "https://vault.azure.net")]

    secrets.forget()
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong-secret-of-client")
    with pytest.raises(SecretError, match="AADSTS7000215") as caught:
        reveal(refer(vault.url, "x"))
    assert "wrong-secret-of-client" not in str(caught.value)


def test_a_value_that_was_replaced_is_struck_out_of_messages_too(
    vault: VaultDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "KEPT_SECONDS", 0.0)
    for value in (VALUE, "the-next-one"):
        vault.secrets["x"] = value
        assert reveal(refer(vault.url, "x")) == value
    assert {VALUE, "the-next-one"} <= set(secrets.revealed())


def test_an_expired_token_is_replaced(vault: VaultDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.secrets["x"] = VALUE
    vault.token_seconds = 1  # azure-identity renews what holds for less than five minutes
    monkeypatch.setattr(secrets, "KEPT_SECONDS", 0.0)
    for _ in range(3):
        assert reveal(refer(vault.url, "x")) == VALUE
    assert len(vault.tokens) == 3


def test_each_fault_names_the_secret(vault: VaultDouble) -> None:
    with pytest.raises(SecretError, match=f"{vault.url} has no secret missing"):
        reveal(refer(vault.url, "missing"))
    vault.secrets["empty"] = "\n"
    with pytest.raises(SecretError, match=r"secret empty .* is empty"):
        reveal(refer(vault.url, "empty"))
    vault.refusal = 403
    with pytest.raises(SecretError, match=r"secret x .* cannot be read: .*may not get secrets"):
        reveal(refer(vault.url, "x"))


def test_databricks_is_asked_with_a_token_of_this_identity(vault: VaultDouble) -> None:
    headers = DatabricksByAzure()(None)()  # type: ignore[arg-type]
    assert headers["Authorization"].startswith("Bearer ey")
    assert vault.tokens == [("managed identity", DATABRICKS_SCOPE.removesuffix("/.default"))]


def environment(vault: VaultDouble, **more: str) -> dict[str, str]:
    return {"RECSYS_AZURE_KEY_VAULT": vault.url, **more}


def test_settings_hold_names_and_never_values(
    vault: VaultDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.secrets["hook"] = VALUE
    found = current_deployment(
        environment(
            vault,
            RECSYS_WEBHOOK_URL="env:HOOK_ADDRESS",
            HOOK_ADDRESS="http://127.0.0.1:1/hook",
            RECSYS_WEBHOOK_TOKEN="keyvault:hook",
            RECSYS_SMTP_HOST="127.0.0.1",
            RECSYS_SMTP_PASSWORD="of-the-environment",
        )
    )
    assert found.alerts["webhook"]["url"] == dg.EnvVar("HOOK_ADDRESS")
    assert found.alerts["webhook"]["bearer_token"] == f"keyvault:{vault.url}/hook"
    assert found.alerts["email"]["password"] == dg.EnvVar("RECSYS_SMTP_PASSWORD")
    assert VALUE not in repr(found) and not vault.reads
    with pytest.raises(DeploymentError, match=r"RECSYS_WEBHOOK_TOKEN .* RECSYS_AZURE_KEY_VAULT"):
        current_deployment(
            {"RECSYS_WEBHOOK_URL": "http://x", "RECSYS_WEBHOOK_TOKEN": "keyvault:hook"}
        )


def test_an_alert_is_sent_with_the_secret_and_nothing_else_sees_it(
    vault: VaultDouble, tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    vault.secrets["hook"] = VALUE
    alert = Alert(
        title="A run failed",
        what="It failed.",
        severity=Severity.ERROR,
        since=datetime.datetime(2026, 1, 30, tzinfo=datetime.UTC),
        cause="unknown",
        event_key="run_failure:1",
    )
    with webhook_server() as hook, caplog.at_level(logging.DEBUG):
        notifier = Notifier.model_validate(
            {
                "webhook": {"url": hook.url, "bearer_token": refer(vault.url, "hook")},
                "ledger_path": f"{tmp_path}/ledger.sqlite",
            }
        )
        assert not vault.reads
        assert notifier.send(alert) == ["webhook"]
        assert hook.headers[0]["Authorization"] == f"Bearer {VALUE}"
        secrets.forget()
        del vault.secrets["hook"]
        with pytest.raises(AlertDeliveryError, match="has no secret hook"):
            notifier.send(alert.model_copy(update={"event_key": "run_failure:2"}))
    assert VALUE not in caplog.text and VALUE not in repr(notifier)


def test_digests_are_sent_and_signed_with_what_the_vault_keeps(
    vault: VaultDouble, home: Home, tmp_path: Path
) -> None:
    vault.secrets |= {"smtp": ACCOUNT.password.decode(), "signing": VALUE}
    folder = tmp_path / "mail"  # the vault's certificate lies beside
    folder.mkdir()
    certificate = make_certificate(folder)
    with smtp_server("starttls", certificate) as mailbox:
        known = environment(
            vault,
            RECSYS_SMTP_HOST=HOST,
            RECSYS_SMTP_PORT=str(mailbox.port),
            RECSYS_SMTP_USERNAME=ACCOUNT.login.decode(),
            RECSYS_SMTP_PASSWORD="keyvault:smtp",
            RECSYS_SMTP_CA_FILE=str(certificate),
            RECSYS_DIGEST_SENDER="movies@example.org",
            RECSYS_PUBLIC_URL="https://movies.example.org",
            RECSYS_UNSUBSCRIBE_KEY="keyvault:signing",
        )
        mailer = Digests(**digest_settings(known, home))
        assert not vault.reads
        link = mailer.link(7)
        digest = Digest(
            publication="p", user=7, address="a@example.org", movies=[], unsubscribe=link
        )
        assert mailer.send([digest], min_hours=0).sent == 1
    signature = link.rpartition("signature=")[2]
    assert is_signed(7, signature, VALUE)
    assert not is_signed(7, signature, refer(vault.url, "signing")), "anyone knows the reference"
    assert mailbox.logins == [ACCOUNT.login.decode()]
    assert VALUE not in repr(mailer)
