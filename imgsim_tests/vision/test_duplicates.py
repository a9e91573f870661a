import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from imgsim_assets.vision import duplicates
from imgsim_assets.vision.duplicates import near_duplicate_groups, perceptual_hash
from imgsim_assets.vision.photo import decode_photo
from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.budget import examples


def brute_force(hashes, bits):
    groups = [-1] * len(hashes)
    for seed in range(len(hashes)):
        if groups[seed] >= 0:
            continue
        number, waiting = max(groups) + 1, [seed]
        while waiting:
            member = waiting.pop()
            if groups[member] < 0:
                groups[member] = number
                waiting += [
                    i for i, other in enumerate(hashes) if (int(hashes[member]) ^ int(other)).bit_count() <= bits
                ]
    return groups


def flipped(start, flips):
    value = start
    for bit in flips:
        value ^= 1 << bit
    return value


families = st.lists(
    st.builds(flipped, st.sampled_from([0, 2**64 - 1, 0x0123456789ABCDEF]), st.lists(st.integers(0, 63), max_size=8)),
    max_size=40,
)


@settings(max_examples=examples(150))
@given(hashes=families, bits=st.integers(0, 16))
def test_groups_equal_brute_force(hashes, bits):
    found = near_duplicate_groups(np.array(hashes, np.uint64), bits)
    assert found.tolist() == brute_force(hashes, bits)


@settings(max_examples=examples(50))
@given(hashes=hnp.arrays(np.uint64, st.integers(0, 60)), bits=st.integers(0, 30))
def test_random_groups_equal_brute_force(hashes, bits):
    assert near_duplicate_groups(hashes, bits).tolist() == brute_force(hashes, bits)


def test_groups_are_the_same_when_pairs_are_folded_early(monkeypatch):
    generator = np.random.default_rng(3)
    hashes = (generator.integers(0, 1 << 11, 500) << 30).astype(np.uint64)
    expected = near_duplicate_groups(hashes, 2)
    monkeypatch.setattr(duplicates, "FOLD_PAIRS", 5)
    np.testing.assert_array_equal(near_duplicate_groups(hashes, 2), expected)
    assert expected.tolist() == brute_force(hashes, 2)


def test_many_hashes_with_planted_neighbours():
    generator = np.random.default_rng(5)
    base = generator.integers(0, 1 << 63, 120_000, dtype=np.uint64)
    near = base[:500] ^ np.uint64(0b111 << 20)
    groups = near_duplicate_groups(np.concatenate([base, near]), 3)
    np.testing.assert_array_equal(groups[120_000:], groups[:500])
    assert groups.max() + 1 == 120_000


def test_groups_are_numbered_by_appearance():
    assert near_duplicate_groups(np.array([9, 2**40 - 1, 9, 0], np.uint64), 2).tolist() == [0, 1, 0, 0]


def distance(left, right):
    return (perceptual_hash(left) ^ perceptual_hash(right)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_near_and_other_photos_are_not(seed, tmp_path):
    photo = picture(seed, 256)
    (tmp_path / "again.jpg").write_bytes(encoded(photo, "JPEG", quality=60))
    assert distance(photo, decode_photo(tmp_path / "again.jpg", 10**6)) <= 3
    assert distance(photo, photo.resize((171, 171))) <= 3
    assert distance(photo, picture(seed + 100, 256)) > 16
    assert distance(photo, ImageOps.mirror(photo)) > 16


def test_photos_that_show_nothing_have_no_hash():
    for colour in ("white", "black", "red", (127, 128, 129)):
        assert perceptual_hash(Image.new("RGB", (90, 60), colour)) is None
    noise = np.random.default_rng(1).integers(127, 130, (64, 64, 3), dtype=np.uint8)
    assert perceptual_hash(Image.fromarray(noise)) is None


def test_stripes_and_ramps_have_no_hash():
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    stripes = (np.sin(np.arange(128) / 3) * 100 + 128).astype(np.uint8)
    for row in (ramp, stripes):
        flat = np.dstack([np.tile(row, (128, 1))] * 3)
        assert perceptual_hash(Image.fromarray(flat)) is None
        assert perceptual_hash(Image.fromarray(flat).transpose(Image.Transpose.TRANSPOSE)) is None


def test_the_hash_is_imagehashs_and_fits_64_bits():
    imagehash = pytest.importorskip("imagehash")
    for seed in range(8):
        photo = picture(seed)
        assert f"{perceptual_hash(photo):016x}" == str(imagehash.phash(photo))
