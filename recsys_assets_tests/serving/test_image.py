"""What the image and the places where it runs are told: needs, manifests, templates, scripts."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from recsys_assets_tests.serving.conftest import Platform

PROJECT = Path(__file__).resolve().parents[2]
SERVING = PROJECT / "docker" / "serving"
MANIFESTS = sorted((SERVING / "kubernetes").glob("*.yaml"))
ALONE = """
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

installed = {"recsys-assets", *sys.argv[2].split(",")}

class Elsewhere:
    def find_spec(self, name, path=None, target=None):
        owners = {owner.lower().replace("_", "-") for owner in known.get(name, ())}
        if owners and not owners & installed:
            raise ModuleNotFoundError(f"No module named {name!r} in the image")

known = packages_distributions()
sys.meta_path.insert(0, Elsewhere())

import recsys_assets.serving.__main__, recsys_assets.serving.app
import msgspec
from recsys_assets.serving.bundle import load_bundle
from recsys_assets.serving.folding_in import folded_list
from recsys_assets.serving.ranking import rank_in
from recsys_assets.serving.recommending import stored_list
from recsys_assets.serving.shapes.requests import NewUser, RankRequest

bundle = load_bundle(Path(sys.argv[1]))
asked = {"candidates": [{"item": 2, "features": {"I1": 1, "C1": "68fd1e64"}}], "explain": True}
assert rank_in("champion", bundle, msgspec.convert(asked, RankRequest))[0].ranked
asked = {"ratings": [{"item": 2, "rating": 4.0}]}
assert b'"folded"' in folded_list("champion", bundle, msgspec.convert(asked, NewUser))
assert stored_list("champion", bundle, 1, 5)
"""


def needed_by(asked: Iterable[str]) -> set[str]:
    """Names of what is installed along with some requirements."""
    found: dict[tuple[str, str], None] = {}
    waiting = [Requirement(line) for line in asked]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key in found:
                continue
            found[key] = None
            inner = map(Requirement, importlib.metadata.requires(wanted.name) or [])
            waiting += [i for i in inner if i.marker is None or i.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def test_the_service_answers_with_nothing_but_what_its_image_holds(platform: Platform) -> None:
    """Every library that the image does not install is hidden."""
    lines = (SERVING / "requirements.in").read_text(encoding="utf-8").splitlines()
    installed = needed_by(line for line in lines if line and not line.startswith("#"))
    folder = platform.home.bundles / platform.new
    command = [sys.executable, "-c", ALONE, str(folder), ",".join(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_pins_what_it_installs() -> None:
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    asked = re.findall(r"^([a-z0-9-]+)", (SERVING / "requirements.in").read_text(), re.M)
    setup = (PROJECT / "setup.cfg").read_text(encoding="utf-8")
    for name in asked:
        assert re.search(rf"^    {name}\b", setup, re.M), name
        if name not in ("granian", "msgspec", "prometheus-client"):
            assert re.search(rf"^{name}(\[.*\])?==", lock, re.M), name


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_valid(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_the_pod_is_guarded_probed_and_limited() -> None:
    documents = list(yaml.safe_load_all((SERVING / "kubernetes" / "serving.yaml").read_text()))
    kinds = {document["kind"]: document for document in documents}
    wanted = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    assert wanted | {"NetworkPolicy", "ServiceAccount"} <= set(kinds)
    pod = kinds["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    # Without a bundle it is not ready, which no new start would mend.
    asked = {name: probe["httpGet"]["path"] for name, probe in container.items() if "Probe" in name}
    health = {"startupProbe": "/health", "livenessProbe": "/health"}
    assert asked == health | {"readinessProbe": "/ready"}
    assert container["resources"]["limits"]["memory"] == "768Mi"
    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    metrics = kinds["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Resource", "Pods"]


def test_the_nodes_of_a_production_hold_all_replicas_and_one_of_a_rollout() -> None:
    main = (PROJECT / "infrastructure" / "main.tf").read_text(encoding="utf-8")
    (nodes,) = re.findall(r"medium = \{[^}]*nodes_at_most = (\d+)", main)
    (cores,) = re.findall(r'medium = \{[^}]*node +=\s*"Standard_D(\d+)ds_v5"', main)
    documents = list(yaml.safe_load_all((SERVING / "kubernetes" / "serving.yaml").read_text()))
    kinds = {document["kind"]: document for document in documents}
    container = kinds["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    # What is left of a node is Kubernetes' own, and for Dagster's pods.
    of_a_node = (int(cores) - 1) // int(container["resources"]["requests"]["cpu"])
    most = kinds["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]
    surge = kinds["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    assert most + surge == int(nodes) * of_a_node


def test_the_template_for_container_instances_fits_together() -> None:
    template = json.loads((SERVING / "aci" / "serving.json").read_text(encoding="utf-8"))
    used = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(template["resources"])))
    assert used == set(template["parameters"])
    group = template["resources"][0]["properties"]
    mounts = {m["name"] for m in group["containers"][0]["properties"]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in group["volumes"]}
    assert group["ipAddress"]["type"] == "Private"


def test_the_image_of_an_azure_ml_endpoint_is_the_one_that_is_built_beside() -> None:
    deployment = yaml.safe_load((SERVING / "azureml" / "deployment.yaml").read_text())
    dockerfile = (SERVING / "azureml" / "Dockerfile").read_text(encoding="utf-8")
    assert f"-t {deployment['environment']['image']} " in dockerfile
    port = deployment["environment"]["inference_config"]["scoring_route"]["port"]
    assert f"EXPOSE {port}\n" in dockerfile


@pytest.fixture
def script(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    found = importlib.util.spec_from_file_location("score", SERVING / "azureml" / "score.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(platform.home.bundles / platform.old))
    module.init()
    # Azure ML's server, which is in its image alone, sends an answer of this class as it is.
    server = SimpleNamespace(AMLResponse=lambda body, status, headers: (status, json.loads(body)))
    monkeypatch.setitem(sys.modules, "azureml_inference_server_http.api.aml_response", server)
    return module


def test_the_scoring_script_answers_as_the_service(script: ModuleType, platform: Platform) -> None:
    stored = script.run('{"user": 1, "k": 3}')
    assert stored["version"] == platform.old and len(stored["recommendations"]) == 3
    assert script.run('{"user": 999}')["segment"] == "everybody"
    assert script.run('{"ratings": [{"item": 4, "rating": 5}]}')["source"] == "folded"
    assert script.run('{"candidates": [{"item": 4}]}')["ranked"][0]["item"] == 4
    for bad in ("[]", "{", '{"user": 0}', '{"candidates": []}', '{"user": 1, "k": 1000}'):
        status, problem = script.run(bad)
        assert status == problem["status"] == 422
    # Left aside, it would be answered with films of all genres.
    assert "genre" in script.run('{"user": 1, "genre": "Drama"}')[1]["detail"]


def test_the_scoring_script_says_what_is_missing(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="serving_bundle"):
        script.init()
