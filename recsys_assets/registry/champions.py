"""Who is champion: the alias in the registry, its way there and back.

Former champions are kept as a tag of the registered model, so that one step back is always known.
"""

from typing import TYPE_CHECKING

from recsys_assets.registry.client import CHALLENGER, CHAMPION, ModelRegistry
from recsys_assets.registry.quiet import quiet_mlflow

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel

FORMER: str = "former_champions"
"""Tag of a registered model: versions that were champion before, by comma, the latest last."""
MOST_FORMER = 50
"""Versions in that tag: Unity Catalog takes a thousand characters, and bundles change daily."""
REASON: str = "promotion"
"""Tag of a version: why it became champion, or why it did not."""
_DEMOTED = "demoted by hand"


class PromotionError(Exception):
    """A version that cannot become champion; the message says why."""


def aliases(registry: ModelRegistry, name: str) -> dict[str, int]:
    """Alias → version of a model; empty where nothing is registered under the name."""
    with quiet_mlflow():
        found = registry.registered(name)
        return {alias: int(version) for alias, version in (found.aliases if found else {}).items()}


def undecided(registry: ModelRegistry, name: str, known: dict[str, int]) -> str | None:
    """Why there is nothing to decide between the two of a model; None where there is.

    A version that somebody demoted is not tried again: its figures would bring it back.

    Args:
        registry: that holds them.
        name: of the model.
        known: its versions by alias.
    """
    for alias in (CHAMPION, CHALLENGER):
        if alias not in known:
            return f"no version is the {alias}: choose one by `recsys promote {name} --version`"
    if known[CHAMPION] == known[CHALLENGER]:
        return f"version {known[CHALLENGER]} is the champion already: nothing to decide"
    with quiet_mlflow():
        full, newest = registry.address.full(name), str(known[CHALLENGER])
        tags = registry.client().get_model_version(full, newest).tags
    if tags.get(REASON) == _DEMOTED:
        return (
            f"version {newest} was demoted by hand: the champion stays until a newer version wins,"
            f" or somebody calls `recsys promote {name}`"
        )
    return None


def promote(
    registry: ModelRegistry, name: str, version: int | None = None, reason: str = "by hand"
) -> tuple[int | None, int]:
    """Make a version the champion, by default the challenger; the versions before and after.

    Raises:
        PromotionError: no such model or version.
    """
    with quiet_mlflow():
        if registry.registered(name) is None:
            raise PromotionError(f"no model {name!r} is registered; there are {_names(registry)}")
    known = aliases(registry, name)
    chosen = known.get(CHALLENGER) if version is None else version
    if chosen is None:
        raise PromotionError(f"{name} has no challenger: name a version with --version")
    before = known.get(CHAMPION)
    if chosen == before:
        return before, chosen
    with quiet_mlflow():
        client, full = registry.client(), registry.address.full(name)
        versions = _versions(registry, name)
        if chosen not in versions:
            raise PromotionError(
                f"{name} has no version {chosen}; it has {', '.join(map(str, sorted(versions)))}"
            )
        former = [*_former(registry, name), *([before] if before is not None else [])]
        kept = former[-MOST_FORMER:]
        client.set_registered_model_tag(full, FORMER, ",".join(map(str, kept)))
        client.set_registered_model_alias(full, CHAMPION, str(chosen))
        client.set_model_version_tag(full, str(chosen), REASON, f"champion: {reason}")
    return before, chosen


def demote(registry: ModelRegistry, name: str) -> tuple[int, int]:
    """Give the place back to the champion before; the versions before and after.

    Raises:
        PromotionError: no such model, or no champion before this one.
    """
    known = aliases(registry, name)
    if CHAMPION not in known:
        raise PromotionError(f"no champion of {name!r}; there are {_names(registry)}")
    # A version that was deleted cannot come back: the one before it does. One that is champion,
    # for it was made so on MLflow's pages, has no place to give to itself.
    there = _versions(registry, name).keys() - {known[CHAMPION]}
    former = [version for version in _former(registry, name) if version in there]
    if not former:
        raise PromotionError(
            f"version {known[CHAMPION]} of {name} is its first champion that is left: there is none"
            " to go back to; choose a version with `recsys promote --version`"
        )
    with quiet_mlflow():
        client, full = registry.client(), registry.address.full(name)
        client.set_registered_model_alias(full, CHAMPION, str(former[-1]))
        client.set_registered_model_tag(full, FORMER, ",".join(map(str, former[:-1])))
        client.set_model_version_tag(full, str(known[CHAMPION]), REASON, _DEMOTED)
    return known[CHAMPION], former[-1]


def version_tagged(registry: ModelRegistry, name: str, tag: str, value: str) -> int | None:
    """The newest version of a model whose run carries a tag; None where there is none."""
    with quiet_mlflow():
        found = registry.client().search_runs(
            [registry.experiment_id()], f"tags.`{tag}` = '{value}'"
        )
    runs = {run.info.run_id for run in found}
    return max((v for v, run in _versions(registry, name).items() if run in runs), default=None)


def keep_reason(registry: ModelRegistry, name: str, version: int, reason: str) -> None:
    """Tag a version with the decision on it."""
    with quiet_mlflow():
        full = registry.address.full(name)
        registry.client().set_model_version_tag(full, str(version), REASON, reason)


def former_champions(model: "RegisteredModel") -> list[int]:
    """Versions of a registered model that were champion before, the latest last."""
    return [int(version) for version in model.tags.get(FORMER, "").split(",") if version]


def _former(registry: ModelRegistry, name: str) -> list[int]:
    found = registry.registered(name)
    return former_champions(found) if found else []


def _versions(registry: ModelRegistry, name: str) -> dict[int, str]:
    """Version → the run that made it."""
    with quiet_mlflow():
        query = f"name = '{registry.address.full(name)}'"
        found = registry.client().search_model_versions(query)
    return {int(v.version): str(v.run_id) for v in found}


def _names(registry: ModelRegistry) -> str:
    with quiet_mlflow():
        names = registry.all_registered()
    return ", ".join(sorted(names)) or "none at all yet: `recsys run` trains them"
