"""The rows of `raw_images`: one for each file, with all that is known of it, and the counts over them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from imgsim_assets.errors import InputError, UserError, joined
from imgsim_assets.vision.content import CONTENT_COLUMNS
from imgsim_assets.vision.duplicates import join_groups, near_duplicate_groups, number_by_appearance
from imgsim_assets.vision.folder import LAYOUT, SPLITS, PhotoFolder
from imgsim_assets.vision.inspection import FileIdentity, Inspection
from imgsim_assets.vision.photo_names import is_photo_name
from imgsim_assets.vision.scan import spelled_out

CATALOGUE_SCHEMA: dict[str, Any] = {
    "split": pl.String,
    "name": pl.String,
    "path": pl.String,
    "content_id": pl.String,
    "label": pl.String,
    "bytes": pl.Int64,
    "format": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    **dict.fromkeys(CONTENT_COLUMNS, pl.Int32),
    "status": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "perceptual_hash": pl.UInt64,
    "near_duplicate_group": pl.UInt32,
}


def assemble_catalogue(
    folder: PhotoFolder,
    identities: Sequence[FileIdentity],
    inspections: Mapping[str, Inspection],
    near_duplicate_bits: int,
) -> pl.DataFrame:
    """Make the catalogue, sorted by split and name.

    Args:
        folder: the files.
        identities: of the folder's entries, in their order.
        inspections: by content id; every content id of `identities` must be there.
        near_duplicate_bits: photos whose hashes differ in no more bits share a group.

    Returns:
        Columns of `CATALOGUE_SCHEMA`. `path` is relative to the folder, POSIX, as the disk spells it; where that is no
        text, the file is in quarantine and nobody opens it. Usable photos have
        status `ok`, the box of their content in pixels, and a `near_duplicate_group` (equal for exact and near
        copies); the others have status `quarantined`, a reason and a detail.

    Raises:
        UserError: no train photo or no test photo can be used.
    """
    columns: dict[str, list[Any]] = {name: [] for name in CATALOGUE_SCHEMA if name != "near_duplicate_group"}
    for entry, identity in zip(folder.entries, identities, strict=True):
        found = inspections[identity.content_id] if identity.content_id is not None else None
        refused = identity if found is None else found
        row = {
            "split": entry.split,
            "name": entry.name,
            "path": spelled_out(entry.path.relative_to(folder.data).as_posix()),
            "content_id": identity.content_id,
            "label": entry.label,
            "bytes": identity.bytes,
            "format": found and found.format,
            "width": found and found.width,
            "height": found and found.height,
            **{name: found and getattr(found, name) for name in CONTENT_COLUMNS},
            "status": found.status if found else "quarantined",
            "reason": refused.reason,
            "detail": refused.detail,
            "perceptual_hash": found and found.perceptual_hash,
        }
        for name, values in columns.items():
            values.append(row[name])
    schema = {name: kind for name, kind in CATALOGUE_SCHEMA.items() if name in columns}
    table = pl.DataFrame(columns, schema=schema)
    _require_usable(table, folder)
    return table.with_columns(_groups(table, near_duplicate_bits))


def catalogue_counts(catalogue: pl.DataFrame) -> dict[str, int]:
    """Count what a catalogue holds.

    `photos`, `train`, `test`, `labelled` and `classes` count usable photos; `exact_duplicates` those
    beyond the first of their content; `near_duplicate_groups` groups of more than one content; `trimmed` those that
    had something around their content.
    `cross_split_*_pairs` count pairs of a train and a test photo: where there are many, MAP@10 flatters.
    """
    usable = catalogue.filter(pl.col("status") == "ok")
    refused = catalogue.filter(pl.col("status") != "ok")
    labelled = usable.filter(pl.col("label").is_not_null())
    contents = usable.group_by("near_duplicate_group").agg(pl.col("content_id").n_unique())
    exact_pairs = _cross_split_pairs(usable, "content_id")
    cut_off = pl.concat_list(CONTENT_COLUMNS) != pl.concat_list(pl.lit(0), pl.lit(0), "width", "height")
    return {
        "files": catalogue.height,
        "photos": usable.height,
        "train": usable.filter(pl.col("split") == "train").height,
        "test": usable.filter(pl.col("split") == "test").height,
        "labelled": labelled.height,
        "classes": labelled["label"].n_unique(),
        "quarantined": refused.height,
        "quarantined_labelled": refused["label"].count(),
        "trimmed": usable.filter(cut_off).height,
        "exact_duplicates": usable.height - usable["content_id"].n_unique(),
        "near_duplicate_groups": contents.filter(pl.col("content_id") > 1).height,
        "cross_split_exact_pairs": exact_pairs,
        "cross_split_near_pairs": _cross_split_pairs(usable, "near_duplicate_group") - exact_pairs,
    }


def folder_changes(folder: PhotoFolder, catalogue: pl.DataFrame) -> list[str]:
    """Say in words how the folder differs from what was catalogued, by names, sizes and labels alone.

    A file renamed is one gone and one new. Nothing said: files were touched, or changed and kept their size.
    """
    before = {(split, name): rest for split, name, *rest in catalogue.select("split", "name", "bytes", "label").rows()}
    now = {(entry.split, entry.name): entry for entry in folder.entries}
    stay = [entry for key, entry in now.items() if key in before]
    labels = [(before[one.split, one.name][1], one.label) for one in stay]
    counts = (
        (len(now.keys() - before.keys()), "new file", "new files"),
        (len(before.keys() - now.keys()), "file gone", "files gone"),
        (sum(_bytes(one.path) != before[one.split, one.name][0] for one in stay), "other size", "other sizes"),
        (sum(old is None and new is not None for old, new in labels), "new label", "new labels"),
        (sum(old is not None and new is None for old, new in labels), "label gone", "labels gone"),
        (sum(None not in (old, new) and old != new for old, new in labels), "label changed", "labels changed"),
    )
    return [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]


def _bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def leaked(usable: pl.DataFrame) -> pl.Series:
    """Tell which usable photos, train and test, have an exact or near copy in the other split: Boolean, row for row."""
    splits = pl.col("split").n_unique().over("near_duplicate_group")
    return usable.select((splits > 1).alias("leaked"))["leaked"]


def copies(catalogue: pl.DataFrame) -> pl.DataFrame:
    """List groups of copies that lie in both splits: names of their `test photos` and `train photos`."""
    usable = catalogue.filter(pl.col("status") == "ok")
    names = [
        pl.col("name").filter(pl.col("split") == split).sort().str.join(", ").alias(f"{split} photos")
        for split in ("test", "train")
    ]
    groups = usable.filter(leaked(usable)).group_by("near_duplicate_group", maintain_order=True).agg(*names)
    return groups.drop("near_duplicate_group").sort("test photos")


def _cross_split_pairs(usable: pl.DataFrame, column: str) -> int:
    sides = usable.group_by(column).agg(
        *((pl.col("split") == split).sum().cast(pl.Int64).alias(split) for split in SPLITS)
    )
    return int((sides["train"] * sides["test"]).sum())


def _groups(table: pl.DataFrame, bits: int) -> pl.Series:
    usable = (table["status"] == "ok").to_numpy()
    photos = table.filter(pl.col("status") == "ok").select("content_id", "perceptual_hash")
    groups = np.arange(photos.height, dtype=np.int64)
    hashed = photos["perceptual_hash"].is_not_null().to_numpy().nonzero()[0]
    hashes = photos["perceptual_hash"].drop_nulls().to_numpy()
    near = hashed, near_duplicate_groups(hashes, bits)
    exact = groups, np.unique(photos["content_id"].to_numpy(), return_inverse=True)[1].ravel()
    for members, numbers in (near, exact):
        _, first, where = np.unique(numbers, return_index=True, return_inverse=True)
        groups = join_groups(groups, members, members[first[where.ravel()]])
    numbers = np.full(table.height, -1, np.int64)
    numbers[usable] = number_by_appearance(groups)
    return pl.Series("near_duplicate_group", numbers).replace(-1, None).cast(pl.UInt32)


def _require_usable(table: pl.DataFrame, folder: PhotoFolder) -> None:
    faults: list[UserError] = []
    for split in SPLITS:
        photos = table.filter(pl.col("split") == split)
        if not photos.filter(pl.col("status") == "ok").height:
            reasons = photos["reason"].value_counts().sort("count", "reason", descending=[True, False])
            found = ", ".join(f"{count} {reason}" for reason, count in reasons.iter_rows())
            expected = f"at least one photo in {folder.data / split} that can be opened"
            faults.append(InputError(expected, found, LAYOUT))
    if faults:
        raise joined(faults)


def photos_to_answer(catalogue: pl.DataFrame) -> list[str]:
    """Name every test photo, quarantined ones included; a file that is no photo by name nor content is none."""
    test = catalogue.filter(pl.col("split") == "test")
    return [name for name, status in test.select("name", "status").iter_rows() if status == "ok" or is_photo_name(name)]
