"""A bundle on its way into its folder, and what goes into it beside the tables."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from recsys_assets.kernels.vectors import places_of
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry
from recsys_assets.serving.folder import BundleWriter


class ExportParams(BaseModel):
    """What goes into a bundle beside the tables."""

    segment_length: int = Field(default=200, ge=1)
    """Items of the list for everybody and of that for each genre."""
    example_users: int = Field(default=20, ge=1)
    """Users whose lists are embedded as examples."""
    example_clicks: int = Field(default=50, ge=1)
    """Rows of clicks that are embedded as examples."""


@dataclass
class Export:
    """A bundle on its way into its folder."""

    lake: Lake
    registry: ModelRegistry
    params: ExportParams
    writer: BundleWriter
    items: NDArray[np.int32] = field(default_factory=lambda: np.array([], np.int32))
    facts: dict[str, Any] = field(
        default_factory=lambda: {
            "models": {},
            "tables": {},
            "rows": {},
            "examples": {"lists": [], "clicks": [], "fold_in": []},
        }
    )

    def scan(self, table: str, empty: dict[str, Any]) -> pl.LazyFrame:
        """A table, and in the facts its version; where it does not exist, no rows."""
        if not self.lake.exists(table):
            return pl.LazyFrame(schema=empty)
        version = self.facts["tables"].setdefault(table, self.lake.version(table))
        return self.lake.scan(table, version).select(*empty)

    def places(self, items: pl.Series) -> NDArray[np.int64]:
        """Places of items in the catalogue, which holds all of them."""
        return places_of(items.to_numpy(), self.items)[0]
