"""The service under load, beside what bare frameworks answer with a constant of the same size.

    python benchmarks/serving.py [--users 140000] [--items 60000] [--seconds 6]
    python benchmarks/serving.py --soak 30     minutes with swaps, bad requests, a killed worker

The load comes from wrk (https://github.com/wg/wrk, ``apt-get install wrk``), one thread of it, on
the same machine. Both sides are measured in turn, and the medians of the rounds are printed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from figures import print_line
from service.bare import lookups
from service.load import bodies
from service.posts import posts
from service.published import LENGTH, publish
from service.soak import memory, soak
from service.swaps import swaps

from recsys_assets.home import Home
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import promote
from recsys_assets_tests.serving.issuer import AUDIENCE, ISSUER, issuing
from recsys_assets_tests.serving.running import running


def measure(home: Home, options: argparse.Namespace, versions: list[str]) -> None:
    """All figures."""
    with issuing() as issuer, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        token = issuer.token(roles=["admin"], exp=int(time.time()) + 40_000)
        said = {"BENCH_USERS": str(options.users), "BENCH_TOKEN": token}
        auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
        with running(
            bundles=home.bundles, feedback=folder, auth=auth, workers=2, rate=1e9, burst=10**9
        ) as service:
            what = f"service of {options.users:,} users x {LENGTH} items"
            print_line(f"{what}: ready after", f"{service.wait():.1f} s", bar="5 s")
            service.client.headers["Authorization"] = f"Bearer {token}"
            if options.soak:
                soak(service, home, options, said, versions)
                return
            if "lookups" in options.parts:
                lookups(service, folder, options, said)
            if "posts" in options.parts:
                posts(service, bodies(folder, options.items), options, said)
            used = memory(service.process.pid)
            shared = f"of them {used['Pss_File']:.0f} MiB of files that all share"
            print_line(f"{what}: memory", f"{used['Pss']:.0f} MiB, {shared}", bar="600 MiB")
            if "swaps" in options.parts:
                swaps(service, home, said, versions)


def main() -> None:
    """Publish, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--users", type=int, default=140_000)
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default="lookups,posts,swaps")
    parser.add_argument("--soak", type=float, default=0, help="minutes")
    parser.add_argument("--keep", type=Path, help="folder for the bundles, to be used again")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(root=(options.keep or Path(scratch)).resolve())
        home.prepare()
        if not home.bundles.exists():
            first = publish(home, options.users, options.items)
            second = write_bundle(
                home.lake, home.registry, home.bundles, ExportParams(example_users=19)
            )
            promote(home.bundles, first)
            assert first != second
        versions = sorted(p.parent.name for p in home.bundles.glob("[!.]*/manifest.json"))
        size = sum(f.stat().st_size for f in (home.bundles / versions[0]).iterdir()) >> 20
        print(f"{options.users:,} users x {LENGTH} items, {options.items:,} items: {size} MiB")
        measure(home, options, versions)


if __name__ == "__main__":
    main()
