"""What lives as long as a worker process, and which bundle answers whom."""

import datetime
import uuid
from dataclasses import dataclass, field

from recsys_assets.serving import metrics
from recsys_assets.serving.arms import CHAMPION, Arms, Watcher
from recsys_assets.serving.bundle import Bundle
from recsys_assets.serving.feedback import Journal
from recsys_assets.serving.limits import RateLimit
from recsys_assets.serving.problems import Problem
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets.serving.shapes.requests import Event
from recsys_assets.serving.tokens import TokenVerifier


@dataclass
class Service:
    """Everything that lives as long as a worker process."""

    settings: ServiceSettings
    watcher: Watcher
    verifier: TokenVerifier | None
    limit: RateLimit
    journal: Journal
    timings: metrics.Timings = field(default_factory=metrics.Timings)
    missing: metrics.MissingFields = field(default_factory=metrics.MissingFields)

    @property
    def arms(self) -> Arms:
        """What serves now.

        Raises:
            Problem: 503, nothing does yet.
        """
        if self.watcher.arms is None:
            why = "; ".join(self.watcher.faults.values()) or "the bundle is being loaded"
            raise Problem(503, f"not ready: {why}", [("Retry-After", "5")])
        return self.watcher.arms

    def arm(self, name: str | None, user: int | None = None) -> tuple[str, Bundle]:
        """The arm asked for by name, or that of a user.

        Raises:
            Problem: 409, there is no such arm now.
        """
        if name is None:
            return self.arms.of(user) if user is not None else (CHAMPION, self.arms.champion)
        bundle = self.arms.named(name)
        if bundle is None:
            raise Problem(409, "no canary is in service now; leave out the arm")
        return name, bundle

    async def keep(self, events: list[Event]) -> None:
        """Put events into the journal; returns once they are on disk.

        Raises:
            Problem: 503, they are not.
        """
        now = int(datetime.datetime.now(datetime.UTC).timestamp())
        rows = [
            (e.event or uuid.uuid4().hex, e.user, e.item, e.kind, e.rank, e.version, e.arm, now)
            for e in events
        ]
        try:
            await self.journal.append(rows)
        except OSError as error:
            raise Problem(503, f"the feedback could not be kept: {error.strerror}") from error
        # They are kept, whatever serves: an error now would make the caller send them again.
        arms = self.watcher.arms
        bundles = (arms.champion, arms.canary) if arms is not None else ()
        known = {b.version for b in bundles if b is not None}
        for event in events:
            # A label of a caller's own making would let them fill the memory.
            version = event.version if event.version in known else "other"
            metrics.EVENTS.labels(event.kind, version).inc()
