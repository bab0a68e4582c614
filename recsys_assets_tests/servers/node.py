"""Servers that come from npm: installed once into the cache, by its ordinary client."""

import shutil
import subprocess
from pathlib import Path

import pytest

from recsys_assets.deployment import current_deployment

PACKAGES = {"azurite": "3.35.0", "@vercel/cosmosdb-server": "1.0.1"}


def node_modules() -> Path:
    """Folder of the installed packages; without, the test that asks for it is skipped."""
    folder = current_deployment().home.cache / "node" / "node_modules"
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    if all(_version(folder / name) == version for name, version in PACKAGES.items()):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
    quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        ["npm", "install", *quiet, *wanted],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm install {' '.join(wanted)} failed: {done.stderr[-500:]}")
    return folder


def _version(package: Path) -> str | None:
    import json

    manifest = package / "package.json"
    if not manifest.is_file():
        return None
    version: str = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return version
