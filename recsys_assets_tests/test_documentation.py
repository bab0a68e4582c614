"""What the documentation names is there."""

import re
from pathlib import Path

import pytest

from recsys_assets.home import PROJECT

_PACKAGE = PROJECT / "recsys_assets"


@pytest.mark.parametrize("page", ["README.md", "docs/adding.md", "docs/security.md"])
def test_modules_that_a_page_names_are_there(page: str) -> None:
    named = re.findall(r"`([\w/]+\.py)`", (PROJECT / page).read_text(encoding="utf-8"))
    there = {path.relative_to(PROJECT).as_posix() for path in _PACKAGE.rglob("*.py")}
    assert named
    assert [name for name in named if not any(f"/{at}".endswith(f"/{name}") for at in there)] == []


def test_names_of_the_page_about_adding_are_in_the_code() -> None:
    text = (PROJECT / "docs/adding.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in _PACKAGE.rglob("*.py"))
    assert [name for name in re.findall(r"`(\w+)`", text) if name not in code] == []


@pytest.mark.parametrize("page", [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_variable_that_the_code_names_is_described() -> None:
    described = (_PACKAGE / "deployment/__init__.py").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in _PACKAGE.rglob("*.py"))
    names = {name.rstrip("_") for name in re.findall(r"\bRECSYS_[A-Z_]+\b", code)}
    groups = ("RECSYS_SMTP", "RECSYS_SERVE", "RECSYS_DATABRICKS", "RECSYS_LOOKUP", "RECSYS_WEBHOOK")

    def is_described(name: str) -> bool:
        group = next((g for g in groups if name.startswith(f"{g}_")), "")
        suffix = name.removeprefix(group)
        return name in described or bool(group and re.search(rf"{suffix}\b", described))

    assert {name for name in names if not is_described(name)} == set()
