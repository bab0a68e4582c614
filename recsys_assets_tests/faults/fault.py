"""What a fault is: it lets the second day of a bench run into trouble, and mends the cause."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from recsys_assets_tests.faults.bench import Bench


@dataclass(frozen=True)
class Fault:
    """One injection."""

    name: str
    """What strikes, and where."""
    family: str
    """What sort of fault it is."""
    strike: Callable[[Bench, Random], None]
    """Runs the day into the fault and mends its cause."""
    tells: tuple[str, ...]
    """Kinds of alerts of which exactly one message goes out; empty: nobody is told."""
    publishes: bool = True
    """Whether the fault is in the way of publishing; if not, only the drop is run again."""
    quick: bool = False
    """Whether it belongs to the quick part."""


class NotHereError(Exception):
    """This machine does not let the fault be injected; the message says why."""
