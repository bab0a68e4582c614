"""How much one caller may ask for: a bucket of tokens each, filled at a steady rate."""

import time
from collections import OrderedDict

MOST_CALLERS = 10_000


class RateLimit:
    """Buckets of the latest callers, in one process."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = float(max(1, burst))
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """Take one request from a caller's bucket.

        Returns:
            0 where there was one to take, else the seconds until there is.
        """
        now = time.monotonic()
        tokens, filled = self._buckets.pop(caller, (self.burst, now))
        left = min(self.burst, tokens + (now - filled) * self.rate)
        self._buckets[caller] = (left - 1.0 if left >= 1.0 else left, now)
        if len(self._buckets) > MOST_CALLERS:
            # Who asked longest ago: a bucket that has had more time to fill than any other.
            self._buckets.popitem(last=False)
        return max(0.0, (1.0 - left) / self.rate)
