"""The whole pipeline on a small folder of photos: complete, repeatable, and idle when nothing changed."""

import json
import os
import shutil
from collections.abc import Callable
from unittest import mock

import dagster as dg
import polars as pl
import pytest

from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.vision import frame
from imgsim_tests.broken_files import picture
from imgsim_tests.orchestration import changes
from imgsim_tests.vision.backbones.model_files import save_faint
from imgsim_tests.workplace import ROOT, Workplace

ASSETS = {
    "raw_images",
    "solution_labels",
    "canny_maps",
    "embeddings/tiny",
    "learning_set",
    "clusters",
    "ranking_choice",
    "metric_head",
    "cross_validation",
    "gallery_vectors",
    "query_vectors",
    "faiss_index",
    "annoy_index",
    "faiss_neighbors",
    "annoy_neighbors",
    "index_comparison",
    "evaluation",
    "submission",
    "retrieval_report",
    "publication",
}
TRAIN, TEST = 30, 12


@pytest.mark.slow
def test_the_first_sync_makes_everything_and_the_second_nothing(first_sync: SyncOutcome, synced: Workplace):
    assert sorted(first_sync.materialized) == sorted(ASSETS)
    assert first_sync.failed == []
    assert first_sync.published is not None
    assert first_sync.published.name == "published"
    before = synced.submission()

    second = synced.sync()
    assert (second.materialized, second.failed) == ([], [])
    assert second.published == synced.published
    assert "all fresh: nothing to materialize" in second.in_words()
    assert f"{json.loads((synced.published / 'metrics.json').read_text())['map_at_10']:.4f}" in second.in_words()
    assert synced.submission() == before
    assert {key: one.state for key, one in synced.status().items()} == dict.fromkeys(ASSETS, "fresh")


def test_the_submission_keeps_its_specification(synced_once: Workplace):
    assert synced_once.submission().decode().splitlines()[0] == "image,recommendations"
    lists = synced_once.lists()
    assert len(synced_once.submission().decode().splitlines()) == 1 + TEST
    assert set(lists) == {path.name for path in (synced_once.photos / "test").iterdir()}
    train = {path.name for path in (synced_once.photos / "train").iterdir()}
    for names in lists.values():
        assert len(names) == len(set(names)) == 10
        assert set(names) <= train


def test_what_is_published_keeps_the_contract(synced_once: Workplace):
    metrics = json.loads((synced_once.published / "metrics.json").read_text())
    assert metrics["source"] == "solution"
    assert metrics["queries"] == TEST
    low, high = metrics["ci95"]
    assert 0 <= low <= metrics["map_at_10"] <= high <= 1
    assert "<html" in (synced_once.published / "report.html").read_text(encoding="utf-8")[:500].lower()
    assert {path.name for path in (synced_once.published / "bundle").iterdir()} == {
        "annoy.index",
        "annoy_neighbours.parquet",
        "bundle.json",
        "catalogue.parquet",
        "comparison.parquet",
        "embeddings.json",
        "faiss.index",
        "faiss_neighbours.parquet",
        "gallery.npy",
        "gallery.parquet",
        "metric.safetensors",
        "recall.json",
        "cross_validation.parquet",
        "curves.parquet",
        "indices.json",
        "verdict.txt",
    }
    assert synced_once.published.is_symlink()
    assert {path.name for path in synced_once.published.iterdir()} == {
        "bundle",
        "metrics.json",
        "report.html",
        "submission.csv",
    }


def test_the_published_score_is_that_of_the_published_lists(synced_once: Workplace):
    """A naive scorer reads submission.csv and solution.csv as a stranger would."""
    solution = dict(pl.read_csv(synced_once.photos / "solution.csv").select("image", "label").iter_rows())
    labels = dict(pl.read_csv(synced_once.photos / "train.csv").select("image", "label").iter_rows())
    scores = []
    for image, names in synced_once.lists().items():
        hits, total = 0, 0.0
        for rank, name in enumerate(names, 1):
            if labels[name] == solution[image]:
                hits += 1
                total += hits / rank
        scores.append(total / min(10, list(labels.values()).count(solution[image])))
    metrics = json.loads((synced_once.published / "metrics.json").read_text())
    assert metrics["map_at_10"] == pytest.approx(sum(scores) / len(scores), abs=1e-12)


