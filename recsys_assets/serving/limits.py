"""How much one caller may ask for: a bucket of tokens each, filled at a steady rate."""

import time

MOST_CALLERS = 10_000


class RateLimit:
    """Buckets of all callers, in one process."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = float(max(1, burst))
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> float:
        """Take one request from a caller's bucket.

        Returns:
            0 where there was one to take, else the seconds until there is.
        """
        now = time.monotonic()
        if caller not in self._buckets and len(self._buckets) >= MOST_CALLERS:
            self._forget_full(now)
        tokens, filled = self._buckets.get(caller, (self.burst, now))
        left = min(self.burst, tokens + (now - filled) * self.rate)
        self._buckets[caller] = (left - 1.0 if left >= 1.0 else left, now)
        return max(0.0, (1.0 - left) / self.rate)

    def _forget_full(self, now: float) -> None:
        """Forget callers whose bucket has filled up again: they lose nothing by it."""
        self._buckets = {
            caller: (tokens, filled)
            for caller, (tokens, filled) in self._buckets.items()
            if tokens + (now - filled) * self.rate < self.burst
        }
