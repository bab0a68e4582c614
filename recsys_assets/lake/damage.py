"""Errors that say a table itself is damaged: a file of it is cut off, gone, or rubbish.

Libraries say this in many ways. Polars panics where a Parquet file is shorter than its metadata
promise, which is no `Exception` and would end a whole process without a word.
"""

from polars.exceptions import PanicException

UNREADABLE = (Exception, PanicException)
"""What reading a table may raise, a damaged one included."""

_WORDS = (
    "file out of specification",
    "encoded schema stored in arrow:schema",
    "is not a parquet file",
    "could not read footer",
    "invalid json in log",
)


def damage_of(error: BaseException) -> str | None:
    """What is damaged, in words; None where the error is about something else."""
    text = str(error)
    if isinstance(error, FileNotFoundError) and ".parquet" in text:
        return f"table damaged: a data file is gone: {text}"
    if isinstance(error, PanicException) or any(words in text.lower() for words in _WORDS):
        return f"table damaged: a file of it cannot be read: {text}"
    return None
