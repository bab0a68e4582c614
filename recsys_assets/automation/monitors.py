"""Sensors about what no run tells: tables too old, champions too old, automation that fails."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateRecord

from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.dead_runs import close_dead_runs
from recsys_assets.automation.health import Findings
from recsys_assets.automation.served import served_facts
from recsys_assets.automation.ticks import look_at_ticks
from recsys_assets.resources.alerts import Alert, Notifier, Severity
from recsys_assets.resources.storage import Storage


def find_stale(
    records: Mapping[dg.AssetKey, FreshnessStateRecord], catalogue: Catalogue, facts: dict[str, str]
) -> Findings:
    """Assets whose freshness policy is broken, and those that are fresh again."""
    found = Findings()
    for key, record in sorted(records.items()):
        name, since = key.to_user_string(), record.updated_at
        if record.freshness_state is FreshnessState.PASS:
            found.works[f"fresh:{name}"] = since
        if record.freshness_state is not FreshnessState.FAIL:
            continue
        found.alerts.append(
            Alert(
                title=f"{name} is out of date",
                what=f"{name} has not been written for longer than its freshness policy allows;"
                " users go on seeing what was written last.",
                severity=Severity.ERROR,
                since=since,
                cause="No run has written it in time: a run failed, waits, or was never started.",
                facts=facts,
                event_key=f"stale:{name}:{since.isoformat()}",
                kind="asset-stale",
                owners=catalogue.owners_of([name]),
                subjects=(f"fresh:{name}",),
            )
        )
    return found


def find_old_champions(
    champions: Mapping[str, tuple[int, datetime]], now: datetime, days: int, catalogue: Catalogue
) -> Findings:
    """Champions that have not been replaced for a number of days.

    Args:
        champions: model → version of its champion, and when that was trained.
        now: the time.
        days: age from which on people are told; once for each time it passes.
        catalogue: owners of the models.
    """
    found = Findings()
    for name, (version, trained) in sorted(champions.items()):
        age, subject = now - trained, f"champion:{name}"
        if age <= timedelta(days=days):
            found.works[subject] = now
            continue
        found.alerts.append(
            Alert(
                title=f"the champion of {name} is {age.days} days old",
                what=f"Version {version} of {name}, the one in use, was trained on"
                f" {trained:%Y-%m-%d}, more than {days} days ago.",
                severity=Severity.WARNING,
                since=trained + timedelta(days=days),
                cause="Challengers do not beat it, or none is trained: see the evaluations.",
                event_key=f"{subject}:{version}:{age // timedelta(days=days)}",
                kind="champion-old",
                owners=catalogue.owners_of([name]),
                subjects=(subject,),
            )
        )
    return found


def build_monitors(
    default_status: dg.DefaultSensorStatus,
    catalogue: Catalogue,
    fresh: Sequence[dg.AssetKey],
    champion_days: int,
) -> list[dg.SensorDefinition]:
    """Build the sensors; they need the resources `notifier` and `storage`.

    Args:
        default_status: whether they run without somebody switching them on in the UI.
        catalogue: owners of the assets.
        fresh: assets with a freshness policy.
        champion_days: days after which a champion counts as old.
    """

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=default_status,
        description="Tells people about published tables that are out of date.",
    )
    def alert_on_stale_asset(
        context: dg.SensorEvaluationContext, notifier: Notifier, storage: Storage
    ) -> dg.SkipReason:
        records = context.instance.get_freshness_state_records(list(fresh))
        found = find_stale(records, catalogue, served_facts(storage.lake))
        found.report(notifier)
        return _said(found)

    @dg.sensor(
        minimum_interval_seconds=6 * 3600,
        default_status=default_status,
        description="Tells people about champions that nothing has replaced for weeks.",
    )
    def alert_on_old_champion(notifier: Notifier, storage: Storage) -> dg.SkipReason:
        champions = storage.registry.champions()
        found = find_old_champions(champions, datetime.now(UTC), champion_days, catalogue)
        found.report(notifier)
        return _said(found)

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=default_status,
        description="Tells people about sensors and schedules whose last tick failed; "
        "closes dead runs.",
    )
    def alert_on_failing_automation(
        context: dg.SensorEvaluationContext, notifier: Notifier, storage: Storage
    ) -> dg.SkipReason:
        close_dead_runs(context.instance, storage.state.root)
        found = look_at_ticks(context.instance, besides="alert_on_failing_automation")
        found.report(notifier)
        return _said(found)

    return [alert_on_stale_asset, alert_on_old_champion, alert_on_failing_automation]


def _said(found: Findings) -> dg.SkipReason:
    return dg.SkipReason("; ".join(alert.title for alert in found.alerts) or "all is well")
