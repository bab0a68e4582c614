"""The command that shows a user's recommendations."""

from typing import Annotated

import polars as pl
import typer

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import (
    NEWCOMERS,
    POPULAR_MOVIES,
    TOP_K,
    USER_SEGMENTS,
)
from recsys_assets.lake.tables import Lake

app = typer.Typer()


@app.command("recommend")
def recommend_command(
    user: Annotated[int, typer.Argument(help="Id of the user.")],
    k: Annotated[int, typer.Option(help="Movies to show at most.", min=1)] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show a user's published recommendations: titles, scores, reasons.

    A user without a list is shown the popular movies they have not rated, and told so.

    Example: recsys recommend 1
    """
    lake = deployment().home.lake
    rows = _personal(lake, user, k)
    known = bool(rows)
    if not known:
        rows = _popular(lake, user, k)
    if as_json:
        print_json({"user": user, "known": known, "recommendations": rows})
        return
    if not rows:
        console.print(f"user {user} has no list, and nothing is popular that they have not rated")
        return
    if not known:
        console.print(f"user {user} has no list; what is popular:")
    print_table(f"Recommendations for user {user}", rows)


def _personal(lake: Lake, user: int, k: int) -> list[dict[str, object]]:
    lists = lake.scan(TOP_K).filter((pl.col("user") == user) & (pl.col("rank") <= k))
    if lake.exists(MOVIE_FEATURES):
        titles = lake.scan(MOVIE_FEATURES).select("item", "title")
        lists = lists.join(titles, on="item", how="left")
    else:
        lists = lists.with_columns(title=pl.lit(None, pl.String))
    return (
        lists.sort("rank").select("rank", "item", "title", "score", "reason").collect().to_dicts()
    )


def _popular(lake: Lake, user: int, k: int) -> list[dict[str, object]]:
    """What newcomers rate, then what most people rated, without what the user has."""
    parts = []
    if lake.exists(USER_SEGMENTS):
        newcomers = lake.scan(USER_SEGMENTS).filter(segment=NEWCOMERS).sort("rank")
        parts.append(newcomers.select("item", "title", pl.col("score").cast(pl.Float64), "reason"))
    if lake.exists(POPULAR_MOVIES):
        best = lake.scan(POPULAR_MOVIES).sort("popularity_rank")
        score = pl.col("rating_count").cast(pl.Float64)
        reason = pl.lit("popular with everybody")
        parts.append(best.select("item", "title", score=score, reason=reason))
    if not parts:
        return []
    rows = pl.concat(parts).unique("item", keep="first", maintain_order=True)
    if lake.exists(INTERACTIONS):
        # Who rated nearly everything, or came after the lists were made, has none.
        seen = lake.scan(INTERACTIONS).filter(user=user)
        rows = rows.join(seen, on="item", how="anti", maintain_order="left")
    return rows.head(k).with_row_index("rank", offset=1).collect().to_dicts()
