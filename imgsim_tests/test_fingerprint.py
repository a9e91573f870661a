from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.fingerprint import content_id, digest, fingerprint
from imgsim_assets.settings import Canny


@given(st.lists(st.text()), st.lists(st.text()))
def test_sequences_have_the_same_digest_only_if_they_are_equal(one: list[str], two: list[str]) -> None:
    assert (digest(one) == digest(two)) == (one == two)


def test_a_digest_knows_where_an_item_ends() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest([]) != digest([""])


@given(st.binary(), st.binary())
def test_files_have_the_same_id_only_if_their_bytes_are_equal(one: bytes, two: bytes) -> None:
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / "one.jpg", Path(folder) / "two.png"]
        for path, data in zip(paths, (one, two), strict=True):
            path.write_bytes(data)
        assert (content_id(paths[0]) == content_id(paths[1])) == (one == two)


def test_long_files_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(bytes(3 << 20))
    (tmp_path / "two").write_bytes(bytes((3 << 20) - 1) + b"\x01")
    assert content_id(tmp_path / "one") != content_id(tmp_path / "two")


def test_ids_do_not_change_between_versions(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert content_id(tmp_path / "empty") == "af1349b9f5f9a1a6a0404dea36dcc949"  # BLAKE3's published value
    assert fingerprint("canny/1", Canny()) == fingerprint("canny/1", Canny())


def test_a_fingerprint_depends_on_revision_and_settings_only() -> None:
    base = fingerprint("canny/1", Canny(), {"a": 1, "b": 2})
    assert base.startswith("canny/1-")
    assert fingerprint("canny/1", Canny(low="auto"), {"b": 2, "a": 1}) == base
    assert len({base, fingerprint("canny/2", Canny()), fingerprint("canny/1", Canny(low=1, high=2))}) == 3
    with pytest.raises(ValueError, match="JSON"):
        fingerprint("canny/1", float("nan"))
