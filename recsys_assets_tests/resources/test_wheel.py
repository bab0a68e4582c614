"""The wheel of the package that runs here: it is whole, the same each time, and asks for enough."""

import ast
import io
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import recsys_assets
from recsys_assets.resources.wheel import STEP_REQUIREMENTS, build_wheel

ROOMS = ("steps", "kernels", "lake", "registry", "contracts")
OF_THE_CLUSTER = {"pyspark", "py4j"}


def imported(folder: Path) -> set[str]:
    """Top-level modules that files of a folder import, at their head or on demand."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_what_steps_import_comes_with_the_wheel_or_the_cluster() -> None:
    package = Path(recsys_assets.__file__).parent
    modules = set().union(*(imported(package / room) for room in ROOMS))
    modules -= sys.stdlib_module_names | {"recsys_assets"}
    known = packages_distributions()
    given = {name.replace("-", "_") for name in STEP_REQUIREMENTS}
    missing = {
        module
        for module in modules - OF_THE_CLUSTER
        if not given & {n.lower().replace("-", "_") for n in known.get(module, [module])}
    }
    assert not missing


def test_a_plugin_of_mlflow_that_is_installed_here_comes_with_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def metadata() -> str:
        build_wheel.cache_clear()
        with zipfile.ZipFile(io.BytesIO(build_wheel()[1])) as wheel:
            (name,) = [entry for entry in wheel.namelist() if entry.endswith("/METADATA")]
            return wheel.read(name).decode()

    assert "azureml" not in metadata()
    about = tmp_path / "azureml_mlflow-1.60.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: azureml-mlflow\nVersion: 1.60.0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "Requires-Dist: azureml-mlflow==1.60.0\n" in metadata()
    build_wheel.cache_clear()


def test_the_same_package_gives_the_same_bytes() -> None:
    name, content = build_wheel()
    build_wheel.cache_clear()
    assert build_wheel() == (name, content)
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        assert wheel.testzip() is None
        names = wheel.namelist()
        assert "recsys_assets/contracts/ratings.py" in names
        assert not [entry for entry in names if "__pycache__" in entry or "_tests" in entry]
        (record,) = [entry for entry in names if entry.endswith("/RECORD")]
        assert wheel.read(record).count(b"\n") == len(names)
