"""Requests for wrk, and what it says of a run."""

import json
import os
import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from figures import spread

from recsys_assets.contracts.clicks import CATEGORIES, NUMBERS
from recsys_assets.synthetic.criteo import click_batches

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
local threads = {}
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
function setup(thread) table.insert(threads, thread) end
function init() seen = {} end
function request()
  n = n + 1
  if n % 10 == 0 then return wrk.format("GET", bad[n / 10 % #bad + 1]) end
  return wrk.format("GET", "/users/" .. math.random(1, users) .. "/recommendations")
end
function response(status) seen[status] = (seen[status] or 0) + 1 end
function done()
  for status, count in pairs(threads[1]:get("seen")) do
    print("answered " .. status .. ": " .. string.format("%d", count))
  end
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
    faults = re.findall(r"Non-2xx.*|Socket errors.*|answered \d.*", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return Figures(float(rate[1]), _time(said, "50%"), _time(said, "99%"), "; ".join(faults))


def _time(said: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d.]+)(us|ms|s)", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def bodies(folder: Path, items: int) -> dict[str, Path]:
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


def show(rounds: list[Figures]) -> str:
    """Medians of some rounds, the spread of their rates, and every error, in words."""
    p50, p99 = (statistics.median(getattr(r, name) for r in rounds) for name in ("p50", "p99"))
    errors = "; ".join(sorted({r.errors for r in rounds if r.errors})) or "no error"
    rates = spread([r.rate for r in rounds], "requests/s")
    return f"{rates}, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {errors}"
