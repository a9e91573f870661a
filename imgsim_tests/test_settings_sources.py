from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets import settings_sources
from imgsim_assets.errors import SettingsError
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings, profile_names

PACKAGED = settings_sources.PROFILES
SMALL = """
[backbones.small]
uri = "compact:small"
views = ["rgb", "mirror"]
[canny]
low = 10
high = 20
"""
LARGE = """
[backbones.vit_l]
uri = "timm:vit_l"
revision = "abc"
[head]
shrinkage = 0.5
"""


@pytest.fixture(autouse=True)
def _profiles(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "pretrained.toml").write_text(SMALL)
    (folder / "large.toml").write_text(LARGE)
    monkeypatch.setattr(settings_sources, "PROFILES", folder)


def load(file: str | None = None, tmp_path: Path | None = None, **rest: Any) -> Settings:
    rest.setdefault("environ", {})
    if file is not None:
        assert tmp_path is not None
        rest["config"] = tmp_path / "imgsim.toml"
        rest["config"].write_text(file)
    return load_settings(**rest)


def refusal(*arguments: Any, **rest: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(*arguments, **rest)
    return str(caught.value)


def test_the_profile_alone() -> None:
    loaded = load()
    assert loaded.profile == "pretrained"
    assert list(loaded.backbones) == ["small"]
    assert (loaded.canny.low, loaded.canny.blur) == (10, 1.4)


@given(given_by=st.sets(st.sampled_from(["file", "variable", "command line"])))
def test_the_later_layer_wins_key_by_key(given_by: set[str]) -> None:
    order = ["file", "variable", "command line"]
    values = {"file": 11, "variable": 12, "command line": 13}
    last = max(given_by, key=order.index, default=None)
    with TemporaryDirectory() as folder:
        loaded = load(
            "[canny]\nlow = 11\n" if "file" in given_by else "",
            Path(folder),
            environ={"IMGSIM_CANNY__LOW": "12"} if "variable" in given_by else {},
            overrides={"canny": {"low": 13 if "command line" in given_by else None}},
        )
    assert loaded.canny.low == (values[last] if last else 10)
    assert loaded.canny.high == 20


@pytest.mark.parametrize(
    ("argument", "variable", "file", "chosen"),
    [
        (None, None, None, "pretrained"),
        (None, None, "large", "large"),
        (None, "pretrained", "large", "pretrained"),
        ("large", "pretrained", "pretrained", "large"),
    ],
)
def test_who_chooses_the_profile(
    tmp_path: Path, argument: str | None, variable: str | None, file: str | None, chosen: str
) -> None:
    loaded = load(
        f'profile = "{file}"' if file else "",
        tmp_path,
        profile=argument,
        environ={"IMGSIM_PROFILE": variable} if variable else {},
    )
    assert loaded.profile == chosen
    assert list(loaded.backbones) == {"pretrained": ["small"], "large": ["vit_l"]}[chosen]


def test_backbones_in_a_file_replace_those_of_the_profile(tmp_path: Path) -> None:
    loaded = load('[backbones.mine]\nuri = "compact:small"\n', tmp_path)
    assert list(loaded.backbones) == ["mine"]
    assert loaded.backbones["mine"].views == ("rgb",)


def test_variables_and_the_command_line_change_single_keys_of_backbones() -> None:
    loaded = load(
        environ={"IMGSIM_BACKBONES__SMALL__VIEWS": '["canny_focus"]'},
        overrides={"backbones": {"second": {"uri": "compact:other"}}},
    )
    assert loaded.backbones["small"].uri == "compact:small"
    assert loaded.backbones["small"].views == ("canny_focus",)
    assert loaded.backbones["second"].uri == "compact:other"


@pytest.mark.parametrize(
    ("name", "text", "read", "value"),
    [
        ("IMGSIM_CANNY__BLUR", "2", lambda s: s.canny.blur, 2.0),
        ("IMGSIM_CLUSTERS__COUNT", "50", lambda s: s.clusters.count, 50),
        ("IMGSIM_CLUSTERS__COUNT", "auto", lambda s: s.clusters.count, "auto"),
        ("IMGSIM_RUNTIME__OFFLINE", "true", lambda s: s.runtime.offline, True),
        ("IMGSIM_TRACKING__EXPERIMENT", "50", lambda s: s.tracking.experiment, "50"),
        ("IMGSIM_TRACKING__EXPERIMENT", "true", lambda s: s.tracking.experiment, "true"),
        ("IMGSIM_TRACKING__EXPERIMENT", '"a b"', lambda s: s.tracking.experiment, "a b"),
        ("IMGSIM_TRACKING__EXPERIMENT", "[not a list", lambda s: s.tracking.experiment, "[not a list"),
        ("IMGSIM_TRACKING__EXPERIMENT", "'x'\ny = 1", lambda s: s.tracking.experiment, "'x'\ny = 1"),
        ("IMGSIM_TRACKING__EXPERIMENT", "0 4 * * *", lambda s: s.tracking.experiment, "0 4 * * *"),
        ("IMGSIM_SUBMISSION", '{count = 5, index = "annoy"}', lambda s: s.submission.count, 5),
        ("IMGSIM_CANNY__LOW", "", lambda s: s.canny.low, 10),
        ("NOT_IMGSIM_CANNY__LOW", "5", lambda s: s.canny.low, 10),
    ],
)
def test_variables_are_read_as_the_setting_s_type(name: str, text: str, read: Any, value: object) -> None:
    found = read(load(environ={name: text}))
    assert found == value
    assert type(found) is type(value)


def test_short_names_of_variables(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('profile = "large"\n')
    loaded = load(
        environ={"IMGSIM_DATA": "/p", "IMGSIM_STATE": "/s", "IMGSIM_CONFIG": str(tmp_path / "own.toml")},
    )
    assert (loaded.places.data, loaded.places.state, loaded.profile) == (Path("/p"), Path("/s"), "large")


def test_paths_are_relative_to_where_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "file").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", "/home/person")
    text = """
    places = {data = "../photos", state = "/state", models = "~/models"}
    [backbones]
    a = {uri = "onnx:a.onnx"}
    b = {uri = "hf:./b"}
    c = {uri = "hf:name/c", revision = "1"}
    d = {uri = "onnx:/d.onnx"}
    """
    loaded = load(text, tmp_path / "file")
    assert loaded.places.data == tmp_path / "photos"
    assert loaded.places.state == Path("/state")
    assert loaded.places.models == Path("/home/person/models")
    assert {name: backbone.uri for name, backbone in loaded.backbones.items()} == {
        "a": f"onnx:{tmp_path}/file/a.onnx",
        "b": f"hf:{tmp_path}/file/b",
        "c": "hf:name/c",
        "d": "onnx:/d.onnx",
    }
    monkeypatch.chdir(tmp_path / "here")
    relative = load_settings(config=Path("../file/imgsim.toml"), environ={})
    assert relative == loaded
    loaded = load(
        text,
        tmp_path / "file",
        environ={"IMGSIM_DATA": "own", "IMGSIM_BACKBONES__A__URI": "onnx:e.onnx"},
        overrides={"places": {"state": Path("s")}},
    )
    assert loaded.places.data == tmp_path / "here" / "own"
    assert loaded.places.state == tmp_path / "here" / "s"
    assert loaded.backbones["a"].uri == f"onnx:{tmp_path}/here/e.onnx"


REFUSALS: list[tuple[str, Mapping[str, str], list[str]]] = [
    (
        "[canny]\nlo = 5",
        {},
        ["unknown key canny.lo (from", "imgsim.toml)", "did you mean canny.low?", "known in canny: blur"],
    ),
    (
        "[cany]\nlow = 5",
        {},
        ["unknown key cany.low", "did you mean canny.low?", "known in the settings: annoy, automation, backbones"],
    ),
    ("", {"IMGSIM_CANNY_LOW": "5"}, ["unknown key canny_low (from the variable IMGSIM_CANNY_LOW)", "canny.low?"]),
    ("", {"IMGSIM_CANNY__LO": "5"}, ["unknown key canny.lo (from the variable IMGSIM_CANNY__LO)", "canny.low?"]),
    ("", {"IMGSIM_DAT": "5"}, ["unknown key dat (from the variable IMGSIM_DAT)"]),
    (
        "",
        {"IMGSIM_CANNY__LOW": "-1"},
        [
            "canny.low = '-1' (from the variable IMGSIM_CANNY__LOW)",
            ": must be greater than or equal to 0 or must be 'auto'",
        ],
    ),
    ("[canny]\nlow = 30", {}, ["canny = ", "low (30) must not be above high (20)"]),
    ("canny = 5", {}, ["canny = 5", "must be a valid dictionary"]),
    (
        "[evaluation]\nfolds = 1\n[report]\nthumbnail = 'x'",
        {},
        ["evaluation.folds = 1", "greater than or equal to 2", "report.thumbnail = 'x'", "integer"],
    ),
    ("[faiss]\nkind = 'fast'", {}, ["faiss.kind = 'fast'", "'auto', 'flat', 'sq8', 'hnsw', 'ivf' or 'ivf_pq'"]),
    ("[canny]\nblur = nan", {}, ["canny.blur = nan", "finite"]),
    ("[backbones.Bad]\nuri = 'compact:x'", {}, ["backbones.Bad = 'Bad'", "lower-case letters"]),
    (
        "[backbones.a]\nviews = ['rgb', 'side']\nuri = 'x'",
        {},
        ["backbones.a.views = 'side'", "'mirror'", "backbones.a.uri = 'x'", "pattern"],
    ),
    (
        "[backbones.a]\nurl = 'compact:x'",
        {},
        ["backbones.a.uri is not given", "unknown key backbones.a.url", "did you mean backbones.a.uri?"],
    ),
    ("backbones = {}", {}, ["backbones = {}", "at least 1"]),
    ("profile = 'larg'", {}, ["profile to be one of large, pretrained", "'larg', did you mean large?"]),
    ("profile = ['large']", {}, ["profile to be one of large, pretrained", "['large']"]),
    ("profile = '../large'", {}, ["profile to be one of"]),
    ("[canny]\nlow == 5", {}, ["imgsim.toml", "line 2, column 6"]),
    ("[canny]\nlow = 5\n[canny]", {}, ["imgsim.toml", "line 3"]),
]


@pytest.mark.parametrize(("file", "environ", "parts"), REFUSALS)
def test_what_is_refused_is_named(tmp_path: Path, file: str, environ: dict[str, str], parts: list[str]) -> None:
    message = refusal(file, tmp_path, environ=environ)
    for part in parts:
        assert part in message


def test_a_key_of_the_command_line_is_named_as_such() -> None:
    assert "unknown key canny.lo (from the command line)" in refusal(overrides={"canny": {"lo": 1}})


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("[canny]\nlow = 1 # \u00e9".encode("latin-1"), "UTF-8 text in"),
        ('profile = "large"'.encode("utf-16"), "UTF-8 text in"),
        (b"\x00", "TOML in"),
    ],
)
def test_files_in_other_encodings_are_refused(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "f.toml").write_bytes(content)
    assert part in refusal(config=tmp_path / "f.toml")


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_bytes('profile = "large"'.encode("utf-8-sig"))
    assert load(config=tmp_path / "f.toml").profile == "large"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert f"a settings file at {tmp_path}/f.toml; found No such file" in refusal(config=tmp_path / "f.toml")
    assert "Is a directory" in refusal(config=tmp_path)
    assert "No such file" in refusal(environ={"IMGSIM_CONFIG": "nowhere.toml"})