@pytest.mark.slow
def test_other_threads_batches_and_another_state_folder_give_the_same_bytes(
    unsynced: Workplace, synced_once: Workplace
):
    elsewhere = unsynced.folder / "elsewhere"
    unsynced.sync({"runtime": {"threads": 2, "batch_size": 5}, "places": {"state": str(elsewhere)}})
    assert not unsynced.state.exists()
    for name in ("submission.csv", "metrics.json"):
        assert (elsewhere / "published" / name).read_bytes() == (synced_once.published / name).read_bytes()


@pytest.mark.slow
def test_dagsters_own_job_gives_the_same_bytes_as_sync(unsynced: Workplace, synced_once: Workplace):
    """What "Materialize all" of the UI runs, pressed before anybody has looked at the folder."""
    with unsynced.opened() as (settings, instance):
        done = build_definitions(settings).resolve_job_def(MATERIALIZE_JOB).execute_in_process(instance=instance)
        assert done.success
        made = {event.asset_key.to_user_string() for event in done.get_asset_materialization_events()}
    assert made == ASSETS
    assert unsynced.submission() == synced_once.submission()
    # A sync may look at the folder once more, now that it has a version, and finds nothing below to do.
    assert set(unsynced.sync().materialized) <= {"raw_images", "solution_labels"}
    assert unsynced.sync().materialized == []


def move_photos(workplace: Workplace) -> dict:
    workplace.photos.rename(workplace.folder / "moved")
    return {"places": {"data": str(workplace.folder / "moved")}}


def move_model(workplace: Workplace) -> dict:
    (workplace.folder / "models").mkdir()
    (workplace.folder / "tiny.onnx").rename(workplace.folder / "models" / "tiny.onnx")
    workplace.config.write_text(workplace.config.read_text().replace("onnx:tiny.onnx", "onnx:models/tiny.onnx"))
    return {}


def run_faster(_: Workplace) -> dict:
    return {"runtime": {"batch_size": 7, "threads": 2, "device": "cpu", "offline": False}}


def track_elsewhere(workplace: Workplace) -> dict:
    return {"tracking": {"experiment": "another", "uri": f"sqlite:///{workplace.folder / 'other.db'}"}}


@pytest.mark.parametrize("change", [move_photos, move_model, run_faster, track_elsewhere])
def test_where_things_are_and_how_fast_they_run_changes_nothing(synced: Workplace, change: Callable[[Workplace], dict]):
    assert synced.sync(change(synced)).materialized == []


@pytest.mark.slow
def test_photos_with_other_times_are_looked_at_again_and_nothing_below_runs(synced: Workplace):
    for path in (synced.photos / "train").iterdir():
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
    assert set(synced.sync().materialized) == {"raw_images", "solution_labels"}
    assert synced.metadata("raw_images")["inspected"] == 0
    assert synced.sync().materialized == []


@pytest.mark.slow
def test_a_new_train_photo_costs_itself_only(synced: Workplace):
    """One photo nobody has seen, and beside it an exact copy of one that is known, which costs nothing."""
    picture(77).save(synced.photos / "train" / "new.png")
    shutil.copyfile(synced.photos / "test" / "test_00000.jpg", synced.photos / "train" / "copy.jpg")
    assert synced.status()["raw_images"].causes == ("image_folder changed: 2 new files",)
    synced.sync()
    assert synced.metadata("raw_images")["inspected"] == 1
    assert synced.metadata("canny_maps")["computed"] == 1
    assert synced.metadata("embeddings/tiny")["computed"] == 3  # one vector for each view
    assert synced.metadata("embeddings/tiny")["photos"] == TRAIN + TEST + 1
    assert set(synced.table("gallery_vectors")["name"]) >= {"new.png", "copy.jpg"}


