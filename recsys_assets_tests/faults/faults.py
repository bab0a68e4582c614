"""The faults: each strikes the second day of a bench, and says what people must be told.

A fault is a function of the bench and its seeded random numbers. It lets the day run into the
fault, mends the cause as the runbook says, and leaves the re-run to the campaign.
"""

from recsys_assets_tests.faults.channels import failing_channels
from recsys_assets_tests.faults.clocks import odd_clocks
from recsys_assets_tests.faults.disks import damaged_tables, full_disks
from recsys_assets_tests.faults.drops import bad_drops
from recsys_assets_tests.faults.fault import Fault
from recsys_assets_tests.faults.processes import killed_processes
from recsys_assets_tests.faults.services import held_databases, refusing_stores, second_runs


def all_faults() -> list[Fault]:
    """Every injection, in the order of the report."""
    return [
        *killed_processes(),
        *full_disks(),
        *refusing_stores(),
        *held_databases(),
        *damaged_tables(),
        *bad_drops(),
        *failing_channels(),
        *odd_clocks(),
        *second_runs(),
    ]
