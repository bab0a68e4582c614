"""Commands that choose the model in use by hand."""

from typing import Annotated

import typer

from recsys_assets.cli.shared import console, deployment

app = typer.Typer()

ModelArgument = Annotated[str, typer.Argument(help="Registered name, such as als_model.")]


@app.command("promote")
def promote_command(
    model: ModelArgument,
    version: Annotated[
        int | None, typer.Option(help="Version; the newest one, the challenger, unless given.")
    ] = None,
) -> None:
    """Make a version of a model the champion, without a trial.

    Example: recsys promote als_model --version 3
    """
    from recsys_assets.registry.champions import promote

    before, after = promote(deployment().home.registry, model, version)
    if before == after:
        console.print(f"{model}: version {after} is the champion already")
        return
    if before is None:
        console.print(f"{model}: version {after} is the champion now; there was none")
        return
    console.print(f"{model}: version {after} is the champion now, in place of {before}")
    console.print(f"`recsys demote {model}` goes back")


@app.command("demote")
def demote_command(model: ModelArgument) -> None:
    """Give the champion's place back to the version that held it before.

    Example: recsys demote als_model
    """
    from recsys_assets.registry.champions import demote

    before, after = demote(deployment().home.registry, model)
    console.print(f"{model}: version {after} is the champion again, in place of {before}")
