"""Delivery: what leaves the platform once the tables are published."""

import hashlib
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from recsys_assets.assets.materialize import OWNERS, WRITES_LAKE
from recsys_assets.assets.transient import retried
from recsys_assets.contracts.features import MOVIE_FEATURES
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.kernels.titles import without_year
from recsys_assets.lake.damage import damage_in_words
from recsys_assets.lake.tables import Lake
from recsys_assets.resources.digests import Digest, Digests, Movie
from recsys_assets.resources.digests.subscriptions import subscribed
from recsys_assets.resources.storage import Storage


class DigestConfig(dg.Config):
    """What can be set in the launchpad."""

    dry_run: bool = Field(default=False, description="Render a few digests, send none.")
    min_hours: float = Field(default=20.0, description="Least hours between two mails to a user.")


@dg.asset(
    group_name="delivery",
    deps=[TOP_K, MOVIE_FEATURES],
    kinds={"email"},
    owners=OWNERS,
    pool=WRITES_LAKE,
)
@damage_in_words()
def digests(
    context: dg.AssetExecutionContext, config: DigestConfig, storage: Storage, mailer: Digests
) -> dg.MaterializeResult[Any]:
    """Mails with each subscriber's recommendations: to nobody the same list twice."""
    with retried(context):
        return dg.MaterializeResult(metadata=_send_digests(context, config, storage, mailer))


def _send_digests(
    context: dg.AssetExecutionContext, config: DigestConfig, storage: Storage, mailer: Digests
) -> dict[str, Any]:
    """Send what can be sent, or render it; what there is to say of it."""
    lake = storage.lake
    found = list(digests_of(lake, mailer))
    figures: dict[str, Any] = {"subscribers with a list": len(found)}
    if config.dry_run or not mailer.can_send or not found:
        if not (config.dry_run or mailer.can_send):
            context.log.info(
                "Nothing is sent unless RECSYS_SMTP_HOST, RECSYS_DIGEST_SENDER, RECSYS_PUBLIC_URL"
                " and RECSYS_UNSUBSCRIBE_KEY are set."
            )
        pages = mailer.render(found) if config.dry_run else []
        return {**figures, "sent": 0, **{f"page {n}": str(p) for n, p in enumerate(pages, 1)}}
    report = mailer.send(found, config.min_hours)
    unknown = mailer.ledger.unknown((digest.publication, digest.user) for digest in found)
    return {
        **figures,
        "sent": report.sent,
        "had it already": report.silent,
        "refused for now": report.waiting,
        "addresses set apart": len(report.bounced),
        "unknown, not sent again": unknown,
    }


def digests_of(lake: Lake, mailer: Digests) -> Iterator[Digest]:
    """The digest of every subscriber who has a list."""
    lists = lake.scan(TOP_K).select("user", "rank", "item", "reason").collect()
    people = subscribed(lake)
    rows = lists.join(people, on="user").sort("user", "rank")
    if lake.exists(MOVIE_FEATURES):
        known = lake.scan(MOVIE_FEATURES).select("item", "title", "year").collect()
        rows = rows.join(known, on="item", how="left")
    else:
        rows = rows.with_columns(title=pl.lit(None, pl.String), year=pl.lit(None, pl.Int32))
    for (user, address), of_user in rows.sort("user", "rank").group_by(
        ["user", "address"], maintain_order=True
    ):
        yield Digest(
            publication=hashlib.sha256(of_user["item"].to_numpy().tobytes()).hexdigest()[:16],
            user=user,
            address=address,
            movies=[_movie(row) for row in of_user.iter_rows(named=True)],
            unsubscribe=mailer.link(user),
        )


def _movie(row: dict[str, Any]) -> Movie:
    title = row["title"] or f"movie {row['item']}"
    plain = without_year(title) if row["year"] else title
    return Movie(title=plain, year=row["year"], reason=row["reason"])


delivery_assets = [digests]
"""What is delivered."""
