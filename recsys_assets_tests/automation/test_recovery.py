"""What works again is told once, whoever looks first."""

import datetime

import dagster as dg

from recsys_assets.assets.partitions import RANGE_END, RANGE_START, drop_tags
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets_tests.automation.platform import (
    CATALOGUE,
    Platform,
    subjects,
)
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
)


def test_what_works_again_is_told_once(platform: Platform, mailbox: Mailbox) -> None:
    platform.run(error="value")
    assert platform.tick_all() == []
    platform.run()
    platform.run()
    assert platform.tick_all() == []
    assert subjects(mailbox) == [
        "[error] model failed in daily",
        "[recovered] model failed in daily",
    ]
    body = mailbox.bodies()[1]
    assert "It was: ValueError: 7 files are <unreadable>" in body
    assert mailbox.mails[1]["In-Reply-To"] == mailbox.mails[0]["Message-ID"]


def test_a_retry_that_succeeds_recovers_its_first_attempt(
    platform: Platform, mailbox: Mailbox
) -> None:
    first = platform.run(error="value", tags={"dagster/will_retry": "true"})
    platform.retry_of(first)
    assert platform.tick_all() == []
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def test_the_order_in_which_sensors_look_does_not_matter(
    platform: Platform, mailbox: Mailbox
) -> None:
    platform.run(error="value")
    platform.run()
    assert platform.tick("alert_on_failed_check").dagster_run_reactions
    assert subjects(mailbox) == []
    assert platform.tick("alert_on_run_failure").dagster_run_reactions
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def test_another_failure_after_a_success_is_no_recovery(
    platform: Platform, mailbox: Mailbox
) -> None:
    platform.run()
    platform.run(error="value")
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] model failed in daily"]


def test_a_trouble_that_goes_on_is_told_three_times_then_counted(
    platform: Platform, mailbox: Mailbox
) -> None:
    for _ in range(6):
        platform.run(error="value")
        assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] model failed in daily"] * 3
    assert "- repeated: happened 3 times so far" in mailbox.bodies()[2]
    platform.run()
    assert platform.tick_all() == []
    assert "it happened 6 times" in mailbox.bodies()[3]


def test_a_failure_about_one_drop_is_not_mended_by_another(
    platform: Platform, mailbox: Mailbox
) -> None:
    _ratings_by_drop(platform)

    def drops(first: str, last: str) -> dict[str, str]:
        return {RANGE_START: first, RANGE_END: last}

    platform.run(drops("2026-03-01", "2026-03-01"), failing_checks=["no_late_files"])
    platform.run(drops("2026-03-02", "2026-03-02"))
    assert platform.tick_all() == []
    assert subjects(mailbox) == [
        "[error] validated/ratings: no_late_files failed in daily (2026-03-01)"
    ]
    platform.run(drops("2026-02-27", "2026-03-05"))
    assert platform.tick_all() == []
    assert len(mailbox.mails) == 2


def test_a_run_that_passes_over_a_drop_does_not_mend_it(
    platform: Platform, mailbox: Mailbox
) -> None:
    _ratings_by_drop(platform)
    bad, before, after = (datetime.date(2026, 3, day) for day in (2, 1, 3))
    platform.run(drop_tags([bad]), failing_checks=["no_late_files"])
    platform.run(drop_tags([before, after]))
    assert platform.tick_all() == []
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error"]
    platform.run(drop_tags([before, bad]))
    assert platform.tick_all() == []
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def test_drops_that_are_no_days_in_a_row_are_mended_together(
    platform: Platform, mailbox: Mailbox
) -> None:
    _ratings_by_drop(platform)
    first, last = datetime.date(2026, 3, 1), datetime.date(2026, 3, 8)
    platform.run(drop_tags([first, last]), failing_checks=["no_late_files"])
    platform.run(drop_tags([first]))
    assert platform.tick_all() == []
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error"]
    platform.run(drop_tags([last]))
    assert platform.tick_all() == []
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def test_drops_of_days_in_a_row_are_mended_one_by_one(platform: Platform, mailbox: Mailbox) -> None:
    _ratings_by_drop(platform)
    days = [datetime.date(2026, 3, day) for day in (1, 2, 3)]
    platform.run(drop_tags(days), failing_checks=["no_late_files"])
    for over in ([days[2]], [days[0]]):
        platform.run(drop_tags(over))
        assert platform.tick_all() == []
        assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error"]
    platform.run(drop_tags([days[1]]))
    assert platform.tick_all() == []
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def _ratings_by_drop(platform: Platform) -> None:
    daily = Catalogue(CATALOGUE.owners, CATALOGUE.daily | {"validated/ratings"})
    platform.sensors = {
        s.name: s for s in build_alert_sensors(dg.DefaultSensorStatus.STOPPED, daily)
    }
