import pandera.polars as pandera
import polars as pl
import pyarrow as pa
import pytest

from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.clicks import CATEGORIES, NUMBERS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.files import Files, Quarantine
from recsys_assets.contracts.schema import arrow_schema, plain_schema, polars_schema

ALL = pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)


@ALL
def test_a_data_set_is_whole(dataset: Dataset) -> None:
    columns = polars_schema(dataset.model)
    assert DATASETS[dataset.name] is dataset
    assert set(dataset.key) <= set(columns)
    assert dataset.latest is None or dataset.latest in columns
    assert all(columns[name] == pl.Int32 for name in dataset.key)
    assert dataset.model.__doc__
    for name, column in dataset.model.to_schema().columns.items():
        assert column.description, name


@ALL
def test_every_form_leads_to_the_columns_of_the_contract(dataset: Dataset) -> None:
    columns = set(polars_schema(dataset.model))
    for dialect in dataset.dialects:
        assert len(set(dialect.fields)) == len(dialect.fields)
        assert not dialect.header or len(dialect.header) == len(dialect.fields)
        assert dialect.derive is not None or set(dialect.fields) == columns
    names = [dialect.name for dialect in dataset.dialects]
    assert len(set(names)) == len(names)


def test_clicks_are_criteos_forty_columns() -> None:
    assert list(polars_schema(DATASETS["clicks"].model)) == ["label", *NUMBERS, *CATEGORIES]
    assert (len(NUMBERS), len(CATEGORIES)) == (13, 26)


def test_delta_holds_a_contract_in_types_that_spark_knows() -> None:
    assert arrow_schema(DATASETS["ratings"].model) == pa.schema(
        {"user": pa.int32(), "item": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
    )
    assert arrow_schema(Quarantine).field("rules").type == pa.list_(pa.string())
    assert arrow_schema(Files).field("drop_date").type == pa.date32()
    frame = pl.DataFrame({"text": ["x"], "lists": [[["y"]]]})
    assert plain_schema(frame).field("lists").type == pa.list_(pa.list_(pa.string()))
    assert plain_schema(frame).field("text").type == pa.string()


def test_the_account_of_files_states_its_law() -> None:
    row = {"dataset": "ratings", "drop_date": None, "file": "a", "size": 1, "form": None}
    row |= {"read": 3, "accepted": 2, "quarantined": 1, "rejected": False, "reasons": "{}"}
    good = pl.DataFrame([row | {"message": None}], polars_schema(Files)).with_columns(
        drop_date=pl.date(2026, 1, 30)
    )
    Files.validate(good)
    with pytest.raises(pandera.errors.SchemaError, match="every_line_is_accounted_for"):
        Files.validate(good.with_columns(read=pl.lit(4, pl.Int64)))
