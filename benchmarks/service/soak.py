"""Long load with everything that can happen to a service.

wrk asks for lists, every tenth time wrongly; beside it a checker asks known questions of every kind
and compares status and content of the answers; bundles are swapped all the time, and half way
through a worker is killed.
"""

import argparse
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from figures import print_line

from recsys_assets.home import Home
from recsys_assets.serving.pointer import promote
from recsys_assets_tests.serving.running import Running
from service.load import MIXED, Figures, show, wrk

PAUSE = 5
"""Seconds between two swaps."""
Question = tuple[str, str, Any, int]
"""Method, path, body and the status it must be answered with."""


def memory(process: int) -> dict[str, float]:
    """MiB of a process and its children: proportional share, and what is theirs alone."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    total = {"Pss": 0.0, "Pss_Anon": 0.0, "Pss_File": 0.0}
    for one in (str(process), *children):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in total:
                total[name] += int(rest.split()[0]) / 1024
    return total


def questions() -> list[Question]:
    """Good and bad ones; both bundles answer them alike."""
    category = {"I1": 3, "C1": "68fd1e64"}
    candidates = [{"item": n, "features": category | {"I2": n}} for n in range(1, 51)]
    rated = [{"item": n, "rating": 4} for n in range(1, 21)]
    return [
        *(("GET", f"/users/{user}/recommendations", None, 200) for user in range(1, 41)),
        ("GET", "/users/2147483647/recommendations?k=5", None, 200),
        ("GET", "/users/7/recommendations?genre=Drama&min_year=1960", None, 200),
        ("GET", "/items/5/similar", None, 200),
        ("POST", "/rank", {"candidates": candidates, "k": 5}, 200),
        ("POST", "/recommendations", {"ratings": rated}, 200),
        ("GET", "/users/0/recommendations", None, 422),
        ("GET", "/nowhere", None, 404),
        ("POST", "/rank", {"candidates": [{"item": 1, "features": {"C1": "no"}}]}, 422),
        ("POST", "/rank", b"{", 400),
        ("POST", "/rank", b" " * (3 << 20), 413),
        ("DELETE", "/rank", None, 405),
    ]


def ask(client: httpx.Client, question: Question) -> tuple[int, Any]:
    """Status and content of an answer, without the version that gave it."""
    method, path, body, _ = question
    raw = isinstance(body, bytes)
    headers = {"Content-Type": "application/json"} if raw else {}
    answer = client.request(method, path, headers=headers, **{"content" if raw else "json": body})
    content = answer.json()
    content.pop("version", None)
    return answer.status_code, content


def soak(
    service: Running,
    home: Home,
    options: argparse.Namespace,
    said: dict[str, str],
    versions: list[str],
) -> None:
    """Ask for as many minutes as the options say, and tell what came of it."""
    seconds = options.soak * 60
    asked = questions()
    known = [ask(service.client, question) for question in asked]
    assert [status for status, _ in known] == [question[3] for question in asked]
    found: list[Figures] = []
    load = threading.Thread(target=lambda: found.append(wrk(service.url, MIXED, 20, seconds, said)))
    load.start()
    start, turn, killed = time.monotonic(), 0, False
    seen: Counter[str] = Counter()
    sizes: list[float] = []
    while load.is_alive():
        turn += 1
        promote(home.bundles, versions[turn % 2])
        if not killed and time.monotonic() - start > seconds / 2:
            os.kill(service.workers()[0], signal.SIGKILL)
            killed = True
        for question, expected in zip(asked, known, strict=True):
            try:
                seen["right" if ask(service.client, question) == expected else "WRONG"] += 1
            except httpx.TransportError:
                seen["connections lost"] += 1
        sizes.append(memory(service.process.pid)["Pss_Anon"])
        time.sleep(PAUSE)
    load.join()
    print_line(f"{options.soak:g} minutes, a tenth bad requests", show(found))
    parts = [sizes[len(sizes) * n // 4 : len(sizes) * (n + 1) // 4] for n in range(4)]
    quarters = ", ".join(f"{sum(p) / len(p):.0f}" for p in parts if p)
    what = f"{options.soak:g} minutes, {turn} swaps, a worker killed"
    print_line(f"{what}: answers looked at", f"{dict(seen)}", bar="none wrong")
    print_line(f"{what}: private memory by quarter", f"{quarters} MiB, {max(sizes):.0f} at most")
