"""Typed, frozen settings, one model per stage; where they come from is `settings_sources`.

Two kinds live here and must not mix. What is computed (`Ingest`, `Canny`, `Backbone`, ...)
enters an asset's code version. Where and how fast (`Places`, `Runtime`) never does.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imgsim_assets.view_table import PHOTO, TRAINED, View

Switch = Literal["auto", "on", "off"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Pooling = Literal["class_token", "average", "attention", "projection"]
ScalarOrRGB = tuple[float, float, float]
TRAINABLE = ("compact:", "hf:", "packaged:", "timm:")
IGNORED = (
    ".*",  # hidden: .DS_Store, ._photo.jpg, .thumbnails, .Trash-1000, .@__thumb, .ipynb_checkpoints, .zfs
    *("__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder"),  # macOS
    *("thumbs.db*", "ehthumbs*.db", "desktop.ini", "$recycle.bin", "recycler", "system volume information"),  # Windows
    *("found.[0-9][0-9][0-9]", "lost+found", "lost.dir"),  # what a check of the disk has found
    *("@eadir", "@tmp", "@sharebin", "@__thumb", "synophoto_*", "synofile_thumb*"),  # thumbnails and the like of a NAS
    *("#recycle", "@recycle", "recycle bin", "recycle bin - volume*", "trashbox"),  # not: recycle bin 1.jpg
    *("#snapshot", "@snapshot", "~snapshot", "@recently-snapshot"),
    *("*.lrdata", "*.lrcat*", "captureone", "__pycache__"),  # previews and catalogues of programs
)
# What each scheme reads besides `uri`, `views` and `fine_tune`; whatever installed packages bring reads `revision`.
FED = ("size", "resize", "mean", "std", "input", "output")
READ_BY_SCHEME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{"onnx": FED, "hf": ("revision", "pooling"), "timm": ("revision", "pooling")},
        **{"compact": (), "classic": (), "packaged": ()},
    }
)
READ_BY_OTHERS = ("revision",)


class Stage(BaseModel):
    """Base of every settings model: immutable, and it refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Places(Stage):
    """Where things are. Never part of a result's identity."""

    data: Path = Field(default=Path("photos"), description="the folder of photos")
    state: Path = Field(default=Path(".imgsim"), description="everything imgsim keeps")
    models: Path | None = Field(default=None, description="local folder of model folders; None: the hub's cache")


class Runtime(Stage):
    """How fast. Never part of a result's identity."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Precision = Field(default="auto", description="auto: the fastest that keeps the vectors")
    batch_size: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = "auto"
    threads: int = Field(default=0, ge=0, le=1024, description="0: one per core")
    offline: bool = Field(default=False, description="never ask the model hub")


class Models(Stage):
    """Which commit of a hub model is used. Never part of a result's identity: the commit is."""

    require_pin: bool = Field(
        default=False,
        description="refuse hub names without a revision, in place of locking the newest commit at the first use",
    )


class Ingest(Stage):
    """How the folder of photos is read."""

    image_column: str = "image"
    label_column: str = "label"
    ignore: tuple[str, ...] = Field(
        default=IGNORED,
        description="names of files and folders that are passed over, with all in them; patterns (* ? [abc]), in "
        "either case; a list of your own takes the place of this one",
    )
    max_pixels: int = Field(
        default=100_000_000, ge=1, description="larger photos are quarantined; each takes 4 to 20 bytes while decoded"
    )
    trim: bool = Field(default=True, description="cut off borders, letterbox bars and captions before anything looks")
    near_duplicate_bits: int = Field(default=3, ge=0, le=16, description="perceptual hashes this close are one group")


