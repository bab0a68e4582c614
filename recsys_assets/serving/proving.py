"""Bundles are proved once for all workers, and beside the traffic, before one of them serves.

    a worker without a bundle: checksums and examples in its own process, as fast as it can
    a worker that serves: the same in a process of low priority; then it only maps the files

All workers of a service share a folder. Who has proved a bundle leaves a note there of what the
files looked like, and as long as they do nobody reads them all again: neither the other workers nor
one that is started anew. Workers that serve take turns, so that they never load at the same time.

    python -m recsys_assets.serving.proving FOLDER     the process of low priority
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys_assets.serving.bundle import Bundle, load_bundle
from recsys_assets.serving.folder import BundleError

NICENESS = 10
"""Of the process that proves: a tenth of the processor's time where all is wanted."""
REFUSED = 3
"""Its exit code where a bundle must not serve."""
MOST_SECONDS = 900


@dataclass(frozen=True)
class Prover:
    """Loads bundles for one worker."""

    shared: Path | None = None
    """Folder that the workers of a service share; without one each proves for itself."""

    def load(self, folder: Path, busy: bool) -> Bundle:
        """The bundle of a folder, proved.

        Args:
            folder: of the bundle.
            busy: whether requests are being answered, which must not wait for this.

        Raises:
            BundleError: it must not serve, or could not be proved; the message says why.
        """
        if self.shared is None:
            return load_bundle(folder)
        try:
            return self._load_once(folder, busy)
        except OSError as error:
            raise BundleError(f"{folder.name} could not be proved: {error}") from error

    def _load_once(self, folder: Path, busy: bool) -> Bundle:
        if not busy and not self._is_proved(folder):
            bundle = load_bundle(folder)
            self._note(folder)
            return bundle
        with self._turn():
            if not self._is_proved(folder):
                prove_apart(folder)
                self._note(folder)
            return load_bundle(folder, proved=True)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        assert self.shared is not None
        # It lies among temporary files, which some machines remove after some days.
        self.shared.mkdir(mode=0o700, exist_ok=True)
        with (self.shared / "proving.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _note(self, folder: Path) -> None:
        path = self._path(folder)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(json.dumps(_looks(folder)), encoding="utf-8")
        partial.replace(path)

    def _is_proved(self, folder: Path) -> bool:
        try:
            noted = json.loads(self._path(folder).read_text(encoding="utf-8"))
            return bool(noted == _looks(folder))
        except OSError:
            return False

    def _path(self, folder: Path) -> Path:
        assert self.shared is not None
        return self.shared / f"{folder.name}.proved"


def prove_apart(folder: Path) -> None:
    """Prove a bundle in a process of its own.

    Raises:
        BundleError: it must not serve, or could not be proved.
    """
    command = [sys.executable, "-m", "recsys_assets.serving.proving", str(folder)]
    # The figures of this process are none of the service's.
    known = {name: text for name, text in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    try:
        done = subprocess.run(
            command, env=known, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BundleError(f"{folder.name} could not be proved: {error}") from error
    if done.returncode:
        said = done.stdout if done.returncode == REFUSED else done.stderr
        raise BundleError((said.strip() or f"{folder.name} could not be proved").splitlines()[-1])


def _looks(folder: Path) -> list[list[object]]:
    """What would change along with any file of a folder."""
    files = ((path.name, path.stat()) for path in sorted(folder.iterdir()))
    return [[name, status.st_size, status.st_mtime_ns, status.st_ino] for name, status in files]


def main() -> None:
    """Prove the bundle of the folder that is given."""
    os.nice(NICENESS)
    try:
        load_bundle(Path(sys.argv[1]))
    except BundleError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
