"""Long load with everything that can happen to a service; swaps under full load."""

import argparse
import os
import signal
import threading
import time
from pathlib import Path

import httpx

from recsys_assets.home import Home
from recsys_assets.serving.pointer import promote
from recsys_assets_tests.serving.running import Running
from service.load import LOOKUPS, MIXED, Figures, show, wrk


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


def swaps(
    service: Running,
    home: Home,
    options: argparse.Namespace,
    said: dict[str, str],
    versions: list[str],
) -> None:
    """p99 of each second around swaps of bundles under full load."""
    print("swaps under full load, p99 of each second (ms):")
    for version in (versions[1], versions[0]):
        before = [wrk(service.url, LOOKUPS, 50, 1, said) for _ in range(4)]
        promote(home.bundles, version)
        after = [wrk(service.url, LOOKUPS, 50, 1, said) for _ in range(8)]
        errors = "; ".join(f.errors for f in (*before, *after) if f.errors) or "no error"
        print(
            f"  before {[f.p99 for f in before]} after {[f.p99 for f in after]}, {errors}, "
            f"{min(f.rate for f in after):,.0f}/s at least, "
            f"serves {'the new one' if version in service.client.get('/version').text else 'OLD'}"
        )


def soak(
    service: Running,
    home: Home,
    options: argparse.Namespace,
    said: dict[str, str],
    versions: list[str],
) -> None:
    """Long load with everything that can happen to a service."""
    seconds = options.soak * 60
    known = {
        user: service.client.get(f"/users/{user}/recommendations").json() for user in range(1, 51)
    }
    found: list[Figures] = []
    load = threading.Thread(target=lambda: found.append(wrk(service.url, MIXED, 20, seconds, said)))
    load.start()
    start, turn, wrong, lost, killed = time.monotonic(), 0, 0, 0, False
    sizes = []
    while load.is_alive():
        turn += 1
        promote(home.bundles, versions[turn % 2])
        if not killed and time.monotonic() - start > seconds / 2:
            os.kill(service.workers()[0], signal.SIGKILL)
            killed = True
        for user, expected in known.items():
            try:
                answer = service.client.get(f"/users/{user}/recommendations")
            except httpx.TransportError:
                lost += 1
                continue
            listed = answer.json().get("recommendations")
            wrong += answer.status_code not in (200, 503) or (
                answer.status_code == 200 and listed != expected["recommendations"]
            )
        sizes.append(memory(service.process.pid)["Pss_Anon"])
        time.sleep(5)
    load.join()
    show(f"{options.soak} minutes, a tenth bad requests", found)
    print(
        f"{turn} swaps, one worker killed: {wrong} wrong answers of {turn * len(known)} looked at, "
        f"{lost} connections lost; private memory {sizes[1]:.0f} MiB after the first swap, "
        f"{max(sizes):.0f} at most, {sizes[-1]:.0f} at the end"
    )
