"""How much one caller may ask for: a bucket of tokens each, filled at a steady rate."""

import time

MOST_CALLERS = 10_000


class RateLimit:
    """Buckets of all callers, in one process."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = float(max(1, burst))
        self._buckets: dict[str, list[float]] = {}

    def wait(self, caller: str) -> float:
        """Take one request from a caller's bucket.

        Returns:
            0 where there was one to take, else the seconds until there is.
        """
        now = time.monotonic()
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= MOST_CALLERS:
                self._forget_full(now)
            self._buckets[caller] = [self.burst - 1.0, now]
            return 0.0
        left = min(self.burst, bucket[0] + (now - bucket[1]) * self.rate)
        bucket[1] = now
        if left >= 1.0:
            bucket[0] = left - 1.0
            return 0.0
        bucket[0] = left
        return (1.0 - left) / self.rate

    def _forget_full(self, now: float) -> None:
        """Forget callers whose bucket has filled up again: they lose nothing by it."""
        self._buckets = {
            caller: bucket
            for caller, bucket in self._buckets.items()
            if bucket[0] + (now - bucket[1]) * self.rate < self.burst
        }
