"""The command about publications: what readers see, and the way back."""

from typing import Annotated

import typer

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.delivery.lookup import roll_back
from recsys_assets.deployment import naming_variables
from recsys_assets.resources.delivery import Delivery


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("publications")(publications_command)


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
        console.print(f"lookup: {roll_back(delivery.lookup_store()).current}")
        return
    with delivery.warehouse() as warehouse:
        if roll == "warehouse":
            console.print(f"warehouse: {warehouse.roll_back(TOP_K)}")
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
