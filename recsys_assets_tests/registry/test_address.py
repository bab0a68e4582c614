import pytest

from recsys_assets.deployment import DeploymentError, current_deployment
from recsys_assets.registry.address import RegistryAddress, without_account
from recsys_assets.registry.logged import LoggedModel


@pytest.mark.parametrize("uri", ["sqlite:////home/mlflow.db", "https://mlflow.example"])
def test_a_file_and_a_server_hold_runs_and_models_alike(uri: str) -> None:
    address = RegistryAddress.of(uri)
    assert (address.runs, address.models) == (uri, uri)
    assert address.full("als_model") == address.short("als_model") == "als_model"
    assert address.experiment == "recsys_assets"
    assert address.is_file == uri.startswith("sqlite")


def test_unity_catalog_names_models_by_catalog_and_schema() -> None:
    address = RegistryAddress.of("databricks-uc/main.recsys")
    assert (address.runs, address.models) == ("databricks", "databricks-uc")
    assert address.full("als_model") == "main.recsys.als_model"
    assert address.short("main.recsys.als_model") == "als_model"
    assert address.experiment == "/Shared/recsys_assets"


@pytest.mark.parametrize("uri", ["databricks-uc", "databricks-uc/main", "databricks-uc/a.b.c"])
def test_unity_catalog_asks_for_a_schema(uri: str) -> None:
    with pytest.raises(DeploymentError, match=r"RECSYS_MLFLOW_URI: .*CATALOG.SCHEMA"):
        current_deployment({"RECSYS_MLFLOW_URI": uri})


@pytest.mark.parametrize("uri", ["mlflow.example:5000", "mlruns", "me:planted@mlflow.example"])
def test_an_address_without_its_scheme_is_refused_before_anything_runs(uri: str) -> None:
    with pytest.raises(DeploymentError, match=r"^RECSYS_MLFLOW_URI: this is no address") as told:
        current_deployment({"RECSYS_MLFLOW_URI": uri})
    assert uri not in str(told.value), "it may hold a password"


def test_this_process_finds_what_clusters_register() -> None:
    databricks = {
        "RECSYS_DATABRICKS_HOST": "https://adb-1.azuredatabricks.net",
        "RECSYS_DATABRICKS_VOLUME": "/Volumes/main/recsys/pipes",
    }
    for given, expected in (({}, "databricks"), ({"RECSYS_MLFLOW_URI": "http://h"}, "http://h")):
        deployment = current_deployment({**databricks, **given})
        assert deployment.home.registry.uri == deployment.databricks["registry"] == expected
    here = current_deployment({"RECSYS_HOME": "/state"}).home.registry
    assert here.uri == "sqlite:////state/mlflow/mlflow.db"


@pytest.mark.parametrize("scheme", ["https", "postgresql"])
def test_no_link_shows_the_password_of_an_address(scheme: str) -> None:
    model = LoggedModel("m", 1, "run", "3", f"{scheme}://ci:hunter2@mlflow.example/x")
    assert f"{scheme}://mlflow.example/x" in model.link
    assert "hunter2" not in model.link
    assert without_account("sqlite:////home/a@b/mlflow.db") == "sqlite:////home/a@b/mlflow.db"
