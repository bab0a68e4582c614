"""The images are built, started and asked: by ``make images`` only, since it takes minutes."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import promote
from recsys_assets_tests.docker.images import Builder, Built, CannotBuildError
from recsys_assets_tests.docker.stack import Stack, run_an_asset
from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port
from recsys_assets_tests.servers.postgres import find_programs, postgres_server
from recsys_assets_tests.serving.issuer import AUDIENCE, ISSUER, issuing
from recsys_assets_tests.serving.published import publish, publish_clicks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("RECSYS_TEST_IMAGES"), reason="built by `make images`, in minutes"
    ),
]
USER = 10_001


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    cache = current_deployment().home.cache / "images"
    folder = cache / f"build-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield Builder(folder, cache)
    except CannotBuildError as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def base(builder: Builder) -> str:
    try:
        return builder.base()
    except CannotBuildError as error:
        pytest.skip(str(error))


def told(image: Built) -> str:
    return f"{image.name}: built in {image.seconds:.0f} s, {image.mebibytes:.0f} MiB"


def user_of(port: int) -> set[int]:
    """Users of the processes whose command names a port."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"python") and str(port).encode() in words:
                found.add(process.stat().st_uid)
        except OSError:
            continue
    return found


def test_the_serving_image_answers_as_nobody_special(
    builder: Builder, base: str, tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    image = builder.build("serving", base)
    record_property("figure", told(image))
    assert image.config["User"] == str(USER)
    home = Home(root=tmp_path)
    home.prepare()
    publish_clicks(home)
    publish(home)
    promote(home.bundles, write_bundle(home.lake, home.registry, home.bundles, ExportParams()))
    reach(home.bundles)
    port, container = free_port(), builder.container("serving")
    with issuing() as issuer:
        guarded = {
            "RECSYS_SERVE_ISSUERS": ISSUER,
            "RECSYS_SERVE_AUDIENCES": AUDIENCE,
            "RECSYS_SERVE_JWKS_URL": issuer.url,
        }
        changes = {"0.0.0.0": "127.0.0.1", "8080": str(port)}
        command = [changes.get(word, word) for word in image.command]
        volumes = {home.bundles: "/bundles:ro"}
        log = tmp_path / "service.log"
        began = time.monotonic()
        process = start(builder.words(container, command, guarded, volumes), tmp_path, log)
        try:
            wait_for_port(port, process, log, 60)
            record_property("figure", f"listens after {time.monotonic() - began:.1f} s")
            assert user_of(port) == {USER}
            check = [word.replace(":8080", f":{port}") for word in image.health_check]
            words = builder.words(container, check, {}, {})
            assert subprocess.run(words, check=False).returncode == 0
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/users/1/recommendations?k=3",
                headers={"Authorization": f"Bearer {issuer.token(roles=['reader'])}"},
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert len(json.load(answer)["recommendations"]) == 3
        finally:
            stop(process)


def reach(folder: Path) -> None:
    """Let another user read a folder, wherever pytest put it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path in folder.parents:
        if path.is_relative_to("/tmp") and path != Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o011)


class Containers(Stack):
    """The stack from images instead of this machine's programs."""

    def __init__(self, folder: Path, database: dict[str, object], builder: Builder) -> None:
        super().__init__(folder, database)
        self.builder = builder
        self.images = {name: builder.container(name) for name in ("user_code", "platform")}
        self.environment = {
            name: value
            for name, value in self.environment.items()
            if name.startswith(("DAGSTER_POSTGRES", "RECSYS_DEPLOYMENT"))
        }
        (folder / "logs").mkdir()
        (folder / "logs").chmod(0o777)
        reach(folder)

    def words(self, image: str, command: list[str]) -> list[str]:
        settings = {
            self.folder / name: f"/opt/dagster/home/{name}:ro"
            for name in ("dagster.yaml", "workspace.yaml")
        }
        volumes = {**settings, self.folder / "logs": str(self.folder / "logs")}
        return self.builder.words(self.images[image], command, self.environment, volumes)


def test_web_server_daemon_and_code_location_run_an_asset_on_postgresql(
    builder: Builder, base: str, tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    for name in ("platform", "user_code"):
        image = builder.build(name, base)
        record_property("figure", told(image))
        assert image.config["User"] == str(USER)
    with postgres_server(programs) as database:
        stack = Containers(tmp_path, database, builder)
        try:
            stack.start_all()
            assert user_of(stack.code_port) == user_of(stack.web_port) == {USER}
            run_an_asset(stack)
        finally:
            stack.stop_all()
