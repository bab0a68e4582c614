"""``python -m recsys_assets.cli`` is the command ``recsys``."""

from recsys_assets.cli import main

main()
