"""The label files: `train.csv` for training, `solution.csv` for measuring and for nothing else."""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.errors import InputError
from imgsim_assets.settings import Ingest
from imgsim_assets.vision.scan import as_text

TRAIN_FILE = "train.csv"
SOLUTION_FILE = "solution.csv"
SHOWN = 5


@dataclass(frozen=True)
class _Row:
    line: int
    image: str
    label: str


def read_labels(data: Path, names: Collection[str], ingest: Ingest) -> dict[str, str] | None:
    """Read `train.csv`: the label of each train photo that has one.

    Args:
        data: the folder of photos.
        names: the train photos that exist.
        ingest: the names of the two columns.

    Returns:
        Label by photo name, without the photos whose label is empty; None where there is no file.

    Raises:
        InputError: the file cannot be used; says what to change in it.
    """
    path = find_label_file(data, "train", TRAIN_FILE)
    if path is None:
        return None
    return _labels_by_name(path, names, "train", ingest)


def read_solution(data: Path, test_names: Collection[str], ingest: Ingest) -> dict[str, str] | None:
    """Read `solution.csv`: the hidden labels, which only scoring may see. Fewer rows than test photos are fine.

    Returns:
        Label by test photo name; None where there is no file.

    Raises:
        InputError: the file cannot be used, or labels no photo at all.
    """
    path = find_label_file(data, "test", SOLUTION_FILE)
    if path is None:
        return None
    labels = _labels_by_name(path, test_names, "test", ingest)
    if not labels:
        raise InputError(
            f"the label of at least one test photo in {path}",
            "none",
            f"fill in the column {ingest.label_column!r}, or delete the file",
        )
    return labels


def find_label_file(data: Path, split: str, file_name: str) -> Path | None:
    """Find a label file beside the split's folder or in it.

    Raises:
        InputError: it is in both places.
    """
    found = [path for path in (data / file_name, data / split / file_name) if path.is_file()]
    if len(found) > 1:
        raise InputError(f"one {file_name}", f"two: {found[0]} and {found[1]}", "delete the one that is out of date")
    return found[0] if found else None


def _labels_by_name(path: Path, names: Collection[str], split: str, ingest: Ingest) -> dict[str, str]:
    rows = _read_rows(path, ingest)
    first_line: dict[str, int] = {}
    for row in rows:
        if row.image in first_line:
            raise InputError(
                f"one row for each photo in {path}",
                f"{row.image!r} in line {first_line[row.image]} and again in line {row.line}",
                "delete the row that is wrong",
            )
        first_line[row.image] = row.line
    known = names if isinstance(names, set | frozenset | dict) else set(names)
    missing = [row.image for row in rows if row.image not in known]
    if missing:
        raise InputError(
            f"every photo named in {path} in the folder {split}/",
            f"{len(missing)} of {len(rows)} missing there: {_some(missing)}",
            f"add the photos or delete their rows; a name is a path below {split}/, as photo.jpg or folder/photo.jpg",
        )
    return {row.image: row.label for row in rows if row.label}


def _read_rows(path: Path, ingest: Ingest) -> list[_Row]:
    reader = csv.reader(io.StringIO(_decode(path), newline=""), strict=True)
    columns: tuple[int, int] | None = None
    rows: list[_Row] = []
    width = line = 0
    try:
        for cells in reader:
            start, line = line + 1, reader.line_num
            values = [cell.strip() for cell in cells]
            if not any(values):
                continue
            if columns is None:
                columns, width = _find_columns(path, values, ingest), len(values)
                continue
            if len(values) != width:
                raise _malformed(path, start, f"{len(values)} values under a header of {width}")
            image, label = (as_text(values[column]) for column in columns)
            if not image:
                raise _malformed(path, start, f"no value in the column {ingest.image_column!r}")
            rows.append(_Row(start, image, label))
    except csv.Error as error:
        raise _malformed(path, line + 1, str(error)) from error
    if columns is None:
        _find_columns(path, [], ingest)
    return rows


def _decode(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"a label file that can be read at {path}", str(error.strerror), "give yourself the right to read it"
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise InputError(
            f"{path} in the encoding UTF-8",
            "UTF-16" if utf16 else f"the byte 0x{content[error.start]:02x} at position {error.start}, in line {line}",
            "save it again as UTF-8 (in a spreadsheet: 'CSV UTF-8'; by command: iconv -f ENCODING -t UTF-8)",
        ) from error
    if "\0" in text:
        raise _malformed(path, text.count("\n", 0, text.index("\0")) + 1, "a NUL character, which no text holds")
    return text


def _find_columns(path: Path, header: list[str], ingest: Ingest) -> tuple[int, int]:
    wanted = (ingest.image_column, ingest.label_column)
    if any(header.count(name) != 1 for name in wanted):
        raise InputError(
            f"a first line in {path} with the columns {wanted[0]!r} and {wanted[1]!r} once each, separated by a comma",
            f"the columns {header}" if header else "an empty file",
            "correct the first line, or set ingest.image_column and ingest.label_column to the names it has",
        )
    return header.index(wanted[0]), header.index(wanted[1])


def _malformed(path: Path, line: int, found: str) -> InputError:
    return InputError(
        f"comma-separated values in {path}, as many in each row as in the first",
        f"line {line}: {found}",
        'correct that line; a value that holds a comma or a quote goes between "quotes"',
    )


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
