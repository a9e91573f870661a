"""Fine-tuning in the pipeline: what it makes, what it costs to stay fresh, and that no photo is judged by its pupil."""

import signal
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgsim_assets.api import publication_of
from imgsim_assets.orchestration.sync import SyncOutcome
from imgsim_assets.vision.checkpoint import steps_kept
from imgsim_assets.vision.drawing.sample import write_sample
from imgsim_assets.vision.fine_tuning.tuned_file import load_tuned
from imgsim_tests.broken_files import picture
from imgsim_tests.conftest import MadeOnce
from imgsim_tests.orchestration.changes import edit_labels
from imgsim_tests.vision.backbones.model_files import save_timm_resnet
from imgsim_tests.workplace import Workplace

pytestmark = pytest.mark.slow

SETTINGS = """
[places]
data = "photos"
state = "state"
models = "."

[runtime]
precision = "float32"
threads = 2
offline = true

[backbones.small]
uri = "timm:small"
views = ["rgb", "mirror"]
fine_tune = true

[fine_tuning]
epochs = 4
rate = 0.003
enlarge = 1.5

[steps]
fine_tuned = "on"
glrt_set = "on"
logistic = "off"
fusion = "off"
projection = "off"

[evaluation]
bootstrap = 200

[report]
queries = 3
"""


def write_workplace(folder: Path) -> Workplace:
    write_sample(folder / "photos", classes=6, train=8, test=2, seed=1)
    save_timm_resnet(folder / "timm" / "small")
    (folder / "imgsim.toml").write_text(SETTINGS, encoding="utf-8")
    return Workplace(folder)


@pytest.fixture(scope="module")
def tuned_once(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    made = made_once("tuned", lambda folder: write_workplace(folder / "workplace").sync() and None)
    return Workplace(made / "workplace").copy_to(tmp_path_factory.mktemp("tuned") / "workplace")


@pytest.fixture
def tuned(tuned_once: Workplace, tmp_path: Path) -> Workplace:
    return tuned_once.copy_to(tmp_path / "workplace")


def folds_of(workplace: Workplace) -> dict[str, int]:
    folder = workplace.store.artefacts.open("fine_tuned/small")
    return dict(pl.read_parquet(folder.path("folds.parquet")).iter_rows())


def made(outcome: SyncOutcome) -> set[str]:
    return set(outcome.materialized)


def test_each_labelled_photo_has_a_fold_and_each_photo_a_score(tuned_once: Workplace):
    photos = tuned_once.table("raw_images")
    labelled = set(photos.filter(pl.col("label").is_not_null())["content_id"])
    folds = folds_of(tuned_once)
    assert set(folds) == labelled
    assert set(folds.values()) == {0, 1, 2}
    assert set(tuned_once.table("class_scores/small")["content_id"]) == set(photos["content_id"])
    scores = np.load(tuned_once.store.artefacts.open("class_scores/small").path("scores.npy"))
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-4)
    tuned = load_tuned(tuned_once.store.artefacts.open("fine_tuned/small").path("networks.safetensors"))
    assert tuned.folds == 3
    assert list(tuned.labels) == sorted(set(photos["label"].drop_nulls()))
    labels = dict(photos.filter(pl.col("label").is_not_null()).select("content_id", "label").iter_rows())
    ids = tuned_once.table("class_scores/small")["content_id"].to_list()
    right = [tuned.labels[row.argmax()] == labels[one] for one, row in zip(ids, scores, strict=True) if one in labels]
    assert tuned_once.metadata("fine_tuned/small")["held_out_accuracy"] == pytest.approx(np.mean(right))


def test_the_recipe_asks_them_and_the_search_answers_as_the_pipeline(tuned_once: Workplace):
    publication = publication_of(tuned_once.settings())
    assert (tuned_once.published / "bundle" / "fine_tuned_small.safetensors").is_file()
    for name, expected in list(tuned_once.lists().items())[:4]:
        assert publication.search([tuned_once.photos / "test" / name])["name"].to_list() == expected


