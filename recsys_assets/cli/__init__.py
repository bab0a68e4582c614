"""The command ``recsys``: land files, run the graph, see what came of it."""

from recsys_assets.loading import loading_modules


def main() -> None:
    """Entry point of the command."""
    with loading_modules():
        from recsys_assets.cli.app import run
    run()
