"""The catalogue of movies as item content: titles taken apart, genres listed."""

import polars as pl

from recsys_assets.kernels.recommenders.protocol import ItemContent
from recsys_assets.kernels.titles import YEAR


def item_content(movies: pl.DataFrame) -> ItemContent:
    """Rows of item, title, genres (separated by ``|``) as content, one for each item.

    Of two rows for one item the later is kept; a title without a year has none.
    """
    last = movies.unique("item", keep="last", maintain_order=True).sort("item")
    title = pl.col("title")
    year = title.str.extract(YEAR, 1).cast(pl.Float32)
    rows = last.select(
        "item",
        title=title.str.replace(YEAR, "").str.strip_chars(),
        year=pl.when(year.is_between(1870, 2100)).then(year),
        genres=pl.col("genres")
        .str.split("|")
        .list.unique(maintain_order=True)
        .list.filter((pl.element() != "") & ~pl.element().str.starts_with("(")),
    )
    return ItemContent(
        rows["item"].cast(pl.Int32).to_numpy(),
        rows["title"].to_list(),
        rows["year"].fill_null(float("nan")).to_numpy(),
        rows["genres"].to_list(),
    )
