import datetime
from pathlib import Path

from recsys_assets.lake.withdrawals import withdraw
from recsys_assets.registry.champions import aliases
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks
from recsys_assets.steps.clicks.model import ClickModelParams, train_click_model
from recsys_assets.steps.clicks.parts import Part, Until, known_until
from recsys_assets.steps.clicks.promotion import ClickPromotionParams, decide_click_promotion
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.criteo import click_batches


def test_click_models_are_judged_by_the_same_clicks(session: Session, tmp_path: Path) -> None:
    assert decide_click_promotion(session, ClickPromotionParams()).skipped
    rows = next(click_batches(12_000, 11))
    for day, part in enumerate((rows.head(1_500), rows.tail(-1_500)), start=1):
        date, path = datetime.date(2026, 1, day), tmp_path / "clicks.txt"
        part.write_csv(path, separator="\t", include_header=False)
        session.landing.land(path, "clicks", date)
        validate_drops(session, ValidationParams(dataset="clicks", dates=[date]))
        encode_clicks(session, EncodingParams(min_count=3, smoothing=20.0))
        train_click_model(session, ClickModelParams(trees=30, leaves=8, min_data_in_leaf=50))
    report = decide_click_promotion(session, ClickPromotionParams(calibration_margin=0.5))
    row = session.lake.scan("click_promotion").collect().row(0, named=True)
    assert row["promoted"] and row["champion"] < row["challenger"] < 0
    assert report.tables["Guards"][0]["name"] == "ece"
    assert aliases(session.registry, "click_model") == {"champion": 2, "challenger": 2}
    again = decide_click_promotion(session, ClickPromotionParams())
    assert "nothing to decide" in str(again.figures["decision (click_model)"])


def test_nobody_is_judged_by_clicks_it_was_fitted_to(session: Session, tmp_path: Path) -> None:
    rows = next(click_batches(12_000, 11))
    path = tmp_path / "clicks.txt"
    for day, part in enumerate((rows.head(8_000), rows.tail(4_000)), start=1):
        part.write_csv(path, separator="\t", include_header=False)
        session.landing.land(path, "clicks", datetime.date(2026, 1, day))
    both = [datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)]
    for withdrawn in (False, True):
        if withdrawn:  # the test part now lies among what the champion was fitted to
            withdraw(session.landing, "clicks", both[1])
        validate_drops(session, ValidationParams(dataset="clicks", dates=both))
        encode_clicks(session, EncodingParams(min_count=3, smoothing=20.0))
        train_click_model(session, ClickModelParams(trees=5, leaves=8, min_data_in_leaf=50))
    report = decide_click_promotion(session, ClickPromotionParams())
    said = str(report.figures["decision (click_model)"])
    # Until 10,800 of 12,000; of these 8,000 are left.
    assert "fitted to every test row" in said and "on 2,800 clicks that were withdrawn" in said
    assert aliases(session.registry, "click_model") == {"champion": 1, "challenger": 2}
    # As they are where the champion does not know all rows that are left.
    tags = {"clicks/known_until": str(Until("2026-01-01", 7_000, 10_800))}
    run = session.registry.find("click_model", "champion").mlflow_run_id
    session.registry.client().set_tag(run, *next(iter(tags.items())))
    decide_click_promotion(session, ClickPromotionParams())
    row = session.lake.scan("click_promotion").collect().row(0, named=True)
    assert row["promoted"] and "on 3,800 clicks that were withdrawn since (by" in row["reason"]


def test_how_far_a_model_knows_the_clicks_survives_a_withdrawal() -> None:
    parts = [Part("a", 100, "2026-01-01"), Part("b", 50, "2026-01-02"), Part("c", 50, "2026-01-02")]
    until = known_until(parts, 170)
    assert Until.read(str(until)) == until == Until("2026-01-02", 70, 170)
    assert Until.read("2026-01-02 70") == Until("2026-01-02", 70)
    gone = [until.withdrawn(left) for left in (parts, parts[1:], parts[:1], [parts[0], parts[2]])]
    assert gone == [0, 100, 70, 20]
    assert until.position(parts) == 170
    assert until.position(parts[1:]) == 70
    later = [parts[0], Part("d", 30, "2026-01-03")]
    assert until.position(later) == 100
    nothing = known_until(parts, 0)
    assert Until.read(str(nothing)) == nothing and nothing.position(parts) == 0
