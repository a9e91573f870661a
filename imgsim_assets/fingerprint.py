"""Short, stable names for what was computed: settings to code version, content to id.

Nothing about where or how fast (paths, devices, batch sizes) may be passed in here.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blake3 import blake3
from pydantic import BaseModel

CODE_VERSION_BYTES = 8
CONTENT_ID_BYTES = 16


def fingerprint(revision: str, *parts: BaseModel | str | int | float | list[Any] | dict[str, Any]) -> str:
    """Name the computation `revision` with the settings `parts`.

    Args:
        revision: hand-bumped name of the algorithm, e.g. `"canny/2"`; raised when its output changes.
        parts: exactly the settings that the computation reads.

    Returns:
        `revision` followed by 16 hexadecimal digits of BLAKE3 over the canonical JSON of `parts`.
    """
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{revision}-{blake3(canonical.encode()).hexdigest(CODE_VERSION_BYTES)}"


def digest(items: Iterable[str]) -> str:
    """Name a sequence of strings, order included: 32 hexadecimal digits of BLAKE3."""
    hasher = blake3()
    for item in items:
        encoded = item.encode()
        hasher.update(len(encoded).to_bytes(8, "little"))
        hasher.update(encoded)
    return hasher.hexdigest(CONTENT_ID_BYTES)


def bytes_id(content: bytes) -> str:
    """Name bytes in memory as `content_id` names a file that holds them."""
    return blake3(content).hexdigest(CONTENT_ID_BYTES)


def content_id(path: Path) -> str:
    """Name a file by its bytes alone: 32 hexadecimal digits of BLAKE3.

    Raises:
        OSError: the file cannot be read.
    """
    hasher = blake3()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest(CONTENT_ID_BYTES)
