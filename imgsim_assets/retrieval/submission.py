"""The rows of submission.csv, their specification, and the file's bytes.

Two forms: `list`, a row for each test photo with the names of its recommendations joined by a separator; and `rows`, a
row for each recommendation, which holds any name. What a reader may rely on is told in docs/submission.md.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.errors import ArtefactError, InputError, SettingsError, UserError, joined
from imgsim_assets.settings import Submission

SEPARATORS = (" ", "|", ";", "\t")  # the first that no name holds is taken
RANK = "rank"
# Python's csv leaves a lone carriage return as it is where lines end otherwise, and readers take it for a line's end.
NEEDS_QUOTES = re.compile(r'[",\r\n]|\A\s|\s\Z')


def centrality(descriptors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Measure how central each photo is: the mean of its inner products with all photos of [n, d], float64 [n]."""
    values = np.asarray(descriptors, dtype=np.float64)
    return np.asarray((values * values.mean(axis=0)).sum(axis=1))


def fallback_list(names: Sequence[str], central: npt.NDArray[np.float64], settings: Submission) -> list[str]:
    """Choose what a test photo that could not be read is given.

    Args:
        names: of the n train photos.
        central: float64 [n], their `centrality`.
        settings: `central`: the most central photos, ties by name; `first`: the first by name.
    """
    if settings.fallback == "first":
        return sorted(names)[: settings.count]
    order = sorted(range(len(names)), key=lambda row: (-central[row], names[row]))
    return [names[row] for row in order[: settings.count]]


def require_answers(catalogue: pl.DataFrame, settings: Submission) -> None:
    """Hold the train photos that can be opened, rows of `raw_images`, against the settings.

    Raises:
        UserError: no submission could be made of them; every fault in one list.
    """
    names = catalogue.filter(pl.col("split") == "train", pl.col("status") == "ok")["name"].to_list()
    if faults := count_faults(len(names), settings) + separator_faults(names, settings):
        raise joined(faults)


def count_faults(train_photos: int, settings: Submission) -> list[UserError]:
    """Say whether there are too few train photos for a list."""
    if train_photos >= settings.count:
        return []
    mend = "add train photos or lower submission.count"
    return [InputError(f"at least {settings.count} readable train photos", f"{train_photos}", mend)]


def separator_faults(train_names: Iterable[str], settings: Submission) -> list[UserError]:
    """Say whether a name holds what would separate it from the next."""
    names, tried = list(train_names), _tried(settings)
    if settings.form == "rows" or any(not _holding(names, one) for one in tried):
        return []
    holding = _holding(names, tried[0])
    more = f" and {len(holding) - 1} more" if len(holding) > 1 else ""
    return [
        SettingsError(
            f"train names without the separator {' or '.join(map(repr, tried))}",
            f"{holding[0]!r}{more}",
            "set submission.separator to a character that no name holds, or to 'auto', which looks for one; "
            "or submission.form to 'rows', which takes any name",
        )
    ]


def separator_for(train_names: Sequence[str], settings: Submission) -> str:
    """Give what joins the names of a list: what the settings say, or the first of `SEPARATORS` that no name holds.

    Raises:
        SettingsError: names hold all of them.
    """
    for fault in separator_faults(train_names, settings):
        raise fault
    return next((one for one in _tried(settings) if not _holding(train_names, one)), "")


