"""Words from end to end: photos found by them, and clusters named by them, beside a CLIP of both towers."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from imgsim_assets.api import open_publication
from imgsim_assets.errors import ArtefactError, InputError, SettingsError
from imgsim_assets.serving.cluster_words import named_clusters, word_faults
from imgsim_assets.serving.provisional import provisional_settings
from imgsim_assets.settings import Clusters, Settings
from imgsim_tests.conftest import MadeOnce, write_small_workplace
from imgsim_tests.vision.backbones.text_models import save_two_towers
from imgsim_tests.workplace import Workplace

TEXTS = ["a red bicycle", "blue cat"]
# In the place of the workplace's backbone: one without words first, so that words are not asked of the first.
BACKBONES = """
[ingest]
trim = false

[backbones.tiny]
uri = "onnx:tiny.onnx"
size = 32
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]

[backbones.clip]
uri = "hf:./clip"
views = ["rgb", "mirror"]
"""
LEARNED = ("learning_set", "clusters", "ranking_choice", "metric_head", "cross_validation", "embeddings/clip")


@pytest.fixture(scope="session")
def place(made_once: MadeOnce) -> Workplace:
    def fill(folder: Path) -> None:
        write_small_workplace(folder / "workplace")
        workplace = Workplace(folder / "workplace")
        save_two_towers(workplace.folder / "clip", "clip")
        # What imgsim means to do otherwise than the library is left out: reduced JPEGs, and content without borders.
        for photo in workplace.photos.rglob("*.jpg"):
            Image.open(photo).save(photo, "PNG")
        written = workplace.config.read_text()
        start, end = written.index("# Mean colours"), written.index("[evaluation]")
        workplace.config.write_text(written[:start] + BACKBONES + "\n" + written[end:])
        workplace.sync()

    return Workplace(made_once("words", fill) / "workplace")


@pytest.fixture
def words(place: Workplace, tmp_path: Path) -> Workplace:
    return place.copy_to(tmp_path / "workplace")


@pytest.fixture(scope="module")
def expected(place: Workplace) -> dict[str, list[str]]:
    """The train photos by text, best first, as the library's own whole model ranks the undecorated photos."""
    folder = place.folder / "clip"
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    names = sorted(path.name for path in (place.photos / "train").iterdir())
    photos = [Image.open(place.photos / "train" / name).convert("RGB") for name in names]
    with torch.inference_mode():
        tokens = tokenizer(TEXTS, padding=True, return_tensors="pt")
        logits = model(**processor(images=photos, return_tensors="pt"), **tokens).logits_per_text
    return {text: [names[row] for row in order] for text, order in zip(TEXTS, (-logits).argsort(), strict=True)}


pytestmark = pytest.mark.slow  # begins with a whole sync


@pytest.mark.parametrize("text", TEXTS)
def test_search_by_words_ranks_as_the_library_does(text, place: Workplace, expected):
    done = place.run("search", "--text", text, "--json", "--count", "30")
    found = json.loads(done.out)
    assert (found["text"], set(found)) == (text, {"text", "found"})
    assert [row["name"] for row in found["found"]] == expected[text]
    assert [row["score"] for row in found["found"]] == sorted((row["score"] for row in found["found"]), reverse=True)
    assert all(row["label"] for row in found["found"])
    spoken = place.run("search", "--text", text, "--count", "3").out.splitlines()
    assert [line.split()[1] for line in spoken] == expected[text][:3]


def test_the_texts_have_other_answers(expected):
    assert expected[TEXTS[0]] != expected[TEXTS[1]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([], "expected one of PHOTO and --text; found neither"),
        (["x.jpg", "--text", "red"], "expected one of PHOTO and --text; found both"),
        (["--text", "red", "--index", "faiss"], "expected no --index beside --text, .*; found faiss"),
    ],
)
def test_exactly_one_of_a_photo_and_words_is_asked_for(line, said, unsynced: Workplace):
    done = unsynced.run("search", *line)
    assert done.status == 2
    assert re.search(said, " ".join(done.err.split()))


def test_programs_ask_for_several_at_once(place: Workplace, expected):
    found = open_publication(place.state, config=place.config).search_text(TEXTS, count=4)
    assert found.columns == ["query", "rank", "name", "label", "score"]
    for number, text in enumerate(TEXTS):
        assert found.filter(query=number)["name"].to_list() == expected[text][:4]
    with pytest.raises(InputError, match="words that say what is looked for"):
        open_publication(place.state, config=place.config).search_text(["  "])
    with pytest.raises(InputError, match=r"words in Unicode; found '.udcff'"):  # a terminal that does not write UTF-8
        open_publication(place.state, config=place.config).search_text(["red", "b\udcff"])


def test_words_are_held_against_vectors_of_the_same_weights_only(words: Workplace):
    """Never a mixture: other weights under the same name are refused until they have made the vectors."""
    save_two_towers(words.folder / "clip", "clip", seed=1)
    with pytest.raises(ArtefactError, match="the settings that made the published gallery, backbones"):
        open_publication(words.state, config=words.config).search_text(TEXTS)


