"""What mends a trouble, in one sentence and one command: the short form of its runbook section.

Whoever is woken reads it in the alert itself; the section behind the link says more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recsys_assets.contracts import DATASETS


@dataclass(frozen=True)
class Remedy:
    """What to do."""

    words: str
    """In a sentence."""
    command: str = ""
    """What to type; DATASET, FIRST, LAST and DATE stand for those of the alert."""

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.words} {self.command}"


_AGAIN = Remedy("Mend the cause, then repeat; nothing doubles.", "recsys run")
_RETRIED = Remedy("A run of Dagster's is retried by itself. If that does not help:", "recsys run")

REMEDIES = {
    "run-failed": _AGAIN,
    "drop-rejected": Remedy(
        "Land corrected files under the same date. Or take the drop back:",
        "recsys withdraw DATASET DATE --no-rebuild",
    ),
    "file-rejected": Remedy(
        "It can wait for the day: the other files are in. Then land the corrected file:",
        "recsys land DATASET FILE --date DATE",
    ),
    "quarantine": Remedy(
        "It can wait for the day: all other lines are in. See which lines and why:",
        "recsys quarantine show DATASET --date DATE",
    ),
    "lines-lost": Remedy(
        "Validate the drop again:",
        "recsys run --from FIRST --to LAST --select DATASET",
    ),
    "check-failed": Remedy(
        "If users see bad lists, go back to the version N before, with what is made from it:",
        "recsys rollback top_k --to N --rebuild",
    ),
    "drift": Remedy(
        "Nothing is broken. If a drop is to blame, withdraw it; if the world changed, train:",
        "recsys run --select 'interactions+,click_features+'",
    ),
    "champion-old": Remedy("It can wait for the day. See what is trained:", "recsys status"),
    "asset-stale": Remedy(
        "Mend what this names, then `recsys run`, without waiting for the night:",
        "recsys health --no-location",
    ),
    "disk-full": Remedy("Make room with this, then `recsys run`:", "recsys tidy"),
    "database-locked": _RETRIED,
    "worker-died": Remedy(
        "A run of Dagster's is retried by itself. If memory is short, give Spark less:",
        "RECSYS_SPARK_MEMORY=2g recsys run",
    ),
    "store-refuses": _RETRIED,
    "table-damaged": Remedy(
        "Move the folder of the damaged table away, then make the table again:",
        "recsys run --select TABLE",
    ),
    "interrupted": Remedy("Repeat it, unless it was stopped for a reason:", "recsys run"),
    "sensor-failing": Remedy("Mend what the cause names; what waits follows:", "recsys redeliver"),
    "daemon-dead": Remedy("Start the daemon again, then look:", "recsys health --no-location"),
    "location-broken": Remedy(
        "Restart the code location; if it does not load, go back to the deployment before. Then,"
        " a minute later, look:",
        "recsys health",
    ),
    "other": Remedy("Look at what else is wrong:", "recsys incidents"),
}
"""Section of the runbook → what it says in short."""

_DROPS = re.compile(r"@(\d{4}-\d{2}-\d{2})/(?:\S*/)?(\d{4}-\d{2}-\d{2})$")


def remedy_of(kind: str, subjects: Sequence[str]) -> Remedy | None:
    """What mends a trouble; None where there is nothing to mend.

    Args:
        kind: section of the runbook.
        subjects: what is broken, by name; data set and drops are taken from there.
    """
    remedy = REMEDIES.get(kind)
    if remedy is None:
        return None
    known: dict[str, str] = {}
    for subject in subjects[:1]:
        words = re.split(r"[:_@]", subject)
        known |= dict([("DATASET", name) for name in DATASETS if name in words][:1])
        if drops := _DROPS.search(subject):
            first, last = drops.groups()
            known |= {"FIRST": first, "LAST": last} | ({"DATE": first} if first == last else {})
    command = remedy.command
    for name, value in known.items():
        command = command.replace(name, value)
    return Remedy(remedy.words, command)
