"""How old the tables of each stage may be before somebody is told."""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from recsys_assets.assets import ASSETS
from recsys_assets.automation.freshness import with_freshness


def test_each_stage_has_the_policy_of_its_rhythm() -> None:
    assets = [asset for asset in ASSETS if isinstance(asset, dg.AssetsDefinition)]
    held, keys = with_freshness(assets)
    policies = {
        spec.key.to_user_string(): spec.freshness_policy
        for asset in held
        for spec in asset.specs
        if spec.freshness_policy
    }
    assert policies.keys() == {key.to_user_string() for key in keys}
    windows = {}
    for name in ("ratings", "interactions", "top_k", "als_sweep", "backtest"):
        policy = policies[name]
        assert isinstance(policy, TimeWindowFreshnessPolicy) and policy.warn_window
        windows[name] = (policy.warn_window.to_timedelta(), policy.fail_window.to_timedelta())
    daily = (timedelta(hours=27), timedelta(hours=36))  # a run a day, and half a day to mend it
    weekly = (timedelta(days=8), timedelta(days=9))
    assert windows == {
        "ratings": (timedelta(days=4), timedelta(days=8)),
        "interactions": daily,
        "top_k": daily,
        "als_sweep": weekly,
        "backtest": weekly,
    }
    assert [name for name in policies if "quarantine" in name] == [], "best when nothing is written"
