"""Whose tables a storage account holds: those of one home, which says so in the container ``lake``.

The lock that keeps two runs apart lies in the home. A second home that is set to the same account,
such as the laptop that lands its files, has another lock, and models of its own.
"""

import json
import platform
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from recsys_assets.home import Home
from recsys_assets.lake.store import place
from recsys_assets.lake.uploads import fingerprint, upload

MARK = ".home.json"
"""Name of the mark, in the container and in the home whose it is."""


class ForeignTablesError(Exception):
    """The tables of the account are another home's; the message names it, and the way to them."""


def claim(home: Home) -> None:
    """Make the tables of the account this home's, before it changes them; once is for good.

    Raises:
        ForeignTablesError: they are another's.
    """
    if not home.account:
        return
    mine = home.root / MARK
    who = {
        "id": uuid.uuid4().hex,
        "home": str(home.root),
        "machine": platform.node(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with suppress(FileExistsError), mine.open("x", encoding="utf-8") as file:
        file.write(json.dumps(who))
    mark = place(home.address("lake")) / MARK
    try:
        upload(mine, mark, fingerprint(mine))
    except FileExistsError:
        found = mark.read_bytes()
        if found == mine.read_bytes():
            return
        owner = json.loads(found)
        raise ForeignTablesError(
            f"the tables of the account {home.account} are those of the home {owner['home']} on"
            f" {owner['machine']}, since {owner['since']}: start runs there; files may be landed"
            " from here. Where that home is gone for good, remove the mark first: az storage blob"
            f" delete --account-name {home.account} --container-name lake --name {MARK}"
            " --auth-mode login"
        ) from None
