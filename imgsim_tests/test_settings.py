import pytest
from pydantic import BaseModel, ValidationError

from imgsim_assets import settings
from imgsim_assets.settings import Backbone, Canny, Clusters, Settings, Stage, Submission

BACKBONES = {"small": {"uri": "compact:small"}}


def stages() -> list[type[Stage]]:
    return [kind for kind in vars(settings).values() if isinstance(kind, type) and issubclass(kind, Stage)]


@pytest.mark.parametrize("stage", stages())
def test_every_stage_refuses_unknown_keys(stage: type[Stage]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        stage.model_validate({"backbones": BACKBONES, "uri": "compact:x", "no_such_key": 1})


def test_settings_cannot_be_changed() -> None:
    loaded = Settings.model_validate({"backbones": BACKBONES})
    with pytest.raises(ValidationError, match="frozen"):
        loaded.canny.low = 5  # type: ignore[misc]


def test_settings_survive_json() -> None:
    loaded = Settings.model_validate({"backbones": {"a": {"uri": "onnx:/a.onnx", "mean": [0.5, 0.5, 0.5]}}})
    assert Settings.model_validate_json(loaded.model_dump_json()) == loaded


@pytest.mark.parametrize("scheme", ["onnx", "hf", "timm", "packaged", "compact", "classic", "of_a_package"])
def test_a_backbone_takes_every_field_that_it_reads(scheme: str) -> None:
    """So that none is ignored: each is refused, or in what the vectors' identity is made of."""
    given = {
        "size": 32,
        "resize": "crop",
        "mean": [0.1] * 3,
        "std": [0.5] * 3,
        "input": "x",
        "output": "y",
        "revision": "r",
        "pooling": "average",
    }
    others = {"uri", "views", "fine_tune"}
    assert given.keys() == Backbone.model_fields.keys() - others
    for name, value in given.items():
        try:
            backbone = Backbone.model_validate({"uri": f"{scheme}:x", name: value})
        except ValidationError:
            assert name not in settings.READ_BY_SCHEME.get(scheme, settings.READ_BY_OTHERS)
        else:
            assert backbone.read[name] == value


def test_every_stage_has_defaults_but_the_backbones() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({})
    assert [problem["loc"] for problem in caught.value.errors()] == [("backbones",)]


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (Canny, {"low": 5}, "both be"),
        (Canny, {"low": 9, "high": 8}, "must not be above"),
        (Backbone, {"uri": "no colon"}, "pattern"),
        (Backbone, {"uri": "hf:x", "views": ["rgb", "rgb"]}, "repeat"),
        (Backbone, {"uri": "hf:x", "views": []}, "at least 1"),
        (Backbone, {"uri": "hf:x", "mean": [0, 0, 0], "size": 224}, "size is read by onnx: backbones only; mean is"),
        (Backbone, {"uri": "compact:clip", "resize": "squash"}, "compact:clip knows resize itself: resize is read by"),
        (Backbone, {"uri": "timm:x", "resize": "crop"}, "resize is read by onnx: backbones only"),
        (Backbone, {"uri": "colour:x", "output": "y"}, "output is read by onnx: backbones only"),
        (Backbone, {"uri": "classic:sift", "revision": "0"}, "revision is read by hf:, timm: backbones only"),
        (Backbone, {"uri": "onnx:x.onnx", "revision": "0"}, "revision is read by hf:, timm: backbones only"),
        (Backbone, {"uri": "hf:x", "fine_tune": True, "views": ["zoom"]}, "must have rgb or mirror"),
        (Backbone, {"uri": "onnx:x", "fine_tune": True}, "fine_tune can be set for compact:, hf:, packaged:, timm:"),
        (Clusters, {"method": "density", "count": 8}, "density finds the count"),
        (Submission, {"separator": ","}, "CSV's own"),
        (Submission, {"separator": "ab"}, "at most 1"),
    ],
)
def test_impossible_values_are_refused(model: type[BaseModel], values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)
