"""Every setting that cannot be is told by its variable, and no secret with it."""

from pathlib import Path

import pytest

from recsys_assets.definitions import build_resources
from recsys_assets.deployment import DeploymentError, current_deployment

MAIL = {
    "RECSYS_SMTP_HOST": "127.0.0.1",
    "RECSYS_SMTP_RECIPIENTS": "oncall@example.org",
    "RECSYS_DIGEST_SENDER": "films@example.org",
}
VAULT = {
    "RECSYS_AZURE_KEY_VAULT": "https://films.vault.azure.net",
    "RECSYS_SMTP_USERNAME": "me",
    "RECSYS_SMTP_PASSWORD": "keyvault:smtp-password",
}
CLUSTER = {
    "RECSYS_DATABRICKS_HOST": "https://adb-1.azuredatabricks.net",
    "RECSYS_DATABRICKS_TOKEN": "dapi-of-somebody",
    "RECSYS_DATABRICKS_VOLUME": "/Volumes/a/b/c",
}
ADDRESSES: dict[str, dict[str, str]] = {
    "RECSYS_WEBHOOK_URL": {},
    "RECSYS_TEAMS_URL": {},
    "RECSYS_SLACK_URL": {},
    "RECSYS_PAGERDUTY_URL": {"RECSYS_PAGERDUTY_KEY": "key"},
    "RECSYS_UI_URL": {},
    "RECSYS_PUBLIC_URL": {},
}
AZURE = {"RECSYS_DEPLOYMENT": "azure", "RECSYS_AZURE_STORAGE_ACCOUNT": "films"}
TABLES = {"RECSYS_LOOKUP": "tables", "RECSYS_LOOKUP_KEY": "AccountName=a;AccountKey=a2V5"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"RECSYS_DEPLOYMENT": "prod"}, "RECSYS_DEPLOYMENT: Input should be 'local'"),
        ({"RECSYS_HOME": "/data/[new]"}, r"RECSYS_HOME: Spark and the tables cannot work in"),
        ({"RECSYS_PRICES": "/not/there"}, "RECSYS_PRICES: Path does not point to a file"),
        ({"RECSYS_SPARK_MEMORY": "lots"}, "RECSYS_SPARK_MEMORY: String should match"),
        ({"RECSYS_CHAMPION_DAYS": "x"}, "RECSYS_CHAMPION_DAYS: Input should be a valid integer"),
        ({"RECSYS_SETTLED_SECONDS": "inf"}, "RECSYS_SETTLED_SECONDS: Input should be a finite"),
        ({"RECSYS_LOOKUP": "redis"}, "RECSYS_LOOKUP: Input should be 'sqlite'"),
        (
            {"RECSYS_LOOKUP": "cosmos", "RECSYS_LOOKUP_KEY": "a2V5"},
            "RECSYS_LOOKUP=cosmos asks for RECSYS_LOOKUP_URL",
        ),
        *(
            (
                {"RECSYS_LOOKUP": kind, "RECSYS_LOOKUP_URL": url},
                "RECSYS_LOOKUP_URL is no address: write https://",
            )
            for kind, url in (("cosmos", "films.documents.azure.com"), ("tables", "https://"))
        ),
        (MAIL | {"RECSYS_SMTP_PORT": "smtp"}, "RECSYS_SMTP_PORT: Input should be a valid integer"),
        (MAIL | {"RECSYS_SMTP_SECURITY": "tls"}, "RECSYS_SMTP_SECURITY: Input should be 'plain'"),
        ({"RECSYS_SMTP_HOST": "127.0.0.1"}, "RECSYS_SMTP_RECIPIENTS: List should have at least 1"),
        (
            MAIL | {"RECSYS_SMTP_RECIPIENTS": " , "},
            "RECSYS_SMTP_RECIPIENTS: List should have at least 1",
        ),
        *(
            (
                MAIL | {"RECSYS_SMTP_RECIPIENTS": text},
                f"RECSYS_SMTP_RECIPIENTS: '{part}' is not one address",
            )
            for text, part in (
                ("ann@example.org;ben@example.org", "ann@example.org;ben@example.org"),
                ("ann@example.org ben@example.org", "ann@example.org ben@example.org"),
                ("ann@example.org,ben@", "ben@"),
            )
        ),
        (
            MAIL
            | {"RECSYS_ALERT_ROUTES": '[{"channels": ["email"], "recipients": ["ann@x;ben@x"]}]'},
            r"RECSYS_ALERT_ROUTES\[0\]\.recipients: 'ann@x;ben@x' is not one address",
        ),
        (
            MAIL | {"RECSYS_ALERT_ROUTES": '[{"channels": ["email"], "kinds": ["disk_full"]}]'},
            r"RECSYS_ALERT_ROUTES\[0\]\.kinds: 'disk_full' is no section of the runbook: run-",
        ),
        (
            MAIL | {"RECSYS_ALERT_ROUTES": '[{"channels": ["email"], "owners": ["recsys"]}]'},
            r"RECSYS_ALERT_ROUTES\[0\]\.owners: 'recsys' is no owner: write team:NAME",
        ),
        (
            MAIL | VAULT | {"RECSYS_AZURE_KEY_VAULT": "films"},
            "RECSYS_AZURE_KEY_VAULT: 'films' is no address: write https://NAME",
        ),
        (
            MAIL | VAULT | {"RECSYS_SMTP_PASSWORD": "keyvault:"},
            "RECSYS_SMTP_PASSWORD names no secret of the vault: write keyvault:NAME",
        ),
        *(
            ({name: address} | given, f"{name} is no address: write https://")
            for name, given in ADDRESSES.items()
            for address in ("hooks.example.org/s3cret", "https:/x/s3cret", "https://h:x/s3cret")
        ),
        (
            {"RECSYS_SLACK_URL": "env:HOOK", "HOOK": "s3cret"},
            "HOOK is no address: write https://",
        ),
        (MAIL | {"RECSYS_SMTP_USERNAME": "me"}, "RECSYS_SMTP: give both username and password"),
        (
            MAIL | {"RECSYS_ALERT_ROUTES": '[{"channel": "email"}]'},
            r"RECSYS_ALERT_ROUTES\[0\]\.channels: Input should be a valid list",
        ),
        (
            MAIL | {"RECSYS_ALERT_ROUTES": '[{"channels": ["slack"]}]'},
            "RECSYS_ALERT_ROUTES: a route leads to slack, which is not configured; there is: email",
        ),
        (
            CLUSTER | {"RECSYS_DATABRICKS_MIN_WORKERS": "few"},
            "RECSYS_DATABRICKS_MIN_WORKERS: Input should be a valid integer",
        ),
        (
            CLUSTER | {"RECSYS_DATABRICKS_TIMEOUT": "1h"},
            "RECSYS_DATABRICKS_TIMEOUT: Input should be a valid integer",
        ),
        *(
            (
                {"RECSYS_DEPLOYMENT": "azure", "RECSYS_AZURE_STORAGE_ACCOUNT": account},
                "RECSYS_AZURE_STORAGE_ACCOUNT is no account's name, .*no address$",
            )
            for account in (
                "films.dfs.core.windows.net",
                "https://films.blob.core.windows.net",
                "films ",
                "My_Films",
                "AccountName=films;AccountKey=planted-secret",
            )
        ),
        *(
            (
                AZURE | {"AZURE_STORAGE_CONNECTION_STRING": connection},
                "AZURE_STORAGE_CONNECTION_STRING is of another account than .*, which is films:",
            )
            for connection in (
                "AccountName=films2;AccountKey=a2V5;EndpointSuffix=core.windows.net",
                "BlobEndpoint=https://myfilms.blob.core.windows.net;SharedAccessSignature=sv=1",
            )
        ),
    ],
)
def test_a_setting_that_cannot_be_names_its_variable(
    wrong: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError, match=f"^{said}"):
        build_resources(current_deployment({"RECSYS_HOME": str(tmp_path), **wrong}))


