"""How old a table may be: one policy for each stage that people read."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

_DAILY = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=36), warn_window=timedelta(hours=27)
)
# A day without files is no fault; a week without is worth a question to whoever sends them.
_ARRIVING = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=8), warn_window=timedelta(days=4)
)
_WEEKLY = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=9), warn_window=timedelta(days=8)
)

POLICIES = {
    "validated": _ARRIVING,
    "features": _DAILY,
    "evaluation": _DAILY,
    "recommendations": _DAILY,
    "sweeps": _WEEKLY,
    "backtests": _WEEKLY,
}
"""Stage -> policy of its tables; quarantine has none, for it is best when nothing is written."""


def with_freshness(
    assets: Sequence[dg.AssetsDefinition],
) -> tuple[list[dg.AssetsDefinition], list[dg.AssetKey]]:
    """The assets with the policies of their stages, and the keys of those that have one."""
    held = [asset.map_asset_specs(_with_policy) for asset in assets]
    keys = [spec.key for asset in held for spec in asset.specs if spec.freshness_policy]
    return held, keys


def _with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    policy = POLICIES.get(spec.group_name or "")
    if policy is None or spec.freshness_policy or spec.key.path[-1].startswith("quarantine_"):
        return spec
    return dg.apply_freshness_policy(spec, policy)
