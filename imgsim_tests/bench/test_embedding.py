import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from imgsim_assets.cli import cli
from imgsim_assets.errors import InputError
from imgsim_assets.settings import Backbone, Places, Runtime, Settings
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.embedded_batch import normalise
from imgsim_bench import decoding, embedding, embedding_models, embedding_peers
from imgsim_bench.embedding import LOOP, OURS, embed_files, measure_embedding
from imgsim_bench.embedding_models import write_models
from imgsim_bench.embedding_tables import PLOT, in_markdown, write_plot
from imgsim_bench.forward import multiply_adds
from imgsim_tests.vision.backbones.model_files import save_onnx


@pytest.fixture
def tiny(small_workplace, monkeypatch):
    """Two tiny models in place of the full-size ones, and hardly any work."""
    save_onnx(small_workplace / "a.onnx", shape=("n", 3, 32, 32))
    line = Backbone(
        uri=f"onnx:{small_workplace / 'a.onnx'}", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), output="mean"
    )
    lines = {"averages": line, "again": line}
    monkeypatch.setattr(embedding, "write_models", lambda _folder, _onnx: lines)
    monkeypatch.setattr(embedding, "ONE_PASS", ("averages", "again"))
    monkeypatch.setattr(embedding, "ENLARGED_TO", (0, 512))
    monkeypatch.setattr(decoding, "ROUNDS", 2)
    runtime = Runtime(threads=1, device="cpu", precision="float32")
    return Settings(places=Places(data=small_workplace / "photos"), runtime=runtime, backbones=lines)


@pytest.mark.slow
def test_everything_is_measured_and_shown(tiny, tmp_path):
    measured = measure_embedding(tiny, 40, rounds=2)
    assert [one.model for one in measured.speeds] == ["averages", "again"]
    for one in measured.speeds:
        assert {name: len(rates) for name, rates in one.contenders.items()} == {OURS: 2, LOOP: 2}
        assert min(min(rates) for rates in one.contenders.values()) > 0
        assert len(one.cosines) == 40
        assert min(one.cosines) > 0.999  # the same model on the same photos
    assert list(measured.decoding) == [0, 512]
    assert [len(seconds) for seconds in measured.one_pass] == [2, 2]
    shown = in_markdown(measured)
    assert "| averages | imgsim (openvino on cpu, float32) |" in shown
    assert "| as they are |" in shown
    assert "1 processes that do nothing else decode and frame" in shown
    assert len(measured.decoding_rate) == 2
    assert "Three backbones and two views in one pass" in shown
    write_plot(measured, tmp_path / "plots")
    assert (tmp_path / "plots" / PLOT).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_peers_run_in_the_same_precision_too(small_workplace, tmp_path, monkeypatch):
    lines = write_models(tmp_path, None)
    model = embedding._ready(lines["ResNetV2-50"], Runtime(threads=1, device="cpu", precision="float32"))
    model.runs_as = "torch on cpu, bfloat16"
    monkeypatch.setattr(embedding, "_ready", lambda *_: model)
    paths = sorted((small_workplace / "photos" / "train").glob("*.jpg"))[:2]
    measured = embedding._measure_model("ResNetV2-50", lines["ResNetV2-50"], Runtime(threads=1), paths, 1)
    assert list(measured.contenders) == [OURS, LOOP, f"{LOOP}, in bfloat16"]


def test_an_unknown_model_and_a_folder_without_jpegs_are_refused(tiny, tmp_path):
    with pytest.raises(InputError, match="averages, again"):
        measure_embedding(tiny, 32, rounds=1, only=["large"])
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / split / "a.png")
    empty = tiny.model_copy(update={"places": Places(data=tmp_path)})
    with pytest.raises(InputError, match="JPEG photos"):
        measure_embedding(empty, 32, rounds=1)


@pytest.mark.slow
def test_the_command_prints_json(tiny, small_workplace):
    chosen = [
        "--photos",
        "32",
        "--rounds",
        "1",
        "--only",
        "averages",
        "--json",
        "--data",
        str(small_workplace / "photos"),
    ]
    done = CliRunner().invoke(cli, ["bench", "embed", *chosen])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.splitlines()[-1])["photos"] == 32


@pytest.mark.slow
def test_the_usual_loops_give_the_vectors_of_imgsim(small_workplace, tmp_path):
    """On the models that are measured, so that what is compared is the same work."""
    paths = sorted((small_workplace / "photos" / "train").glob("*.jpg"))[:4]
    runtime = Runtime(threads=1, device="cpu", precision="float32")
    at = embedding_peers.Place("cpu", 1, 4)
    for name, line in write_models(tmp_path, None).items():
        model = load_backbone(line, runtime, None)
        loop = embedding_peers.LOOPS[line.uri.partition(":")[0]](line, at)
        ours, theirs = embed_files(model, 1, paths), normalise(loop(paths))[0]
        assert (ours * theirs).sum(axis=1).min() > 0.999, name
        in_16_bits = normalise(embedding_peers.in_precision(loop, "bfloat16", at)(paths))[0]
        assert 0.99 < (ours * in_16_bits).sum(axis=1).min() < 1 - 1e-6, name
        framed = np.stack([model.framing(photo) for photo in _opened(paths[:1])])
        # 4.4, 17.6 and 4.1 thousand million multiply-adds are what these architectures are known for.
        known = {"CLIP ViT-B/32": 4.4e9, "ViT-B/16": 17.6e9, "ResNetV2-50": 4.1e9}[name]
        assert multiply_adds(model, framed) == pytest.approx(known, rel=0.05)
    assert set(embedding_models.TIMM) | {"CLIP ViT-B/32"} == set(embedding.ONE_PASS)


def _opened(paths):
    return [Image.open(path).convert("RGB") for path in paths]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_photos(small_workplace):
    """Thirty times as many photos; what a photo leaves behind is its vector's row on disk."""
    paths = sorted((small_workplace / "photos" / "train").glob("*.jpg"))
    few, many = 100, 3_000
    grown = decoding.measure_peak(paths, many) - decoding.measure_peak(paths, few)
    decoded = np.mean([np.asarray(photo).nbytes for photo in _opened(paths)]) / 1e6
    # Not a share of what libraries take, which is another one each time: were photos kept, it would be twice this.
    assert grown < decoded * (many - few) / 2
