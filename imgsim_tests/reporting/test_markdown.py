"""Small tables for the UI: what a person reads of numbers."""

import polars as pl
import pytest

from imgsim_assets.reporting.markdown import markdown_table, shown_number, upright


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (3.0, "3"), (1234.5, "1,234"), (0.123456, "0.1235"), (-2000.4, "-2,000")]
)
def test_numbers_have_four_digits_at_most_behind_the_point(value, shown):
    assert shown_number(value) == shown


def test_long_rows_stand_upright_and_are_written_as_markdown():
    table = pl.DataFrame({"library": ["faiss", "annoy"], "recall": [1.0, 0.98765]})
    assert upright(table, "library").rows() == [("recall", "1", "0.9877")]
    written = markdown_table(table)
    assert "| faiss   | 1      |" in written
    assert "0.9877" in written
