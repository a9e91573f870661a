"""What a person can get wrong: one line that says what was expected, what was found and how to mend it; exit 2."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imgsim_tests.workplace import Done, Workplace

Break = Callable[[Workplace], None]


def no_data_folder(workplace: Workplace) -> None:
    shutil.rmtree(workplace.photos)


def no_train_photos(workplace: Workplace) -> None:
    (workplace.photos / "train.csv").unlink()
    for path in (workplace.photos / "train").iterdir():
        path.unlink()


def no_test_photos(workplace: Workplace) -> None:
    (workplace.photos / "solution.csv").unlink()
    for path in (workplace.photos / "test").iterdir():
        path.unlink()


def no_test_folder(workplace: Workplace) -> None:
    shutil.rmtree(workplace.photos / "test")


def labels_of_missing_files(workplace: Workplace) -> None:
    (workplace.photos / "train.csv").write_text("image,label\nnobody.jpg,fish\n")


def hidden_labels_of_missing_files(workplace: Workplace) -> None:
    (workplace.photos / "solution.csv").write_text("image,label\nstranger.jpg,fish\n")


def a_folder_called_train_csv(workplace: Workplace) -> None:
    (workplace.photos / "train.csv").unlink()
    (workplace.photos / "train.csv").mkdir()


def a_solution_that_leads_nowhere(workplace: Workplace) -> None:
    (workplace.photos / "solution.csv").unlink()
    (workplace.photos / "Solution.csv").symlink_to("nowhere.csv")


def state_among_the_photos(workplace: Workplace) -> None:
    edit_state(workplace, "photos/train/state")


def state_above_the_photos(workplace: Workplace) -> None:
    edit_state(workplace, ".")


def edit_state(workplace: Workplace, state: str) -> None:
    text = workplace.config.read_text()
    assert 'state = "state"' in text
    workplace.config.write_text(text.replace('state = "state"', f'state = "{state}"'))


def duplicate_rows(workplace: Workplace) -> None:
    with (workplace.photos / "train.csv").open("a") as file:
        file.write("train_00000.jpg,fish\n")


def labels_in_utf16(workplace: Workplace) -> None:
    path = workplace.photos / "train.csv"
    path.write_bytes(path.read_text().encode("utf-16"))


def labels_in_latin1(workplace: Workplace) -> None:
    path = workplace.photos / "train.csv"
    path.write_bytes(path.read_text().replace(",", ",é", 2).encode("latin-1"))


def labels_without_a_header(workplace: Workplace) -> None:
    path = workplace.photos / "train.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def add_settings(text: str) -> Break:
    def change(workplace: Workplace) -> None:
        with workplace.config.open("a") as file:
            file.write(text)

    return change


def no_model_file(workplace: Workplace) -> None:
    (workplace.folder / "tiny.onnx").unlink()


def all_train_photos_broken(workplace: Workplace) -> None:
    for path in (workplace.photos / "train").iterdir():
        path.write_bytes(b"no photo")


def all_test_photos_broken(workplace: Workplace) -> None:
    for path in (workplace.photos / "test").iterdir():
        path.write_bytes(b"no photo")


def few_readable_train_photos(workplace: Workplace) -> None:
    for path in sorted((workplace.photos / "train").iterdir())[9:]:
        path.write_bytes(b"no photo")


def a_name_with_the_separator(workplace: Workplace) -> None:
    old, new = "train_00000.jpg", "my photo.jpg"
    (workplace.photos / "train" / old).rename(workplace.photos / "train" / new)
    rows = list(csv.reader((workplace.photos / "train.csv").open()))
    with (workplace.photos / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[new if cell == old else cell for cell in row] for row in rows])


def many_things_at_once(workplace: Workplace) -> None:
    hidden_labels_of_missing_files(workplace)
    a_name_with_the_separator(workplace)
    add_settings("\n[submission]\ncount = 31\nseparator = ' '\n")(workplace)


BEFORE_ANYTHING_RUNS = [
    (no_data_folder, "a folder of photos at"),
    (no_train_photos, "photos in"),
    (no_test_photos, "photos in"),
    (no_test_folder, "train/ and test/"),
    (labels_of_missing_files, "'nobody.jpg'|nobody.jpg"),
    (a_folder_called_train_csv, "a file at .*train.csv; found a folder"),
    (state_among_the_photos, "a state folder apart from the photos.*it lies in .*train"),
    (state_above_the_photos, "a state folder apart from the photos.*it holds the photos"),
    (duplicate_rows, "'train_00000.jpg' in line 2 and again in line 32"),
    (labels_in_utf16, "found UTF-16"),
    (labels_in_latin1, "0xe9"),
    (labels_without_a_header, "'image' and 'label'"),
    (add_settings("\n[canny]\nblurr = 2\n"), "unknown key canny.blurr.*did you mean canny.blur"),
    (add_settings("\n[canny]\nblur = -1\n"), "canny.blur = -1.*greater than or equal to 0"),
    (add_settings("\n[canny]\nlow = 'auto'\nhigh = 3\n"), "both"),
    (add_settings("\n[canny\n"), "TOML in"),
    (hidden_labels_of_missing_files, "stranger.jpg"),
    (a_solution_that_leads_nowhere, "a file at .*Solution.csv; found a link to nothing"),
    (add_settings("\n[submission]\ncount = 31\n"), "at least 31 readable train photos; found 30"),
    (many_things_at_once, r"\(1\) at least 31 .*\(2\) train names .*\(3\) .*found \(1\) 30; \(2\) 'my photo.jpg'"),
]
IN_A_STEP = [
    (no_model_file, "tiny.onnx"),
    (all_train_photos_broken, "at least one photo in .* that can be opened; found 30 not an image"),
    (all_test_photos_broken, "at least one photo in .*test that can be opened; found 12 not an image"),
    (few_readable_train_photos, "at least 10 readable train photos; found 9"),
]


def name_of(value: object) -> str | None:
    return value.__name__ if callable(value) else ""


def require_one_clear_error(done: Done, words: str) -> None:
    assert done.status == 2, done.out + done.err
    assert "Traceback" not in done.out + done.err
    errors = [line for line in done.err.splitlines() if "expected " in line]
    assert len(errors) == 1, done.err
    assert re.search(r"expected .+; found .+; to mend: .+", errors[0]), errors[0]
    assert re.search(words, errors[0]), errors[0]


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("change", "words"), BEFORE_ANYTHING_RUNS, ids=name_of)
def test_it_is_refused_before_anything_runs(synced: Workplace, change: Break, words: str):
    target, published = synced.published.readlink(), content_of(synced.published)
    change(synced)
    done = synced.run("sync")
    require_one_clear_error(done, words)
    assert len(done.err.splitlines()) == 1
    assert done.out == ""
    assert (synced.published.readlink(), content_of(synced.published)) == (target, published)


@pytest.mark.slow
@pytest.mark.parametrize(("change", "words"), IN_A_STEP, ids=name_of)
def test_it_stops_the_run_and_leaves_the_publication_alone(synced: Workplace, change: Break, words: str):
    target, published = synced.published.readlink(), content_of(synced.published)
    if change is no_model_file:  # while all its vectors are known, nobody needs the model
        shutil.rmtree(synced.state / "content")
        shutil.rmtree(synced.state / "artefacts" / "embeddings")
    change(synced)
    done = synced.run("sync")
    assert (synced.published.readlink(), content_of(synced.published)) == (target, published)
    require_one_clear_error(done, words)
    if "photos" in change.__name__:  # found out as soon as photos are looked at, and nothing is embedded
        assert "failed: raw_images" in done.err
        assert "✓ embeddings" not in done.err


@pytest.mark.parametrize("change", [no_data_folder, labels_of_missing_files, labels_in_utf16])
def test_nothing_is_published_on_a_fresh_state(unsynced: Workplace, change: Break):
    change(unsynced)
    assert unsynced.run("sync").status == 2
    assert not unsynced.published.exists()
    assert not (unsynced.state / "artefacts").exists()


@pytest.mark.slow
def test_nothing_is_published_where_a_step_fails_on_a_fresh_state(unsynced: Workplace):
    all_train_photos_broken(unsynced)
    done = unsynced.run("sync")
    assert done.status == 2, done.err
    assert not unsynced.published.exists()


@pytest.mark.slow
def test_the_reason_is_told_beside_json_too(synced: Workplace):
    all_train_photos_broken(synced)
    require_one_clear_error(synced.run("sync", "--json"), "found 30 not an image")


def test_an_unknown_profile_is_refused(synced: Workplace):
    require_one_clear_error(
        synced.run("sync", "--profile", "enormous"),
        "one of clip, compact, large, medium, pretrained, small.*'enormous'",
    )


def test_a_missing_settings_file_is_refused(synced: Workplace):
    require_one_clear_error(synced.run("sync", "--config", "nowhere.toml"), "a settings file at nowhere.toml")


@pytest.mark.slow
def test_a_process_of_its_own_ends_with_status_2_and_one_line(unsynced: Workplace):
    no_data_folder(unsynced)
    done = unsynced.run_apart("sync")
    require_one_clear_error(done, "a folder of photos at")
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert not unsynced.published.exists()