@pytest.mark.slow
def test_a_knob_turned_moves_what_reads_it_and_turned_back_costs_nothing(synced: Workplace):
    before, counts = synced.submission(), materializations(synced)
    turned = synced.sync({"canny": {"blur": 2.5}, "head": {"shrinkage": 0.2}})
    assert {"canny_maps", "embeddings/tiny", "metric_head", "publication"} <= set(turned.materialized)
    assert not {"raw_images", "solution_labels"} & set(turned.materialized)
    assert synced.metadata("canny_maps")["computed"] == TRAIN + TEST
    assert synced.metadata("embeddings/tiny")["computed"] == 2 * (TRAIN + TEST)  # the view rgb reads no edges
    assert len(turned.materialized) == len(set(turned.materialized))
    assert materializations(synced) == {key: counts[key] + turned.materialized.count(key) for key in ASSETS}

    back = synced.sync()
    assert "canny_maps" in back.materialized
    assert synced.metadata("canny_maps")["computed"] == 0
    assert synced.metadata("embeddings/tiny")["computed"] == 0
    assert synced.submission() == before


def materializations(workplace: Workplace) -> dict[str, int]:
    with workplace.opened() as (_, instance):
        return {
            key: len(instance.fetch_materializations(dg.AssetKey.from_user_string(key), limit=100).records)
            for key in ASSETS
        }


def test_the_example_for_real_photos_names_things_that_are_there():
    if not (ROOT.parent / "shared" / "data" / "caltech101").is_dir():
        pytest.skip("../shared/data/caltech101 is not on this machine")
    settings = load_settings(config=ROOT / "examples" / "caltech101.toml", environ={})
    assert {path.name for path in settings.places.data.iterdir()} >= {"train", "test"}
    assert set(settings.backbones) == {"resnet50", "mobilenet"}
    for backbone in settings.backbones.values():
        scheme, _, file = backbone.uri.partition(":")
        assert scheme == "onnx"
        assert os.path.isfile(file), file  # noqa: PTH113
        assert backbone.views == ("rgb", "mirror", "zoom", "zoom_mirror")
    keys = {spec.key.to_user_string() for spec in build_definitions(settings).resolve_all_asset_specs()}
    assert keys >= {"embeddings/resnet50", "embeddings/mobilenet"}


@pytest.mark.slow
def test_two_backbones_changed_at_once_decode_each_photo_once(synced: Workplace):
    changes.second_backbone(synced)
    changes.other_weights(synced)
    with (
        mock.patch.object(frame, "read_file", wraps=frame.read_file) as read,
        mock.patch.object(frame, "decode_bytes", wraps=frame.decode_bytes) as decode,
    ):
        made = synced.sync({"publication": {"gate": "off"}}).materialized
    assert {"embeddings/tiny", "embeddings/second"} <= set(made)
    # Once for each size in which it is needed: a box inside the photo is not to be seen on a quarter of its pixels.
    calls = [call.args for call in decode.call_args_list]
    assert len(calls) == len(set(calls))
    assert len({content for content, *_ in calls}) == read.call_count == TRAIN + TEST
    assert synced.metadata("embeddings/tiny")["computed"] == 3 * (TRAIN + TEST)
    assert synced.metadata("embeddings/second")["computed"] == TRAIN + TEST


@pytest.mark.slow
def test_a_backbone_that_does_not_tell_photos_apart_does_not_stop_the_other(synced: Workplace):
    changes.second_backbone(synced)
    changes.other_weights(synced)
    save_faint(synced.folder / "second.onnx")
    outcome = synced.try_to_sync()
    assert outcome.materialized == ["embeddings/tiny"]
    assert outcome.failed == ["embeddings/second"]
    assert outcome.person_can_mend
    assert "second.onnx" in outcome.reasons[0]
    assert "one and the same vector" in outcome.reasons[0]


def test_backbones_that_cannot_be_had_are_all_named_before_any_work(unsynced: Workplace):
    changes.second_backbone(unsynced)
    for name in ("tiny", "second"):
        (unsynced.folder / f"{name}.onnx").unlink()
    done = unsynced.run("sync")
    assert done.status == 2
    assert "tiny.onnx" in done.err
    assert "second.onnx" in done.err
    assert "to make" not in done.err
    assert not (unsynced.state / "artefacts" / "raw_images").exists()
