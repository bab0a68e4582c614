"""The service as it runs in earnest: processes of its own on a loopback port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from recsys_assets.serving.settings import ServiceSettings
from recsys_assets_tests.servers.ports import free_port


class Running:
    """A started service."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.port}"
        self.client = httpx.Client(base_url=self.url, timeout=10)
        command = [sys.executable, "-m", "recsys_assets_tests.serving.running"]
        self.process = subprocess.Popen([*command, settings.model_dump_json()], cwd=Path.cwd())

    def wait(self, path: str = "/ready", seconds: float = 30) -> float:
        """Seconds until the address answers well."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            try:
                if self.client.get(path).status_code == 200:
                    return time.monotonic() - start
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, "the service ended"
            time.sleep(0.02)
        raise AssertionError(f"{path} did not answer within {seconds} s")

    def workers(self) -> list[int]:
        """Ids of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in children.read_text().split()]

    def stop(self) -> int:
        """End it as an orchestrator does; its exit code."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def running(**settings: object) -> Iterator[Running]:
    """A service for as long as the block lasts."""
    chosen = ServiceSettings.model_validate({"port": free_port(), "watch_seconds": 0.1} | settings)
    service = Running(chosen)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


if __name__ == "__main__":
    from recsys_assets.serving.server import serve

    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    serve(ServiceSettings.model_validate_json(sys.argv[1]))