class Canny(Stage):
    """OpenCV's Canny edge detector."""

    low: Annotated[int, Field(ge=0, le=1000)] | Literal["auto"] = "auto"
    high: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = "auto"
    blur: float = Field(default=1.4, ge=0, le=20, description="sigma of the Gaussian before it, in pixels; 0: none")
    size: int = Field(default=256, ge=32, le=2048, description="longest side of the edge map, in pixels")
    focus_mass: float = Field(default=0.9, gt=0, le=1, description="share of the edge pixels inside the focus box")

    @model_validator(mode="after")
    def _thresholds_are_ordered(self) -> "Canny":
        if (self.low == "auto") != (self.high == "auto"):
            raise ValueError("low and high must both be 'auto' or both be numbers")
        if isinstance(self.low, int) and isinstance(self.high, int) and self.low > self.high:
            raise ValueError(f"low ({self.low}) must not be above high ({self.high})")
        return self


class Backbone(Stage):
    """One model that turns a photo into a vector.

    `uri` is `packaged:NAME`, `compact:NAME`, `classic:NAME`, `hf:NAME`, `timm:NAME`, `onnx:FILE`, or `SCHEME:NAME` of
    an installed `imgsim.backbones` entry point. The fields after `pooling` describe an ONNX file's preprocessing;
    the other kinds know their own, and refuse what they do not read.
    """

    uri: str = Field(pattern=r"^[a-z][a-z0-9_+.-]*:.+")
    revision: str | None = Field(
        default=None, description="commit of a hub model; None: the newest one, locked at the first use"
    )
    views: tuple[View, ...] = Field(default=(PHOTO,), min_length=1)
    fine_tune: bool = Field(default=False, description="also train it further on labelled photos: `fine_tuning`")
    pooling: Pooling | None = Field(
        default=None,
        description="what of an hf: or timm: model's last layers is the vector: its class token, the average of its "
        "patches, its attention pooling, its projection beside texts; None: as the model was published",
    )
    size: int | None = Field(default=None, ge=16, le=2048, description="input side in pixels")
    resize: Literal["squash", "crop"] | None = Field(
        default=None, description="squash to the square, or crop its centre; None: squash"
    )
    mean: ScalarOrRGB | None = None
    std: ScalarOrRGB | None = None
    input: str | None = Field(default=None, description="name of the ONNX input; None: the only one")
    output: str | None = Field(default=None, description="name of the ONNX output; None: the first")

    @property
    def read(self) -> dict[str, Any]:
        """What the scheme reads besides the uri, in JSON: what its vectors depend on in the settings, but for views."""
        # A model's own pooling is not named: vectors of before there was a choice stay what they are.
        own = {"pooling"} if self.pooling is None else set()
        return self.model_dump(mode="json", include=set(self._fields) - own)

    @property
    def _fields(self) -> tuple[str, ...]:
        return READ_BY_SCHEME.get(self.uri.partition(":")[0], READ_BY_OTHERS)

    @model_validator(mode="after")
    def _every_field_is_read(self) -> "Backbone":
        named = [name for name in (*FED, "revision", "pooling") if getattr(self, name) is not None]
        ignored = [name for name in named if name not in self._fields]
        if ignored:
            kinds = {name: [f"{kind}:" for kind, read in READ_BY_SCHEME.items() if name in read] for name in ignored}
            readers = "; ".join(f"{name} is read by {', '.join(kinds[name])} backbones only" for name in ignored)
            raise ValueError(f"{self.uri} knows {' and '.join(ignored)} itself: {readers}, leave it out")
        return self

    @model_validator(mode="after")
    def _views_are_possible(self) -> "Backbone":
        if len(set(self.views)) != len(self.views):
            raise ValueError(f"views {list(self.views)} repeat one")
        if self.fine_tune and not self.uri.startswith(TRAINABLE):
            raise ValueError(f"fine_tune can be set for {', '.join(TRAINABLE)} backbones only, not for {self.uri}")
        if self.fine_tune and not set(TRAINED).intersection(self.views):
            raise ValueError(
                f"fine_tune looks at the photo itself: views must have {' or '.join(TRAINED)}, not {list(self.views)}"
            )
        return self


