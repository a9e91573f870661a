"""Everything that can change between two syncs, one function each; the docstring is its line in the truth table.

A change acts on a synced workplace and returns the settings to override in the next sync, if any.
"""

import contextlib
import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg

from imgsim_assets.assets import checks
from imgsim_assets.assets.learning import metric as learning
from imgsim_assets.storage.publication import roll_back
from imgsim_assets.vision import inspection
from imgsim_tests.broken_files import picture
from imgsim_tests.vision.backbones.model_files import save_onnx
from imgsim_tests.workplace import Workplace

Overrides = dict[str, Any]
Change = Callable[[Workplace], Overrides | None]

TRAIN_PHOTO, TEST_PHOTO = "train_00000.jpg", "test_00000.jpg"


def setting(words: str, **overrides: Any) -> Change:
    """Make the change of a setting."""

    def change(_: Workplace) -> Overrides:
        return overrides

    change.__doc__ = words
    return change


def edit_labels(path: Path, edit: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    rows = edit(list(csv.DictReader(path.open())))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["image", "label"])
        writer.writeheader()
        writer.writerows(rows)


# ---- photos ---------------------------------------------------------------------------------------------------------


def new_train_photo(workplace: Workplace) -> None:
    """a new train photo, without a label"""
    picture(77).save(workplace.photos / "train" / "new.png")


def new_labelled_photo(workplace: Workplace) -> None:
    """a new train photo, of a class that others have"""
    picture(77).save(workplace.photos / "train" / "new.png")
    edit_labels(workplace.photos / "train.csv", lambda rows: [*rows, rows[0] | {"image": "new.png"}])


def new_label(workplace: Workplace) -> None:
    """a new train photo, of a class that no other has"""
    picture(77).save(workplace.photos / "train" / "new.png")
    edit_labels(workplace.photos / "train.csv", lambda rows: [*rows, {"image": "new.png", "label": "unheard of"}])


def many_new_photos(workplace: Workplace) -> None:
    """new train photos, more than `learning.renewal`"""
    for number in range(5):
        picture(77 + number).save(workplace.photos / "train" / f"new_{number}.png")


def new_test_photo(workplace: Workplace) -> None:
    """a new test photo"""
    picture(77).save(workplace.photos / "test" / "new.png")


def copied_photo(workplace: Workplace) -> None:
    """a copy of a train photo under another name in train"""
    shutil.copyfile(workplace.photos / "train" / TRAIN_PHOTO, workplace.photos / "train" / "copy.jpg")


def renamed_photo(workplace: Workplace) -> None:
    """a train photo renamed, in train.csv too"""
    (workplace.photos / "train" / TRAIN_PHOTO).rename(workplace.photos / "train" / "renamed.jpg")
    edit_labels(
        workplace.photos / "train.csv",
        lambda rows: [row | {"image": row["image"].replace(TRAIN_PHOTO, "renamed.jpg")} for row in rows],
    )


def deleted_train_photo(workplace: Workplace) -> None:
    """a train photo deleted, from train.csv too"""
    (workplace.photos / "train" / TRAIN_PHOTO).unlink()
    edit_labels(workplace.photos / "train.csv", lambda rows: [row for row in rows if row["image"] != TRAIN_PHOTO])


def deleted_test_photo(workplace: Workplace) -> None:
    """a test photo deleted, from solution.csv too"""
    (workplace.photos / "test" / TEST_PHOTO).unlink()
    edit_labels(workplace.photos / "solution.csv", lambda rows: [row for row in rows if row["image"] != TEST_PHOTO])


def touched_photos(workplace: Workplace) -> None:
    """the times of all train photos touched"""
    for path in (workplace.photos / "train").iterdir():
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def replaced_photo(workplace: Workplace) -> None:
    """a train photo replaced by another picture of the same name"""
    picture(78).save(workplace.photos / "train" / TRAIN_PHOTO, "JPEG")


def corrupted_photo(workplace: Workplace) -> None:
    """a train photo overwritten with rubbish"""
    (workplace.photos / "train" / TRAIN_PHOTO).write_bytes(b"no photo")


def moved_to_train(workplace: Workplace) -> None:
    """a test photo moved to train"""
    content = (workplace.photos / "test" / TEST_PHOTO).read_bytes()
    deleted_test_photo(workplace)
    (workplace.photos / "train" / "moved.jpg").write_bytes(content)


def text_file(workplace: Workplace) -> None:
    """a text file dropped beside the photos, outside train/ and test/"""
    (workplace.photos / "notes.txt").write_text("hello")


