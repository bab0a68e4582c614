"""Publications: the lists, where services look them up and where analysts ask for them."""

import hashlib
from typing import Any

import dagster as dg

from recsys_assets.assets.materialize import OWNERS, WRITES_LAKE
from recsys_assets.assets.transient import retried
from recsys_assets.contracts.features import MOVIE_FEATURES
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.delivery.lookup import documents_of, publish
from recsys_assets.lake.damage import damage_in_words
from recsys_assets.lake.tables import Lake
from recsys_assets.resources.delivery import Delivery
from recsys_assets.resources.storage import Storage


def version_of(lake: Lake) -> str:
    """Name of the version of ``top_k`` that is published; other files give other names.

    A table that came back from a copy gives its numbers out again, and so does one made anew.
    """
    table = lake.open(TOP_K)
    files = "\n".join(sorted(table.get_add_actions().column("path").to_pylist()))
    return f"{table.version():010d}-{hashlib.sha256(files.encode()).hexdigest()[:8]}"


@dg.asset(
    group_name="delivery",
    deps=[TOP_K, MOVIE_FEATURES],
    kinds={"table"},
    owners=OWNERS,
    pool=WRITES_LAKE,
)
@damage_in_words()
def lookup_lists(
    context: dg.AssetExecutionContext, storage: Storage, delivery: Delivery
) -> dg.MaterializeResult[Any]:
    """Each user's list in the lookup store; readers go from one version to the next, all at once.

    `recsys publications --roll-back lookup` lets them see the version before again.
    """
    lake = storage.lake
    with retried(context), storage.alone(context):
        version = version_of(lake)
        titles = lake.scan(MOVIE_FEATURES).select("item", "title").collect()
        lists = lake.scan(TOP_K).collect()
        done = publish(delivery.lookup_store(), version, documents_of(lists, titles))
    return dg.MaterializeResult(
        metadata={
            "store": delivery.lookup,
            "version": version,
            "new to readers": done.moved,
            "documents written": done.written.documents,
            "request units": done.written.request_units,
            "times asked to wait": done.written.retries,
        }
    )


@dg.asset(group_name="delivery", deps=[TOP_K], kinds={"sql"}, owners=OWNERS, pool=WRITES_LAKE)
@damage_in_words()
def warehouse_lists(
    context: dg.AssetExecutionContext, storage: Storage, delivery: Delivery
) -> dg.MaterializeResult[Any]:
    """Each user's list as rows of ``recsys.top_k`` in the warehouse, replaced in one transaction.

    `recsys publications --roll-back warehouse` brings the rows before back.
    """
    lake = storage.lake
    with retried(context), storage.alone(context), delivery.warehouse() as warehouse:
        version, rows = version_of(lake), lake.scan(TOP_K).collect()
        new = warehouse.publish(TOP_K, rows, version)
    return dg.MaterializeResult(
        metadata={"version": version, "new to readers": new, "dagster/row_count": rows.height}
    )


publication_assets = [lookup_lists, warehouse_lists]
"""Where published lists go."""
