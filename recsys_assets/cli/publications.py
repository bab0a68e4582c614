"""The command about publications: what readers see, and the way back."""

from typing import Annotated

import typer

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.delivery.lookup import roll_back
from recsys_assets.deployment import naming_variables
from recsys_assets.resources.delivery import Delivery

app = typer.Typer()


@app.command("publications")
def publications_command(
    roll: Annotated[
        str, typer.Option("--roll-back", help="lookup or warehouse: see the version before again.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show which version of the lists readers see, or let them see the one before again.

    Example: recsys publications --roll-back lookup
    """
    # As Dagster does before a run: names of variables become their values.
    with naming_variables():
        delivery = Delivery(**deployment().delivery).process_config_and_initialize()
    if roll not in ("", "lookup", "warehouse"):
        raise typer.BadParameter(f"{roll!r} is neither lookup nor warehouse")
    if roll == "lookup":
        _print_current("lookup", roll_back(delivery.lookup_store()).current, as_json)
        return
    with delivery.warehouse() as warehouse:
        if roll == "warehouse":
            _print_current("warehouse", warehouse.roll_back(TOP_K), as_json)
            return
        in_warehouse = warehouse.holds(TOP_K)
    pointer = delivery.lookup_store().pointer()
    rows = [
        {"where": "lookup", "version": pointer.current if pointer else ""},
        {"where": "warehouse", "version": in_warehouse},
    ]
    if as_json:
        print_json(rows)
        return
    print_table("Published lists", rows)


def _print_current(where: str, version: str, as_json: bool) -> None:
    """The version that readers see after a step back, in one place."""
    if as_json:
        print_json([{"where": where, "version": version}])
    else:
        console.print(f"{where}: {version}")
