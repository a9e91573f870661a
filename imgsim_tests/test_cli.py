"""The command line: what goes to standard output, what it exits with, and what it says."""

import json

import polars as pl
import pytest
from PIL import Image

from imgsim_tests.workplace import ROOT, Workplace


def the_one_object(text: str) -> dict:
    """Read standard output as a script would: one JSON object, nothing before or after it."""
    found = json.loads(text)
    assert isinstance(found, dict), f"not an object but {type(found).__name__}"
    assert text.count("\n") == 1
    return found


def test_help_lists_the_commands(synced_once: Workplace):
    done = synced_once.run("--help")
    assert done.status == 0
    listed = done.out.partition("Commands:")[2]
    for command in ("sync", "status", "search", "compare", "sample"):
        assert f"\n  {command} " in listed


@pytest.mark.parametrize("command", ["sync", "status", "search", "compare"])
def test_every_command_has_the_common_options(synced_once: Workplace, command: str):
    text = synced_once.run(command, "--help").out
    for option in ("--data", "--config", "--profile", "--state", "--json"):
        assert option in text


@pytest.mark.parametrize("line", [["synk"], ["sync", "--fast"], ["search"], ["sample", "x", "--classes", "103"]])
def test_a_wrong_command_line_is_status_2(synced_once: Workplace, line: list[str]):
    done = synced_once.run(*line)
    assert done.status == 2
    assert done.out == ""
    assert "Error:" in done.err


@pytest.mark.slow
def test_sync_json_in_a_process_of_its_own_is_one_object_on_standard_output(synced: Workplace):
    """Work is done, so that every library has its chance to print."""
    synced.config.write_text(
        synced.config.read_text().replace("queries = 3", "queries = 2") + "\n[head]\nshrinkage=0.2"
    )
    done = synced.run_apart("sync", "--json")
    assert done.status == 0, done.err
    found = the_one_object(done.out)
    assert set(found) == {"materialized", "failed", "published", "first_answer", "seconds"}
    assert "metric_head" in found["materialized"]
    assert found["failed"] == []
    assert found["published"] == str(synced.published)
    assert found["seconds"] > 0
    assert "metric_head" in done.err


def test_sync_json_with_nothing_to_do(synced: Workplace):
    found = the_one_object(synced.run("sync", "--json").out)
    assert (found["materialized"], found["failed"]) == ([], [])
    assert found["published"] == str(synced.published)


def test_sync_tells_a_person_the_score_and_the_place(synced: Workplace):
    done = synced.run("sync")
    assert done.status == 0
    metrics = json.loads((synced.published / "metrics.json").read_text())
    assert "all fresh: nothing to materialize" in done.out
    assert f"MAP@10 {metrics['map_at_10']:.4f} (95% interval" in done.out
    assert f"submission: {synced.published / 'submission.csv'}" in done.out


def test_status_says_what_is_stale_and_why(synced: Workplace):
    fresh = the_one_object(synced.run("status", "--json").out)
    assert {one["state"] for one in fresh.values()} == {"fresh"}
    (synced.photos / "train" / "train_00003.jpg").touch()
    found = the_one_object(synced.run("status", "--json").out)
    assert {key for key, one in found.items() if one["state"] == "stale"} == {"raw_images", "solution_labels"}
    assert found["raw_images"]["causes"] == ["image_folder changed"]
    words = synced.run("status").out.splitlines()
    assert "stale   raw_images: image_folder changed" in words
    assert "waits   canny_maps: depends on raw_images, which is stale" in words
    assert "waits   publication: " in "\n".join(words)
    assert {one["state"] for one in found.values()} == {"stale", "waits"}
    assert found["canny_maps"]["causes"] == ["depends on raw_images, which is stale"]


def test_status_before_the_first_sync(unsynced: Workplace):
    found = the_one_object(unsynced.run("status", "--json").out)
    assert {one["state"] for one in found.values()} == {"missing"}
    assert not unsynced.published.exists()


@pytest.mark.parametrize("index", ["faiss", "annoy"])
def test_search_names_the_nearest_train_photos(synced_once: Workplace, index: str):
    photo = synced_once.photos / "test" / "test_00000.jpg"
    found = the_one_object(synced_once.run("search", str(photo), "--json", "--index", index).out)
    assert (found["photo"], found["index"]) == (str(photo), index)
    assert [row["name"] for row in found["found"]] == synced_once.lists()["test_00000.jpg"]
    assert all(set(row) == {"name", "label", "score"} for row in found["found"])
    words = synced_once.run("search", str(photo), "--index", index, "--count", "3").out.splitlines()
    assert [line.split()[1] for line in words] == [row["name"] for row in found["found"][:3]]


