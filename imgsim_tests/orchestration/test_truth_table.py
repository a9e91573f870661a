"""What a change costs: for each change, exactly the assets that the next sync materializes."""

import contextlib
import shutil
from pathlib import Path

import pytest

from imgsim_tests.conftest import MadeOnce
from imgsim_tests.orchestration.truth_table import ROWS, Row, in_markdown
from imgsim_tests.workplace import ROOT, Workplace

pytestmark = pytest.mark.slow

# The steps of ranking are fixed here, so that what a change reaches does not hang on what cross-validation finds.
STEPS = """
[steps]
glrt_set = "on"
canny_focus = "on"
canny_edges = "on"
pseudo_labels = "on"
centring = "off"
whitening = "off"
glrt_pair = "off"
ensemble = "on"
power = "off"
mirror = "on"
zoom = "off"
projection = "off"
logistic = "off"
fusion = "off"
augmentation = "off"
expansion = "off"
reciprocal = "off"

[publication]
gate = "off"
"""


@pytest.fixture(scope="module")
def base(small_workplace_once: Path, made_once: MadeOnce) -> Workplace:
    def fill(folder: Path) -> None:
        workplace = Workplace(Path(shutil.copytree(small_workplace_once, folder / "workplace")))
        with workplace.config.open("a") as file:
            file.write(STEPS)
        workplace.sync()

    return Workplace(made_once("truth", fill) / "workplace")


@pytest.fixture
def workplace(base: Workplace, tmp_path: Path) -> Workplace:
    return base.copy_to(tmp_path / "workplace")


def test_there_are_enough_rows():
    assert len(ROWS) >= 40
    assert len({row.words for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.words)
def test_a_sync_materializes_exactly(workplace: Workplace, row: Row):
    overrides = row.change(workplace)
    with row.patch or contextlib.nullcontext():
        materialized = workplace.sync(overrides).materialized
        again = workplace.sync(overrides).materialized
    assert sorted(materialized) == sorted(row.materialized.split())
    assert again == []


def test_the_page_in_the_docs_is_this_table():
    page = (ROOT / "docs" / "staleness.md").read_text(encoding="utf-8")
    assert in_markdown() in page, "to mend: python -m imgsim_tests.orchestration.truth_table prints the table"
