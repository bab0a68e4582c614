"""Who owns what, and which steps work on drops: what alerts need to know of the graph."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import dagster as dg


@dataclass(frozen=True)
class Catalogue:
    """Facts about assets and steps, by name."""

    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Asset or step → owners."""
    daily: frozenset[str] = frozenset()
    """Assets and steps that work on drops."""
    stages: dict[str, str] = field(default_factory=dict)
    """Asset → its stage."""
    promises: dict[str, str] = field(default_factory=dict)
    """``asset:check`` → what the check says of itself."""

    def owners_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Owners of assets or steps, each once."""
        found = [owner for name in names for owner in self.owners.get(name, ())]
        return tuple(dict.fromkeys(found))


def build_catalogue(
    assets: Sequence[dg.AssetsDefinition], checks: Iterable[dg.AssetChecksDefinition]
) -> Catalogue:
    """The catalogue of a graph.

    Args:
        assets: its assets.
        checks: their checks, which belong to the owners of the asset.
    """
    owners: dict[str, tuple[str, ...]] = {}
    daily: set[str] = set()
    for asset in assets:
        names = [asset.node_def.name, *(key.to_user_string() for key in asset.keys)]
        whose = tuple(
            dict.fromkeys(owner for key in asset.keys for owner in asset.specs_by_key[key].owners)
        )
        owners |= dict.fromkeys(names, whose)
        daily |= set(names) if asset.partitions_def is not None else set()
    promises: dict[str, str] = {}
    for check in checks:
        promises |= {
            f"{spec.asset_key.to_user_string()}:{spec.name}": spec.description or ""
            for spec in check.check_specs
        }
        name, of = check.node_def.name, {k.asset_key.to_user_string() for k in check.check_keys}
        owners[name] = tuple(dict.fromkeys(o for asset in of for o in owners.get(asset, ())))
        daily |= {name} if of & daily else set()
    stages = {
        spec.key.to_user_string(): spec.group_name or "" for asset in assets for spec in asset.specs
    }
    return Catalogue(owners, frozenset(daily), stages, promises)
