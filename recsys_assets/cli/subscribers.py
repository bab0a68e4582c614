"""Commands about subscribers of digests: import, list, subscribe, unsubscribe, bounced."""

from pathlib import Path
from typing import Annotated

import typer

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.resources.digests import subscriptions

app = typer.Typer(no_args_is_help=True, help="Who gets digests by mail.")

UserArgument = Annotated[int, typer.Argument(help="Id of the user.", min=1, max=2**31 - 1)]


@app.command("import")
def import_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV file with the columns user and address.", exists=True, dir_okay=False
        ),
    ],
) -> None:
    """Add the subscribers of a file; nobody who unsubscribed is added again.

    Example: recsys subscribers import people.csv
    """
    people, refused = subscriptions.read_list(file)
    added = subscriptions.subscribe(deployment().home.lake, people, f"list {file.name}"[:300])
    console.print(f"{added} subscribers added, {len(people) - added} left as they are")
    if refused:
        rows = [{"line": r.line, "text": r.text, "why": r.reason} for r in refused[:50]]
        print_table(f"{len(refused)} lines set apart", rows)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Show every user who ever subscribed, and how it stands.

    Example: recsys subscribers list
    """
    rows = subscriptions.states(deployment().home.lake).to_dicts()
    if as_json:
        print_json(rows)
    elif rows:
        print_table("Subscribers", rows)
    else:
        console.print("nobody has subscribed: recsys subscribers import FILE")


@app.command("subscribe")
def subscribe_command(
    user: UserArgument, address: Annotated[str, typer.Argument(help="Mail address.")]
) -> None:
    """Subscribe a user who asked for it, also after they unsubscribed: a list does not.

    Example: recsys subscribers subscribe 7 ann@example.org
    """
    if not subscriptions.is_address(address):
        raise typer.BadParameter(f"{address!r} is no mail address")
    subscriptions.resubscribe(deployment().home.lake, user, address)
    console.print(f"user {user}: subscribed as {address}", highlight=False)


@app.command("unsubscribe")
def unsubscribe_command(user: UserArgument) -> None:
    """End the subscription of a user.

    Example: recsys subscribers unsubscribe 7
    """
    was = subscriptions.unsubscribe(deployment().home.lake, user)
    console.print(f"user {user}: {'unsubscribed' if was else 'was not subscribed'}")


@app.command("bounced")
def bounced_command(
    user: UserArgument,
    reason: Annotated[str, typer.Option(help="What the mail that came back says.")] = "came back",
) -> None:
    """Set an address apart whose mail came back later; a new address ends that.

    Example: recsys subscribers bounced 7 --reason "mailbox full"
    """
    lake = deployment().home.lake
    known = {row[0]: row[1] for row in subscriptions.states(lake).select("user", "address").rows()}
    if user not in known:
        raise typer.BadParameter(f"user {user} never subscribed")
    subscriptions.set_apart(lake, [(user, known[user], reason)])
    console.print(f"user {user}: {known[user]} gets no mail any more", highlight=False)
