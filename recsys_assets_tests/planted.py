"""Secrets that tests plant in the environment, to look for them where they must not be."""

from pathlib import Path

MARK = "pl4nted"
"""What all of them hold."""
PLANTED = {
    "RECSYS_SMTP_PASSWORD": f"{MARK}-smtp-p4ss",
    "RECSYS_WEBHOOK_TOKEN": f"{MARK}-hook-t0ken",
    "RECSYS_PAGERDUTY_KEY": f"{MARK}-pager-k3y",
    "RECSYS_UNSUBSCRIBE_KEY": f"{MARK}-sign-k3y",
    "RECSYS_DATABRICKS_TOKEN": f"{MARK}-dapi",
    "AZURE_CLIENT_SECRET": f"{MARK}-azure",
    "AZURE_STORAGE_CONNECTION_STRING": f"AccountKey={MARK}-account;x",
}


def holding(folder: Path) -> list[str]:
    """Files below a folder that hold a planted secret, whatever they are."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and "cache" not in path.parts:
            content = path.read_bytes()
            if MARK.encode() in content or MARK.encode("utf-16-le") in content:
                found.append(str(path.relative_to(folder)))
    return found
