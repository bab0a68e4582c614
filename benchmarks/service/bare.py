"""What bare frameworks answer with a constant of the same size."""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
from figures import print_line

from recsys_assets_tests.serving.running import Running, free_port
from service.load import LOOKUPS, Figures, show, wrk

BARE = {
    "FastAPI, granian": ["granian", "--interface", "asgi", "bare:fast", "--workers", "2"],
    "FastAPI, uvicorn": ["uvicorn", "bare:fast", "--workers", "2", "--no-access-log"],
    "ASGI alone, granian": ["granian", "--interface", "asgi", "bare:alone", "--workers", "2"],
}
BARE_APP = """
from pathlib import Path
import msgspec
from fastapi import FastAPI, Response
body = Path("body.json").read_bytes()
document = msgspec.json.decode(body)
fast = FastAPI()

@fast.get("/users/{user}/recommendations")
async def constant(user: int) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")

start = {"type": "http.response.start", "status": 200, "headers": [
    (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]}

async def alone(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send(start)
    await send({"type": "http.response.body", "body": body})
"""


def lookups(
    service: Running, folder: Path, options: argparse.Namespace, said: dict[str, str]
) -> None:
    """Stored lists beside bare frameworks."""
    body = service.client.get("/users/1/recommendations").content
    (folder / "body.json").write_bytes(body)
    (folder / "bare.py").write_text(BARE_APP, encoding="utf-8")
    ours: list[Figures] = []
    theirs: dict[str, list[Figures]] = {name: [] for name in BARE}
    wrk(service.url, LOOKUPS, 50, 2, said)
    for _ in range(options.rounds):
        ours.append(wrk(service.url, LOOKUPS, 50, options.seconds, said))
        for name, command in BARE.items():
            theirs[name].append(bare(command, folder, options.seconds, said))
    rate = statistics.median(figures.rate for figures in ours)
    for name, rounds in theirs.items():
        ratio = rate / statistics.median(figures.rate for figures in rounds)
        print_line(
            f"stored lists of ten, {len(body)} bytes, 50 connections, token checked",
            show(ours),
            f"{name}, a constant of the size: {show(rounds)}",
            f"{ratio:.2f} of its requests",
            "at least 0.5 of FastAPI" if "FastAPI" in name else "",
        )


def bare(command: list[str], folder: Path, seconds: float, said: dict[str, str]) -> Figures:
    """One round of a bare framework."""
    port = free_port()
    tool = str(Path(sys.executable).with_name(command[0]))
    started = subprocess.Popen(
        [tool, *command[1:], "--port", str(port), "--log-level", "error"], cwd=folder
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{url}/users/1/recommendations")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        wrk(url, LOOKUPS, 50, 1, said)
        return wrk(url, LOOKUPS, 50, seconds, said)
    finally:
        started.terminate()
        started.wait()
