"""What the image and the places where it runs are told: needs, manifests, templates, scripts."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from recsys_assets_tests.serving.conftest import Platform

PROJECT = Path(__file__).resolve().parents[2]
SERVING = PROJECT / "docker" / "serving"
MANIFESTS = sorted((SERVING / "kubernetes").glob("*.yaml"))
ELSEWHERE = ("dagster", "deltalake", "mlflow", "pandas", "pandera", "pyspark", "sklearn")


def test_the_service_needs_nothing_that_its_image_lacks() -> None:
    """All the rest of the platform's libraries hidden, the service still starts to listen."""
    hidden = "; ".join(f"sys.modules[{name!r}] = None" for name in ELSEWHERE)
    code = f"import sys; {hidden}; import recsys_assets.serving.__main__, recsys_assets.serving.app"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
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
    validate = pytest.importorskip("kubernetes_validate")
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        validate.validate(document, validate.latest_version(), strict=True)


def test_the_pod_is_guarded_probed_and_limited() -> None:
    documents = list(yaml.safe_load_all((SERVING / "kubernetes" / "serving.yaml").read_text()))
    kinds = {document["kind"]: document for document in documents}
    wanted = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    assert wanted | {"NetworkPolicy", "ServiceAccount"} <= set(kinds)
    pod = kinds["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    assert container["resources"]["limits"]["memory"] == "768Mi"
    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    metrics = kinds["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Resource", "Pods"]


def test_the_template_for_container_instances_fits_together() -> None:
    template = json.loads((SERVING / "aci" / "serving.json").read_text(encoding="utf-8"))
    used = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(template["resources"])))
    assert used == set(template["parameters"])
    group = template["resources"][0]["properties"]
    mounts = {m["name"] for m in group["containers"][0]["properties"]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in group["volumes"]}
    assert group["ipAddress"]["type"] == "Private"


@pytest.fixture
def script(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    found = importlib.util.spec_from_file_location("score", SERVING / "azureml" / "score.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(platform.home.bundles / platform.old))
    module.init()
    return module


def test_the_scoring_script_answers_as_the_service(script: ModuleType, platform: Platform) -> None:
    stored = script.run('{"user": 1, "k": 3}')
    assert stored["version"] == platform.old and len(stored["recommendations"]) == 3
    assert script.run('{"user": 999}')["segment"] == "everybody"
    assert script.run('{"ratings": [{"item": 4, "rating": 5}]}')["source"] == "folded"
    assert script.run('{"candidates": [{"item": 4}]}')["ranked"][0]["item"] == 4
    for bad in ("[]", "{", '{"user": 0}', '{"candidates": []}', '{"user": 1, "k": 1000}'):
        assert script.run(bad)["status"] == 422


def test_the_scoring_script_says_what_is_missing(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="serving_bundle"):
        script.init()
