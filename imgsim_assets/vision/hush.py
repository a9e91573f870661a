"""Pillow's warnings, silenced while photos are decoded, from any number of threads.

A warning about a broken tag says nothing about a photo's pixels, and with `python -W error` it would
turn a good photo into a broken one. `warnings.catch_warnings` alone is not safe between threads:
the first thread in silences, the last one out restores.
"""

import threading
import warnings
from types import TracebackType


class Hush:
    """A context that any number of threads may be in; only warnings raised in Pillow are silenced."""

    def __init__(self) -> None:
        """Start with nobody inside."""
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        """Silence, unless another thread has."""
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore, unless another thread is still inside."""
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(kind, error, trace)
