"""Estimates: machines by the hour, a month of them, replicas for a load, throughput of lookups.

Every figure is a product of quantities that stand in the estimate, so that it can be checked by
hand.
"""

import math

from pydantic import BaseModel, Field

from recsys_assets.costs.prices import Prices

START_HOURS = 5 / 60
"""A job cluster is paid for while it starts: five minutes, as Databricks says of Azure."""
ROWS_PER_CORE_SECOND = 25_000
"""Clicks of 39 features that one core encodes and boosts 50 trees of 63 leaves on in a second:
5 million took two cores 78 s to boost and 21 s to encode."""
SPREAD = 0.5
"""Share of that rate that is left where cores are spread over machines: shuffles, stragglers."""
DAYS_PER_MONTH = 30
MIN_RU = 400
"""Cosmos DB provisions no container with less."""


class Estimate(BaseModel):
    """What something costs, and the quantities that this follows from."""

    what: str
    quantities: dict[str, float]
    cost: float
    currency: str
    per: str
    """What the cost is for: ``run``, ``month``."""


class Training(BaseModel):
    """One training of the click models on a job cluster."""

    rows: int = Field(ge=0)
    """Rows that are trained on."""
    machine: str
    machines: int = Field(ge=1)
    """The driver among them."""
    hours: float | None = Field(default=None, gt=0)
    """How long it takes, the start of the cluster included; estimated from the rows if None."""


class Serving(BaseModel):
    """Replicas of the scoring service on machines of their own."""

    requests_per_second: float = Field(ge=0)
    """The load at its peak."""
    machine: str
    per_replica: float = Field(default=100, gt=0)
    """Requests per second that one replica answers in time; measure it."""
    per_machine: int = Field(default=2, ge=1)
    """Replicas that one machine holds."""
    headroom: float = Field(default=0.6, gt=0, le=1)
    """Share of a replica's capacity that is used at the peak."""
    least: int = Field(default=2, ge=1)
    """Replicas that are there without any load, so that one may fail."""


class Lookup(BaseModel):
    """Published lists in Cosmos DB, one document per user."""

    users: int = Field(ge=0)
    requests_per_second: float = Field(ge=0)
    """Reads of one user's list."""
    kilobytes: float = Field(default=1.2, gt=0)
    """Size of a list of ten with titles and reasons."""
    publish_hours: float = Field(default=1, gt=0)
    """How long the daily publication may take."""
    kept: int = Field(default=2, ge=1)
    """Versions that are kept: the one that is read and the one before it."""


def training_hours(rows: int, cores: int, machines: int) -> float:
    """Hours that training takes, the start of the cluster included."""
    share = SPREAD if machines > 1 else 1.0
    return START_HOURS + rows / (ROWS_PER_CORE_SECOND * cores * machines * share) / 3600


def estimate_run(prices: Prices, machine: str, machines: int, hours: float) -> Estimate:
    """Machines of one type for some hours on Databricks: the machines and their units."""
    price = prices.machine(machine)
    vm_hours = machines * hours
    units = vm_hours * price.dbu
    return Estimate(
        what=f"{machines} x {machine} for {hours:.2f} h",
        quantities={
            "machines": machines,
            "hours": hours,
            "vm_hours": vm_hours,
            "dbu": units,
            "machines_cost": vm_hours * price.hourly,
            "dbu_cost": units * prices.dbu,
        },
        cost=vm_hours * price.hourly + units * prices.dbu,
        currency=prices.currency,
        per="run",
    )


def estimate_training(prices: Prices, training: Training) -> Estimate:
    """One training; how long it takes is given or follows from the rows."""
    cores = prices.machine(training.machine).cores
    hours = training.hours or training_hours(training.rows, cores, training.machines)
    run = estimate_run(prices, training.machine, training.machines, hours)
    run.quantities = {"rows": training.rows, **run.quantities}
    run.what = f"training on {training.rows:,} rows: {run.what}"
    return run


def estimate_month(run: Estimate) -> Estimate:
    """A month in which something runs once a day."""
    return Estimate(
        what=f"{DAYS_PER_MONTH} days of {run.what}",
        quantities={"runs": DAYS_PER_MONTH, "cost_of_run": run.cost},
        cost=DAYS_PER_MONTH * run.cost,
        currency=run.currency,
        per="month",
    )


def estimate_serving(prices: Prices, serving: Serving) -> Estimate:
    """Replicas for a load, and a month of the machines that hold them."""
    needed = serving.requests_per_second / (serving.per_replica * serving.headroom)
    replicas = max(serving.least, math.ceil(needed))
    machines = math.ceil(replicas / serving.per_machine)
    hourly = prices.machine(serving.machine).hourly
    return Estimate(
        what=f"serving {serving.requests_per_second:g} requests/s: {replicas} replicas",
        quantities={"replicas": replicas, "machines": machines, "hourly": hourly},
        cost=machines * hourly * prices.hours_per_month,
        currency=prices.currency,
        per="month",
    )


def read_units(kilobytes: float) -> float:
    """Request units of a point read: one for each KB begun."""
    return float(max(1, math.ceil(kilobytes)))


def write_units(kilobytes: float) -> float:
    """Request units of writing a document with few indexed fields: about 5.5 for each KB begun."""
    return 5.5 * max(1, math.ceil(kilobytes))


def estimate_lookup(prices: Prices, lookup: Lookup) -> Estimate:
    """Throughput that reads and the daily publication need together, and a month of it."""
    reads = lookup.requests_per_second * read_units(lookup.kilobytes)
    publication = lookup.users * write_units(lookup.kilobytes)
    needed = reads + publication / (lookup.publish_hours * 3600)
    provisioned = max(MIN_RU, math.ceil(needed / 100) * 100)
    gigabytes = lookup.users * lookup.kilobytes * lookup.kept / 1e6
    throughput_cost = provisioned / 100 * prices.cosmos.hourly_per_100_ru * prices.hours_per_month
    storage_cost = gigabytes * prices.cosmos.gb_month
    return Estimate(
        what=f"lists of {lookup.users:,} users in Cosmos DB at {provisioned:,} RU/s",
        quantities={
            "ru_of_publication": publication,
            "ru_per_second_of_reads": reads,
            "ru_per_second": provisioned,
            "gigabytes": gigabytes,
            "throughput_cost": throughput_cost,
            "storage_cost": storage_cost,
        },
        cost=throughput_cost + storage_cost,
        currency=prices.currency,
        per="month",
    )
