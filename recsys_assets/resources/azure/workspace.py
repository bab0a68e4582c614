"""Databricks by an identity of Azure, without a token of Databricks' own."""

from databricks.sdk.core import Config, CredentialsProvider, CredentialsStrategy

from recsys_assets.resources.azure.identity import credential

DATABRICKS_SCOPE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""Azure's number of the application Databricks, the same in every tenant."""


class DatabricksByAzure(CredentialsStrategy):
    """Databricks by the identity of this process; no token of Databricks' own is kept anywhere."""

    def auth_type(self) -> str:
        """Name of the strategy, for Databricks' messages."""
        return "azure-identity"

    def __call__(self, cfg: Config) -> CredentialsProvider:
        """What makes the headers of each request; azure-identity keeps the token while it holds."""
        return lambda: {"Authorization": f"Bearer {_token()}"}


def _token() -> str:
    """A token for Databricks.

    Raises:
        ConnectionError: there is none to be had now; to whoever asks Databricks for something it
            is the same as a Databricks that does not answer.
    """
    from azure.core.exceptions import AzureError

    try:
        return credential().get_token(DATABRICKS_SCOPE).token
    except AzureError as error:
        reason = " ".join(str(error.message).split())[:300]
        raise ConnectionError(f"this process gets no token for Databricks: {reason}") from None
