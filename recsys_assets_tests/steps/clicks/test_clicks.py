"""The click path from landed files to an evaluated model, on a real Spark session."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pandera.polars import DataFrameModel
from polars.testing import assert_frame_equal
from pydantic import BaseModel
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import log_loss

from recsys_assets.contracts.click_tables import (
    CLICK_EFFECTS,
    CLICK_ENCODER,
    CLICK_EVALUATION,
    CLICK_FEATURES,
    CLICK_MODEL,
    ClickEffects,
    ClickEncoder,
    ClickEvaluation,
    ClickFeatures,
    ClickModelTable,
)
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.home import Home
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import click_probability
from recsys_assets.kernels.click_fit import fit_clicks
from recsys_assets.kernels.click_folds import FOLD, assign_folds
from recsys_assets.kernels.encode import Encoder, encode, feature_names
from recsys_assets.lake.spark_files import read_table
from recsys_assets.registry.click_files import read_encoder
from recsys_assets.steps.clicks import features as features_module
from recsys_assets.steps.clicks.boosting import boost
from recsys_assets.steps.clicks.evaluation import evaluate_click_model
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks
from recsys_assets.steps.clicks.model import ClickModelParams, train_click_model
from recsys_assets.steps.clicks.parts import Part, cut_blocks
from recsys_assets.steps.clicks.scores import feature_parts, score
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.session import Session, Step
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.criteo import click_batches

ROWS = 6_000
EARLY, LATE = datetime.date(2026, 1, 2), datetime.date(2026, 1, 10)
ENCODING = EncodingParams(min_count=3, smoothing=20.0)
BOOSTING = ClickModelParams(trees=30, leaves=8, min_data_in_leaf=50)


@pytest.fixture(scope="module")
def logged() -> pl.DataFrame:
    """Rows in the order of time."""
    return next(click_batches(ROWS, 11))


@pytest.fixture(scope="module")
def trained(
    spark: SparkSession, logged: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Session:
    """A home in which the whole click path has run."""
    home = Home(root=tmp_path_factory.mktemp("clicks"))
    home.prepare()
    session = Session(
        spark, home.lake, home.landing_zone, home.registry, "test-run", reports=home.reports
    )
    # The later drop lands first, in two files: neither landing nor folders give the order of time.
    land(session, logged[4_000:5_000], LATE, "a.tsv")
    land(session, logged[5_000:], LATE, "b.tsv")
    land(session, logged[:4_000], EARLY, "c.tsv")
    validate(session)
    assert not encode_clicks(session, ENCODING).failed
    assert not train_click_model(session, BOOSTING).failed
    return session


def land(session: Session, rows: pl.DataFrame, date: datetime.date, name: str) -> None:
    path = Path(session.lake.root).parent / name
    rows.write_csv(path, separator="\t", include_header=False)
    session.landing.land(path, "clicks", date)


def validate(session: Session) -> None:
    # Small chunks cut every file into several parts of the table.
    params = ValidationParams(dataset="clicks", dates=[LATE, EARLY], chunk_bytes=200_000)
    assert not validate_drops(session, params).failed


def encoder_of(session: Session) -> Encoder:
    tables = (session.lake.scan(table).collect() for table in (CLICK_ENCODER, CLICK_EFFECTS))
    return read_encoder(*tables)


def model_of(session: Session) -> tuple[str, Blend]:
    row = session.lake.scan(CLICK_MODEL).collect().row(0, named=True)
    return row["booster"], Blend(*(row[f"blend_{name}"] for name in Blend._fields))


def features_of(session: Session, split: str) -> pl.DataFrame:
    files = [part.path for part in feature_parts(session, split)]
    return pl.concat([pl.read_parquet(file) for file in files])


def test_parts_of_the_split_follow_one_another_in_time(
    trained: Session, logged: pl.DataFrame
) -> None:
    start = 0
    for split, rows in (("train", 4_800), ("validation", 600), ("test", 600)):
        features = features_of(trained, split)
        assert features[LABEL].to_list() == logged[LABEL][start : start + rows].to_list()
        numbers = logged.slice(start, rows).select(pl.col(NUMBERS).cast(pl.Float32))
        assert_frame_equal(features.select(NUMBERS), numbers)
        start += rows


def test_workers_encode_as_the_kernel_does(trained: Session, logged: pl.DataFrame) -> None:
    encoder = encoder_of(trained)
    folds = assign_folds(0, 4_800, ENCODING.folds, ENCODING.seed)
    train = encode(logged[:4_800].with_columns(folds), encoder, FOLD)
    assert_frame_equal(
        features_of(trained, "train").select(feature_names()), train, check_exact=True
    )
    test = encode(logged[5_400:], encoder)
    assert_frame_equal(features_of(trained, "test").select(feature_names()), test, check_exact=True)


def test_tables_keep_their_contracts(trained: Session) -> None:
    evaluate_click_model(trained, NoParams())
    contracts: dict[str, type[DataFrameModel]] = {
        CLICK_ENCODER: ClickEncoder,
        CLICK_EFFECTS: ClickEffects,
        CLICK_FEATURES: ClickFeatures,
        CLICK_MODEL: ClickModelTable,
        CLICK_EVALUATION: ClickEvaluation,
    }
    for table, contract in contracts.items():
        contract.validate(trained.lake.scan(table).collect())
        read = read_table(trained.lake, trained.spark, table)
        assert read.count() == trained.lake.open(table).count()


def test_the_model_beats_the_constant(trained: Session) -> None:
    report = evaluate_click_model(trained, NoParams())
    table = trained.lake.scan(CLICK_EVALUATION).collect()
    rows = table.select("model", "metric", "value").iter_rows()
    figures = {(model, metric): value for model, metric, value in rows}
    assert figures[CLICK_MODEL, "auc"] > 0.6
    assert figures["constant", "auc"] == 0.5
    assert figures[CLICK_MODEL, "logloss"] < figures["constant", "logloss"]
    assert figures[CLICK_MODEL, "ece"] < 0.1
    rate = features_of(trained, "train")[LABEL].to_numpy().mean()
    test = features_of(trained, "test")[LABEL].to_numpy()
    entropy = -(test * np.log(rate) + (1 - test) * np.log(1 - rate)).mean()
    assert figures["constant", "logloss"] == pytest.approx(entropy)
    titles = {"ROC", "Lift", "Precision and recall", "Calibration", "Score distribution"}
    assert set(report.plots) == titles | {"Feature importance", "SHAP summary"}
    page = Path(report.links["Report page"]).read_text(encoding="utf-8")
    assert all(f'alt="{title}"' in page for title in report.plots)
    assert all(png.startswith(b"\x89PNG") for png in report.plots.values())


def test_workers_score_in_the_order_of_the_rows(trained: Session) -> None:
    text, blend = model_of(trained)
    scores = score(trained, text, feature_parts(trained, "test"))
    features = features_of(trained, "test")
    assert scores.label.tolist() == features[LABEL].to_list()
    expected = click_probability(BoostedTrees(text), features, blend)
    assert np.array_equal(scores.probability(blend), expected)


def test_the_trees_after_the_least_validation_loss_are_cut_off(trained: Session) -> None:
    grown = boost(training_rows(trained), BOOSTING)
    row = trained.lake.scan(CLICK_MODEL).collect().row(0, named=True)
    features = features_of(trained, "validation")
    label = features[LABEL].to_numpy()
    matrix = features.select(feature_names()).to_numpy()
    booster = BoostedTrees(grown).booster
    losses = [
        log_loss(label, booster.predict(matrix, num_iteration=trees))
        for trees in range(1, BOOSTING.trees + 1)
    ]
    assert row["trees"] == int(np.argmin(losses)) + 1
    kept = click_probability(BoostedTrees(row["booster"]), features)
    assert np.array_equal(kept, booster.predict(matrix, num_iteration=row["trees"]))


def training_rows(session: Session) -> DataFrame:
    return read_table(session.lake, session.spark, CLICK_FEATURES).filter("split = 'train'")


def test_synapse_native_and_served_models_agree(trained: Session, logged: pl.DataFrame) -> None:
    from synapse.ml.lightgbm import LightGBMClassificationModel

    text, blend = model_of(trained)
    native = click_probability(BoostedTrees(text), features_of(trained, "test"), blend)
    raw = logged[5_400:].select(pl.col(NUMBERS).cast(pl.Float64), *CATEGORIES).to_pandas()
    served = pd.DataFrame(trained.registry.load(CLICK_MODEL, "challenger").predict(raw))
    assert served["probability"].to_numpy() == pytest.approx(native, abs=1e-12)

    synapse = LightGBMClassificationModel.loadNativeModelFromString(text)
    names = feature_names()
    assembler = VectorAssembler(inputCols=names, outputCol="features", handleInvalid="keep")
    paths = [part.path for part in feature_parts(trained, "test")]
    scored = synapse.transform(assembler.transform(trained.spark.read.parquet(*paths)))
    rows = scored.select("probability", *names).toPandas()
    theirs = np.array([vector[1] for vector in rows["probability"]])
    ours = click_probability(BoostedTrees(text), pl.from_pandas(rows[names]))
    assert theirs == pytest.approx(ours, abs=1e-6)


def test_one_process_learns_what_the_assets_learn(trained: Session, logged: pl.DataFrame) -> None:
    """Same encoder to the digit; trees of native LightGBM instead of SynapseML's."""
    parts = (logged[:4_800], logged[4_800:5_400])
    fitted = fit_clicks(*parts, ENCODING, BOOSTING.native(), BOOSTING.trees)
    encoder = encoder_of(trained).without_folds()
    assert_frame_equal(fitted.encoder.statistics, encoder.statistics)
    test = logged[5_400:]
    assert_frame_equal(encode(test, fitted.encoder), encode(test, encoder), abs_tol=1e-5)
    text, blend = model_of(trained)
    theirs = click_probability(BoostedTrees(text), features_of(trained, "test"), blend)
    ours = fitted.probability(test)
    assert np.abs(ours - theirs).mean() < 0.01
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99


