"""The account of files, whole: a row for each file that ever landed, a data file for each drop.

Sensors ask for it twice a minute, and it changes a few times a day. So a process reads its data
files once; from then on it reads the log, and the data files again when the log names others.
"""

import polars as pl

from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.lake.tables import Lake

_read: dict[str, tuple[frozenset[str], pl.DataFrame]] = {}
"""Address of an account → its data files, which never change, and their rows."""


def account_of_files(lake: Lake) -> pl.DataFrame:
    """All rows of the account; none where nothing has been validated yet."""
    if not lake.exists(FILES):
        return pl.DataFrame(schema=polars_schema(Files))
    delta = lake.open(FILES)
    paths = frozenset(delta.file_uris())
    known, rows = _read.get(delta.table_uri, (None, None))
    if rows is None or known != paths:
        rows = pl.scan_delta(delta).collect()
        _read[delta.table_uri] = paths, rows
    return rows
