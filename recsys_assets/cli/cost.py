"""The command that estimates what the platform costs on Azure."""

from pathlib import Path
from typing import Annotated

import typer

from recsys_assets.cli.serve import cost_app
from recsys_assets.cli.shared import JsonOption, console, print_json, print_table
from recsys_assets.costs import (
    Estimate,
    Lookup,
    Prices,
    Serving,
    Training,
    estimate_lookup,
    estimate_month,
    estimate_serving,
    estimate_training,
    read_prices,
)
from recsys_assets.deployment import current_deployment


@cost_app.command("azure")
def cost_command(
    rows: Annotated[int, typer.Option(help="Rows of one training.", min=0)] = 45_800_000,
    vm: Annotated[str, typer.Option(help="Machine of the training.")] = "Standard_L8s",
    vms: Annotated[int, typer.Option(help="Their number, driver included.", min=1)] = 12,
    hours: Annotated[
        float | None, typer.Option(help="How long it takes; estimated if not given.", min=0.01)
    ] = None,
    load: Annotated[float, typer.Option(help="Requests per second at the peak.", min=0)] = 100,
    node: Annotated[str, typer.Option(help="Machine that serves.")] = "Standard_D3_v2",
    users: Annotated[int, typer.Option(help="Users with a published list.", min=0)] = 138_000,
    prices: Annotated[
        Path | None, typer.Option(help="Table of prices to use instead of the packaged one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate a training, a month of daily ones, serving, and lookups in Cosmos DB.

    Example: recsys cost azure --rows 45800000 --vm Standard_L8s --vms 12 --hours 1
    """
    table = read_prices(prices or current_deployment().prices)
    training = Training(rows=rows, machine=vm, machines=vms, hours=hours)
    run = estimate_training(table, training)
    estimates = [
        run,
        estimate_month(run),
        estimate_serving(table, Serving(requests_per_second=load, machine=node)),
        estimate_lookup(table, Lookup(users=users, requests_per_second=load)),
    ]
    if as_json:
        about = table.model_dump(mode="json", include={"date", "source", "currency", "region"})
        print_json({"prices": about, "estimates": [e.model_dump() for e in estimates]})
        return
    _print(table, estimates)


def _print(table: Prices, estimates: list[Estimate]) -> None:
    shown = [
        {
            "what": estimate.what,
            "cost": f"{estimate.cost:,.2f} {estimate.currency}",
            "per": estimate.per,
            "of which": ", ".join(f"{k} {_amount(v)}" for k, v in estimate.quantities.items()),
        }
        for estimate in estimates
    ]
    print_table("Costs, estimated", shown, no_wrap=("cost",))
    source = " ".join(table.source.split())
    console.print(f"Prices of {table.date}, {table.region}. {source}", highlight=False)


def _amount(value: float) -> str:
    """Six digits, or all before the point: it must be possible to multiply it by hand."""
    return f"{value:,.6g}" if value < 1_000_000 else f"{value:,.0f}"
