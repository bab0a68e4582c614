"""Alerts as somebody reads them who was just woken: in a text, on a phone, on a desktop."""

import shutil
from pathlib import Path

import pytest

from recsys_assets.resources.alerts import Alert, Severity
from recsys_assets.resources.alerts.rendering import html_page, plain_text
from recsys_assets_tests.resources.alerts.making import make_alert

LONG = "/data/lake/als_factors/part-00000-6f0cbb22-6f2f-4f7c-9d8a-d0b3f2b6a4a1-c000.snappy.parquet"
ALERTS = {
    "error": make_alert(
        title="als_model failed in daily_publish",
        cause=f"OSError: [Errno 28] No space left on device: '{LONG}'",
        facts={"lines lost": "0 of 90 read", "still served": "top_k of 2026-01-30", "id": "x" * 90},
        kind="disk-full",
        event_key="run-failure:" + "0" * 90,
    ),
    "recovered": make_alert(title="Recovered: als_model failed", resolved=True),
    "info": make_alert(
        title="daily_publish published", severity=Severity.INFO, cause="", kind="published"
    ),
}


def test_the_text_answers_in_the_order_of_the_questions() -> None:
    text = plain_text(ALERTS["error"])
    answers = (
        "ERROR: als_model failed in daily_publish\n",
        "\nSince: 2026-03-02 03:04:05 UTC\n",
        "\nCause: OSError: [Errno 28] No space left",
        "\nTo mend it: Make room with this, then `recsys run`:\n    recsys tidy\n",
        "\n- lines lost: 0 of 90 read\n",
        "\n- still served: top_k of 2026-01-30\n",
        "\n> runbook: https://x.org/book",
    )
    places = [text.index(answer) for answer in answers]
    assert places == sorted(places)
    assert "\n\n\n" not in text


def test_what_is_over_says_so_once_and_asks_for_nothing() -> None:
    text = plain_text(ALERTS["recovered"])
    assert text.startswith("RECOVERED: als_model failed\n")
    assert "It was: ValueError: 7 files are unreadable\n" in text
    assert "To mend it" not in text
    assert ALERTS["recovered"].subject == "[recovered] als_model failed"


def test_news_have_no_cause() -> None:
    assert "Cause" not in plain_text(ALERTS["info"])
    assert ">cause<" not in html_page(ALERTS["info"])


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 900)])
def test_the_mail_fits_phone_and_desktop(tmp_path: Path, width: int, height: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: `make test` installs it where it may")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        for name, alert in ALERTS.items():
            path = tmp_path / f"{name}.html"
            path.write_text(html_page(alert), encoding="utf-8")
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("h1").inner_text() == alert.event
            column = page.locator("h1").locator("xpath=ancestor::table[1]").bounding_box()
            assert column is not None
            assert column["width"] == pytest.approx(min(640, width - 16), abs=1)
            assert page.get_by_role("link", name="runbook").is_visible()
            assert page.get_by_text("to mend it").count() == (name == "error")
            page.screenshot(path=str(tmp_path / f"{name}.png"), full_page=True)
        page.goto((tmp_path / "error.html").as_uri())
        command = page.get_by_text("recsys tidy", exact=True).bounding_box()
        assert command is not None
        assert command["y"] + command["height"] < height, "seen without scrolling"
        browser.close()


def test_every_severity_has_a_look() -> None:
    for severity in Severity:
        for resolved in (False, True):
            alert: Alert = make_alert(severity=severity, resolved=resolved)
            assert alert.word in html_page(alert)
