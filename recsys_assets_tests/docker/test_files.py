"""What can be said of images, compose file and chart values without building anything."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.config_schema import process_workspace_config
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import UserDefinedDagsterK8sConfig

from recsys_assets.home import PROJECT, Home

DOCKER = PROJECT / "docker"
IMAGES = ("user_code", "platform")


def dockerfile(image: str) -> str:
    return (DOCKER / image / "Dockerfile").read_text(encoding="utf-8")


def load(name: str) -> Any:
    return yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_pinned_built_in_stages_and_runs_as_nobody_special(image: str) -> None:
    text = dockerfile(image)
    assert re.search(r"^ARG BASE=python:3\.11\.\d+-slim-", text, re.M)
    assert text.count("\nFROM ") >= 2 and "COPY --from=build" in text
    assert "--constraint" in text and "requirements.lock" in text
    assert text.rindex("\nUSER 10001") < text.rindex("\nCMD") and "\nHEALTHCHECK" in text


def test_all_images_have_one_python() -> None:
    bases = {
        re.findall(r"^ARG BASE=(\S+)", dockerfile(name), re.M)[0] for name in (*IMAGES, "serving")
    }
    assert len(bases) == 1


def test_the_settings_are_those_dagster_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "USER", "PASSWORD", "DB"):
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{name}", "x")
    settings, _ = dagster_instance_config(str(DOCKER))
    assert settings["storage"]["postgres"]["postgres_db"]["password"] == {
        "env": "DAGSTER_POSTGRES_PASSWORD"
    }
    assert process_workspace_config(load("workspace.yaml")).success


def test_runs_wait_for_each_other_as_they_do_without_containers() -> None:
    own = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    assert load("dagster.yaml")["concurrency"] == own["concurrency"]


def test_the_compose_file_holds_no_secret_and_waits_for_health() -> None:
    compose = load("compose.yaml")
    services = compose["services"]
    assert set(services) == {"postgres", "user-code", "webserver", "daemon"}
    for service in services.values():
        for name, value in service["environment"].items():
            assert "PASSWORD" not in name or value.startswith("${")
        assert not any("docker.sock" in str(volume) for volume in service["volumes"])
    assert services["daemon"]["depends_on"] == {"user-code": {"condition": "service_healthy"}}
    assert services["webserver"]["ports"] == ["127.0.0.1:3000:3000"]
    hosts = {location["grpc_server"]["host"] for location in load("workspace.yaml")["load_from"]}
    assert hosts <= set(services)


def test_chart_values_name_the_same_port_module_and_settings() -> None:
    values = load("helm/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    (server,) = values["dagsterWebserver"]["workspace"]["servers"]
    assert (server["host"], server["port"]) == (deployment["name"], deployment["port"])
    assert deployment["codeServerArgs"] == ["--module-name", "recsys_assets.definitions"]
    ours = load("dagster.yaml")
    for block in ("run_monitoring", "run_retries"):
        assert values["additionalInstanceConfig"][block] == ours[block]
    text = (DOCKER / "helm" / "values.yaml").read_text(encoding="utf-8")
    assert f"--version {dg.__version__}" in text


def test_the_chart_lets_runs_in_as_the_other_settings_do() -> None:
    values = load("helm/values.yaml")
    given, ours = values["concurrency"], load("dagster.yaml")["concurrency"]
    assert given == {
        "enabled": True,
        "runs": {"maxConcurrentRuns": ours["runs"]["max_concurrent_runs"]},
        "pools": {
            "granularity": ours["pools"]["granularity"],
            "defaultLimit": ours["pools"]["default_limit"],
        },
    }
    # Dagster takes pools only where the coordinator has no limit of its own.
    assert "config" not in values["dagsterDaemon"]["runCoordinator"]


def test_no_proxy_comes_between_dagster_and_its_code_location() -> None:
    """Docker's client and a cluster give one to all containers; gRPC takes it for any name."""
    (location,) = load("workspace.yaml")["load_from"]
    services = load("compose.yaml")["services"]
    for name in ("user-code", "webserver", "daemon"):
        past = services[name]["environment"]["no_grpc_proxy"].split(",")
        assert past == [location["grpc_server"]["host"], "localhost"]
    values = load("helm/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    for part in (values["dagsterWebserver"], values["dagsterDaemon"]):
        assert part["env"] == [
            {"name": "no_grpc_proxy", "value": f"{deployment['name']},localhost"}
        ]
    assert {"name": "no_grpc_proxy", "value": "localhost"} in deployment["env"]


def test_pods_of_runs_have_the_memory_that_the_values_promise() -> None:
    """The chart hands on resources of the code location, which come before the launcher's."""
    values = load("helm/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    promised = launcher["runK8sConfig"].get("containerConfig", {})
    given = K8sContainerContext(
        run_k8s_config=UserDefinedDagsterK8sConfig.from_dict({"container_config": promised})
    ).merge(K8sContainerContext(resources=deployment["resources"]))
    found = given.run_k8s_config.container_config["resources"]
    assert found["limits"] == {"memory": "4Gi"}
    assert promised in ({}, {"resources": found})


def test_what_a_home_keeps_outlives_the_pods_of_runs() -> None:
    (deployment,) = load("helm/values.yaml")["dagster-user-deployments"]["deployments"]
    home = Home(
        root=Path(next(e["value"] for e in deployment["env"] if e["name"] == "RECSYS_HOME"))
    )
    mounts = {Path(mount["mountPath"]) for mount in deployment["volumeMounts"]}
    assert mounts > {home.root, home.bundles, home.feedback}
    manifests = [
        manifest
        for name in ("helm/home.yaml", "serving/kubernetes/serving.yaml")
        for manifest in yaml.safe_load_all((DOCKER / name).read_text(encoding="utf-8"))
        if manifest and manifest["kind"] == "PersistentVolumeClaim"
    ]
    claims = {claim["metadata"]["name"]: claim["spec"]["accessModes"] for claim in manifests}
    for volume in deployment["volumes"][1:]:
        name = volume["persistentVolumeClaim"]["claimName"]
        assert claims[name] == ["ReadWriteMany"], name


def test_commands_in_the_pod_of_the_code_location_see_what_the_daemon_sees() -> None:
    values = load("helm/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    where = values["global"]["dagsterHome"]
    settings, mount = deployment["volumes"][0], deployment["volumeMounts"][0]
    assert settings == {"name": mount["name"], "configMap": {"name": "dagster-instance"}}
    assert (mount["mountPath"], mount["subPath"]) == (f"{where}/dagster.yaml", "dagster.yaml")
    for image in IMAGES:
        assert f"DAGSTER_HOME={where} " in dockerfile(image)
        assert re.search(rf"install -d -o \w+ {where}\b", dockerfile(image))


def test_prometheus_reads_the_figures_of_the_service_with_a_token() -> None:
    folder = DOCKER / "serving/kubernetes"
    text = (folder / "prometheus-adapter.yaml").read_text(encoding="utf-8")
    scrape = next(d for d in yaml.safe_load_all(text) if "scrape.yaml" in d["data"])
    (job,) = yaml.safe_load(scrape["data"]["scrape.yaml"])
    assert (job["metrics_path"], "client_secret_file" in job["oauth2"]) == ("/metrics", True)
    targets = {rule.get("target_label") for rule in job["relabel_configs"]}
    assert {"namespace", "pod"} <= targets  # what the adapter's rule asks of each series
    # Whoever scrapes by an annotation brings no token, and is refused.
    assert "prometheus.io/scrape" not in (folder / "serving.yaml").read_text(encoding="utf-8")


def test_every_image_that_a_cluster_is_given_is_built_before() -> None:
    service = (DOCKER / "serving/kubernetes/serving.yaml").read_text(encoding="utf-8")
    values = (DOCKER / "helm/values.yaml").read_text(encoding="utf-8")
    given = set(re.findall(r"image: (REGISTRY\S+)", service))
    for name, tag in re.findall(r'repository: (REGISTRY[^,\s]+), tag: "([^"]+)"', values):
        given.add(f"{name}:{tag}")
    guide = (PROJECT / "docs/azure.md").read_text(encoding="utf-8")
    assert given == set(re.findall(r"docker build \S+ \S+ -t (REGISTRY\S+)", guide))