def submission_rows(
    test_names: Sequence[str],
    lists: Mapping[str, Sequence[str]],
    fallback: Sequence[str],
    train_names: Sequence[str],
    settings: Submission,
) -> pl.DataFrame:
    """Give the rows of each test photo, in the order of `test_names`.

    Args:
        test_names: every test photo, quarantined ones included.
        lists: test photo to train names, best first; absent for quarantined photos.
        fallback: what those are given.
        train_names: all that could be recommended.
        settings: form, column names, separator, count.

    Raises:
        SettingsError: a train name holds the separator.
        InputError: there are fewer train photos than recommendations to give.
    """
    for fault in count_faults(len(train_names), settings):
        raise fault
    separator, columns = separator_for(train_names, settings), columns_of(settings)
    if settings.form == "rows":
        rows = [(name, rank, one) for name in test_names for rank, one in enumerate(lists.get(name, fallback), start=1)]
        return pl.DataFrame(rows, dict(zip(columns, (pl.String, pl.Int64, pl.String), strict=True)), orient="row")
    joined = [(name, separator.join(lists.get(name, fallback))) for name in test_names]
    return pl.DataFrame(joined, dict.fromkeys(columns, pl.String), orient="row")


def columns_of(settings: Submission) -> list[str]:
    """Name the columns of the chosen form."""
    if settings.form == "rows":
        return [settings.image_column, RANK, settings.recommendation_column]
    return [settings.image_column, settings.recommendations_column]


def read_lists(frame: pl.DataFrame, train_names: Sequence[str], settings: Submission) -> dict[str, list[str]]:
    """Read the recommendations of each test photo out of the rows that `submission_rows` gave, or that were written.

    Raises:
        ArtefactError: wrong columns, a test photo whose rows do not stand together, or ranks that are not 1, 2, ...
    """
    columns = columns_of(settings)
    _require(frame.columns == columns, f"columns {columns}", f"{frame.columns}")
    lists: dict[str, list[str]] = {}
    if settings.form == "rows":
        previous = None
        for image, rank, name in frame.iter_rows():
            _require(image == previous or image not in lists, "each test photo once", f"{image!r} repeated")
            names, previous = lists.setdefault(image, []), image
            names.append(name)
            _require(int(rank) == len(names), f"rank {len(names)} of {image!r}", f"{rank}")
        return lists
    separator = separator_for(train_names, settings)
    for image, listed in frame.iter_rows():
        _require(image not in lists, "each test photo once", f"{image!r} repeated")
        lists[image] = listed.split(separator) if listed else []
    return lists


def check_submission(
    frame: pl.DataFrame, test_names: Sequence[str], train_names: Sequence[str], settings: Submission
) -> None:
    """Hold a submission against its specification; run before it is kept.

    Raises:
        ArtefactError: wrong columns, a test photo missing, repeated or unknown, or a list that is not `count`
            distinct existing train photos.
    """
    lists = read_lists(frame, train_names, settings)
    lost, unknown = set(test_names) - lists.keys(), lists.keys() - set(test_names)
    _require(not lost, "every test photo", f"{len(lost)} lost, {min(lost, default='')!r} among them")
    _require(not unknown, "test photos only", f"{len(unknown)} others, {min(unknown, default='')!r} among them")
    known = set(train_names)
    for image, names in lists.items():
        distinct = set(names)
        _require(
            len(names) == len(distinct) == settings.count,
            f"{settings.count} distinct train photos for {image!r}",
            f"{len(names)} names, {len(distinct)} distinct",
        )
        strangers = distinct - known
        _require(not strangers, f"train photos for {image!r}", f"{min(strangers, default='')!r}")


def submission_bytes(frame: pl.DataFrame) -> bytes:
    """Write the CSV: UTF-8, LF line ends, quotes where a value needs them and only there."""
    lines = [frame.columns, *frame.iter_rows()]
    return "".join(",".join(map(_cell, line)) + "\n" for line in lines).encode()


def _cell(value: object) -> str:
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if NEEDS_QUOTES.search(text) else text


def _tried(settings: Submission) -> tuple[str, ...]:
    return SEPARATORS if settings.separator == "auto" else (settings.separator,)


def _holding(names: Iterable[str], separator: str) -> list[str]:
    return sorted(name for name in names if separator in name)


def _require(holds: bool, expected: str, found: str) -> None:
    if not holds:
        raise ArtefactError(f"{expected} in the submission", found, "this is a defect of imgsim: please report it")
