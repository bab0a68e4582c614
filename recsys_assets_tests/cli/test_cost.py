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


def test_quantities_are_written_out_for_people(recsys: Recsys) -> None:
    said = recsys("cost", "azure", "--rows", "45800000", "--users", "1000000").stdout
    assert "45,800,000, machines" in " ".join(said.replace("│", " ").split())
    assert "e+" not in said


def test_a_cost_of_five_digits_is_written_out(recsys: Recsys) -> None:
    said = recsys("cost", "serve", "--qps", "50", "--core-hour", "8").stdout
    assert "e+" not in said and "23,360" in said


def test_a_machine_without_a_price_is_told(recsys: Recsys) -> None:
    answer = recsys("cost", "azure", "--vm", "Standard_Nobody", code=1)
    assert "no price for Standard_Nobody" in str(answer.exception)
