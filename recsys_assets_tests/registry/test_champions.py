from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys_assets.cli.app import app
from recsys_assets.home import Home
from recsys_assets.registry import champions
from recsys_assets.registry.champions import (
    FORMER,
    MOST_FORMER,
    REASON,
    PromotionError,
    aliases,
    demote,
    keep_reason,
    promote,
    undecided,
    version_tagged,
)
from recsys_assets_tests.registry.test_client import log

NAME = "popularity_model"


@pytest.fixture
def home_of_three(home: Home, tmp_path: Path) -> Home:
    """Three versions; the first is champion, the last challenger."""
    for items in ([1], [2], [3]):
        log(home, tmp_path, items)
    return home


def test_the_way_there_and_back(home_of_three: Home) -> None:
    registry = home_of_three.registry
    assert aliases(registry, NAME) == {"champion": 1, "challenger": 3}
    assert promote(registry, NAME, reason="it wins") == (1, 3)
    assert promote(registry, NAME, 2) == (3, 2)
    assert promote(registry, NAME, 2) == (2, 2)  # no step, so none to go back
    assert demote(registry, NAME) == (2, 3)
    assert demote(registry, NAME) == (3, 1)
    assert aliases(registry, NAME) == {"champion": 1, "challenger": 3}
    with pytest.raises(PromotionError, match="first champion"):
        demote(registry, NAME)


def test_versions_say_why(home_of_three: Home) -> None:
    registry = home_of_three.registry
    promote(registry, NAME, reason="it wins")
    keep_reason(registry, NAME, 2, "no significant win")
    tags = [
        registry.client().get_model_version(NAME, version).tags.get(REASON)
        for version in ("1", "2", "3")
    ]
    assert tags == [None, "no significant win", "champion: it wins"]


def test_unknown_models_and_versions_are_named(home_of_three: Home) -> None:
    registry = home_of_three.registry
    with pytest.raises(PromotionError, match="no version 9; it has 1, 2, 3"):
        promote(registry, NAME, 9)
    for act in (promote, demote):
        with pytest.raises(PromotionError, match=f"moon.*{NAME}"):
            act(registry, "moon")
    assert aliases(registry, "moon") == {}


def test_by_hand(home_of_three: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(home_of_three.root))
    said = [
        CliRunner().invoke(app, words).output
        for words in (
            ["promote", NAME, "--version", "2"],
            ["promote", NAME, "--version", "2"],
            ["demote", NAME],
        )
    ]
    assert "version 2 is the champion now, in place of 1" in said[0]
    assert "version 2 is the champion already" in said[1]
    assert "version 1 is the champion again, in place of 2" in said[2]
    # The registry alone has changed yet.
    assert ["recsys run --select top_k+" in words for words in said] == [True, False, True]
    for command in ("promote", "demote"):
        refused = CliRunner().invoke(app, [command, "serving_bundle"])
        assert refused.exit_code == 2 and "recsys bundles use" in refused.output
    wrong = CliRunner().invoke(app, ["promote", "moon"])
    assert isinstance(wrong.exception, PromotionError)


def test_no_way_back_is_told_where_there_was_no_champion(
    home_of_three: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(home_of_three.root))
    home_of_three.registry.client().delete_registered_model_alias(NAME, "champion")
    told = CliRunner().invoke(app, ["promote", NAME]).output
    assert "version 3 is the champion now; there was none" in told and "demote" not in told


def test_a_champion_that_was_deleted_is_no_way_back(home_of_three: Home) -> None:
    registry = home_of_three.registry
    promote(registry, NAME, 2)
    promote(registry, NAME, 3)
    registry.client().delete_model_version(NAME, "2")
    assert demote(registry, NAME) == (3, 1)


def test_who_went_back_on_mlflows_pages_is_not_demoted_in_favour_of_itself(
    home_of_three: Home,
) -> None:
    registry = home_of_three.registry
    promote(registry, NAME, 2)
    promote(registry, NAME, 3)
    registry.client().set_registered_model_alias(NAME, "champion", "2")
    assert demote(registry, NAME) == (2, 1)


def test_without_its_newest_version_a_model_wants_to_be_told_which(home_of_three: Home) -> None:
    registry = home_of_three.registry
    registry.client().delete_model_version(NAME, "3")
    with pytest.raises(PromotionError, match="--version"):
        promote(registry, NAME)
    registry.client().delete_registered_model_alias(NAME, "champion")
    assert promote(registry, NAME, 2) == (None, 2)


def test_the_way_back_is_no_longer_than_a_tag_may_be(
    home_of_three: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles are promoted day by day; a tag of Unity Catalog holds a thousand characters."""
    assert MOST_FORMER * len("99999,") < 1_000
    monkeypatch.setattr(champions, "MOST_FORMER", 3)
    registry = home_of_three.registry
    for day in range(6):
        promote(registry, NAME, 2 + day % 2)
    found = registry.registered(NAME)
    assert found is not None and found.tags[FORMER] == "2,3,2"
    assert demote(registry, NAME) == (3, 2)


def test_the_newest_version_that_a_tagged_run_made_is_found(home_of_three: Home) -> None:
    registry = home_of_three.registry
    client = registry.client()
    for version, bundle in (("1", "b"), ("2", "b"), ("3", "other")):
        run = client.get_model_version(NAME, version).run_id
        assert run is not None
        client.set_tag(run, "bundle", bundle)
    found = [version_tagged(registry, NAME, "bundle", bundle) for bundle in ("b", "other", "c")]
    assert found == [2, 3, None]
    assert version_tagged(registry, "moon", "bundle", "b") is None


def test_there_is_something_to_decide_between_two_of_which_none_was_demoted(
    home_of_three: Home,
) -> None:
    registry = home_of_three.registry
    both = aliases(registry, NAME)
    assert undecided(registry, NAME, both) is None
    for alias in ("champion", "challenger"):
        left = {name: version for name, version in both.items() if name != alias}
        assert f"no version is the {alias}" in str(undecided(registry, NAME, left))
    promote(registry, NAME)
    assert "version 3 is the champion already" in str(
        undecided(registry, NAME, aliases(registry, NAME))
    )
    demote(registry, NAME)
    assert aliases(registry, NAME) == both
    assert "version 3 was demoted by hand" in str(undecided(registry, NAME, both))
    promote(registry, NAME)
    assert undecided(registry, NAME, both) is None, "whoever promotes it takes that back"
