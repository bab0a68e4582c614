"""``python -m recsys_assets.serving``: the service where nothing else of the platform is installed.

It is set up as ``recsys serve`` is, by the variables that `recsys_assets.deployment` describes.
"""

import argparse
import os
import sys
from typing import Any

from pydantic import ValidationError

from recsys_assets.serving.address import ListenError
from recsys_assets.serving.server import serve
from recsys_assets.serving.settings import ServiceSettings, in_words, settings_of


def main() -> None:
    """Read arguments and environment, then serve."""
    parser = argparse.ArgumentParser(description="The scoring and lookup service.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--workers", type=int, default=2)
    given: dict[str, Any] = vars(parser.parse_args())
    try:
        settings = ServiceSettings.model_validate(settings_of(os.environ) | given)
    except ValidationError as error:
        sys.exit(in_words(error))
    try:
        serve(settings)
    except ListenError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