def test_mlflow_knows_how_the_model_came_to_be(trained: Session) -> None:
    logged_model = trained.registry.find(CLICK_MODEL, "challenger")
    run = trained.registry.client().get_run(logged_model.mlflow_run_id)
    assert run.data.params["leaves"] == "8"
    assert run.data.params["smoothing"] == "20.0"
    assert 0.6 < run.data.metrics["validation_auc"] < 1
    assert run.data.tags["table/click_features"] == str(trained.lake.version(CLICK_FEATURES))
    curve = trained.registry.client().get_metric_history(run.info.run_id, "validation_logloss")
    assert len([point for point in curve if point.step]) == 30


def test_the_same_clicks_give_the_same_tables(
    trained: Session, logged: pl.DataFrame, session: Session
) -> None:
    land(session, logged[:4_000], EARLY, "c.tsv")
    land(session, logged[4_000:5_000], LATE, "a.tsv")
    land(session, logged[5_000:], LATE, "b.tsv")
    validate(session)
    encode_clicks(session, ENCODING)
    train_click_model(session, BOOSTING)
    encoders = [s.lake.scan(CLICK_ENCODER).collect() for s in (session, trained)]
    assert_frame_equal(*encoders, check_row_order=False)
    for split in ("train", "validation", "test"):
        assert_frame_equal(features_of(session, split), features_of(trained, split))
    models = [s.lake.scan(CLICK_MODEL).collect() for s in (session, trained)]
    assert_frame_equal(models[0], models[1])