class Clusters(Stage):
    """Clusters over diffusion coordinates, and the pseudo-labels made with them."""

    method: Literal["k_means", "density"] = Field(default="k_means", description="density: HDBSCAN, finds the count")
    count: Annotated[int, Field(ge=1, le=100_000)] | Literal["auto"] = "auto"
    confidence: float = Field(default=0.6, ge=0, le=1, description="pseudo-labels below this are not learned from")
    seed: int = Field(default=0, ge=0)
    names: Path | None = Field(
        default=None,
        description="file of words, one a line: the report names each cluster by the nearest, as a backbone with a "
        "text tower has it",
    )

    @model_validator(mode="after")
    def _density_finds_the_count(self) -> "Clusters":
        if self.method == "density" and self.count != "auto":
            raise ValueError(f"density finds the count itself: leave count at 'auto', not {self.count}")
        return self


class Steps(Stage):
    """The steps of the ranking ladder: `on`, `off`, or `auto`: taken where cross-validation shows that it gains."""

    centring: Switch = Field(default="auto", description="cosine of vectors from which the mean is taken off")
    whitening: Switch = Field(default="auto", description="cosine of half-whitened principal coordinates")
    glrt_pair: Switch = Field(default="auto", description="likelihood ratio of two photos being of one class")
    glrt_set: Switch = Field(default="auto", description="likelihood ratio of a photo belonging to a class")
    pseudo_labels: Switch = Field(default="auto", description="learn from sure guesses of unlabelled and test photos")
    ensemble: Switch = Field(default="auto", description="join the vectors of further backbones")
    power: Switch = Field(default="auto", description="power normalisation, see head.power")
    mirror: Switch = Field(default="auto", description="average each view with its mirror image, where configured")
    zoom: Switch = Field(default="auto", description="join the view of the middle, where configured")
    canny_focus: Switch = Field(default="auto", description="join the crop to the edges' box, where configured")
    canny_edges: Switch = Field(default="auto", description="join the edge map, where configured")
    fine_tuned: Switch = Field(default="auto", description="ask the networks that were fine-tuned, where configured")
    projection: Switch = Field(default="auto", description="a projection learned by gradient in front of the metric")
    logistic: Switch = Field(default="auto", description="logistic regression in place of the likelihood ratio")
    fusion: Switch = Field(default="auto", description="logistic regression beside the likelihood ratio")
    augmentation: Switch = Field(default="auto", description="gallery vectors averaged with their neighbours (DBA)")
    expansion: Switch = Field(default="auto", description="queries averaged with what they find (alpha-QE)")
    reciprocal: Switch = Field(default="auto", description="k-reciprocal re-ranking of the candidates")


class Selection(Stage):
    """How the steps of the ladder are chosen: by cross-validation on labelled train photos."""

    folds: int = Field(default=5, ge=2, le=100)
    bootstrap: int = Field(default=2000, ge=100, le=1_000_000)
    seed: int = Field(
        default=1, ge=0, description="other folds than those of `cross_validation`, which scores the choice"
    )
    photos: int = Field(
        default=4000,
        ge=0,
        description="labelled photos looked at, at most, and as many others; 0: none, and what is trusted stands",
    )
    trust: bool = Field(
        default=True, description="take steps known to serve well where they gain, even if that may be chance"
    )
    renewal: float = Field(
        default=0.1, ge=0, le=1, description="share of the labelled photos that must change before it is made anew"
    )


class Learning(Stage):
    """When ranking is learned anew."""

    renewal: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="share of new photos that is served by what was learned before they came; 0: learn anew for each",
    )


