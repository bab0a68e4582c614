"""What the platform costs on Azure: a table of prices, and estimates by closed formulas."""

from recsys_assets.costs.estimates import (
    Estimate,
    Lookup,
    Serving,
    Training,
    estimate_lookup,
    estimate_month,
    estimate_run,
    estimate_serving,
    estimate_training,
)
from recsys_assets.costs.prices import Machine, PriceError, Prices, read_prices

__all__ = [
    "Estimate",
    "Lookup",
    "Machine",
    "PriceError",
    "Prices",
    "Serving",
    "Training",
    "estimate_lookup",
    "estimate_month",
    "estimate_run",
    "estimate_serving",
    "estimate_training",
    "read_prices",
]
