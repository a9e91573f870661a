"""Pages that claim something name the test that holds it, and that test is there."""

import ast
import re

import pytest

from imgsim_tests.workplace import ROOT

NAMED = re.compile(r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`")
PAGES = ("reliability.md", "security.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert len(named) > 10
    absent = [f"{path}::{test}" for path, test in named if test not in functions(path)]
    assert absent == []


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def functions(path: str) -> set[str]:
    file = ROOT / "imgsim_tests" / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
