"""Identity of this process to Azure: one credential; its tokens are renewed as they expire.

It is azure-identity's `DefaultAzureCredential`: a service principal in the environment, a workload
identity, a managed identity, or a person who has logged in with `az login`, whichever there is
first. ``AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential`` (or another's name) leaves but one.
"""

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine, where only doubles of Azure are."""
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")


def cluster_identity(account: str) -> dict[str, str]:
    """Environment by which programs on a Databricks cluster reach a storage account.

    Spark is let in by Unity Catalog; polars and delta-rs are programs of their own and log in as a
    service principal, whose secret Databricks puts in from its scope ``recsys``.
    """
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        **{
            f"AZURE_{name.upper().replace('-', '_')}": f"{{{{secrets/recsys/{name}}}}}"
            for name in ("tenant-id", "client-id", "client-secret")
        },
    }


@lru_cache(maxsize=1)
def credential() -> "DefaultAzureCredential":
    """The credential, shared by all clients of this process."""
    from azure.identity import DefaultAzureCredential
    from azure.identity._internal import get_default_authority

    # Discovery asks a server of Microsoft whether an authority can be trusted.
    loopback = is_loopback(get_default_authority())
    return DefaultAzureCredential(disable_instance_discovery=loopback)
