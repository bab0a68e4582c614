"""The service under load, beside what bare frameworks answer with a constant of the same size.

    python benchmarks/serving.py [--users 140000] [--items 60000] [--seconds 6]
    python benchmarks/serving.py --soak 30     minutes with swaps, bad requests, a killed worker

The load comes from wrk (https://github.com/wg/wrk, ``apt-get install wrk``), one thread of it, on
the same machine. Both sides are measured in turn, and the medians of the rounds are printed.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL, NUMBERS
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.home import Home
from recsys_assets.kernels.blending import MEAN
from recsys_assets.kernels.boosting import feature_matrix
from recsys_assets.kernels.categories import assign_folds, count_categories, merge_rare
from recsys_assets.kernels.effects import fit_effects
from recsys_assets.kernels.encode import ALL_FOLDS, Encoder, encode, feature_names
from recsys_assets.registry.clicks import ClickModel, save_clicks
from recsys_assets.registry.factors import FactorModel
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import promote
from recsys_assets.synthetic.criteo import click_batches
from recsys_assets_tests.serving.issuer import AUDIENCE, ISSUER, issuing
from recsys_assets_tests.serving.running import Running, free_port, running

RANK, LENGTH = 48, 100
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
LOOKUPS = """
local n = tonumber(os.getenv("BENCH_USERS"))
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
request = function()
  return wrk.format("GET", "/users/" .. math.random(1, n) .. "/recommendations")
end
"""
BODIES = """
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = "application/json"
local requests, n = {}, 0
init = function()
  for line in io.lines(os.getenv("BENCH_BODIES")) do
    table.insert(requests, wrk.format("POST", os.getenv("BENCH_PATH"), nil, line))
  end
