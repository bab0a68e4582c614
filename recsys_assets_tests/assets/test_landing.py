"""Files of many drops that one run looks at are shown by drop."""

import datetime
import warnings

import dagster as dg

from recsys_assets.assets.landing import landing_assets
from recsys_assets.assets.partitions import range_tags
from recsys_assets.home import Home
from recsys_assets.resources.storage import Storage

DAY, NEXT_DAY = datetime.date(2026, 1, 30), datetime.date(2026, 1, 31)


def test_each_partition_shows_its_own_files(home: Home) -> None:
    for date, name, size in ((DAY, "ratings.csv", 40), (NEXT_DAY, "later.csv", 7)):
        folder = home.landing_zone.landing / "ratings" / date.isoformat()
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"x" * size)
    (landed,) = (a for a in landing_assets if a.key == dg.AssetKey(["landing", "ratings"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        job = dg.define_asset_job("landing", executor_def=dg.in_process_executor)
        resources = {"storage": Storage(home=str(home.root))}
        definitions = dg.Definitions(assets=[landed], jobs=[job], resources=resources)
        result = definitions.resolve_job_def("landing").execute_in_process(
            tags=range_tags([DAY, NEXT_DAY])
        )
    shown = {
        event.partition: event.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    assert set(shown) == {DAY.isoformat(), NEXT_DAY.isoformat()}
    for date, name, size in ((DAY, "ratings.csv", 40), (NEXT_DAY, "later.csv", 7)):
        facts = shown[date.isoformat()]
        assert (facts["files"].value, facts["bytes"].value) == (1, size)
        table = str(facts["Files"].value)
        assert name in table and table.count(".csv") == 1
