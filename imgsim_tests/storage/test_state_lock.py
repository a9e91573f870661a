"""What may be a state folder, and who held its lock."""

from pathlib import Path

import pytest

from imgsim_assets.errors import SettingsError
from imgsim_assets.storage.state_lock import require_folder


def test_a_folder_and_what_can_become_one_are_accepted(tmp_path: Path):
    require_folder(tmp_path)
    require_folder(tmp_path / "new" / "newer")
    (tmp_path / "link").symlink_to(tmp_path)
    require_folder(tmp_path / "link" / "new")


@pytest.mark.parametrize("below", ["", "below"])
def test_what_is_in_the_way_is_named(tmp_path: Path, below: str):
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    for name, what in (("file", "no folder"), ("lost", "a link to nothing")):
        with pytest.raises(SettingsError, match=f"found {tmp_path / name}: {what};"):
            require_folder(tmp_path / name / below)


def test_a_path_with_signs_that_cannot_be_seen_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="a path of letters, digits and signs"):
        require_folder(tmp_path / "a\nb")