@pytest.mark.parametrize("index", ["faiss", "annoy"])
def test_search_finds_a_train_photo_with_its_label(synced_once: Workplace, index: str):
    """Among all thirty; that it comes first is no promise of a likelihood ratio with weak features."""
    name = "train_00003.jpg"
    done = synced_once.run(
        "search", str(synced_once.photos / "train" / name), "--json", "--index", index, "--count", "30"
    )
    labels = dict(pl.read_csv(synced_once.photos / "train.csv").select("image", "label").iter_rows())
    assert {row["name"]: row["label"] for row in the_one_object(done.out)["found"]} == labels


def test_search_for_something_that_is_no_photo(synced_once: Workplace):
    done = synced_once.run("search", str(synced_once.config))
    assert done.status == 2
    assert done.out == ""
    assert "expected a photo at" in done.err
    assert len(done.err.splitlines()) == 1


def test_compare_shows_both_libraries(synced_once: Workplace):
    text = synced_once.run("compare").out
    assert "faiss" in text
    assert "annoy" in text
    for measure in ("recall_at_10", "map_at_10", "p95_ms", "queries_per_second", "build_seconds", "stored_bytes"):
        assert measure in text
    assert "on_front" in text
    assert text.splitlines()[-1].startswith("No verdict: 12 photos asked")


def test_compare_json_is_one_object(synced_once: Workplace):
    found = the_one_object(synced_once.run("compare", "--json").out)
    assert set(found) == {"faiss", "annoy", "curves", "verdict"}
    assert found["faiss"]["recall_at_10"] == 1
    assert {row["library"] for row in found["curves"]} == {"faiss", "annoy"}


@pytest.mark.slow
def test_bench_ranking_judges_what_sync_embedded(synced: Workplace):
    done = synced.run("bench", "ranking", "--config", str(synced.config), "--budget", "0", "--few", "2", "--json")
    assert done.status == 0, done.err
    tables = json.loads(done.out)
    assert list(tables) == ["all labels", "2 labels a class"]
    for table in tables.values():
        assert {"cosine", "ArcFace", "imgsim: GLRT set"} <= {row["ranking"] for row in table}
    done = synced.run("bench", "ranking", "--config", str(synced.config), "--budget", "0")
    assert "| imgsim: GLRT set |" in done.out


def test_bench_ranking_before_anything_is_embedded(unsynced: Workplace):
    done = unsynced.run("bench", "ranking", "--config", str(unsynced.config))
    assert done.status in {1, 2}
    assert "imgsim sync" in done.err
    assert "Traceback" not in done.err


def test_bench_memory_prints_one_object_a_line():
    done = Workplace(ROOT).run("bench", "memory", "--photos", "300", "--queries", "20", "--queries", "40")
    assert [json.loads(line)["queries"] for line in done.out.splitlines()] == [20, 40]


@pytest.mark.parametrize("line", [["search", "PHOTO"], ["compare"]])
def test_before_anything_is_published_it_says_how_to_publish(unsynced: Workplace, line: list[str]):
    photo = str(unsynced.photos / "test" / "test_00000.jpg")
    done = unsynced.run(*[photo if word == "PHOTO" else word for word in line])
    assert done.status == 1
    assert done.out == ""
    assert "a publication at" in done.err
    assert "to mend: run `imgsim sync`" in done.err
    assert len(done.err.splitlines()) == 1


def test_sample_writes_photos_and_refuses_a_folder_that_holds_something(unsynced: Workplace):
    folder = unsynced.folder / "drawn"
    done = unsynced.run("sample", str(folder), "--classes", "2", "--train", "2", "--test", "1")
    assert done.status == 0, done.err
    assert len(list((folder / "train").iterdir())) == 4
    assert len(list((folder / "test").iterdir())) == 2
    assert Image.open(next((folder / "test").iterdir())).size != (0, 0)
    before = sorted(path.name for path in folder.rglob("*"))

    again = unsynced.run("sample", str(folder), "--classes", "2", "--train", "2", "--test", "1")
    assert again.status == 2
    assert "to mend:" in again.err
    assert sorted(path.name for path in folder.rglob("*")) == before