def system_file(workplace: Workplace) -> None:
    """a system's own file (.DS_Store) dropped into train/"""
    (workplace.photos / "train" / ".DS_Store").write_bytes(b"\0")


def leftovers_of_a_nas(workplace: Workplace) -> None:
    """thumbnails of a NAS (@eaDir/) dropped into train/ and test/"""
    for split, name in (("train", TRAIN_PHOTO), ("test", TEST_PHOTO)):
        folder = workplace.photos / split / "@eaDir" / name
        folder.mkdir(parents=True)
        picture(79).save(folder / "SYNOPHOTO_THUMB_M.jpg")


def turned_and_time_put_back(workplace: Workplace) -> None:
    """a test photo changed in place, its size and time kept"""
    path = workplace.photos / "test" / TEST_PHOTO
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def deleted_photo_with_its_row_left(workplace: Workplace) -> None:
    """a train photo deleted, its row in train.csv left"""
    (workplace.photos / "train" / TRAIN_PHOTO).unlink()


def forbidden_and_allowed_again(workplace: Workplace) -> None:
    """a photo that nobody could read when it was looked at, and that can be read now"""
    path, real = workplace.photos / "test" / TEST_PHOTO, inspection.content_id

    def refuse(asked: Path) -> str:
        if asked == path:
            raise PermissionError(13, "Permission denied")
        return real(asked)

    path.chmod(0o644)  # what is refused here leaves a trace in the time of the inode, as a right taken away does
    with mock.patch.object(inspection, "content_id", refuse):
        workplace.sync()


# ---- labels ---------------------------------------------------------------------------------------------------------


def relabelled_photo(workplace: Workplace) -> None:
    """a train photo given another label"""
    edit_labels(workplace.photos / "train.csv", lambda rows: [rows[0] | {"label": rows[-1]["label"]}, *rows[1:]])


def label_taken_away(workplace: Workplace) -> None:
    """the label of a train photo taken away"""
    edit_labels(workplace.photos / "train.csv", lambda rows: rows[1:])


def all_labels_taken_away(workplace: Workplace) -> None:
    """train.csv deleted: no labels at all"""
    (workplace.photos / "train.csv").unlink()


def labels_in_another_order(workplace: Workplace) -> None:
    """the lines of train.csv in another order"""
    edit_labels(workplace.photos / "train.csv", lambda rows: rows[::-1])


def hidden_label_edited(workplace: Workplace) -> None:
    """a hidden label in solution.csv edited"""
    edit_labels(workplace.photos / "solution.csv", lambda rows: [rows[0] | {"label": rows[-1]["label"]}, *rows[1:]])


def hidden_labels_taken_away(workplace: Workplace) -> None:
    """solution.csv deleted"""
    (workplace.photos / "solution.csv").unlink()


# ---- backbones ------------------------------------------------------------------------------------------------------


SECOND = """
[backbones.second]
uri = "onnx:second.onnx"
size = 32
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
"""


def edit_config(workplace: Workplace, old: str, new: str) -> None:
    text = workplace.config.read_text(encoding="utf-8")
    assert old in text
    workplace.config.write_text(text.replace(old, new), encoding="utf-8")


def second_backbone(workplace: Workplace) -> None:
    """a second backbone added"""
    save_onnx(workplace.folder / "second.onnx", axes=(1, 3))
    workplace.config.write_text(workplace.config.read_text(encoding="utf-8") + SECOND, encoding="utf-8")


def second_backbone_taken_away(workplace: Workplace) -> None:
    """a second backbone added, synced, and taken away again"""
    second_backbone(workplace)
    workplace.sync()
    edit_config(workplace, SECOND, "")


def second_backbone_changed(workplace: Workplace) -> None:
    """one of two backbones given a further view"""
    second_backbone(workplace)
    workplace.sync()
    edit_config(workplace, SECOND, SECOND + 'views = ["rgb", "canny_edges"]\n')


def another_name(workplace: Workplace) -> None:
    """the backbone given another name"""
    edit_config(workplace, "[backbones.tiny]", "[backbones.small]")


def other_weights(workplace: Workplace) -> None:
    """other weights in the model's file"""
    save_onnx(workplace.folder / "tiny.onnx", axes=(1, 3))


def further_view(workplace: Workplace) -> None:
    """a further view of the backbone"""
    edit_config(workplace, 'views = ["rgb", ', 'views = ["rgb", "mirror", ')


