"""The command ``recsys``: land files, run the graph, see what came of it."""

from recsys_assets.cli.app import main

__all__ = ["main"]