class FineTuning(Stage):
    """How the backbones that say `fine_tune = true` are trained further, on labelled train photos.

    Once for each fold, without its photos, so that a network that has not learned from a photo says what it shows.
    """

    folds: int = Field(default=3, ge=2, le=20)
    epochs: int = Field(default=20, ge=1, le=1000, description="how often each photo is looked at, at most")
    minutes: float = Field(
        default=20,
        gt=0,
        description="for the training of a backbone, by the clock and over interruptions: "
        "where the machine takes longer, fewer steps are taken",
    )
    photos: int = Field(default=20_000, ge=10, description="labelled photos learned from, at most")
    enlarge: Annotated[float, Field(ge=1, le=4)] | Literal["auto"] = Field(
        default="auto",
        description="side of the photos, as a multiple of the backbone's own; time and memory grow with its square, "
        "and many transformers take their own size only; auto: 1.5 for compact backbones, else 1",
    )
    rate: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = Field(
        default="auto", description="learning rate of the last block; auto: 2e-3 for compact backbones, else 3e-5"
    )
    decay: float = Field(default=1.0, gt=0, le=1, description="of the learning rate, from block to block downwards")
    blocks: float = Field(default=1.0, gt=0, le=1, description="share of the blocks that is trained, from the last on")
    renewal: float = Field(
        default=0.1, ge=0, le=1, description="share of the labelled photos that must change before it is done anew"
    )
    seed: int = Field(default=0, ge=0)


class HeadNumbers(Stage):
    """The numbers of the metric head: two-covariance GLRT and logistic regression, in principal coordinates."""

    power: float = Field(
        default=0.5, gt=0, le=1, description="of the values of vectors without a negative one, where the step is on"
    )
    dimensions: int = Field(default=1024, ge=2, le=8192, description="principal coordinates that are learned from")
    shrinkage: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = "auto"
    pair_weight: float = Field(
        default=0.01, ge=0, le=1, description="weight of the likeness that orders photos of equally probable classes"
    )


class Faiss(Stage):
    """The FAISS index over the gallery."""

    kind: Literal["auto", "flat", "sq8", "hnsw", "ivf", "ivf_pq"] = Field(
        default="auto", description="auto: flat (exact) for few photos, the one measured to be fastest for many"
    )
    recall: float = Field(
        default=0.99, gt=0, le=1, description="recall@10 against exact search, reached with the least effort"
    )
    exact_up_to: int = Field(default=100_000, ge=0, description="photos up to which auto does not approximate")
    memory_mb: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="megabytes that the index that auto takes may fill; None: any"
    )
    patience: float = Field(default=300, gt=0, description="seconds that building what auto takes may last")
    seed: int = Field(default=0, ge=0)


class Annoy(Stage):
    """The Annoy index over the gallery."""

    metric: Literal["dot", "angular", "euclidean"] = Field(
        default="dot", description="how its trees compare; all rank by inner product in the end"
    )
    trees: int = Field(default=50, ge=1, le=10_000)
    search_nodes: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="nodes inspected per query; auto: the fewest that reach `recall`"
    )
    recall: float = Field(
        default=0.99, gt=0, le=1, description="recall@10 against exact search, reached with the fewest nodes"
    )
    seed: int = Field(default=0, ge=0)


class Submission(Stage):
    """The form of submission.csv."""

    count: int = Field(default=10, ge=1, le=1000, description="recommendations per test photo")
    index: Literal["faiss", "annoy"] = "faiss"
    form: Literal["list", "rows"] = Field(
        default="list", description="a row for each test photo; rows: one for each recommendation, for any names"
    )
    image_column: str = "image"
    recommendations_column: str = Field(default="recommendations", description="of the form list")
    recommendation_column: str = Field(default="recommendation", description="of the form rows, beside rank")
    separator: Annotated[str, Field(min_length=1, max_length=1)] | Literal["auto"] = Field(
        default="auto", description="of the form list; auto: a blank, or another sign where a train name holds one"
    )
    fallback: Literal["central", "first"] = Field(
        default="central",
        description="what a quarantined test photo is given: the most central train photos, or the first by name",
    )

    @model_validator(mode="after")
    def _separator_is_not_the_comma(self) -> "Submission":
        if self.separator in {",", '"', "\n", "\r"}:
            raise ValueError(f"separator {self.separator!r} is CSV's own; choose another")
        if self.image_column in {self.recommendations_column, self.recommendation_column, "rank"}:
            raise ValueError(f"image_column {self.image_column!r} is the name of another column; choose another")
        if self.recommendation_column == "rank":
            raise ValueError("recommendation_column 'rank' is the name of another column; choose another")
        return self


