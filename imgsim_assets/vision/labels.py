"""The label files: `train.csv` for training, `solution.csv` for measuring and for nothing else.

They are found in upper and lower case (`Train.CSV`); something of that name that cannot be read is never taken for
nothing. A row of a photo that is not there is left out and told, as photos that cannot be read are.
"""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.errors import InputError
from imgsim_assets.settings import Ingest
from imgsim_assets.vision.scan import composed, list_names

LABEL_FILES = {"train": "train.csv", "test": "solution.csv"}
SHOWN = 5


@dataclass(frozen=True)
class LabelFile:
    """What a label file says: label by photo name, without the photos whose label is empty; `warnings` for a person."""

    labels: dict[str, str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    line: int
    image: str
    label: str


def read_labels(data: Path, names: Collection[str], ingest: Ingest) -> LabelFile | None:
    """Read `train.csv`: the label of each train photo that has one.

    Args:
        data: the folder of photos.
        names: the train photos that exist.
        ingest: the names of the two columns.

    Returns:
        None where there is no file.

    Raises:
        InputError: the file cannot be used; says what to change in it.
    """
    path = find_label_file(data, "train")
    return None if path is None else _labels_by_name(path, names, "train", ingest)


def read_solution(data: Path, test_names: Collection[str], ingest: Ingest) -> LabelFile | None:
    """Read `solution.csv`: the hidden labels, which only scoring may see. Fewer rows than test photos are fine.

    Returns:
        None where there is no file.

    Raises:
        InputError: the file cannot be used, or labels no photo at all.
    """
    path = find_label_file(data, "test")
    if path is None:
        return None
    found = _labels_by_name(path, test_names, "test", ingest)
    if not found.labels:
        raise InputError(
            f"the label of at least one test photo in {path}",
            "none",
            f"fill in the column {ingest.label_column!r}, or delete the file",
        )
    return found


def find_label_file(data: Path, split: str) -> Path | None:
    """Find the label file of a split beside its folder or in it.

    Raises:
        InputError: it is in both places, or is no file.
    """
    found, name = [*called_like(data, split), *called_like(data / split, split)], LABEL_FILES[split]
    if len(found) > 1:
        raise InputError(f"one {name}", f"two: {found[0]} and {found[1]}", "delete the one that is out of date")
    if found and not found[0].is_file():
        what = "a folder" if found[0].is_dir() else "a pipe or the like" if found[0].exists() else "a link to nothing"
        raise InputError(f"a file at {found[0]}", what, "put the label file there, or give what is there another name")
    return found[0] if found else None


def called_like(folder: Path, split: str) -> list[Path]:
    """List what is in a folder under the name of the split's label file, in upper or lower case; mostly nothing."""
    if not folder.is_dir():
        return []
    return [folder / name for name in list_names(folder) if name.lower() == LABEL_FILES[split]]


def _labels_by_name(path: Path, names: Collection[str], split: str, ingest: Ingest) -> LabelFile:
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
    if missing and len(missing) == len(rows):
        raise InputError(
            f"the photos named in {path} in the folder {split}/",
            f"{len(missing)} of {len(rows)} missing there: {_some(missing)}",
            f"add the photos or mend their names; a name is a path below {split}/, as photo.jpg or folder/photo.jpg",
        )
    said = f"{len(missing)} of {len(rows)} rows of {path.name} name no photo in {split}/ and are left out"
    return LabelFile(
        {row.image: row.label for row in rows if row.label and row.image in known},
        (f"{said}: {_some(missing)}",) if missing else (),
    )


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
            image, label = (composed(values[column]) for column in columns)
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
