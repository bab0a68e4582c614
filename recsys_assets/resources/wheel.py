"""The project's own wheel, made from the package that runs here and named by its content.

    recsys_assets/** -> recsys_assets-0.1.0+<hash>-py3-none-any.whl -> <volume>/wheels/, once

So a cluster runs the very code that asked for the step, wherever that was installed from, and with
the same versions of what the steps need. The same code gives the same bytes.
"""

import base64
import hashlib
import io
import zipfile
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import recsys_assets

STEP_REQUIREMENTS = (
    "adlfs",
    "azure-storage-blob",
    "dagster-pipes",
    "deltalake",
    "fsspec",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "numba",
    "numpy",
    "optuna",
    "pandas",
    "pandera",
    "pillow",
    "polars",
    "pyarrow",
    "pydantic",
    "scikit-learn",
    "scipy",
    "synapseml",
    "threadpoolctl",
    "universal-pathlib",
)
"""What steps import; Spark and Java are the cluster's own, the rest belongs to Dagster's side."""
PLUGINS = ("azureml-mlflow",)
"""What MLflow loads by itself for an address that asks for it, where it is installed here."""
_PACKAGE = "recsys_assets"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def build_wheel() -> tuple[str, bytes]:
    """File name and content of the wheel of the package that runs here."""
    files = _package_files(Path(recsys_assets.__file__).parent)
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    digest.update(_metadata("").encode())
    release = f"{distribution(_PACKAGE).version}+{digest.hexdigest()[:12]}"
    about = f"{_PACKAGE}-{release}.dist-info"
    files |= {
        f"{about}/METADATA": _metadata(release).encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": _entry_points().encode(),
    }
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD").encode()
    return f"{_PACKAGE}-{release}-py3-none-any.whl", _zip(files)


def _package_files(folder: Path) -> dict[str, bytes]:
    return {
        f"{_PACKAGE}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _metadata(release: str) -> str:
    needed = (*STEP_REQUIREMENTS, *(name for name in PLUGINS if _is_installed(name)))
    pinned = (f"Requires-Dist: {name}=={version(name)}" for name in needed)
    head = ("Metadata-Version: 2.1", f"Name: {_PACKAGE}", f"Version: {release}")
    return "\n".join([*head, *pinned]) + "\n"


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _entry_points() -> str:
    return (
        "[databricks]\n"
        "recsys-step = recsys_assets.steps.remote:main\n"
        "recsys-order = recsys_assets.steps.remote:run_alone\n"
    )


def _record(files: dict[str, bytes], own: str) -> str:
    def line(name: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(content)}"

    return "\n".join([*(line(n, c) for n, c in sorted(files.items())), f"{own},,"]) + "\n"


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()
