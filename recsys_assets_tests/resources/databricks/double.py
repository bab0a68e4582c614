"""A Databricks workspace on loopback that really runs what is submitted to it.

    jobs/runs/* -> runs on clusters of this machine; fs/* -> files of a local folder, the volume

What this cannot show: machines that start slowly
or not at all, libraries that clash with the runtime's own, rights in Unity Catalog, and the
runtime itself, which is not the Spark from PyPI.
"""

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlparse

from recsys_assets_tests.resources.databricks.cluster import Cluster, JobRun
from recsys_assets_tests.servers.http import QuietHandler, http_server

TOKEN = "dapi-0123456789-of-nobody"
# A volume shows a file once its writer closed it; a local folder shows it half-written.
SETTLED_SECONDS = 0.3


class ApiError(Exception):
    """What Databricks answers where it cannot do as asked."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class DatabricksDouble:
    """The workspace: its runs, its volume, and switches for what can go wrong."""

    root: Path
    cache: Path
    """Where Spark's jars are."""
    url: str = ""
    runs: dict[int, JobRun] = field(default_factory=dict)
    refusals: deque[int] = field(default_factory=deque)
    """HTTP statuses with which the next requests are refused."""
    refused: int = 0
    submit_seconds: float = 0
    """How long the answer to a submission, which has its effect at once, takes."""
    program: str | None = None
    """Python that runs in place of the wheel's entry point."""
    own: dict[str, str] = field(default_factory=dict)
    """Environment that clusters have whoever asked for them."""
    conf: dict[str, str] = field(default_factory=dict)
    """Spark's settings that clusters have whoever asked for them."""

    @property
    def volume(self) -> str:
        return str(self.root / "Volumes/main/recsys/pipes")

    @property
    def only_run(self) -> JobRun:
        (run,) = self.runs.values()
        return run

    def submit(self, request: dict[str, Any]) -> dict[str, Any]:
        token = request.get("idempotency_token")
        known = [r for r in self.runs.values() if token and r.request["idempotency_token"] == token]
        if known:
            return {"run_id": known[0].number}
        number = 1001 + len(self.runs)
        run = self.runs[number] = JobRun(number, request, f"{self.url}/?o=1#job/{number}")
        cluster = Cluster(
            self.root / "clusters" / str(number), self.cache, self.program, self.own, self.conf
        )
        Thread(target=cluster.execute, args=(run,), daemon=True).start()
        time.sleep(self.submit_seconds)
        return {"run_id": number}

    def cancel(self, number: int) -> dict[str, Any]:
        run = self.run(number)
        run.cancelled.set()
        run.kill()
        return {}

    def run(self, number: int) -> JobRun:
        if number not in self.runs:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Run {number} does not exist.")
        return self.runs[number]


class _Handler(QuietHandler):
    double: DatabricksDouble

    def handle_request(self) -> None:
        body = self._body()
        if self.double.refusals:
            self.double.refused += 1
            return self._answer(self.double.refusals.popleft(), {"message": "try again later"})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(403, {"error_code": "PERMISSION_DENIED", "message": "bad token"})
        address = urlparse(self.path)
        try:
            if address.path.startswith("/api/2.0/fs/"):
                answer = self._files(unquote(address.path.removeprefix("/api/2.0/fs/")), body)
            else:
                call = address.path.removeprefix("/api/2.2/jobs/runs/")
                answer = self._jobs(call, dict(parse_qsl(address.query)), body)
        except ApiError as error:
            return self._answer(error.status, {"error_code": error.code, "message": str(error)})
        except OSError as error:  # such as a folder that is not empty
            return self._answer(400, {"error_code": "BAD_REQUEST", "message": str(error)})
        return self._answer(200, answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request

    def _jobs(self, call: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        match self.command, call:
            case "POST", "submit":
                return self.double.submit(json.loads(body))
            case "POST", "cancel":
                return self.double.cancel(json.loads(body)["run_id"])
            case "GET", "get":
                return self.double.run(int(query["run_id"])).described()
            case "GET", "get-output":
                return {"error": self.double.run(int(query["run_id"])).error}
            case "GET", "list":
                runs = [r.described() for r in self.double.runs.values() if not r.ended]
                return {"runs": runs, "has_more": False}
        raise ApiError(404, "ENDPOINT_NOT_FOUND", f"{self.command} {self.path}")

    def _files(self, call: str, body: bytes) -> dict[str, Any] | bytes:
        kind, _, name = call.partition("/")
        path = Path("/") / name
        if not path.is_relative_to(self.double.volume):
            raise ApiError(403, "PERMISSION_DENIED", f"{path} is in no volume")
        if self.command != "PUT" and not path.exists():
            raise ApiError(404, "NOT_FOUND", f"{path} does not exist.")
        if self.command == "GET" and path.is_file() and not _settled(path):
            raise ApiError(404, "NOT_FOUND", f"{path} is being written.")
        match self.command, kind:
            case "PUT", "directories":
                path.mkdir(parents=True, exist_ok=True)
            case "PUT", "files":
                path.write_bytes(body)
            case "GET" | "HEAD", "files":
                return path.read_bytes()
            case "GET", "directories":
                return {"contents": [_entry(child) for child in sorted(path.iterdir())]}
            case "DELETE", "files":
                path.unlink()
            case "DELETE", "directories":
                path.rmdir()
        return {}

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, content: dict[str, Any] | bytes) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)


def _settled(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > SETTLED_SECONDS


def _entry(path: Path) -> dict[str, Any]:
    return {"path": str(path), "name": path.name, "is_directory": path.is_dir()}


@contextmanager
def databricks_double(root: Path, cache: Path) -> Iterator[DatabricksDouble]:
    """Open a workspace; leaving ends every process it started."""
    double = DatabricksDouble(root, cache)
    Path(double.volume).mkdir(parents=True)
    with http_server(type("Handler", (_Handler,), {"double": double})) as port:
        double.url = f"http://127.0.0.1:{port}"
        try:
            yield double
        finally:
            for run in double.runs.values():
                run.kill()
