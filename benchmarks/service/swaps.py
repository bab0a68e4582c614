"""Swaps of bundles under full load: p99 of each second before and after."""

import argparse
import os
import statistics
import time

from recsys_assets.home import Home
from recsys_assets.serving.pointer import promote
from recsys_assets_tests.serving.running import Running
from service.load import LOOKUPS, Figures, wrk

LONGEST = 60
"""Seconds after which a swap counts as failed."""


def swaps(
    service: Running,
    home: Home,
    options: argparse.Namespace,
    said: dict[str, str],
    versions: list[str],
) -> None:
    """Two swaps: one to a bundle that must be proved first, one back to the one before."""

    def second() -> Figures:
        return wrk(service.url, LOOKUPS, 50, 1, said)

    print(f"swaps under full load, load of the machine {os.getloadavg()[0]:.1f}, p99 in ms:")
    promote(home.bundles, versions[0])
    wrk(service.url, LOOKUPS, 50, 5, said)
    for version in (versions[1], versions[0]):
        before = [second() for _ in range(5)]
        start, swapped = time.monotonic(), None
        promote(home.bundles, version)
        after = []
        while swapped is None or time.monotonic() - start < swapped + 4:
            after.append(second())
            if swapped is None and serves(service, version):
                swapped = time.monotonic() - start
            assert time.monotonic() - start < LONGEST, "the new bundle does not serve"
        usual = statistics.median(f.p99 for f in before)
        worse = sum(f.p99 > 2 * usual for f in after)
        errors = "; ".join(f.errors for f in (*before, *after) if f.errors) or "no error"
        print(
            f"  before {[f.p99 for f in before]}, after {[f.p99 for f in after]}: "
            f"served by both workers after {swapped:.0f} s, {worse} s with p99 beyond "
            f"{2 * usual:.1f} ms, {min(f.rate for f in after):,.0f} requests/s at least, {errors}",
            flush=True,
        )


def serves(service: Running, version: str) -> bool:
    """Whether all workers serve a version."""
    figures = service.client.get("/metrics").text
    return f'recsys_bundle_loaded{{arm="champion",version="{version}"}} 2.0' in figures