end
request = function() n = n + 1; return requests[n % #requests + 1] end
"""
MIXED = """
local users, n = tonumber(os.getenv("BENCH_USERS")), 0
local bad = {"/users/0/recommendations", "/users/x/recommendations", "/nowhere",
  "/users/1/recommendations?k=999"}
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
request = function()
  n = n + 1
  if n % 10 == 0 then return wrk.format("GET", bad[n / 10 % #bad + 1]) end
  return wrk.format("GET", "/users/" .. math.random(1, users) .. "/recommendations")
end
"""


@dataclass(frozen=True)
class Figures:
    """What wrk says of one run."""

    rate: float
    p50: float
    p99: float
    """Milliseconds."""
    errors: str


def publish(home: Home, users: int, items: int) -> str:
    """Fill the tables with made-up lists of full size; the bundle of them."""
    rng = np.random.default_rng(1)
    ids = np.arange(1, items + 1, dtype=np.int32)
    genres = ["Action", "Comedy", "Drama", "Horror", "Romance", "War"]
    movies = {
        "item": ids,
        "title": [f"The film with the number {n} ({1930 + n % 90})" for n in ids],
        "year": (1930 + ids % 90).astype(np.int32),
        "genres": [[genres[n % 6], genres[n // 6 % 6]] for n in ids],
        "rating_count": rng.integers(0, 5_000, items),
    }
    home.lake.write_frame(pl.DataFrame(movies), MOVIE_FEATURES)
    owners = np.repeat(np.arange(1, users + 1, dtype=np.int32), LENGTH)
    step = rng.integers(1, items // LENGTH, users)
    chosen = (rng.integers(0, items, users)[:, None] + step[:, None] * np.arange(LENGTH)) % items
    lists = pl.DataFrame(
        {
            "user": owners,
            "rank": np.tile(np.arange(1, LENGTH + 1, dtype=np.int32), users),
            "item": ids[chosen.ravel()],
            "score": np.tile(np.linspace(1, 0.1, LENGTH, dtype=np.float32), users),
            "reason": np.repeat(rng.integers(1, items, users).astype(np.int32), LENGTH),
        }
    ).with_columns(
        pl.format("because you rated The film with the number {}", "reason").alias("reason"),
        model=pl.lit("rank_model"),
        model_version=pl.lit(1, pl.Int64),
    )
    home.lake.write_frame(lists, TOP_K)
    similar = {
        "item": np.repeat(ids, 10),
        "rank": np.tile(np.arange(1, 11, dtype=np.int32), items),
        "similar_item": ids[rng.integers(0, items, 10 * items)],
        "similarity": np.tile(np.linspace(1, 0.1, 10, dtype=np.float32), items),
    }
    home.lake.write_frame(pl.DataFrame(similar), SIMILAR_ITEMS)
    seen = {
        "user": np.repeat(np.arange(1, users + 1, dtype=np.int32), 20),
        "item": ids[rng.integers(0, items, 20 * users)],
        "rating": np.full(20 * users, 4, np.float32),
    }
    home.lake.write_frame(pl.DataFrame(seen), INTERACTIONS)
    _log_factors(home, ids, rng)
    _log_clicks(home)
    return write_bundle(home.lake, home.registry, home.bundles, ExportParams())


def _log_factors(home: Home, ids: np.ndarray, rng: np.random.Generator) -> None:
    path = home.root / "factors.npz"
    np.savez(
        path,
        ranking_user_ids=np.array([1], np.int32),
        ranking_user_factors=np.ones((1, RANK), np.float32),
        ranking_item_ids=ids,
        ranking_item_factors=rng.normal(0, 0.1, (len(ids), RANK)).astype(np.float32),
    )
    settings = {"alpha": 0.6, "regularization": 0.2}
    example = pd.DataFrame({"user": [1], "k": [3]})
    home.registry.log(
        "als_model", FactorModel(), {"factors": path}, example, params=settings, metrics={}
    )


def _log_clicks(home: Home) -> None:
    raw = pl.concat(click_batches(200_000, 7))
    home.lake.write_frame(raw.head(1_000), CLICKS.name)
    counted = count_categories(raw.with_columns(assign_folds(0, raw.height, 2, 1)))
    encoder = Encoder(merge_rare(counted, 10), 50.0)
    label = raw[LABEL].cast(pl.Int8).to_numpy()
    fits = {ALL_FOLDS: fit_effects(encoder.levels(raw), encoder.level_sizes, label)}
    encoder = replace(encoder, effects=encoder.table_of_effects(fits)).without_folds()
    matrix = feature_matrix(encode(raw.head(50_000), encoder))
    data = lgb.Dataset(matrix, raw[LABEL].head(50_000).to_numpy(), feature_name=feature_names())
    settings = {"objective": "binary", "num_leaves": 63, "verbose": -1, "num_threads": 2}
    trees = lgb.train(settings, data, 100).model_to_string()
    files = save_clicks(home.root, encoder, trees, MEAN)
    fields = raw.head(2).select(*NUMBERS, *CATEGORIES).with_columns(pl.col(NUMBERS).cast(float))
    home.registry.log(CLICK_MODEL, ClickModel(), files, fields.to_pandas(), params={}, metrics={})


def wrk(
    url: str, script: str, connections: int, seconds: float, environment: dict[str, str]
) -> Figures:
    """One run of the load generator."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
        said = subprocess.run(
            [*command, "-s", file.name, url],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    faults = re.findall(r"Non-2xx.*|Socket errors.*", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return Figures(float(rate[1]), _time(said, "50%"), _time(said, "99%"), "; ".join(faults))


def _time(said: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d.]+)(us|ms|s)", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def bodies(home: Home, folder: Path, items: int) -> dict[str, Path]:
    """Bodies of requests, a line each."""
    rng = np.random.default_rng(5)
    raw = pl.concat(click_batches(2_000, 99)).select(*NUMBERS, *CATEGORIES).to_dicts()

    def rank(count: int) -> str:
        chosen = rng.integers(0, len(raw), count).tolist()
        offered = [{"item": n + 1, "features": raw[row]} for n, row in enumerate(chosen)]
        return json.dumps({"user": 1, "candidates": offered, "k": 10})

    def ratings() -> str:
        rated = rng.choice(items, 20, replace=False) + 1
        return json.dumps({"ratings": [{"item": int(n), "rating": 4} for n in rated]})

    made = {
        "rank100": [rank(100) for _ in range(30)],
        "rank1000": [rank(1_000) for _ in range(5)],
        "fold": [ratings() for _ in range(30)],
    }
    for name, lines in made.items():
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return {name: folder / name for name in made}


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


def show(name: str, rounds: list[Figures]) -> Figures:
    """Print and return the medians of some rounds."""
    middle = Figures(
        *(statistics.median(getattr(r, f) for r in rounds) for f in ("rate", "p50", "p99")),
        "; ".join(sorted({r.errors for r in rounds if r.errors})),
    )
    print(
        f"{name:<38}{middle.rate:>9,.0f} /s   p50 {middle.p50:6.2f} ms   p99 {middle.p99:6.2f} ms"
        f"   {middle.errors or 'no error'}",
        flush=True,
    )
    return middle


def measure(home: Home, options: argparse.Namespace, versions: list[str]) -> None:
    """All figures."""
    with issuing() as issuer, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        token = issuer.token(roles=["admin"], exp=int(time.time()) + 40_000)
        said = {"BENCH_USERS": str(options.users), "BENCH_TOKEN": token}
        auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
        with running(
            **{"bundles": home.bundles, "feedback": folder, "auth": auth, "workers": 2},
            **{"rate": 1e9, "burst": 10**9},
        ) as service:
            print(f"ready after {service.wait():.1f} s")
            service.client.headers["Authorization"] = f"Bearer {token}"
            if options.soak:
                soak(service, home, options, said, versions)
                return
            if "lookups" in options.parts:
                lookups(service, folder, options, said)
            if "posts" in options.parts:
                posts(service, bodies(home, folder, options.items), options, said)
            used = memory(service.process.pid)
            print(", ".join(f"{name} {mib:.0f} MiB" for name, mib in used.items()))
            if "swaps" in options.parts:
                swaps(service, home, options, said, versions)


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
    print(f"stored lists of ten, {len(body)} bytes, 50 connections, token checked")
    mine = show("  this service", ours)
    for name, rounds in theirs.items():
        other = show(f"  {name}, a constant", rounds)
        print(f"    this service / {name}: {mine.rate / other.rate:.2f}")


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


def posts(
    service: Running, files: dict[str, Path], options: argparse.Namespace, said: dict[str, str]
) -> None:
    """Ranking and folding in."""
    asked = [
        ("/rank, 100 candidates x 39, 10 at once", "/rank", "rank100", 10),
        ("/rank, 1000 candidates, 1 at once", "/rank", "rank1000", 1),
        ("/rank, 1000 candidates, 4 at once", "/rank", "rank1000", 4),
        ("new user, 20 ratings, 1 at once", "/recommendations", "fold", 1),
        ("new user, 20 ratings, 4 at once", "/recommendations", "fold", 4),
    ]
    for name, path, file, connections in asked:
        chosen = said | {"BENCH_PATH": path, "BENCH_BODIES": str(files[file])}
        wrk(service.url, BODIES, connections, 1, chosen)
        rounds = [
            wrk(service.url, BODIES, connections, options.seconds, chosen)
            for _ in range(options.rounds)
        ]
        show(name, rounds)


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
