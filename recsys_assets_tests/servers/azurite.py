"""Azure's storage on loopback: Azurite, and the environment in which the libraries find it.

What this cannot show: a hierarchical namespace with its renames and access lists (Azurite has no
DFS endpoint), identities, throttling, redundancy.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port

ACCOUNT = "devstoreaccount1"
KEY = (  # known to everybody, like the account
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
CONTAINERS = ("landing", "rejected", "lake")


@dataclass
class Azurite:
    """A running server."""

    blob_port: int
    table_port: int

    @property
    def blob_url(self) -> str:
        return f"http://127.0.0.1:{self.blob_port}/{ACCOUNT}"

    @property
    def connection(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.blob_url};"
            f"TableEndpoint=http://127.0.0.1:{self.table_port}/{ACCOUNT};"
        )

    @property
    def environment(self) -> dict[str, str]:
        """What adlfs, delta-rs and polars look for."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_CONNECTION_STRING": self.connection,
            # Told that it speaks to an emulator, the client of delta-rs and polars lists without
            # `startFrom`, which Azurite does not know: from the third commit on it would miss some.
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.blob_port}",
            "AZURE_ALLOW_HTTP": "true",
        }

    def clear(self) -> None:
        """Empty containers, as of a new account."""
        service = BlobServiceClient.from_connection_string(self.connection)
        there = {container.name for container in service.list_containers()}
        for name in CONTAINERS:
            if name not in there:
                service.create_container(name)
            container = service.get_container_client(name)
            for blob in container.list_blobs():
                container.delete_blob(blob.name)


@contextmanager
def azurite_server(modules: Path, folder: Path, blob_port: int = 0) -> Iterator[Azurite]:
    """Start Azurite with empty containers."""
    server = Azurite(blob_port or free_port(), free_port())
    program = modules / "azurite" / "dist" / "src" / "azurite.js"
    hosts = [word for name in ("blob", "queue", "table") for word in (f"--{name}Host", "127.0.0.1")]
    ports = ["--blobPort", str(server.blob_port), "--tablePort", str(server.table_port)]
    ports += ["--queuePort", str(free_port())]
    options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    node = shutil.which("node") or "node"
    log = folder / "azurite.log"
    process = start([node, str(program), *options, *hosts, *ports], folder, log)
    try:
        for port in (server.blob_port, server.table_port):
            wait_for_port(port, process, log, 60)
        server.clear()
        yield server
    finally:
        stop(process)
