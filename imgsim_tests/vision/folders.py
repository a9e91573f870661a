"""Builds small folders of photos for the tests of this room."""

from pathlib import Path

from imgsim_tests.broken_files import encoded, picture


def write_photos(folder: Path, names: list[str], first_seed: int = 0) -> None:
    """Write a different photo under each name."""
    for seed, name in enumerate(names, first_seed):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(seed, 48), "PNG"))


def flat_folder(root: Path, csv: str | bytes | None = None) -> Path:
    """Three train photos a, b, c and two test photos x, y, and a train.csv where given."""
    data = root / "photos"
    write_photos(data / "train", ["a.png", "b.png", "c.png"])
    write_photos(data / "test", ["x.png", "y.png"], 100)
    if csv is not None:
        (data / "train.csv").write_bytes(csv if isinstance(csv, bytes) else csv.encode())
    return data
