"""The decorator of all checks: a check whose table is damaged fails and says so."""

import functools
from collections.abc import Callable
from typing import Any

import dagster as dg

from recsys_assets.lake.damage import UNREADABLE, damage_of

Check = Callable[..., dg.AssetCheckResult]


def table_check(
    table: str | None = None, **settings: Any
) -> Callable[[Check], dg.AssetChecksDefinition]:
    """Dagster's ``asset_check`` for checks that read tables.

    Args:
        table: what the asset writes, where that is not called like it: `recsys status` shows the
            result there.
        settings: those of ``dagster.asset_check``.
    """

    def decorate(check: Check) -> dg.AssetChecksDefinition:
        @functools.wraps(check)
        def guarded(*args: Any, **kwargs: Any) -> dg.AssetCheckResult:
            try:
                result = check(*args, **kwargs)
            except UNREADABLE as error:
                damage = damage_of(error)
                if damage is None:
                    raise
                result = dg.AssetCheckResult(
                    passed=False, severity=dg.AssetCheckSeverity.ERROR, description=damage
                )
            if table is None:
                return result
            told = {**(result.metadata or {}), "table": dg.MetadataValue.text(table)}
            return result._replace(metadata=told)

        return dg.asset_check(**settings)(guarded)

    return decorate
