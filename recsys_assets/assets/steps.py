"""Assets that are one step each: a table, its contract, the step that makes it."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import BaseModel

from recsys_assets.assets.materialize import (
    OWNERS,
    WRITES_LAKE,
    run_step,
    table_asset_metadata,
)
from recsys_assets.contracts.schema import Model
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.session import Step, name_of, params_of

STEP = "recsys/step"
"""Metadata of an asset made here: the name of its step."""
CONTRACTS: dict[str, tuple[str, Model]] = {}
"""Asset made here → its table, and the contract of that; some write one together."""


def step_asset(
    name: str,
    step: Step,
    *,
    group: str,
    deps: Sequence[str],
    kinds: set[str],
    model: Model | None = None,
    table: str | None = None,
) -> dg.AssetsDefinition:
    """The asset that one step materializes; its parameters can be set in the launchpad.

    Args:
        name: name of the asset.
        step: what makes it; the description is the step's own.
        group: stage it is shown in.
        deps: assets it is made from.
        kinds: what it is made of and with, for the UI.
        model: contract of its table.
        table: name of its table, where it is another.
    """
    params = params_of(step)
    config_class = _config_of(params)
    schema = table_asset_metadata(table or name, model) if model else {}
    if model:
        CONTRACTS[name] = (table or name, model)

    @dg.asset(
        name=name,
        group_name=group,
        deps=list(deps),
        kinds=kinds,
        owners=OWNERS,
        # Indented as in the source, all but its first line would show as code.
        description=inspect.getdoc(step),
        metadata={STEP: name_of(step), **schema},
        output_required=False,
        pool=WRITES_LAKE,
    )
    def materialized(
        context: dg.AssetExecutionContext,
        config: config_class,  # type: ignore[valid-type]
        compute: Compute,
    ) -> Iterator[dg.MaterializeResult[Any]]:
        chosen = params.model_validate(config.model_dump())  # type: ignore[attr-defined]
        yield from run_step(context, compute, step, chosen, table)

    return materialized


def _config_of(params: type[BaseModel]) -> type[dg.Config]:
    """The launchpad's form of a step's parameters, with the same fields and defaults."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in params.model_fields.items()
    }
    namespace = {
        "__annotations__": {name: annotation for name, (annotation, _) in fields.items()},
        "__doc__": params.__doc__,
        **{name: field for name, (_, field) in fields.items()},
    }
    return type(f"{params.__name__}Config", (dg.Config,), namespace)
