"""Servers that come from npm: installed once into the cache, by its ordinary client."""

import shutil
import subprocess
from pathlib import Path

PACKAGES = {"azurite": "3.35.0", "@vercel/cosmosdb-server": "1.0.1"}


class NoNodeError(Exception):
    """A package of npm's cannot be had here; the message says why."""


def node_modules(cache: Path) -> Path:
    """Folder of the installed packages.

    Raises:
        NoNodeError: there is no Node, or the packages are not there and cannot be fetched.
    """
    folder = cache / "node" / "node_modules"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NoNodeError("Node and npm are not installed")
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
        raise NoNodeError(f"npm install {' '.join(wanted)} failed: {done.stderr[-500:]}")
    return folder


def _version(package: Path) -> str | None:
    import json

    manifest = package / "package.json"
    if not manifest.is_file():
        return None
    version: str = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return version
