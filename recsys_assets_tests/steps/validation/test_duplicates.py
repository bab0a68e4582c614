from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys_assets.steps.validation.duplicates import find_doubles

ROW = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
SCHEMA = {"user": pl.Int32, "item": pl.Int32, "age": pl.Int64}


def write(folder: Path, parts: list[list[tuple[int, int, int]]]) -> list[Path]:
    paths = [folder / f"{n}.arrow" for n in range(len(parts))]
    for path, rows in zip(paths, parts, strict=True):
        pl.DataFrame(rows, SCHEMA, orient="row").write_ipc(path)
    return paths


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(ROW, max_size=5), min_size=1, max_size=4), st.booleans())
def test_of_each_key_the_latest_row_stays(
    tmp_path: Path, parts: list[list[tuple[int, int, int]]], aged: bool
) -> None:
    doubles = find_doubles(write(tmp_path, parts), ("user", "item"), "age" if aged else None)
    arrived = [
        ((age if aged else 0, part, row), (user, item))
        for part, rows in enumerate(parts)
        for row, (user, item, age) in enumerate(rows)
    ]
    kept = {key: order for order, key in sorted(arrived)}
    lost = [
        order[1:] for order, key in sorted(arrived, key=lambda a: a[0][1:]) if order != kept[key]
    ]
    assert [(part, row) for part in sorted(doubles) for row in doubles[part]] == lost


def test_keys_differ_in_either_column_up_to_the_largest_number(tmp_path: Path) -> None:
    top = 2**31 - 1
    paths = write(tmp_path, [[(1, top, 1), (2, 1, 1), (top, 1, 1), (top, top, 1), (1, 2, 1)]])
    assert find_doubles(paths, ("user", "item"), "age") == {}
    assert find_doubles(paths, ("user",), None) == {0: [0, 2]}
