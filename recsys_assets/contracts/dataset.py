"""What the platform knows of a kind of file that arrives: its contract, its forms, its key."""

from dataclasses import dataclass

import pandera.polars as pa

from recsys_assets.kernels.delimited import Dialect


@dataclass(frozen=True)
class Dataset:
    """A data set that people land as files."""

    name: str
    """Its table, its folder in the landing zone and its word on the command line."""
    model: type[pa.DataFrameModel]
    """The contract of its rows."""
    dialects: tuple[Dialect, ...]
    """The published forms in which it arrives, the most specific first."""
    key: tuple[str, ...] = ()
    """Columns that name a row; empty where rows have no name."""
    latest: str | None = None
    """Among rows of one key, the one with the greatest value here is kept."""

    @property
    def is_catalogue(self) -> bool:
        """Whether of rows of one key those hold that landed last, for nothing in them is newer."""
        return bool(self.key) and self.latest is None
