"""A damaged data file fails the check that reads it, and ends neither its process nor its run."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from recsys_assets.assets.steps import CONTRACTS
from recsys_assets.automation.causes import kind_of_check
from recsys_assets.checks import CHECKS
from recsys_assets.checks.features import pairs_are_unique, rated_movies_are_known
from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.steps.tables import write_interactions


@pytest.fixture
def storage(home: Home) -> Storage:
    found = Storage(home=str(home.root))
    write_interactions(found.lake, [(n, 1, 3.0, 1, "train") for n in range(1, 200)])
    return found


def only_file(storage: Storage, table: str) -> Path:
    (path,) = Path(storage.lake.uri(table)).rglob("*.parquet")
    return path


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(b"PAR1" + bytes(path.stat().st_size - 4)),
    "rubbish within": lambda path: path.write_bytes(
        path.read_bytes()[:-60] + b"\xff" * 52 + path.read_bytes()[-8:]
    ),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_fails_the_check_in_words(storage: Storage, how: str) -> None:
    assert pairs_are_unique(storage).passed
    DAMAGE[how](only_file(storage, "interactions"))
    result = pairs_are_unique(storage)
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.ERROR
    assert result.description.startswith("table damaged: ")
    assert kind_of_check("pairs_are_unique", result.description) == "table-damaged"


def test_the_run_goes_on_past_a_check_that_does_not_block(storage: Storage) -> None:
    movies = pl.DataFrame({"item": list(range(500))})
    storage.lake.write_frame(movies, "movie_features")
    DAMAGE["cut off"](only_file(storage, "movie_features"))

    @dg.asset
    def movie_features() -> None: ...

    result = dg.materialize(
        [movie_features, rated_movies_are_known], resources={"storage": storage}
    )
    (evaluation,) = result.get_asset_check_evaluations()
    assert result.success and not evaluation.passed
    assert "table damaged" in (evaluation.description or "")


def test_other_errors_stay_errors() -> None:
    @table_check(asset="a")
    def mistaken() -> dg.AssetCheckResult:
        """Never right."""
        raise KeyError("model")

    with pytest.raises(KeyError):
        mistaken()


def test_every_check_is_guarded() -> None:
    assert all("guarded" in check.op.compute_fn.decorated_fn.__code__.co_name for check in CHECKS)


OTHERWISE_CALLED = [
    (asset, check)
    for check in CHECKS
    for asset in [next(iter(check.check_keys)).asset_key.to_user_string()]
    if asset in CONTRACTS and CONTRACTS[asset][0] != asset
]


def test_checks_of_assets_that_are_not_called_like_their_table() -> None:
    named = {(asset, key.name) for asset, check in OTHERWISE_CALLED for key in check.check_keys}
    assert {("rating_drift", "ratings_hold_still"), ("als_model", "keeps_contract")} < named


@pytest.mark.parametrize(("asset", "check"), OTHERWISE_CALLED)
def test_such_a_check_says_whose_table_it_is_of_a_damaged_one_too(
    storage: Storage, asset: str, check: dg.AssetChecksDefinition
) -> None:
    table, model = CONTRACTS[asset]
    schema = polars_schema(model)
    values = {name: [None, None] for name in schema} | {"dataset": ["ratings", "clicks"]}
    rows = pl.DataFrame({name: values[name] for name in schema}, schema)
    storage.lake.write_frame(rows, table)
    assert check(storage).metadata["table"].value == table
    DAMAGE["gone"](only_file(storage, table))
    result = check(storage)
    assert "table damaged" in result.description
    assert result.metadata["table"].value == table
