"""Values that requests and answers are made of, with their limits."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from recsys_assets.kernels.click_fields import (
    CATEGORIES,
    CATEGORY_PATTERN,
    LEAST_NUMBER,
    MOST_NUMBER,
    NUMBERS,
)

LARGEST = 2**31 - 1
MOST_K = 100
Id = Annotated[int, Meta(ge=1, le=LARGEST)]
Arm = Literal["champion", "canary"]
Year = Annotated[int, Meta(ge=0, le=3000)]
Genre = Annotated[str, Meta(min_length=1, max_length=100)]
Excluded = Annotated[list[Id], Meta(max_length=1_000)]
K = Annotated[int, Meta(ge=1, le=MOST_K)]

_Number = Annotated[float, Meta(ge=LEAST_NUMBER, le=MOST_NUMBER)] | None
# The digits themselves are checked all at once, when they become numbers: that is far faster.
_DIGITS = Meta(min_length=8, max_length=8, extra_json_schema={"pattern": CATEGORY_PATTERN})
_Category = Annotated[str, _DIGITS] | None


def _fields(name: str, doc: str) -> type[Struct]:
    types = [*((n, _Number) for n in NUMBERS), *((c, _Category) for c in CATEGORIES)]
    columns = [(field, kind, None) for field, kind in types]
    made = msgspec.defstruct(
        name,
        columns,
        forbid_unknown_fields=True,
        gc=False,
        module=__name__,
        namespace={"__doc__": doc},
    )
    return made


ClickFields = _fields("ClickFields", "Fields of a click row; null or left out where missing.")
