import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recsys_assets.kernels.metrics.segments import HEAD_SHARE, long_tail_items, user_segments
from recsys_assets_tests.kernels.metrics.properties import quick

counts = st.lists(st.integers(0, 9), min_size=1, max_size=25)


def rows(of_each: list[int], column: str) -> pl.DataFrame:
    ids = [n for n, count in enumerate(of_each, 1) for _ in range(count)]
    return pl.DataFrame({column: ids}, schema={column: pl.Int32})


def test_segments_by_hand() -> None:
    train = rows([5, 0, 1, 9, 3], "user")
    found = user_segments(train, pl.Series([1, 2, 3, 4, 5], dtype=pl.Int32))
    assert found.rows() == [
        (1, 5, "medium"),  # third of four
        (2, 0, "new"),
        (3, 1, "light"),  # first of four
        (4, 9, "heavy"),
        (5, 3, "medium"),
    ]


@quick
@given(of_each=counts)
def test_every_user_has_one_segment_and_quarters_are_quarters(of_each: list[int]) -> None:
    users = pl.Series(range(1, len(of_each) + 1), dtype=pl.Int32)
    found = user_segments(rows(of_each, "user"), users)
    assert found["user"].to_list() == users.to_list() and found["known"].to_list() == of_each
    sizes = dict(found.group_by("segment").len().iter_rows())
    known = sum(count > 0 for count in of_each)
    assert sizes.get("new", 0) == len(of_each) - known
    assert sizes.get("light", 0) == known // 4
    assert sizes.get("heavy", 0) == known - known * 3 // 4
    ordered = found.filter(pl.col("segment") != "new").sort("known")
    ends = ordered.group_by("segment", maintain_order=True).agg(
        least=pl.col("known").min(), most=pl.col("known").max()
    )
    most = {name: last for name, _, last in ends.iter_rows()}
    for name, least, _ in ends.iter_rows():
        if name == "heavy":
            assert all(least >= most[other] for other in ("light", "medium") if other in most)


def test_long_tail_by_hand() -> None:
    # 10 rows; items 2 and 1 hold 8 of them.
    assert long_tail_items(rows([3, 5, 1, 1], "item")).to_list() == [3, 4]


@quick
@given(of_each=counts.filter(any))
def test_the_head_holds_its_share_and_no_item_too_many(of_each: list[int]) -> None:
    train = rows(of_each, "item")
    tail = set(long_tail_items(train).to_list())
    head = [(count, item) for item, count in enumerate(of_each, 1) if count and item not in tail]
    held = sum(count for count, _ in head)
    assert held >= HEAD_SHARE * train.height
    assert held - min(count for count, _ in head) < HEAD_SHARE * train.height
