"""Readers of Pipes messages that can be asked for them after a failed run, too."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_databricks.pipes import PipesUnityCatalogVolumesMessageReader

from recsys_assets.steps.remote import Answer


class _Kept:
    """Remembers where the messages of a reader go."""

    _handler: dg.PipesMessageHandler | None = None

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        """Read as the library does, and remember where the messages go."""
        self._handler = handler
        with super().read_messages(handler) as params:  # type: ignore[misc]
            yield params

    @property
    def answer(self) -> Answer:
        """What the step said last; neither report nor error as long as it has said nothing."""
        said = self._handler.get_custom_messages() if self._handler else ()
        return Answer.model_validate(said[-1]) if said else Answer()


class KeptVolumeMessages(_Kept, PipesUnityCatalogVolumesMessageReader):
    """Messages that come through a Unity Catalog volume."""


class KeptFileMessages(_Kept, dg.PipesTempFileMessageReader):
    """Messages that come through a file of this machine."""
