"""Estimates by the command, as docs/azure.md gives them."""

import json

import pytest

from recsys_assets_tests.conftest import Recsys


def test_the_documented_examples(recsys: Recsys) -> None:
    def costs(*words: str) -> list[float]:
        answer = json.loads(recsys("cost", "azure", "--json", *words).stdout)
        assert answer["prices"]["date"] and answer["prices"]["source"]
        return [estimate["cost"] for estimate in answer["estimates"]]

    assert costs("--vms", "10")[0] == pytest.approx(1.18, abs=0.005)
    day, month, serving, lookup = costs("--vms", "12", "--hours", "1")
    assert (day, month) == (pytest.approx(14.69, abs=0.005), pytest.approx(440.64))
    assert (serving, lookup) == (pytest.approx(167.17), pytest.approx(40.96, abs=0.005))


def test_a_machine_without_a_price_is_told(recsys: Recsys) -> None:
    answer = recsys("cost", "azure", "--vm", "Standard_Nobody", code=1)
    assert "no price for Standard_Nobody" in str(answer.exception)