class Evaluation(Stage):
    """How MAP@10 is estimated. The list is always scored at ten: that is the field's measure."""

    folds: int = Field(default=5, ge=2, le=100)
    bootstrap: int = Field(default=2000, ge=100, le=1_000_000)
    seed: int = Field(default=0, ge=0)
    leaked: Literal["keep", "leave_out"] = Field(
        default="keep", description="train photos with a copy in test: in cross-validation, or left out of it"
    )


class Report(Stage):
    """The HTML report."""

    queries: int = Field(default=12, ge=1, le=500, description="photos shown in each section")
    thumbnail: int = Field(default=112, ge=32, le=512, description="side in pixels")


class Tracking(Stage):
    """The MLflow store. Never part of a result's identity."""

    uri: str | None = Field(default=None, description="None: a SQLite database in the state folder")
    experiment: str = "imgsim"


class Publication(Stage):
    """When a new ranking takes the place of the published one."""

    gate: Literal["on", "off"] = Field(
        default="on", description="off: publish even what is worse than what is published, or finds too little"
    )
    least_recall: float = Field(
        default=0.9, ge=0, le=1, description="recall@10 against exact search that the submission's index must reach"
    )
    kept: int = Field(default=5, ge=1, le=1000, description="publications that stay on disk, to roll back to")
    early: Switch = Field(
        default="auto",
        description="first sync: publish what the first backbone says alone, as provisional, until the final answer is "
        "there; auto: where that takes long; off: wait for the final one, as `--wait` does",
    )


class Automation(Stage):
    """What Dagster's daemon does by itself. Never part of a result's identity."""

    sensor: bool = Field(default=False, description="keep in sync: look at the folder, and materialize what is stale")
    interval: int = Field(default=30, ge=1, le=86_400, description="seconds between two looks")
    schedule: bool = Field(default=False, description="sync at the times of `cron`")
    cron: str = Field(default="0 3 * * *", pattern=r"^\S+( \S+){4}$", description="when the schedule `reindex` syncs")
    timezone: str = Field(default="UTC", description="of `cron`, e.g. Europe/Berlin")
    fresh_hours: Annotated[int, Field(ge=1, le=87_600)] | None = Field(
        default=None, description="the UI calls a publication older than this overdue; None: a quiet folder is no fault"
    )


class Ui(Stage):
    """Dagster's web server, as `imgsim ui` starts it. Never part of a result's identity."""

    hosts: tuple[str, ...] = Field(
        default=(), description="names that the server is asked by, beside localhost, 127.0.0.1 and [::1]"
    )


class Settings(Stage):
    """All settings of one imgsim."""

    profile: str = "pretrained"
    places: Places = Places()
    runtime: Runtime = Runtime()
    models: Models = Models()
    tracking: Tracking = Tracking()
    automation: Automation = Automation()
    ui: Ui = Ui()
    ingest: Ingest = Ingest()
    canny: Canny = Canny()
    backbones: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Backbone] = Field(min_length=1)
    learning: Learning = Learning()
    clusters: Clusters = Clusters()
    steps: Steps = Steps()
    selection: Selection = Selection()
    fine_tuning: FineTuning = FineTuning()
    head: HeadNumbers = HeadNumbers()
    faiss: Faiss = Faiss()
    annoy: Annoy = Annoy()
    submission: Submission = Submission()
    evaluation: Evaluation = Evaluation()
    report: Report = Report()
    publication: Publication = Publication()
