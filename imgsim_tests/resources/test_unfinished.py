"""Names of what was begun outlive the process that noted them."""

import os
from pathlib import Path

from imgsim_assets.resources.unfinished import Unfinished


def test_names_are_kept_in_the_order_in_which_they_were_noted(tmp_path: Path):
    unfinished = Unfinished(tmp_path / "deep" / "unfinished")
    assert unfinished.names() == []
    for age, name in ((30, "b"), (20, "a"), (10, "c")):
        unfinished.note(name)
        os.utime(unfinished.folder / name, (1_000_000 - age, 1_000_000 - age))
    assert Unfinished(unfinished.folder).names() == ["b", "a", "c"]


def test_the_folder_goes_with_the_last_name(tmp_path: Path):
    unfinished = Unfinished(tmp_path / "unfinished")
    for name in ("a", "b"):
        unfinished.note(name)
    unfinished.forget("a")
    unfinished.forget("unknown")
    assert unfinished.names() == ["b"]
    unfinished.forget("b")
    assert not unfinished.folder.exists()
    unfinished.forget("b")
