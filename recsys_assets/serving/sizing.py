"""How many replicas a load needs: a rule from what ``benchmarks/serving.py`` measured."""

import math

from pydantic import BaseModel

LOOKUP_SECONDS = 0.00006
"""Core seconds of one stored list of ten with titles, reasons and the token check."""
RANK_SECONDS = 0.0014
"""Core seconds of ranking 100 candidates of 39 fields each."""
FOLD_SECONDS = 0.0035
"""Core seconds of folding in a user with 20 ratings among 60,000 items."""
BUSY = 0.5
"""Share of its cores that a replica may use at the busiest hour: above it waiting grows fast, and
the others must carry the load of one that is being replaced."""
CORES = 2
"""Cores of a replica: one per worker."""
MEMORY_MIB = 768
"""Memory of a replica with 140,000 users × 100 items: measured, and a quarter on top."""
LEAST = 2
"""Replicas, so that one may fail."""


class Sizing(BaseModel):
    """What a load needs."""

    core_seconds_per_request: float
    busy_cores: float
    replicas: int
    cores_per_replica: int
    memory_mib_per_replica: int
    cost_per_month: float
    """Of all cores for 730 hours, in the currency of the price."""


def size_for(qps: float, rank_share: float, fold_share: float, core_hour: float) -> Sizing:
    """Replicas for a load.

    Args:
        qps: requests per second at the busiest hour.
        rank_share: share of them that rank 100 candidates.
        fold_share: share of them that fold in a new user.
        core_hour: price of one core for an hour.
    """
    lookups = 1 - rank_share - fold_share
    seconds = lookups * LOOKUP_SECONDS + rank_share * RANK_SECONDS + fold_share * FOLD_SECONDS
    cores = qps * seconds
    replicas = max(LEAST, math.ceil(cores / (CORES * BUSY)))
    return Sizing(
        core_seconds_per_request=seconds,
        busy_cores=round(cores, 2),
        replicas=replicas,
        cores_per_replica=CORES,
        memory_mib_per_replica=MEMORY_MIB,
        cost_per_month=round(replicas * CORES * core_hour * 730, 2),
    )
