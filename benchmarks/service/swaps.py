"""Swaps of bundles under full load: p99 of each second before and after."""

import statistics
import time

from figures import print_line

from recsys_assets.home import Home
from recsys_assets.serving.pointer import promote
from recsys_assets_tests.serving.running import Running
from service.load import LOOKUPS, Figures, wrk

LONGEST = 60
"""Seconds after which a swap counts as failed."""


def swaps(service: Running, home: Home, said: dict[str, str], versions: list[str]) -> None:
    """Two swaps: one to a bundle that must be proved first, one back to the one before."""

    def second() -> Figures:
        return wrk(service.url, LOOKUPS, 50, 1, said)

    promote(home.bundles, versions[0])
    wrk(service.url, LOOKUPS, 50, 5, said)
    for kind, version in (("to one proved first", versions[1]), ("back", versions[0])):
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
        print_line(
            f"swap under full load, {kind}: p99 in ms, second by second",
            f"before {milliseconds(before)}, after {milliseconds(after)}; {errors}",
            f"both workers serve it after {swapped:.0f} s; at least "
            f"{min(f.rate for f in after):,.0f} requests/s",
            f"{worse} s beyond {2 * usual:.1f} ms",
            "none",
        )


def milliseconds(seconds: list[Figures]) -> str:
    """The p99 of each second."""
    return ", ".join(f"{figures.p99:.1f}" for figures in seconds)


def serves(service: Running, version: str) -> bool:
    """Whether all workers serve a version."""
    figures = service.client.get("/metrics").text
    return f'recsys_bundle_loaded{{arm="champion",version="{version}"}} 2.0' in figures
