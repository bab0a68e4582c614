"""Processes of this machine."""

import os


def lives(process: int) -> bool:
    """Whether a process is there; asked of the kernel, for not every ``/proc`` shows all of them.

    macOS has none, and hardened machines hide the processes of other users in it.
    """
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it belongs to somebody else
        return True
    return True
