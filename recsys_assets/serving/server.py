"""The service as processes: one listens and restarts workers that die, the others answer."""

import fcntl
import gc
import logging
import os
import sys
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from recsys_assets.serving.address import free_address
from recsys_assets.serving.settings import ServiceSettings

BACKLOG = 2_048


def serve(settings: ServiceSettings) -> None:
    """Listen until a signal ends it; requests under way are answered first.

    Raises:
        ListenError: the address is not this machine's, or somebody listens on it already.
    """
    address = free_address(settings.host, settings.port)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="recsys-serving-") as folder:
        # Some machines remove temporary files after some days; systemd leaves those below a lock.
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
        if settings.workers > 1:
            # Read by prometheus_client when it is imported, which is why that happens below.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        _preload()
        Server(
            "recsys_assets.serving.app:build_app",
            address=address,
            port=settings.port,
            interface=Interfaces.ASGI,
            # Where HTTP/2 may come too, Granian waits for a connection's first byte for ever.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=int(1e3 * settings.patience_seconds)),
            workers=settings.workers,
            websockets=False,
            backlog=BACKLOG,
            log_level=LogLevels.warning,
            log_access=False,
            respawn_failed_workers=True,
            respawn_interval=0.5,
            workers_kill_timeout=5,
        ).serve(target_loader=partial(_worker_app, settings, Path(folder)), wrap_loader=False)


def _preload() -> None:
    """Import everything before the workers are forked: they then share its memory."""
    import_module("recsys_assets.serving.app")
    gc.collect()
    gc.freeze()


def _worker_app(settings: ServiceSettings, shared: Path) -> Any:
    """The application, built within a worker."""
    from threadpoolctl import threadpool_limits

    from recsys_assets.serving.app import build_app

    # Where it has been removed all the same, no worker would come up after one that died.
    shared.mkdir(mode=0o700, exist_ok=True)
    # A worker has a core of its own; threads of two workers' BLAS would wait for each other.
    threadpool_limits(1)
    # Requests make no cycles: looking for some so often would only hold them up.
    gc.set_threshold(50_000, 20, 100)
    # A thread that reads a new bundle must not keep a request waiting for long.
    sys.setswitchinterval(0.0005)
    return build_app(settings, shared)
