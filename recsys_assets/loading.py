"""Loading thousands of modules at once, as every process of the platform does when it starts.

While modules load, Python's garbage collector looks through all of them again and again, and once
more when the process ends. They are no garbage until then: without these looks a process starts
and ends in half the time.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


@contextmanager
def loading_modules() -> Iterator[None]:
    """Import in here what the process needs for as long as it lives."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


class _Hidden(MetaPathFinder):
    """Finds modules by telling that they are not installed, in Python's own words."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Refuse what is hidden; all else is found by others."""
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def loading_without(*names: str) -> Iterator[None]:
    """Import in here what would load these modules too, but can do without those not loaded yet."""
    hidden = _Hidden(names)
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)
