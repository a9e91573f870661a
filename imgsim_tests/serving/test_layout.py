"""The layout of a publication is what is published, and nothing else in the package spells a name of it."""

import ast
from pathlib import Path, PurePosixPath

from imgsim_assets.serving import layout
from imgsim_tests.workplace import ROOT, Workplace


def test_what_is_published_is_the_layout(synced_once: Workplace):
    published = synced_once.published.resolve()
    found = {path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()}
    assert found == set(layout.FILES)
    assert len(set(layout.FILES)) == len(layout.FILES)


def test_no_other_module_spells_the_name_of_a_published_file():
    names = {PurePosixPath(name).name for name in layout.FILES} | {layout.BUNDLE}
    spelt = {
        (path.relative_to(ROOT).as_posix(), text)
        for path in (ROOT / "imgsim_assets").rglob("*.py")
        for text in _texts(path)
        if text in names
    }
    assert {path for path, _ in spelt} == {"imgsim_assets/serving/layout.py"}


def _texts(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
