"""Infrastructure as text: it parses, every name it uses exists, and nothing goes in circles.

Terraform itself checks types only with its providers, which no package index of Python has.
"""

import json
import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from typing import Any

import hcl2
import pytest
import yaml

from recsys_assets.assets.steps import STEP
from recsys_assets.cli.bundle import jobs
from recsys_assets.definitions import defs
from recsys_assets.deployment import current_deployment
from recsys_assets.home import PROJECT
from recsys_assets.steps.remote import Order
from recsys_assets.steps.session import params_of, step_named

FOLDER = PROJECT / "infrastructure"
FILES = sorted(FOLDER.glob("*.tf"))
USED = re.compile(r"\b(var|local|data\.\w+|azurerm_\w+|random_\w+)\.(\w+)")


def bare(name: str) -> str:
    return name.strip('"')


def parse() -> dict[str, Any]:
    """Block by address, such as var.name or azurerm_key_vault.secrets."""
    found: dict[str, Any] = {}
    for file in FILES:
        with file.open(encoding="utf-8") as text:
            content = hcl2.load(text)
        for variable in content.get("variable", []):
            found |= {f"var.{bare(name)}": body for name, body in variable.items()}
        for values in content.get("locals", []):
            found |= {f"local.{name}": body for name, body in values.items()}
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for block in content.get(kind, []):
                for type_name, named in block.items():
                    for name, body in named.items():
                        found[f"{prefix}{bare(type_name)}.{bare(name)}"] = body
    return found


def names_in(body: Any) -> set[str]:
    return {f"{kind}.{name}" for kind, name in USED.findall(json.dumps(body, default=str))}


def test_every_name_exists_and_nothing_depends_on_itself() -> None:
    blocks = parse()
    assert len(blocks) > 30
    uses = {name: (names_in(body) & blocks.keys()) - {name} for name, body in blocks.items()}
    for file in FILES:
        text = re.sub(r"#.*|\"[^\"$]*\"", "", file.read_text(encoding="utf-8"))
        used = {f"{kind}.{name}" for kind, name in USED.findall(text)}
        assert used <= blocks.keys(), (file.name, used - blocks.keys())
    tuple(TopologicalSorter(uses).static_order())  # raises where there is a circle


def test_what_holds_data_is_closed_and_known_by_identity() -> None:
    blocks = parse()
    assert blocks["azurerm_storage_account.lake"]["is_hns_enabled"] is True
    assert blocks["azurerm_storage_account.lake"]["shared_access_key_enabled"] is False
    assert blocks["azurerm_cosmosdb_account.lookup"]["local_authentication_enabled"] is False
    assert blocks["azurerm_container_registry.images"]["admin_enabled"] is False
    assert blocks["azurerm_key_vault.secrets"]["rbac_authorization_enabled"] is True
    roles = {bare(role["role"]) for role in blocks["local.roles"].values()}
    assert not roles & {"Owner", "Contributor", "User Access Administrator"}


def test_whoever_runs_terraform_may_install_what_runs_on_the_cluster() -> None:
    """An owner of the subscription may not: a cluster set up so has roles of its own."""
    blocks = parse()
    cluster = blocks["azurerm_kubernetes_cluster.dagster"]
    (logins,) = cluster["azure_active_directory_role_based_access_control"]
    assert cluster["local_account_disabled"] and logins["azure_rbac_enabled"]
    mine = [role for role in blocks["local.roles"].values() if "client_config.me" in role["who"]]
    granted = {(bare(role["role"]), role["on"].strip("${}")) for role in mine}
    role = "Azure Kubernetes Service RBAC Cluster Admin"
    assert (role, "azurerm_kubernetes_cluster.dagster.id") in granted


def test_another_size_does_not_replace_the_account_that_holds_the_lake() -> None:
    """The provider deletes an account and makes another where LRS becomes ZRS."""
    account = parse()["azurerm_storage_account.lake"]
    (lifecycle,) = account["lifecycle"]
    assert lifecycle["ignore_changes"] == ["account_replication_type"]


def test_the_nodes_can_be_given_another_size() -> None:
    """The provider refuses it unless the pool that serves meanwhile has a name."""
    (pool,) = parse()["azurerm_kubernetes_cluster.dagster"]["default_node_pool"]
    assert re.fullmatch("[a-z][a-z0-9]{0,11}", bare(pool["temporary_name_for_rotation"]))


