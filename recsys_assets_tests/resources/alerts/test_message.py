"""Any text can be stored, sent and shown."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from recsys_assets.resources.alerts import Alert, WebhookChannel
from recsys_assets.resources.alerts.rendering import html_page
from recsys_assets_tests.resources.alerts.making import (
    make_alert,
)


@given(st.text(st.characters(), max_size=3_000))
def test_any_text_survives_cleaning_storing_and_rendering(text: str) -> None:
    alert = make_alert(title=text, what=text, cause=text, facts={text: text})
    assert Alert.model_validate_json(alert.model_dump_json()) == alert
    assert len(alert.subject.splitlines()) == 1
    assert len(alert.title) <= 200
    assert len(alert.cause) <= 2_000
    assert json.loads(WebhookChannel(url="http://x").body(alert))["cause"] == alert.cause
    html_page(alert).encode("utf-8")


def test_since_is_shown_in_utc_and_needs_a_zone() -> None:
    morning = datetime(2026, 3, 2, 5, 0, tzinfo=timezone(timedelta(hours=2)))
    assert make_alert(since=morning).since_text == "2026-03-02 03:00:00 UTC"
    with pytest.raises(ValidationError, match="timezone"):
        make_alert(since=datetime(2026, 3, 2))
