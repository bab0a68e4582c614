"""Batch and service score alike: the same random rows through Spark's workers and over HTTP."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaError
from starlette.testclient import TestClient

from recsys_assets.contracts.click_tables import CLICK_FEATURES, CLICK_MODEL
from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL, NUMBERS, Clicks
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.click_fields import LEAST_NUMBER, MOST_NUMBER
from recsys_assets.kernels.code_table import code_table_of, encode_codes
from recsys_assets.kernels.encode import encode, feature_names
from recsys_assets.kernels.folding import FoldIn
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.serving.app import build_app
from recsys_assets.serving.clicks import raw_rows
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import promote
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks
from recsys_assets.steps.clicks.model import ClickModelParams, train_click_model
from recsys_assets.steps.clicks.scores import feature_parts, score
from recsys_assets.steps.session import Session
from recsys_assets_tests.serving.conftest import HERE, Platform
from recsys_assets_tests.serving.published import clicks, publish
from recsys_assets_tests.serving.test_arms import until

ENCODING = EncodingParams(smoothing=20, min_count=3, block_rows=1_000)
KNOWN = clicks(500)
VALUES = {name: KNOWN[name].drop_nulls().unique().sort().to_list()[:30] for name in CATEGORIES}
ROW = st.fixed_dictionaries(
    {
        **{n: st.none() | st.integers(LEAST_NUMBER, MOST_NUMBER) for n in NUMBERS},
        **{
            c: st.none() | st.sampled_from(VALUES[c]) | st.from_regex("[0-9a-f]{8}", fullmatch=True)
            for c in CATEGORIES
        },
    }
)


def test_spark_step_and_service_agree(session: Session, tmp_path: Path) -> None:
    """Random rows are the test part of a log that Spark encodes and scores."""
    rng = np.random.default_rng(5)
    random = pl.DataFrame(
        [_random_row(rng) for _ in range(300)],
        {name: dtype for name, dtype in polars_schema(Clicks).items() if name != LABEL},
    ).with_columns(pl.Series(LABEL, rng.integers(0, 2, 300), dtype=pl.Int8))
    logged = pl.concat([clicks(2_700), random.select(clicks(1).columns)], how="vertical_relaxed")
    rows = logged.cast(dict(polars_schema(Clicks))).with_columns(drop_date=pl.date(2026, 1, 1))
    session.lake.write_frame(rows, CLICKS.name, {DROP_DATE: "2026-01-01"})
    assert not encode_clicks(session, ENCODING).failed
    params = ClickModelParams(trees=10, leaves=8, learning_rate=0.2)
    assert not train_click_model(session, params).failed
    trained = session.lake.scan(CLICK_MODEL).collect().row(0, named=True)
    blend = Blend(*(trained[f"blend_{name}"] for name in Blend._fields))
    scores = score(session, trained["booster"], feature_parts(session, "test"))
    batch = scores.probability(blend)
    assert session.lake.exists(CLICK_FEATURES)

    home = Home(root=Path(session.lake.root).parent)
    publish(home)
    promote(home.bundles, write_bundle(home.lake, home.registry, home.bundles, ExportParams()))
    served = _served(home, tmp_path, random.select(*NUMBERS, *CATEGORIES).to_dicts())
    assert np.abs(np.array(served) - batch).max() < 1e-6


def _random_row(rng: np.random.Generator) -> dict[str, Any]:
    numbers = {
        n: None if rng.random() < 0.3 else int(rng.integers(LEAST_NUMBER, MOST_NUMBER + 1))
        for n in NUMBERS
    }
    drawn = {c: (rng.random(), f"{rng.integers(0, 2**32):08x}") for c in CATEGORIES}
    return numbers | {
        c: None if where < 0.2 else new if where < 0.5 else str(rng.choice(VALUES[c]))
        for c, (where, new) in drawn.items()
    }


def _served(home: Home, folder: Path, rows: list[dict[str, Any]]) -> list[float]:
    settings = ServiceSettings(bundles=home.bundles, feedback=folder, workers=1, rate=1e6)
    with TestClient(build_app(settings), HERE) as client:
        until(lambda: client.get("/ready").status_code == 200)
        found = []
        for row in rows:
            asked = {"candidates": [{"item": 1, "features": row}]}
            answer = client.post("/rank", json=asked).json()
            assert "ranked" in answer, answer
            found.append(answer["ranked"][0]["probability"])
        return found


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, min_size=1, max_size=8))
def test_both_ways_of_encoding_agree_bit_by_bit(
    platform: Platform, rows: list[dict[str, Any]]
) -> None:
    model = platform.home.registry.load(CLICK_MODEL).unwrap_python_model()
    types = {n: t for n, t in polars_schema(Clicks).items() if n != LABEL}
    batch = encode(pl.DataFrame(rows, types), model.encoder).select(feature_names())
    raw = raw_rows([[row[name] for name in (*NUMBERS, *CATEGORIES)] for row in rows])
    one = encode_codes(raw.numbers, raw.codes, raw.absent, code_table_of(model.encoder))
    np.testing.assert_array_equal(one, batch.to_numpy())


def test_a_folded_user_is_the_one_that_training_finds(platform: Platform) -> None:
    als = pytest.importorskip("recsys_assets.kernels.als")
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(2)
    factors = rng.normal(size=(50, 8)).astype(np.float32)
    rated = np.array([3, 10, 44])
    stars = np.array([5.0, 0.5, 3.0], np.float32)
    fold_in = FoldIn(np.arange(50, dtype=np.int32), factors, 0.6, 0.2)
    values = csr_matrix((stars, (np.zeros(3, int), rated)), shape=(1, 50))
    objective = als.Objective(8, 0.2, 0.6)
    trained = objective.solve(values, factors, np.zeros((1, 8), np.float32), 40)[0]
    np.testing.assert_allclose(fold_in.vector(rated, stars), trained, atol=1e-4)


@pytest.mark.parametrize("number", [LEAST_NUMBER - 1, LEAST_NUMBER, MOST_NUMBER, MOST_NUMBER + 1])
def test_the_service_takes_the_numbers_that_the_contract_takes(
    client: TestClient, number: int
) -> None:
    types = dict(polars_schema(Clicks))
    row = dict.fromkeys(types) | {LABEL: 0, "I1": number}
    try:
        Clicks.validate(pl.DataFrame([row], types))
        contract = True
    except (SchemaError, TypeError, OverflowError, pl.exceptions.PolarsError):
        contract = False
    asked = {"candidates": [{"item": 1, "features": {"I1": number}}]}
    assert (client.post("/rank", json=asked).status_code == 200) == contract
    assert contract == (LEAST_NUMBER <= number <= MOST_NUMBER)
