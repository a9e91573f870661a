"""A process that looks at one damaged file after another, as asked line by line, and answers in JSON what it saw."""

import contextlib
import json
import resource
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgsim_assets.vision.formats import HEAD_BYTES, sniff
from imgsim_assets.vision.photo import REDUCTIONS, decode_photo
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_tests.torture.damage import KINDS
from imgsim_tests.torture.sound_files import sound_files

LIMIT = 1_000_000
REASONS = {"empty", "not an image", "raw", "unsupported", "truncated", "damaged", "oversized"}
SUFFIXES = (".jpg", ".png", ".webp", ".gif", ".bmp", ".tif", ".avif", ".heic", ".txt", "")
MOST_CLIPPED = 0.1
FARTHEST = 40  # mean grey levels between a JPEG reduced while it is decoded and afterwards, where it is mostly noise
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def damaged_file(kind: str, number: int, seed: int) -> tuple[str, bytes]:
    """Make the file `number` of a kind of damage: its suffix, which may be a wrong one, and its content."""
    random = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    names = list(sound_files())
    name = names[number % len(names)]
    suffix = Path(name).suffix if random.random() < 0.8 else str(random.choice(SUFFIXES))
    return suffix, KINDS[kind](random, sound_files()[name])


def look(path: Path) -> dict[str, Any]:
    """Decode a file at every reduction; `faults` lists what must never be."""
    before, started = _fresh_peak(), time.perf_counter()
    try:
        photo = decode_photo(path, LIMIT)
    except PhotoError as error:
        faults = [] if error.reason in REASONS and error.detail else [f"a reason nobody knows: {error}"]
        found = error.reason
    else:
        found, faults = "ok", _faults(path, photo)
    spent = time.perf_counter() - started
    return {"found": found, "faults": faults, "seconds": spent, "bytes": max(0, _peak() - before)}


def _faults(path: Path, photo: Image.Image) -> list[str]:
    faults = [] if photo.mode == "RGB" else [f"a photo in {photo.mode}"]
    jpeg = sniff(path.read_bytes()[:HEAD_BYTES]) == "JPEG"
    for reduction in REDUCTIONS:
        try:
            again = decode_photo(path, LIMIT, reduction)
        except PhotoError as error:
            faults.append(f"ok, but reduced by {reduction} {error}")
            continue
        if reduction == 1 or not jpeg:
            if again.size != photo.size or again.tobytes() != photo.tobytes():
                faults.append(f"decoded twice ({reduction}), it is two photos")
        elif (far := _distance(photo, reduction, again)) > FARTHEST:
            faults.append(f"reduced by {reduction}, it is {far:.0f} levels away")
    return faults


def _distance(photo: Image.Image, reduction: int, other: Image.Image) -> float:
    one = photo.reduce(reduction)
    if one.size != other.size:
        return 255.0
    # Values far outside of black and white are cut off in the whole photo, and averaged in the reduced one.
    if np.isin(np.asarray(photo), (0, 255)).mean() > MOST_CLIPPED:
        return 0.0
    return float(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).mean())


def _fresh_peak() -> int:
    """Forget the peak of the process's memory, where the system can, and give what it takes now."""
    with contextlib.suppress(OSError):
        REFERENCES.write_text("5")
    return _peak()


def _peak() -> int:
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Look at the files asked for: a kind, a number and a seed, parted by tabs, in each line."""
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            kind, number, seed = line.rstrip("\n").split("\t")
            suffix, content = damaged_file(kind, int(number), int(seed))
            path = Path(folder) / f"photo{suffix}"
            path.write_bytes(content)
            try:
                answer = look(path)
            except Exception as error:  # whatever escapes `decode_photo`: that is the fault looked for
                answer = {"found": "escaped", "faults": [repr(error)], "seconds": 0.0, "bytes": 0}
            path.unlink()
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
