"""Artefacts: what an asset made, as a folder of files with a manifest that says what must be in it.

`ROOT/KEY/VERSION/` holds the files and their manifest; `ROOT/KEY/manifest.json` is a copy of the current
version's, replaced last. A version, once kept, does not change: who has it open keeps it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import content_id
from imgsim_assets.storage import versioned_folder
from imgsim_assets.storage.atomic import scratch_folder, write_bytes
from imgsim_assets.storage.versioned_folder import JSON, VERSION, FileRecord, describe, settle, touch, version_of

ARTEFACTS = "artefacts"  # the folder of all of them, in the state folder
FORMAT = 1
MANIFEST = "manifest.json"
KEY = re.compile(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)*")


@dataclass(frozen=True)
class Manifest:
    """What a version holds.

    `facts` belong to the content (row counts, dimensions, id digests); `notes` do not (durations).
    """

    key: str
    version: str
    files: Mapping[str, FileRecord]
    facts: Mapping[str, JSON]
    notes: Mapping[str, JSON]

    def to_json(self) -> bytes:
        """Write it as JSON text."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is not such a text, is of another format, or its version is not that of its content.
        """
        plain: dict[str, Any] = json.loads(text)
        if not isinstance(plain, dict) or plain.pop("format", None) != FORMAT:
            raise ValueError(f"not a manifest of format {FORMAT}")
        try:
            files = {name: FileRecord(**record) for name, record in plain.pop("files").items()}
            manifest = cls(files=files, **plain)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a manifest: {error}") from error
        if manifest.version != version_of(manifest.files, manifest.facts):
            raise ValueError(f"version {manifest.version} is not that of its files and facts")
        return manifest


@dataclass(frozen=True)
class Artefact:
    """One version, found whole when it was opened."""

    folder: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        """Where the file `name` is.

        Raises:
            ArtefactError: the manifest does not name it.
        """
        if name not in self.manifest.files:
            raise ArtefactError(
                f"a file {name} in {self.manifest.key}",
                f"only {', '.join(self.manifest.files)}",
                _mend(self.folder.parent),
            )
        return self.folder / name


class ArtefactStore:
    """All artefacts below one folder."""

    def __init__(self, root: Path, digest: Callable[[Path], str] | None = None) -> None:
        """Use `root`, which the first artefact creates.

        `digest` gives the content id of a file, from memory where it can: with it all that is opened is compared with
        its manifest byte for byte, without it the sizes.
        """
        self.root = root
        self._digest = digest

    def keep(
        self,
        key: str,
        write: Callable[[Path], None],
        facts: Mapping[str, JSON],
        notes: Mapping[str, JSON] | None = None,
    ) -> Manifest:
        """Let `write` fill an empty folder, then make it the current version of `key`, as a whole or not at all.

        Args:
            key: the asset's key, `/` between its parts.
            write: fills the folder that it is given; may still add to `facts`.
            facts: what belongs to the content; part of the version, with the files' names and bytes.
            notes: what does not (durations, hosts); the first ones of a version stay.

        Raises:
            ArtefactError: nothing was written, or something that is not a file.
        """
        place = self._place(key)
        with scratch_folder(place) as built:
            write(built)
            files = describe(built)
            if not files or MANIFEST in files:
                raise ArtefactError(f"files of {key}, none named {MANIFEST}", str(list(files)), "mend what writes them")
            version = version_of(files, facts)
            text = Manifest(key, version, files, dict(facts), dict(notes or {})).to_json()
            (built / MANIFEST).write_bytes(text)
            with self._only_writer(place):
                return self._make_current(place, built, version)

    def open(self, key: str, version: str | None = None, *, verify: bool = False) -> Artefact:
        """Find the current version of `key`, or the one that is named, and check that it is whole.

        Args:
            key: the asset's key.
            version: one of `versions(key)`; None: the current one.
            verify: read every file again and compare its content, whatever is remembered of it.

        Raises:
            ArtefactError: it was never made, or is not what its manifest says.
        """
        place = self._place(key)
        text = self._manifest_text(place, key, version)
        try:
            return _whole(place, text, content_id if verify else self._digest)
        except ArtefactError:
            # Made again and pruned while we looked: the new one counts.
            if version is None and self._manifest_text(place, key, version) != text:
                return self.open(key, verify=verify)
            raise

    def withdraw(self, key: str) -> None:
        """Let `key` have no current version any more; its files stay until they are pruned."""
        (self._place(key) / MANIFEST).unlink(missing_ok=True)

    def versions(self, key: str) -> list[str]:
        """Versions of `key` that are still there, the last kept first."""
        place = self._place(key)
        found = [path for path in place.glob("*") if VERSION.fullmatch(path.name) and path.is_dir()]
        return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)]

    def prune(self, key: str, keep: int) -> list[str]:
        """Remove all but the `keep` versions of `key` that were kept last, never the current one."""
        place = self._place(key)
        if not (place / MANIFEST).exists():
            return []
        with self._only_writer(place):
            current = json.loads(self._manifest_text(place, key, None))["version"]
            return versioned_folder.prune(place, keep, current)

    def _make_current(self, place: Path, built: Path, version: str) -> Manifest:
        folder = place / version
        present = _read_or_none(folder / MANIFEST)
        if present is not None and _is_manifest_of(present, version):
            (built / MANIFEST).write_bytes(present)  # the same content: its first notes stay
        settle(built, folder)
        touch(folder)
        text = (folder / MANIFEST).read_bytes()
        if _read_or_none(place / MANIFEST) != text:
            write_bytes(place / MANIFEST, text)
        return Manifest.from_json(text)

    def _place(self, key: str) -> Path:
        if not KEY.fullmatch(key) or any(VERSION.fullmatch(part) for part in key.split("/")):
            raise ValueError(f"{key!r} is not an artefact's key: lower-case words with / between them")
        return self.root / key

    def _manifest_text(self, place: Path, key: str, version: str | None) -> bytes:
        path = place / MANIFEST if version is None else place / version / MANIFEST
        text = _read_or_none(path)
        if text is None:
            raise ArtefactError(f"{key} at {path}", "nothing", f"run `imgsim sync`, which makes {key}")
        return text

    def _only_writer(self, place: Path) -> FileLock:
        return FileLock(place / ".lock")


def _whole(place: Path, text: bytes, digest: Callable[[Path], str] | None) -> Artefact:
    try:
        manifest = Manifest.from_json(text)
    except ValueError as error:
        raise ArtefactError(f"the manifest of an artefact in {place}", str(error), _mend(place)) from error
    folder = place / manifest.version
    for name, record in manifest.files.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != record.bytes:
            what = "nothing" if found is None else f"{found} bytes"
            raise ArtefactError(f"{manifest.key}: {record.bytes} bytes in {path}", what, _mend(place))
        if digest and digest(path) != record.digest:
            raise ArtefactError(f"{manifest.key}: content {record.digest} in {path}", "another content", _mend(place))
    return Artefact(folder, manifest)


def _is_manifest_of(text: bytes, version: str) -> bool:
    try:
        return Manifest.from_json(text).version == version
    except ValueError:
        return False  # damaged: the new one replaces it


def _read_or_none(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _mend(place: Path) -> str:
    return f"remove {place} and run `imgsim sync`, which makes it again"
