"""Loading thousands of modules at once, as every process of the platform does when it starts.

While modules load, Python's garbage collector looks through all of them again and again, and once
more when the process ends. They are no garbage until then: without these looks a process starts
and ends in half the time.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def loading_without(name: str) -> Iterator[None]:
    """Import in here what would load this module too, but can do without it."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # to whom imports it now, it is not there
    try:
        yield
    finally:
        del sys.modules[name]
