"""Names that people gave to classes, as text in a plot: as they are, in one line, by fonts that are there."""

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 40
# Matplotlib's own font comes first; what it lacks (Chinese, Hindi, emoji) is looked for in the others. None of them is
# made of coloured bitmaps, which Matplotlib cannot draw. What no font has is drawn as a box.
FAMILIES = (
    "DejaVu Sans",
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK KR", "Source Han Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Microsoft YaHei", "Yu Gothic"),
    *("PingFang SC", "Hiragino Sans", "Arial Unicode MS", "Unifont"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Nirmala UI"),
    *("Noto Emoji", "Symbola", "Segoe UI Symbol", "FreeSans"),
)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NO_CHARACTER = re.compile(r"[\ud800-\udfff]")  # halves of one, as bytes that are no UTF-8 become in a name
PICTURES, OF_DELETE, REPLACEMENT = 0x2400, "\u2421", "\ufffd"


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Write names beside rows 0, 1, ... from the top down; nothing in them is taken for a formula."""
    axes.set_yticks(
        range(len(names)), [visible(name) for name in names], parse_math=False, fontfamily=list(_families())
    )
    axes.invert_yaxis()


def visible(name: str) -> str:
    """Write a name so that it can be seen: control characters by their pictures, blank ones quoted, long ones cut."""
    shown = NO_CHARACTER.sub(REPLACEMENT, CONTROL.sub(_picture, name))
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
    return shown if shown.strip() else f"“{shown}”"


def _picture(found: re.Match[str]) -> str:
    return OF_DELETE if found.group() == "\x7f" else chr(PICTURES + ord(found.group()))


@functools.cache
def _families() -> tuple[str, ...]:
    """Name the fonts that this system has: of one that is absent Matplotlib would complain each time."""
    from matplotlib.font_manager import fontManager

    present = set(fontManager.get_font_names())
    return tuple(name for name in FAMILIES if name in present)