def test_a_run_that_dies_while_it_encodes_leaves_the_encoder_of_the_features(
    trained: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = (CLICK_ENCODER, CLICK_EFFECTS, CLICK_FEATURES)
    before = [trained.lake.version(table) for table in tables]

    def die(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(features_module, "write_features", die)
    with pytest.raises(MemoryError):
        encode_clicks(trained, ENCODING.model_copy(update={"smoothing": 5.0}))
    assert [trained.lake.version(table) for table in tables] == before


def test_a_block_ends_where_a_file_a_part_or_a_full_block_ends() -> None:
    parts = [Part("one", 50, "2026-01-01"), Part("two", 50, "2026-01-02")]
    blocks = cut_blocks(parts, (0.8, 0.1), 40)
    cuts = [(b.path, b.offset, b.rows, b.first, b.split) for b in blocks]
    assert cuts == [
        ("one", 0, 40, 0, "train"),
        ("one", 40, 10, 40, "train"),
        ("two", 0, 30, 50, "train"),
        ("two", 30, 10, 80, "validation"),
        ("two", 40, 10, 90, "test"),
    ]


STEPS: list[tuple[Step, BaseModel]] = [
    (encode_clicks, ENCODING),
    (train_click_model, BOOSTING),
    (evaluate_click_model, NoParams()),
]


@pytest.mark.parametrize(("step", "params"), STEPS)
def test_nothing_is_done_before_clicks_land(
    session: Session, step: Step, params: BaseModel
) -> None:
    report = step(session, params)
    assert "or, where they have landed, make all that comes before" in report.skipped
    assert not report.failed
    assert not Path(session.lake.root).exists() or not session.lake.names()


def test_too_few_clicks_fail_with_a_word_on_what_to_do(
    session: Session, logged: pl.DataFrame
) -> None:
    land(session, logged[:500], EARLY, "few.tsv")
    validate(session)
    report = encode_clicks(session, ENCODING)
    assert report.failed.startswith("only 500 clicks of at least 1000")
    for step, params in STEPS[1:]:
        assert "does not exist yet" in step(session, params).failed
    assert not session.lake.exists(CLICK_FEATURES)


def test_a_log_without_clicks_fails(session: Session, logged: pl.DataFrame) -> None:
    land(session, logged.filter(pl.col(LABEL) == 0), EARLY, "none.tsv")
    validate(session)
    assert "have the label 0" in encode_clicks(session, ENCODING).failed
    assert not session.lake.exists(CLICK_FEATURES)


def test_a_validation_part_of_one_label_fails(session: Session, logged: pl.DataFrame) -> None:
    label = pl.when(pl.int_range(pl.len()) >= 4_800).then(1).otherwise(pl.col(LABEL))
    land(session, logged.with_columns(label.cast(pl.Int8).alias(LABEL)), EARLY, "late.tsv")
    validate(session)
    assert not encode_clicks(session, ENCODING).failed
    assert "validation part have the label 1" in train_click_model(session, BOOSTING).failed


def test_the_number_of_leaves_follows_the_number_of_rows() -> None:
    leaves = [ClickModelParams().for_rows(rows).leaves for rows in (1_000, 40_000, 45_000_000)]
    assert leaves == [6, 6, 31]
    assert ClickModelParams(leaves=31).for_rows(1_000).leaves == 31
    with pytest.raises(ValueError, match="for_rows"):
        ClickModelParams().native()


def test_few_trees_leave_no_plot_and_a_model(session: Session) -> None:
    # Nothing tells the rows apart, so no tree has a split; of one tree there is no curve.
    rows = next(click_batches(1_200, 3)).with_columns(
        *(pl.lit(None).alias(name) for name in (*NUMBERS, *CATEGORIES))
    )
    land(session, rows[:600], EARLY, "a.tsv")
    land(session, rows[600:], LATE, "b.tsv")
    validate(session)
    assert not encode_clicks(session, ENCODING).failed
    report = train_click_model(session, ClickModelParams(trees=1))
    assert "no plot of learning curve" in report.figures
    assert report.rows == {CLICK_MODEL: 1}
    found = evaluate_click_model(session, NoParams())
    assert not found.failed
