"""Images built and started without an engine: buildah, with chroot isolation.

What this cannot show: networks of containers, limits of memory, restarts. The images share the
machine's network and processes; files, users and programs are their own.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys_assets.home import PROJECT

PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
JAVA_CERTIFICATES = Path("/etc/ssl/certs/java/cacerts")


class CannotBuildError(Exception):
    """This machine cannot build images; the message says for want of what."""


@dataclass(frozen=True)
class Built:
    """One image."""

    name: str
    seconds: float
    mebibytes: float
    config: dict[str, Any]
    """As an engine would read it: user, command, health check."""

    @property
    def command(self) -> list[str]:
        """What the image starts."""
        return [*(self.config.get("Entrypoint") or []), *self.config["Cmd"]]

    @property
    def health_check(self) -> list[str]:
        """The command that tells whether a container is healthy."""
        kind, *words = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return list(words)


class Builder:
    """Builds images in a folder of its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        for program in ("buildah", "debootstrap"):
            if shutil.which(program) is None:
                raise CannotBuildError(
                    f"no {program} (Debian: apt-get install buildah debootstrap)"
                )
        if os.geteuid():
            raise CannotBuildError("chroot isolation asks for root")
        self.folder, self.cache = folder, cache
        places = ["--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self.buildah = ["buildah", *places, "--storage-driver", "overlay"]

    def run(self, *words: str) -> str:
        """What a command of buildah answers."""
        done = subprocess.run([*self.buildah, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"buildah {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def base(self) -> str:
        """An image that stands for python:3.11-slim, from Debian's own packages."""
        root = self.cache / "bookworm"
        if not (root / "usr/bin/python").exists():
            root.mkdir(parents=True, exist_ok=True)
            command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm"]
            done = subprocess.run([*command, str(root)], capture_output=True, check=False)
            if done.returncode:
                raise CannotBuildError(f"debootstrap: {done.stdout.decode()[-300:]}")
            (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink(missing_ok=True)
            (root / "usr/bin/python").symlink_to("python3")
        container = self.run("from", "scratch")
        self.run("copy", "-q", container, str(root), "/")
        environment = ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        # Whom this machine trusts, in whose network the images are built.
        if CERTIFICATES.exists():
            self.run("copy", "-q", container, str(CERTIFICATES), str(CERTIFICATES))
            names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
            environment += [f"{name}={CERTIFICATES}" for name in names]
        if JAVA_CERTIFICATES.exists():
            self.run("copy", "-q", container, str(JAVA_CERTIFICATES), str(JAVA_CERTIFICATES))
            trusted = f"-Djavax.net.ssl.trustStore={JAVA_CERTIFICATES}"
            environment.append(f"JAVA_TOOL_OPTIONS={trusted}")
        self.run("config", *(f"--env={text}" for text in environment), container)
        self.run("commit", "-q", container, "localhost/base")
        self.run("rm", container)
        return "localhost/base"

    def build(self, name: str, base: str) -> Built:
        """Build the image of a folder below ``docker``."""
        start = time.monotonic()
        self.run(
            *("bud", "--isolation", "chroot", "--pull-never", "--format", "docker"),
            *("--build-arg", f"BASE={base}", "-f", f"docker/{name}/Dockerfile"),
            *("-t", f"localhost/{name}", str(PROJECT)),
        )
        seconds = time.monotonic() - start
        known = json.loads(self.run("inspect", "--type", "image", f"localhost/{name}"))
        layers = json.loads(known["Manifest"])["layers"]
        size = sum(layer["size"] for layer in layers) / 2**20
        return Built(name, seconds, size, known["Docker"]["config"])

    def container(self, image: str) -> str:
        """A new container of an image."""
        return self.run("from", "--pull-never", f"localhost/{image}")

    def words(
        self,
        container: str,
        command: Iterable[str],
        environment: dict[str, str],
        volumes: dict[Path, str],
    ) -> list[str]:
        """The command line that runs a command in a container, as the image's user."""
        return [
            *(*self.buildah, "run", "--isolation", "chroot"),
            *(f"--env={name}={value}" for name, value in environment.items()),
            *(f"--volume={here}:{there}" for here, there in volumes.items()),
            *(container, "--", *command),
        ]
