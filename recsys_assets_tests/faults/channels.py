"""Channels that take no alerts for a while, or take them slowly."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

from recsys_assets.resources.alerts import ledger as ledger_module
from recsys_assets.resources.alerts.ledger import DeliveryLedger
from recsys_assets_tests.faults.bench import INGEST, Bench
from recsys_assets_tests.faults.fault import Fault
from recsys_assets_tests.faults.landed import PAGE, take_away


def _channel(change: Callable[[Bench], None], heal: Callable[[Bench], None]) -> Any:
    def strike(bench: Bench, random: Random) -> None:
        bench.drop("page.csv", PAGE)
        bench.run(INGEST)
        change(bench)
        errors = bench.tick()
        assert errors, "a channel that fails makes the tick fail, for people to see"
        bench.tick()
        heal(bench)
        for _ in range(2):
            assert bench.tick() == []
        assert len(bench.mailbox.mails) == len(bench.posts.bodies) == 1
        take_away(bench, "page.csv")

    return strike


def _sender_killed(bench: Bench, random: Random) -> None:
    """A sender dies after its claim; when the claim runs out, another one sends."""
    bench.drop("page.csv", PAGE)
    bench.run(INGEST)
    bench.posts.status = 500
    bench.tick()
    bench.posts.status = 200
    ledger = DeliveryLedger(bench.home.alerts)
    (alert,) = ledger.waiting("webhook", 5)
    before, ledger_module.CLAIM_SECONDS = ledger_module.CLAIM_SECONDS, 1.0
    try:
        assert ledger.claim(alert.event_key, "webhook")  # and dies here
        assert bench.tick() == [] and bench.posts.bodies == []
        time.sleep(1.1)
        bench.tick()
    finally:
        ledger_module.CLAIM_SECONDS = before
    take_away(bench, "page.csv")


def _set(target: str, name: str, value: Any) -> Callable[[Bench], None]:
    return lambda bench: setattr(getattr(bench, target), name, value)


def _both(*changes: Callable[[Bench], None]) -> Callable[[Bench], None]:
    def change_all(bench: Bench) -> None:
        for change in changes:
            change(bench)

    return change_all


_MAIL_DOWN = _set("mailbox", "refuse_with", "451 later")
_MAIL_UP = _set("mailbox", "refuse_with", None)

CHANNELS: dict[str, tuple[Callable[[Bench], None], Callable[[Bench], None]]] = {
    "the mail server refuses for now": (_MAIL_DOWN, _MAIL_UP),
    "the mail server refuses": (_set("mailbox", "refuse_with", "554 no"), _MAIL_UP),
    "the mail server is slow": (_set("mailbox", "lag", 2.0), _set("mailbox", "lag", 0.0)),
    "the webhook answers 500": (_set("posts", "status", 500), _set("posts", "status", 200)),
    "the webhook answers 429": (_set("posts", "status", 429), _set("posts", "status", 200)),
    "the webhook is slow": (_set("posts", "delay", 2.0), _set("posts", "delay", 0.0)),
    "both are down": (
        _both(_MAIL_DOWN, _set("posts", "status", 503)),
        _both(_MAIL_UP, _set("posts", "status", 200)),
    ),
}

QUICK_CHANNELS = ("the mail server refuses for now", "the webhook answers 500", "both are down")


def failing_channels() -> list[Fault]:
    """Mail servers and webhooks that fail, and a sender that dies."""
    found = [
        Fault(
            name, "channel", _channel(*changes), ("file-rejected",), False, name in QUICK_CHANNELS
        )
        for name, changes in CHANNELS.items()
    ]
    name = "a sender killed after its claim"
    return [*found, Fault(name, "channel", _sender_killed, ("file-rejected",), False, True)]