def test_curves_are_logged(tuned_once: Workplace):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tuned_once.state / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("imgsim").experiment_id])
    curve = client.get_metric_history(run.info.run_id, "fine_tuning/small/fold_0")
    assert len(curve) == 4
    assert not (tuned_once.state / "unfinished" / "fine_tuned" / "small").exists()


def test_nothing_changed_costs_nothing(tuned: Workplace):
    assert made(tuned.sync()) == set()


def test_a_new_test_photo_is_asked_about_and_nothing_is_trained(tuned: Workplace):
    picture(77).save(tuned.photos / "test" / "new.png")
    outcome = made(tuned.sync())
    assert "class_scores/small" in outcome
    assert not {"fine_tuned/small", "metric_head", "ranking_choice"} & outcome
    assert tuned.metadata("class_scores/small")["computed"] == 1


def test_another_label_of_one_photo_leaves_the_networks_and_a_new_class_does_not(tuned: Workplace):
    before = tuned.store.artefacts.open("fine_tuned/small").manifest.version

    def relabel(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [rows[0] | {"label": rows[-1]["label"]}, *rows[1:]]

    edit_labels(tuned.photos / "train.csv", relabel)
    tuned.sync()
    assert tuned.metadata("class_scores/small")["computed"] == 0
    assert tuned.store.artefacts.open("fine_tuned/small").manifest.version == before
    edit_labels(tuned.photos / "train.csv", lambda rows: [rows[0] | {"label": "unheard of"}, *rows[1:]])
    assert {"fine_tuned/small", "class_scores/small"} <= made(tuned.sync())
    assert tuned.store.artefacts.open("fine_tuned/small").manifest.version != before


def stale(workplace: Workplace, overrides: dict[str, object]) -> set[str]:
    return {key for key, one in workplace.status(overrides).items() if one.state in {"stale", "missing"}}


def test_settings_reach_what_reads_them(tuned_once: Workplace):
    assert stale(tuned_once, {"fine_tuning": {"epochs": 5}}) == {"fine_tuned/small"}
    assert stale(tuned_once, {"fine_tuning": {"renewal": 0.5}}) == set()
    without = stale(tuned_once, {"backbones": {"small": {"fine_tune": False}}})
    assert {"ranking_choice", "metric_head", "gallery_vectors", "query_vectors"} <= without
    assert not {"embeddings/small", "learning_set", "clusters"} & without


def test_too_few_labels_train_nothing(tuned: Workplace):
    edit_labels(tuned.photos / "train.csv", lambda rows: rows[:1])
    tuned.sync()
    assert tuned.metadata("fine_tuned/small")["steps"] == 0
    recipe = (tuned.store.artefacts.open("ranking_choice").path("recipe.json")).read_text()
    assert '"fine_tuned": []' in recipe


def test_where_few_are_labelled_guesses_are_learned_too(tuned: Workplace):
    edit_labels(tuned.photos / "train.csv", lambda rows: [row for place, row in enumerate(rows) if place % 8 < 3])
    tuned.sync({"clusters": {"confidence": 0.0}})
    photos = tuned.table("raw_images").unique("content_id")
    assert tuned.metadata("fine_tuned/small")["photos"] > photos["label"].count()


def test_a_stopped_training_is_saved_and_goes_on(tmp_path: Path):
    """What `docker stop` sends: all folds are saved at their next step, and nothing that was learned is lost."""
    workplace = write_workplace(tmp_path / "workplace")
    slower = workplace.config.read_text().replace("epochs = 4", "epochs = 200")
    workplace.config.write_text(slower, encoding="utf-8")
    workshop = workplace.state / "unfinished" / "fine_tuned" / "small"
    process = workplace.start("sync")
    deadline = time.monotonic() + 300
    while not list(workshop.glob("*/steps.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    assert process.returncode == 143, told
    assert told.splitlines()[-1].startswith("imgsim: stopped by SIGTERM; ")
    kept = [steps_kept(path) for path in sorted(workshop.glob("*/[0-9]"))]
    assert len(kept) == 3
    assert 0 < min(kept) <= max(kept) < 200
    workplace.sync()
    assert not workshop.exists()
    assert workplace.metadata("fine_tuned/small")["steps"] == 200