def test_the_packaged_profiles_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_sources, "PROFILES", PACKAGED)
    if not profile_names():
        pytest.skip("no profiles are packaged")
    for name in profile_names():
        assert load(profile=name).profile == name


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("photos/train", "it lies in .*train"),
        ("photos/train/.imgsim", "it lies in .*train"),
        ("photos/test/deep/state", "it lies in .*test"),
        ("link/state", "it lies in .*train"),
        ("photos", "it holds the photos"),
        (".", "it holds the photos"),
    ],
)
def test_a_state_folder_whose_files_would_be_photos_or_that_holds_them_is_refused(
    tmp_path: Path, state: str, found: str
) -> None:
    (tmp_path / "photos" / "train").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "photos" / "train")
    places = {"data": str(tmp_path / "photos"), "state": str(tmp_path / state)}
    with pytest.raises(SettingsError, match=found):
        load(overrides={"places": places})
    assert list((tmp_path / "photos" / "train").iterdir()) == []


def test_a_state_folder_beside_train_and_test_is_fine(tmp_path: Path) -> None:
    for state in ("photos/.imgsim", "photos/trained", "state"):
        places = {"data": str(tmp_path / "photos"), "state": str(tmp_path / state)}
        assert load(overrides={"places": places}).places.state == tmp_path / state