NAMED = MAIL | {
    "RECSYS_SMTP_PORT": "25",
    "RECSYS_SMTP_RECIPIENTS": "root, Ann O'Neil <ann+recsys@example.org>",
}


@pytest.mark.parametrize("right", [{}, MAIL, TABLES, NAMED, CLUSTER])
def test_what_can_be_makes_resources(right: dict[str, str], tmp_path: Path) -> None:
    resources = build_resources(current_deployment({"RECSYS_HOME": str(tmp_path), **right}))
    assert set(resources) == {"compute", "storage", "delivery", "notifier", "mailer"}


def test_a_value_is_not_quoted(tmp_path: Path) -> None:
    secret = MAIL | {"RECSYS_SMTP_PASSWORD": "planted-secret", "RECSYS_SMTP_USERNAME": "me"}
    wrong = secret | {"RECSYS_SMTP_SECURITY": "planted-secret"}
    with pytest.raises(DeploymentError) as told:
        build_resources(current_deployment({"RECSYS_HOME": str(tmp_path), **wrong}))
    assert "RECSYS_SMTP_SECURITY" in str(told.value)
    assert "planted-secret" not in str(told.value)
    assert told.value.__suppress_context__


@pytest.mark.parametrize(
    "connection",
    [
        "",
        "DefaultEndpointsProtocol=https;AccountName=films;AccountKey=a2V5",
        "BlobEndpoint=https://films.blob.core.windows.net/;SharedAccessSignature=sv=1",
        "BlobEndpoint=http://127.0.0.1:10000/films;SharedAccessSignature=sv=1",
    ],
)
def test_a_connection_string_of_the_account_itself_is_taken(connection: str) -> None:
    settings = AZURE | {"AZURE_STORAGE_CONNECTION_STRING": connection, "RECSYS_HOME": "/state"}
    assert current_deployment(settings).home.account == "films"