def view_taken_away(workplace: Workplace) -> None:
    """the views of the edges taken away"""
    edit_config(workplace, 'views = ["rgb", "canny_focus", "canny_edges"]', 'views = ["rgb"]')


def moved_weights(workplace: Workplace) -> None:
    """the model's file moved to another folder"""
    (workplace.folder / "models").mkdir()
    (workplace.folder / "tiny.onnx").rename(workplace.folder / "models" / "tiny.onnx")
    edit_config(workplace, "onnx:tiny.onnx", "onnx:models/tiny.onnx")


# ---- where and how fast ---------------------------------------------------------------------------------------------


def moved_photos(workplace: Workplace) -> Overrides:
    """the folder of photos moved"""
    workplace.photos.rename(workplace.folder / "moved")
    return {"places": {"data": str(workplace.folder / "moved")}}


# ---- what was made --------------------------------------------------------------------------------------------------


def artefact_deleted(workplace: Workplace) -> None:
    """an artefact (the clusters) deleted"""
    shutil.rmtree(workplace.state / "artefacts" / "clusters")


def artefact_cut_short(workplace: Workplace) -> None:
    """a file of an artefact (the FAISS index) cut short"""
    for path in (workplace.state / "artefacts" / "faiss_index").glob("*/index"):
        path.write_bytes(path.read_bytes()[:-1])


def vectors_deleted(workplace: Workplace) -> None:
    """the stored vectors deleted"""
    shutil.rmtree(workplace.state / "content" / "vectors")


def publication_deleted(workplace: Workplace) -> None:
    """the folder published/ and all publications deleted"""
    workplace.published.unlink()
    shutil.rmtree(workplace.state / "publications")


def everything_deleted(workplace: Workplace) -> None:
    """the whole state folder deleted"""
    shutil.rmtree(workplace.state)


def store_deleted(workplace: Workplace) -> None:
    """all artefacts and rows deleted, the records of runs kept"""
    shutil.rmtree(workplace.state / "artefacts")
    shutil.rmtree(workplace.state / "content")


# ---- syncs that came to nothing -----------------------------------------------------------------------------------

TURNED: Overrides = {"head": {"shrinkage": 0.2}}


def failed_step(workplace: Workplace) -> Overrides:
    """head.shrinkage changed; in a first sync metric_head failed"""
    with mock.patch.object(learning, "learn_head", side_effect=RuntimeError("no luck")):
        assert workplace.try_to_sync(TURNED).failed == ["metric_head"]
    return TURNED


def failed_check(workplace: Workplace) -> Overrides:
    """submission.count changed; in a first sync the check of the submission failed"""
    overrides = {"submission": {"count": 5}}
    with mock.patch.object(checks, "check_submission", side_effect=RuntimeError("not what was written")):
        assert workplace.try_to_sync(overrides).failed == ["publication"]
    return overrides


def interrupted_run(workplace: Workplace) -> Overrides:
    """head.shrinkage changed; the first sync was interrupted in metric_head"""
    with (
        mock.patch.object(learning, "learn_head", side_effect=KeyboardInterrupt),
        contextlib.suppress(KeyboardInterrupt, dg.DagsterExecutionInterruptedError),
    ):
        workplace.try_to_sync(TURNED)
    return TURNED


# ---- twice ----------------------------------------------------------------------------------------------------------


def knob_turned_and_turned_back(workplace: Workplace) -> None:
    """canny.blur turned, synced, and turned back (no edge map and no vector is computed)"""
    workplace.sync({"canny": {"blur": 2.5}})


def edges_that_nothing_shows(workplace: Workplace) -> Overrides:
    """canny.low, canny.high, where no backbone has a view of the edges"""
    view_taken_away(workplace)
    workplace.sync()
    return {"canny": {"low": 20, "high": 60}}


def photo_added_and_taken_away(workplace: Workplace) -> None:
    """a photo added and taken away before anybody looked"""
    new_train_photo(workplace)
    (workplace.photos / "train" / "new.png").unlink()


def two_changes(workplace: Workplace) -> Overrides:
    """two changes at once: annoy.trees, and a hidden label"""
    hidden_label_edited(workplace)
    return {"annoy": {"trees": 7}}


def rolled_back(workplace: Workplace) -> Overrides:
    """an older publication rolled back to"""
    old = workplace.published.readlink().name
    overrides = {"report": {"queries": 2}}
    workplace.sync(overrides)
    roll_back(workplace.state, old)
    return overrides


def nothing(_: Workplace) -> None:
    """nothing"""
