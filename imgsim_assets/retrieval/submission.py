"""The rows of submission.csv, their specification, and the file's bytes."""

import csv
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.errors import ArtefactError, InputError, SettingsError
from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.settings import Submission


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


def submission_rows(
    test_names: Sequence[str],
    lists: dict[str, Sequence[str]],
    fallback: Sequence[str],
    settings: Submission,
) -> pl.DataFrame:
    """Give one row per test photo, in the order of `test_names`.

    Args:
        test_names: every test photo, quarantined ones included.
        lists: test photo to train names, best first; absent for quarantined photos.
        fallback: what those are given.
        settings: column names, separator, count.

    Raises:
        SettingsError: a train name holds the separator.
        InputError: there are fewer train photos than recommendations to give.
    """
    if len(fallback) < settings.count:
        raise InputError(
            f"at least {settings.count} readable train photos",
            f"{len(fallback)}",
            "add train photos or lower submission.count",
        )
    named = {name for names in lists.values() for name in names} | set(fallback)
    holding = sorted(name for name in named if settings.separator in name)
    if holding:
        raise SettingsError(
            f"train names without the separator {settings.separator!r}",
            f"{holding[0]!r} and {len(holding) - 1} more",
            "set submission.separator to a character that no name holds, such as '|' or ';'",
        )
    recommended = [settings.separator.join(lists.get(name, fallback)) for name in test_names]
    return pl.DataFrame(
        {settings.image_column: list(test_names), settings.recommendations_column: recommended},
        schema={settings.image_column: pl.String, settings.recommendations_column: pl.String},
    )


def neighbour_lists(test_names: Sequence[str], ids: Ints, train_names: Sequence[str]) -> dict[str, Sequence[str]]:
    """Turn neighbour rows int64 [q, k] of `test_names` into train names; -1 is left out."""
    return {
        name: [train_names[row] for row in rows if row >= 0]
        for name, rows in zip(test_names, ids.tolist(), strict=True)
    }


def check_submission(
    frame: pl.DataFrame, test_names: Sequence[str], train_names: Sequence[str], settings: Submission
) -> None:
    """Hold a submission against its specification; run before it is published.

    Raises:
        ArtefactError: wrong columns, a test photo missing, repeated or unknown, or a list that is not `count`
            distinct existing train photos.
    """
    columns = [settings.image_column, settings.recommendations_column]
    _require(frame.columns == columns, f"columns {columns}", f"{frame.columns}")
    images = frame[settings.image_column].to_list()
    _require(len(set(images)) == len(images), "each test photo once", f"{len(images) - len(set(images))} repeated")
    lost, unknown = set(test_names) - set(images), set(images) - set(test_names)
    _require(not lost, "every test photo", f"{len(lost)} lost, {min(lost, default='')!r} among them")
    _require(not unknown, "test photos only", f"{len(unknown)} others, {min(unknown, default='')!r} among them")
    known = set(train_names)
    for image, joined in frame.iter_rows():
        names = joined.split(settings.separator) if joined else []
        distinct = set(names)
        _require(
            len(names) == len(distinct) == settings.count,
            f"{settings.count} distinct train photos for {image!r}",
            f"{len(names)} names, {len(distinct)} distinct",
        )
        strangers = distinct - known
        _require(not strangers, f"train photos for {image!r}", f"{min(strangers, default='')!r}")


def submission_bytes(frame: pl.DataFrame) -> bytes:
    """Write the CSV: UTF-8, LF line ends, quotes only where a value needs them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(frame.columns)
    writer.writerows(frame.iter_rows())
    return text.getvalue().encode()


def _require(holds: bool, expected: str, found: str) -> None:
    if not holds:
        raise ArtefactError(f"{expected} in the submission", found, "this is a defect of imgsim: please report it")
