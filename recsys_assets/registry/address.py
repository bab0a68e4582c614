"""Forms of MLflow's address, and what each means for runs and models.

- ``sqlite:////…/mlflow.db``: a database file
- ``https://…``: a server; ``azureml://…``: Azure ML
- ``databricks``: a workspace, with its own registry
- ``databricks-uc/CATALOG.SCHEMA``: a workspace, with its models in Unity Catalog
"""

import re
from dataclasses import dataclass
from typing import Self

_UNITY = "databricks-uc"
_EXPERIMENT = "recsys_assets"
_ACCOUNT = re.compile(r"(?<=://)[^/]*@")


def without_account(uri: str) -> str:
    """An address as people may see it: without the user and password that it may hold."""
    return _ACCOUNT.sub("", uri)


@dataclass(frozen=True)
class RegistryAddress:
    """Where runs go, where models go, and what models are called there."""

    runs: str
    """MLflow's tracking address."""
    models: str
    """MLflow's registry address."""
    prefix: str = ""
    """What stands before the name of every model: in Unity Catalog its catalog and schema."""

    @classmethod
    def of(cls, uri: str) -> Self:
        """What an address in one of the forms above means.

        Raises:
            ValueError: models shall go to Unity Catalog, but not to a schema of it; or it has none
                of these forms.
        """
        if not uri.startswith(_UNITY):
            # MLflow takes it for a folder, and says so only once a model is asked for.
            if uri and "://" not in uri and uri != "databricks":
                raise ValueError(  # not quoted: it may hold a password, as in me:secret@host
                    "this is no address: write https://…, azureml://…, databricks or "
                    f"{_UNITY}/CATALOG.SCHEMA"
                )
            return cls(uri, uri)
        schema = uri.removeprefix(_UNITY).removeprefix("/")
        if len([part for part in schema.split(".") if part]) != 2:
            raise ValueError(f"{uri!r} names no schema: write {_UNITY}/CATALOG.SCHEMA")
        return cls("databricks", _UNITY, f"{schema}.")

    @property
    def experiment(self) -> str:
        """Name of the experiment that holds all runs; a workspace wants a path."""
        return f"/Shared/{_EXPERIMENT}" if self.runs == "databricks" else _EXPERIMENT

    @property
    def is_file(self) -> bool:
        """Whether nobody but this machine serves it."""
        return self.runs.startswith("sqlite:")

    def full(self, name: str) -> str:
        """A model's name in the registry."""
        return f"{self.prefix}{name}"

    def short(self, full: str) -> str:
        """The name that the platform knows a model of the registry by."""
        return full.removeprefix(self.prefix)
