"""References lead to a variable that is set, or are told; what they lead to is a secret too."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from recsys_assets.definitions import build_definitions
from recsys_assets.deployment import DeploymentError, current_deployment, secrets
from recsys_assets.deployment.secrets import secret_of

HOOK = "RECSYS_WEBHOOK_URL"
CLUSTER = {
    "RECSYS_DATABRICKS_HOST": "https://adb.example",
    "RECSYS_DATABRICKS_TOKEN": "dapi-of-somebody",
    "RECSYS_DATABRICKS_VOLUME": "/Volumes/a/b/c",
}


def test_a_reference_leads_to_the_variable_that_holds_the_value() -> None:
    known = {HOOK: "env:SECOND", "SECOND": "env: HOLDER", "HOLDER": "http://127.0.0.1:1/hook"}
    assert secret_of(known, HOOK) == dg.EnvVar("HOLDER")
    assert secret_of({}, HOOK) is None


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({HOOK: "env:NOBODY"}, "RECSYS_WEBHOOK_URL refers to NOBODY, which is not set"),
        ({HOOK: "env:EMPTY", "EMPTY": ""}, "RECSYS_WEBHOOK_URL refers to EMPTY, which is not set"),
        ({HOOK: f"env:{HOOK}"}, f"refers to {HOOK}, which refers to itself"),
        ({HOOK: "env:A", "A": f"env:{HOOK}"}, f"refers to A refers to {HOOK}, which refers to"),
    ],
)
def test_a_reference_to_nothing_is_told(known: dict[str, str], said: str) -> None:
    with pytest.raises(DeploymentError, match=said):
        secret_of(known, HOOK)


def test_what_a_reference_leads_to_is_a_secret_whatever_its_name() -> None:
    known = {HOOK: "env:HOLDER", "HOLDER": "http://127.0.0.1:1/planted", "OTHER": "no secret"}
    assert "http://127.0.0.1:1/planted" in secrets(known)
    assert "no secret" not in secrets(known)
    assert "postgresql://me:pw@127.0.0.1/x" in secrets(
        {"RECSYS_WAREHOUSE_URL": "postgresql://me:pw@127.0.0.1/x"}
    )


@pytest.mark.parametrize("password", ["hunter2", "p@ss:w0rd"])
def test_a_password_within_an_address_is_a_secret(password: str) -> None:
    assert secrets({"RECSYS_MLFLOW_URI": f"https://ci:{password}@mlflow.example/x"}) == [password]
    assert secrets({"URL": "postgresql://recsys:recsys-two@h/x"}) == ["recsys-two"]
    plain = (
        "postgresql://recsys:recsys@h/x",
        "https://mlflow.example:8080/a@b",
        "abfss://lake@account.dfs.core.windows.net/x:y",
    )
    assert secrets({f"ADDRESS_{n}": address for n, address in enumerate(plain)}) == []


def test_what_a_reference_to_a_reference_leads_to_is_a_secret_too() -> None:
    known = {HOOK: "env:SECOND", "SECOND": "env: HOLDER", "HOLDER": "http://127.0.0.1:1/planted"}
    assert "http://127.0.0.1:1/planted" in secrets(known)
    assert secrets({HOOK: f"env:{HOOK}"}) == [f"env:{HOOK}"]


@pytest.mark.parametrize("more", [{}, CLUSTER], ids=["here", "on a cluster"])
def test_the_ui_shows_no_password_of_mlflow_among_the_settings_of_resources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: dict[str, str]
) -> None:
    uri = "https://ci:hunter2@mlflow.example"
    known = {"RECSYS_HOME": str(tmp_path), "RECSYS_MLFLOW_URI": uri, **more}
    for name, text in known.items():
        monkeypatch.setenv(name, text)
    definitions = build_definitions(current_deployment(known))
    shown = RepositorySnap.from_def(definitions.get_repository_def()).resources or []
    assert {"compute", "storage"} <= {resource.name for resource in shown}
    assert "hunter2" not in repr([resource.configured_values for resource in shown])
    resources = {key: definitions.resources[key] for key in ("compute", "storage")}  # type: ignore[index]
    with dg.build_resources(resources) as used:
        assert used.storage.registry.uri == uri
        assert (used.compute.registry if more else used.compute.mlflow) == uri
