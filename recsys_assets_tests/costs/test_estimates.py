"""Estimates against arithmetic by hand, and tables of prices that can and cannot be used."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_assets.costs import (
    Lookup,
    PriceError,
    Serving,
    Training,
    estimate_lookup,
    estimate_month,
    estimate_run,
    estimate_serving,
    estimate_training,
    read_prices,
)
from recsys_assets.costs.prices import PACKAGED

PRICES = read_prices()
CRITEO = 45_800_000


def test_the_full_criteo_log_trains_in_minutes_on_ten_machines() -> None:
    run = estimate_training(PRICES, Training(rows=CRITEO, machine="Standard_L8s", machines=10))
    minutes = run.quantities["hours"] * 60
    # 5 min of start + 45.8 M / (25,000 rows per core and second x 80 cores x 0.5) = 46 s
    assert minutes == pytest.approx(5 + 45.8 / 60, rel=1e-6)
    assert run.quantities["vm_hours"] == pytest.approx(10 * minutes / 60)


def test_an_hour_a_day_on_twelve_machines() -> None:
    training = Training(rows=CRITEO, machine="Standard_L8s", machines=12, hours=1)
    run = estimate_training(PRICES, training)
    # 12 machine hours at 0.624, and 24 units at 0.30
    assert run.cost == pytest.approx(12 * 0.624 + 12 * 2.0 * 0.30) == pytest.approx(14.688)
    assert estimate_month(run).cost == pytest.approx(440.64)


def test_cosmos_costs_what_microsofts_example_says() -> None:
    # 1,000 RU/s for 720 hours cost 57.60 dollars
    month = PRICES.model_copy(update={"hours_per_month": 720})
    lookup = estimate_lookup(
        month, Lookup(users=0, requests_per_second=1_000, kilobytes=1, publish_hours=1)
    )
    assert lookup.quantities["ru_per_second"] == 1_000
    assert lookup.cost == pytest.approx(57.60)


def test_a_publication_adds_to_the_throughput_of_reads() -> None:
    lookup = Lookup(users=720_000, requests_per_second=100, kilobytes=1, publish_hours=1)
    estimate = estimate_lookup(PRICES, lookup)
    # 720,000 x 5.5 RU in 3,600 s = 1,100 RU/s, and 100 RU/s of reads
    assert estimate.quantities["ru_of_publication"] == 3_960_000
    assert estimate.quantities["ru_per_second"] == 1_200
    assert estimate.quantities["gigabytes"] == pytest.approx(1.44)


def test_replicas_follow_the_load_and_two_are_always_there() -> None:
    def replicas(load: float) -> float:
        serving = Serving(requests_per_second=load, machine="Standard_D3_v2")
        return estimate_serving(PRICES, serving).quantities["replicas"]

    assert [replicas(load) for load in (0, 60, 61, 120, 121, 600)] == [2, 2, 2, 2, 3, 10]


@given(machines=st.integers(1, 50), hours=st.floats(0.01, 100), factor=st.integers(2, 9))
def test_a_run_costs_in_proportion_to_machines_and_hours(
    machines: int, hours: float, factor: int
) -> None:
    once = estimate_run(PRICES, "Standard_D4ds_v5", machines, hours).cost
    longer = estimate_run(PRICES, "Standard_D4ds_v5", machines, hours * factor).cost
    wider = estimate_run(PRICES, "Standard_D4ds_v5", machines * factor, hours).cost
    assert longer == pytest.approx(factor * once) == pytest.approx(wider)


def test_the_packaged_table_says_where_it_is_from() -> None:
    assert len(PRICES.source) > 100 and PRICES.date.year >= 2026
    assert "Standard_D4ds_v5" in PRICES.machines  # the default of clusters


def test_a_table_of_ones_own_replaces_it_and_faults_name_file_and_field(tmp_path: Path) -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace('currency = "USD"', 'currency = "EUR"'), encoding="utf-8")
    assert read_prices(own).currency == "EUR"
    own.write_text(text.replace("dbu = 0.30", "dbu = -1"), encoding="utf-8")
    with pytest.raises(PriceError, match=r"own\.toml: dbu: .*greater than or equal to 0"):
        read_prices(own)
    own.write_text("not a table", encoding="utf-8")
    with pytest.raises(PriceError, match=r"own\.toml"):
        read_prices(own)
    with pytest.raises(PriceError, match="no-such-file"):
        read_prices(tmp_path / "no-such-file")
    with pytest.raises(PriceError, match=r"no price for Standard_X.*--prices"):
        PRICES.machine("Standard_X")