def test_without_a_text_tower_one_sentence_says_so(synced_once: Workplace):
    done = synced_once.run("search", "--text", "a red bicycle")
    assert done.status == 2
    assert done.out == ""
    assert re.fullmatch(r"imgsim: expected a backbone with a text tower.*; found tiny .*; to mend: .*\n", done.err)


def test_clusters_are_named_by_words_and_only_the_report_hangs_on_them(words: Workplace):
    config = words.config.read_text()
    words.config.write_text(config + '\n[clusters]\nnames = "words.txt"\n')
    (words.folder / "words.txt").write_text("\ufeffred\n\nblue\nblue\n cat \n", encoding="utf-8")
    published = words.submission()
    assert stale(words) == {"retrieval_report", "publication"}
    words.sync()
    assert set(named(words)) <= {"red", "blue", "cat"}
    assert words.submission() == published
    learned = {key: words.store.artefacts.open(key).manifest.version for key in LEARNED}

    (words.folder / "words.txt").write_text("bicycle\n")
    assert stale(words) == {"retrieval_report", "publication"}
    words.sync()
    assert set(named(words)) == {"bicycle"}
    assert {key: words.store.artefacts.open(key).manifest.version for key in LEARNED} == learned
    assert words.submission() == published

    words.config.write_text(config)
    assert stale(words) == {"retrieval_report", "publication"}
    words.sync()
    assert named(words) == []


def test_the_nearest_word_is_that_of_the_librarys_vectors(words: Workplace):
    """By hand: the mean of a cluster's photos, and the words in CLIP's own sentence."""
    names = ["red", "blue", "cat", "x"]
    (words.folder / "words.txt").write_text("\n".join(names))
    words.config.write_text(words.config.read_text() + '\n[clusters]\nnames = "words.txt"\n')
    words.sync()
    folder = words.folder / "clip"
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(
        [f"a photo of a {name}." for name in names], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        texts = torch.nn.functional.normalize(model.get_text_features(**tokens).pooler_output).numpy()
    photos = open_publication(words.state, config=words.config).embeddings("clip")
    vector_of = dict(zip(photos.content_ids, photos.vectors, strict=True))
    clusters = words.table("clusters")
    sizes = clusters.group_by("cluster").len().sort(["len", "cluster"], descending=[True, False])
    expected = []
    for number in sizes["cluster"]:
        members = np.stack([vector_of[one] for one in clusters.filter(cluster=number)["content_id"]])
        expected.append(names[int((texts @ members.mean(axis=0)).argmax())])
    assert named(words) == expected


@pytest.mark.parametrize(
    ("content", "found"), [(None, "No such file"), (b" \n\n", "none"), (b"\xff\xfe\x00", "no UTF-8 text")]
)
def test_words_that_cannot_be_read_are_refused_before_any_work(content, found, unsynced: Workplace):
    if content is not None:
        (unsynced.folder / "words.txt").write_bytes(content)
    save_two_towers(unsynced.folder / "clip", "clip")
    extra = '\n[clusters]\nnames = "words.txt"\n\n[backbones.clip]\nuri = "hf:./clip"\n'
    unsynced.config.write_text(unsynced.config.read_text() + extra)
    done = unsynced.run("sync")
    assert done.status == 2
    assert re.search(rf"expected names for clusters in .*words\.txt, one a line; found {found}", done.err)
    assert not (unsynced.state / "artefacts").exists()


def test_words_without_a_text_tower_are_refused_before_any_work(unsynced: Workplace):
    (unsynced.folder / "words.txt").write_text("red\n")
    unsynced.config.write_text(unsynced.config.read_text() + '\n[clusters]\nnames = "words.txt"\n')
    done = unsynced.run("sync")
    assert done.status == 2
    assert "expected a backbone with a text tower" in done.err
    assert not (unsynced.state / "artefacts").exists()


def test_a_tower_that_is_found_out_late_is_refused_all_the_same(tmp_path: Path):
    """What only the configuration tells, of a model that is nowhere here yet."""
    (tmp_path / "words.txt").write_text("red\n")
    clusters = Clusters(names=tmp_path / "words.txt")
    assert word_faults(Settings(backbones={"d": {"uri": "hf:facebook/dinov2-small"}}, clusters=clusters)) == []
    faults = word_faults(Settings(backbones={"d": {"uri": "timm:x"}}, clusters=clusters))
    assert [type(fault) for fault in faults] == [SettingsError]


def test_a_provisional_answer_has_no_names(words: Workplace):
    """It is of the first backbone alone, which need not be the one that has words."""
    (words.folder / "words.txt").write_text("red\n")
    settings = words.settings({"clusters": {"names": str(words.folder / "words.txt")}})
    assert named_clusters(provisional_settings(settings), words.table("clusters"), read=lambda *_: {}) is None


def stale(workplace: Workplace) -> set[str]:
    return {key for key, one in workplace.status().items() if one.state != "fresh"}


def named(workplace: Workplace) -> list[str]:
    """The names in the report's table, in its order."""
    report = (workplace.published / "report.html").read_text()
    if "What clusters show" not in report:
        return []
    table = report[report.index("What clusters show") :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [row[2].strip() for row in cells if row]
