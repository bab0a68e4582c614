"""Whether a challenger takes the champion's place: figures of both in, a decision out.

Both are measured on the same rows. It does only if it wins significantly on the main metric and no
guard metric is worse than its limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.metrics.significance import PairedTest, compare_paired


@dataclass(frozen=True)
class Guard:
    """A metric that must not get much worse, whatever the main metric gains."""

    name: str
    champion: float
    challenger: float
    limit: float
    """The worst value of the challenger that is still accepted."""
    lower_is_better: bool = False

    @property
    def holds(self) -> bool:
        """Whether the challenger keeps within the limit."""
        if self.lower_is_better:
            return self.challenger <= self.limit
        return self.challenger >= self.limit

    @classmethod
    def relative(cls, name: str, champion: float, challenger: float, margin: float) -> "Guard":
        """A guard that may lose a share of the champion's value; higher is better."""
        return cls(name, champion, challenger, champion * (1 - margin))

    @classmethod
    def absolute(cls, name: str, champion: float, challenger: float, margin: float) -> "Guard":
        """A guard that may grow by so much; lower is better."""
        return cls(name, champion, challenger, champion + margin, lower_is_better=True)


@dataclass(frozen=True)
class Decision:
    """What was decided, by which figures."""

    promoted: bool
    reason: str
    metric: str
    champion: float
    challenger: float
    test: PairedTest
    guards: tuple[Guard, ...]


def decide(
    metric: str,
    champion: NDArray[np.float64],
    challenger: NDArray[np.float64],
    guards: Sequence[Guard],
    seed: int = 0,
) -> Decision:
    """Decide by the main metric of each unit (user or row), higher being better.

    Args:
        metric: its name.
        champion: its values for the champion.
        challenger: its values for the challenger, for the same units in the same order.
        guards: what must not get worse.
        seed: of the paired bootstrap.

    Raises:
        ValueError: no unit, different numbers of them, or values that are not finite.
    """
    test = compare_paired(challenger, champion, seed)
    broken = [guard for guard in guards if not guard.holds]
    gain = (
        f"{metric} {test.difference:+.4f} (95 % {test.interval.low:+.4f} to"
        f" {test.interval.high:+.4f}, p {test.p_bootstrap:.3f}, over {len(champion):,})"
    )
    if not test.is_win:
        reason = f"the champion stays: no significant win, {gain}"
    elif broken:
        worse = "; ".join(
            f"{g.name} {g.champion:.4f} → {g.challenger:.4f}, limit {g.limit:.4f}" for g in broken
        )
        reason = f"the champion stays although the challenger wins, {gain}: {worse}"
    else:
        reason = f"promoted: significant win, {gain}, and every guard holds"
    return Decision(
        promoted=test.is_win and not broken,
        reason=reason,
        metric=metric,
        champion=float(np.mean(champion)),
        challenger=float(np.mean(challenger)),
        test=test,
        guards=tuple(guards),
    )


def without_win(decision: Decision, withdrawn: int, what: str) -> Decision:
    """The decision where the champion was trained on rows that were withdrawn since.

    Args:
        decision: by the figures.
        withdrawn: how many these rows are.
        what: they are.
    """
    if decision.promoted or not withdrawn:
        return decision
    why = f"the champion was trained on {withdrawn:,} {what} that were withdrawn since"
    reason = f"promoted: {why} (by figures alone, {decision.reason})"
    return replace(decision, promoted=True, reason=reason)