def test_a_pool_of_synapse_asks_for_no_backup_that_its_storage_does_not_have() -> None:
    pool = parse()["azurerm_synapse_sql_pool.warehouse"]
    assert bare(pool["storage_account_type"]) != "LRS" or not pool["geo_backup_policy_enabled"]


def test_containers_are_made_without_a_role_on_what_they_hold() -> None:
    """File systems are made through the data, which whoever runs Terraform has no role on."""
    blocks = parse()
    mine = [role for role in blocks["local.roles"].values() if "client_config.me" in role["who"]]
    assert not any("Storage Blob Data" in role["role"] for role in mine)
    assert not any("storage_data_lake_gen2" in name for name in blocks)


def test_network_policies_are_enforced() -> None:
    (network,) = parse()["azurerm_kubernetes_cluster.dagster"]["network_profile"]
    assert {bare(network[f"network_{part}"]) for part in ("policy", "data_plane")} == {"cilium"}


def test_the_settings_that_terraform_tells_are_a_deployment() -> None:
    text = (FOLDER / "outputs.tf").read_text(encoding="utf-8")
    told = dict(re.findall(r"^    (RECSYS_\w+) += (\S+)", text, re.M))
    settings = {name: bare(value) for name, value in told.items()}
    assert settings["RECSYS_AZURE_STORAGE_ACCOUNT"] == "azurerm_storage_account.lake.name"
    settings["RECSYS_AZURE_STORAGE_ACCOUNT"] = "strecsysabcde"
    assert settings["RECSYS_AZURE_KEY_VAULT"] == "azurerm_key_vault.secrets.vault_uri"
    settings["RECSYS_AZURE_KEY_VAULT"] = "https://kv-recsys-abcde.vault.azure.net/"
    assert settings["RECSYS_LOOKUP_URL"] == "azurerm_cosmosdb_account.lookup.endpoint"
    settings["RECSYS_LOOKUP_URL"] = "https://cosmos-recsys-abcde.documents.azure.com:443/"
    assert current_deployment(settings).automated


def test_the_warehouse_is_the_database_that_was_made_for_it() -> None:
    """Its address holds a password, so it is told as a reference to the vault."""
    blocks = parse()
    assert "warehouse" in str(blocks["azurerm_postgresql_flexible_server_database.each"])
    address = bare(blocks["azurerm_key_vault_secret.warehouse"]["value"])
    assert address.startswith("postgresql://") and address.endswith("/warehouse?sslmode=require")
    told = (FOLDER / "outputs.tf").read_text(encoding="utf-8")
    assert '"keyvault:${azurerm_key_vault_secret.warehouse.name}"' in told


@pytest.mark.skipif(shutil.which("terraform") is None, reason="no Terraform on this machine")
def test_files_are_formatted_as_terraform_does() -> None:
    command = ["terraform", "fmt", "-check", "-diff", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["jobs/ingest.yml", "jobs/publish.yml", "jobs/weekly.yml"])
def test_jobs_of_the_bundle_are_whole(name: str) -> None:
    text = jobs()[name]
    (job,) = yaml.safe_load(text)["resources"]["jobs"].values()
    keys = {task["task_key"] for task in job["tasks"]}
    for task in job["tasks"]:
        assert {dep["task_key"] for dep in task.get("depends_on", [])} <= keys
        order = Order.model_validate_json(task["python_wheel_task"]["parameters"][0])
        params = {**order.params, **({"dates": ["2026-01-30"]} if "dates" in order.params else {})}
        params_of(step_named(order.step)).model_validate(params)
    declared = yaml.safe_load((FOLDER / "databricks/databricks.yml").read_text(encoding="utf-8"))
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) <= declared["variables"].keys()


@pytest.mark.parametrize("name", ["publish", "weekly"])
def test_a_job_of_the_bundle_does_what_the_job_of_its_name_does_here(name: str) -> None:
    (job,) = yaml.safe_load(jobs()[f"jobs/{name}.yml"])["resources"]["jobs"].values()
    graph, here = defs.resolve_asset_graph(), defs.resolve_job_def(name).asset_layer
    steps = {
        key.to_user_string()
        for key in here.executable_asset_keys
        if STEP in graph.get(key).metadata
    }
    assert {task["task_key"] for task in job["tasks"]} == steps
