"""Small tables and plots as Markdown, for the UI."""

import base64

import polars as pl


def markdown_table(table: pl.DataFrame) -> str:
    """Write a small table, its numbers for a person."""
    floats = [name for name, kind in table.schema.items() if kind.is_float()]
    table = table.with_columns(pl.col(floats).map_elements(shown_number, return_dtype=pl.String, skip_nulls=False))
    with pl.Config(
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_cols=-1,
        tbl_rows=-1,
        tbl_width_chars=400,
        fmt_str_lengths=80,
    ):
        return str(table)


def upright(table: pl.DataFrame, names: str) -> pl.DataFrame:
    """Turn a table of few long rows: a row for each `measure`, a column for each row, named by the column `names`."""
    values = table.drop(names).select(pl.all().map_elements(shown_number, return_dtype=pl.String, skip_nulls=False))
    return values.transpose(include_header=True, header_name="measure", column_names=table[names].to_list())


def shown_number(value: float | None) -> str:
    """Write a number for a person: four significant digits, whole numbers as such."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def markdown_picture(png: bytes) -> str:
    """Show a small plot; it lives in Dagster's event log, so keep it below 100 kB."""
    return f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})"
