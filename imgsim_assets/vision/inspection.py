"""What is learned by opening a photo once: whether it can be used, its size, its content and its perceptual hash.

An inspection belongs to the file's content, not to its name: it is kept by content id and done once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from imgsim_assets.fingerprint import content_id
from imgsim_assets.progress import track
from imgsim_assets.settings import Ingest
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.threads import thread_count, worker_threads
from imgsim_assets.vision.content import CONTENT_COLUMNS, content_of_photo
from imgsim_assets.vision.duplicates import perceptual_hash
from imgsim_assets.vision.folder import PhotoEntry
from imgsim_assets.vision.photo import decode_bytes
from imgsim_assets.vision.photo_file import OF_THE_DAY, PhotoError, read_file, require_file
from imgsim_assets.vision.scan import is_text

INSPECTION_REVISION = "inspection/3"
INSPECTION_SCHEMA = pa.schema(
    [
        pa.field("content_id", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        *(pa.field(name, pa.int32()) for name in CONTENT_COLUMNS),
        pa.field("format", pa.string()),
        pa.field("perceptual_hash", pa.uint64()),
    ]
)


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What a file is known by; without a content id, `reason` and `detail` say why it has none."""

    content_id: str | None
    bytes: int | None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What opening a file found; the size is that of the upright photo, and the box of its content lies in it."""

    content_id: str
    status: Literal["ok", "quarantined"]
    reason: str | None = None
    detail: str | None = None
    width: int | None = None
    height: int | None = None
    content_left: int | None = None
    content_top: int | None = None
    content_right: int | None = None
    content_bottom: int | None = None
    format: str | None = None
    perceptual_hash: int | None = None

    @property
    def lasts(self) -> bool:
        """Whether it is true of the content for ever; a file that could not be read may be readable later."""
        return self.reason not in OF_THE_DAY


def identify_files(entries: Sequence[PhotoEntry], threads: int) -> list[FileIdentity]:
    """Name each file by its content, in the order of `entries`."""
    with worker_threads(threads, "imgsim-identify") as pool:
        found = pool.map(_identify, (entry.path for entry in entries))
        return list(track(found, "Reading files", total=len(entries), unit="file"))


def _identify(path: Path) -> FileIdentity:
    if not is_text(str(path)):
        return FileIdentity(None, None, "unusable name", "the bytes of its name are not UTF-8")
    try:
        size = require_file(path)
        return FileIdentity(content_id(path), size)
    except PhotoError as error:
        return FileIdentity(None, None, error.reason, error.detail)
    except OSError as error:
        return FileIdentity(None, size, "unreadable", str(error.strerror))


def inspect_photo(path: Path, content_id: str, ingest: Ingest) -> Inspection:
    """Open one photo; whatever is wrong with it becomes a quarantined inspection.

    Args:
        path: the file.
        content_id: what its content is known by; another content is not looked at.
        ingest: photos larger than `max_pixels` are quarantined; `trim` says whether the whole photo is its content.
    """
    try:
        photo, kind = decode_bytes(read_file(path, ingest.max_pixels, content_id), ingest.max_pixels)
    except PhotoError as error:
        return Inspection(content_id, "quarantined", error.reason, error.detail)
    content = content_of_photo(photo, trim=ingest.trim)
    return Inspection(
        content_id,
        "ok",
        width=photo.width,
        height=photo.height,
        **dict(zip(CONTENT_COLUMNS, astuple(content), strict=True)),
        format=kind,
        perceptual_hash=perceptual_hash(content.of(photo, photo.size)),
    )


def inspect_photos(
    entries: Sequence[PhotoEntry],
    identities: Sequence[FileIdentity],
    known: Collection[str],
    ingest: Ingest,
    threads: int,
) -> list[Inspection]:
    """Open one file of each content that is not yet known, in the order of content ids.

    Args:
        entries: the files.
        identities: their identities, in the same order.
        known: content ids that need no inspection.
        ingest: `max_pixels` and `trim` are read.
        threads: how many photos are decoded at once.

    Returns:
        The new inspections; only those that `lasts` may be kept.
    """
    seen = set(known)
    paths: dict[str, Path] = {}
    for entry, identity in zip(entries, identities, strict=True):
        if identity.content_id is not None and identity.content_id not in seen:
            paths.setdefault(identity.content_id, entry.path)
    todo = sorted(paths)
    with worker_threads(threads, "imgsim-inspect") as pool:
        found = pool.map(lambda content: inspect_photo(paths[content], content, ingest), todo)
        return list(track(found, "Inspecting photos", total=len(todo)))


def inspect_anew(
    entries: Sequence[PhotoEntry], kept: ContentTable, ingest: Ingest, threads: int
) -> tuple[list[FileIdentity], dict[str, Inspection], int]:
    """Inspect the files whose content is not among those that are `kept`, and keep what lasts.

    Args:
        entries: the files.
        kept: the inspections of `INSPECTION_SCHEMA`.
        ingest: see `inspect_photos`.
        threads: 0 for one per core.

    Returns:
        The files' identities, in order; what is known of each content; and how many were inspected.
    """
    count = thread_count(threads)
    identities = identify_files(entries, count)
    present = [one.content_id for one in identities if one.content_id is not None]
    new = set(kept.missing(present))
    known = from_table(kept.read([one for one in dict.fromkeys(present) if one not in new]))
    inspected = inspect_photos(entries, identities, known, ingest, count)
    kept.append(to_table([one for one in inspected if one.lasts]))
    return identities, known | {one.content_id: one for one in inspected}, len(inspected)


def to_table(inspections: Sequence[Inspection]) -> pa.Table:
    """Make a table of `INSPECTION_SCHEMA`, one row for each inspection."""
    return pa.Table.from_pylist([asdict(inspection) for inspection in inspections], schema=INSPECTION_SCHEMA)


def from_table(table: pa.Table) -> dict[str, Inspection]:
    """Give back the inspections, by content id."""
    return {row["content_id"]: _from_row(row) for row in table.to_pylist()}


def _from_row(row: Mapping[str, Any]) -> Inspection:
    return Inspection(**{field.name: row[field.name] for field in fields(Inspection)})
