"""Modules are loaded without a look for garbage, and afterwards all is as it was."""

import gc
import subprocess
import sys

import pytest

from recsys_assets.loading import loading_modules

LOAD = "from recsys_assets.loading import loading_modules\nwith loading_modules():\n    pass\n"
CYCLE = """
class Garbage:
    def __del__(self):
        print("found at the end")

garbage = Garbage()
garbage.itself = garbage
del garbage
"""
"""A program whose one piece of garbage only the collector can find."""


def test_nothing_is_collected_while_modules_load() -> None:
    with loading_modules():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_a_failing_import_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError), loading_modules():
        import recsys_assets.no_such_module  # type: ignore[import-not-found]  # noqa: F401
    assert gc.isenabled()
    gc.unfreeze()


def test_whoever_works_without_the_collector_keeps_it_off() -> None:
    gc.disable()
    try:
        with loading_modules():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_what_was_loaded_later_is_still_collected_when_the_process_ends() -> None:
    """Libraries made with nanobind take what is not for leaks, and say so at length."""
    later = "import duckdb, duckdb.sqltypes\nduckdb.sql('select 1').fetchall()\n"
    done = subprocess.run(
        [sys.executable, "-c", LOAD + later + CYCLE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "found at the end"
    assert done.stderr == ""


def test_an_import_does_without_what_is_kept_from_it() -> None:
    """It is there again afterwards; what was loaded before stays."""
    code = """
import sys
from recsys_assets.loading import loading_without
with loading_without("colorsys"):
    try:
        import colorsys
    except ModuleNotFoundError as error:
        print(error)
import colorsys
with loading_without("colorsys"):
    import colorsys
print(colorsys is sys.modules["colorsys"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["No", "module", "named", "'colorsys'", "True"]
