"""One progress bar for everything that takes long: count, rate and remaining time on standard error."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

from imgsim_assets.stopping import stop_if_asked

T = TypeVar("T")

SHOW_AFTER_SECONDS = 2.0
REFRESH_SECONDS = {True: 0.1, False: 10.0}  # on a terminal, and in a log that keeps every line


def track(
    items: Iterable[T], description: str, total: int | None = None, unit: str = "photo", note: object = ""
) -> Iterator[T]:
    """Yield `items` unchanged, with a bar that appears once they have taken two seconds.

    Args:
        items: what to go through.
        description: what is being done, in words for a person.
        total: how many items there are, where `items` does not know.
        unit: one item, in the singular.
        note: what it says of itself, as it stands, comes last.

    Raises:
        KeyboardInterrupt: the process was asked to stop a while ago, and still goes on.
    """
    known = len(items) if total is None and isinstance(items, Sized) else total
    bar = tqdm(
        items,
        desc=description,
        total=known,
        unit=unit,
        delay=SHOW_AFTER_SECONDS,
        mininterval=REFRESH_SECONDS[sys.stderr.isatty()],
        leave=None,  # an inner bar goes when it is done, the outermost stays
        dynamic_ncols=True,
    )
    for item in bar:
        bar.set_postfix_str(str(note), refresh=False)
        stop_if_asked()
        yield item
