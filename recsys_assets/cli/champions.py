"""Commands that choose the model in use by hand."""

from typing import Annotated

import typer

from recsys_assets.cli.shared import console, deployment

app = typer.Typer()

_FOLLOW = (
    "lists and service follow with the next run that publishes, or now: recsys run --select top_k+"
)

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

    _refuse_bundle(model)
    before, after = promote(deployment().home.registry, model, version)
    if before == after:
        console.print(f"{model}: version {after} is the champion already")
        return
    if before is None:
        console.print(f"{model}: version {after} is the champion now; there was none")
    else:
        console.print(f"{model}: version {after} is the champion now, in place of {before}")
        console.print(f"`recsys demote {model}` goes back")
    console.print(_FOLLOW, soft_wrap=True)


@app.command("demote")
def demote_command(model: ModelArgument) -> None:
    """Give the champion's place back to the version that held it before.

    Example: recsys demote als_model
    """
    from recsys_assets.registry.champions import demote

    _refuse_bundle(model)
    before, after = demote(deployment().home.registry, model)
    console.print(f"{model}: version {after} is the champion again, in place of {before}")
    console.print(_FOLLOW, soft_wrap=True)


def _refuse_bundle(model: str) -> None:
    """The champion among the bundles is the one that serves, which the registry does not choose."""
    from recsys_assets.serving.pointer import BUNDLE_MODEL

    if model == BUNDLE_MODEL:
        raise typer.BadParameter(
            "which bundle serves is chosen by `recsys bundles use`: see `recsys bundles list`"
        )
