"""The table of prices: a packaged file that a file of the same form replaces."""

import datetime
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PACKAGED = Path(__file__).with_name("prices.toml")


class PriceError(Exception):
    """A table of prices that cannot be used; the message names file and field."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Table):
    """A type of virtual machine."""

    hourly: float = Field(ge=0)
    """Price of an hour."""
    dbu: float = Field(ge=0)
    """Databricks units that an hour counts as."""
    cores: int = Field(ge=1)
    memory_gib: float = Field(gt=0)


class Cosmos(_Table):
    """Cosmos DB with provisioned throughput in one region."""

    hourly_per_100_ru: float = Field(ge=0)
    """An hour of 100 request units per second."""
    gb_month: float = Field(ge=0)
    """A GB of data and indexes, kept for a month."""


class Prices(_Table):
    """All prices, and where they are from."""

    date: datetime.date
    """When they held."""
    source: str
    currency: str
    region: str
    hours_per_month: float = Field(gt=0)
    dbu: float = Field(ge=0)
    """One Databricks unit of jobs compute."""
    machines: dict[str, Machine]
    cosmos: Cosmos

    def machine(self, name: str) -> Machine:
        """The machine of a name.

        Raises:
            PriceError: the table has none.
        """
        if name not in self.machines:
            known = ", ".join(sorted(self.machines))
            raise PriceError(
                f"no price for {name}, only for {known}: give a table of your own with "
                "--prices FILE or RECSYS_PRICES"
            )
        return self.machines[name]


def read_prices(path: Path | None = None) -> Prices:
    """The table in a file, or the packaged one.

    Raises:
        PriceError: the file cannot be read, or is no such table.
    """
    file = path or PACKAGED
    try:
        return Prices.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PriceError(f"{file}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise PriceError(f"{file}: {field}: {first['msg']}") from error
