"""`imgsim bench members`: what each backbone finds alone by plain cosine, beside what was had before networks."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import LEARNING_SET
from imgsim_assets.assets.learning.pool import read_views
from imgsim_assets.progress import track
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.descriptors import assemble_descriptors, normalise
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.settings import Settings
from imgsim_assets.vision.photo import decode_photo
from imgsim_bench.collection import read_truth
from imgsim_bench.floors import FLOORS
from imgsim_bench.judging import judged, judged_cells
from imgsim_bench.markdown import table_lines

Vectors = npt.NDArray[np.floating]

JOINED = "all joined"


def measure_members(settings: Settings) -> pl.DataFrame:
    """Rank by the first view of each backbone that `imgsim sync` has embedded, by all of them, and by the floors.

    Test photos with hidden labels ask; where there are none, a fifth of the labelled train photos.

    Returns:
        See `tabulate`.

    Raises:
        ArtefactError: nothing is embedded yet.
        InputError: there are too few labels to judge by.
    """
    store = Store(state=str(settings.places.state))
    photos = open_table(store, LEARNING_SET)
    truth = read_truth(store, photos)
    known, asked = np.flatnonzero(~truth.asks), np.flatnonzero(truth.asks)

    def score(vectors: Vectors) -> Floats:
        found, _ = exact_neighbours(vectors[known], vectors[asked], LIST)
        return average_precision(*relevance(found, truth.classes[asked], truth.classes[known]))

    first = {name: backbone.views[:1] for name, backbone in settings.backbones.items()}
    views = read_views(store, settings, photos, first)
    return tabulate(
        {name: score(vectors) for name, vectors in _floors(store, settings, photos).items()},
        {name: score(assemble_descriptors({(name, view): vectors})) for (name, view), vectors in views.items()},
        score(assemble_descriptors(views)),
    )


def tabulate(floors: Mapping[str, Floats], members: Mapping[str, Floats], joined: Floats) -> pl.DataFrame:
    """Put AP@10 of the same queries side by side.

    Args:
        floors: float64 [q] of what has to be beaten.
        members: of each backbone.
        joined: of all backbones.

    Returns:
        One row each, the best first: `member`, `map_at_10` with `low` and `high`, and the paired `gain` with `gain_low`
        and `gain_high`: of a backbone over the best floor, of all over the best backbone; null for the floors.
    """
    floor, best = (max(scores.values(), key=np.nanmean) for scores in (floors, members))
    rows = [
        *({"member": name, **judged(scores, None)} for name, scores in floors.items()),
        *({"member": name, **judged(scores, floor)} for name, scores in members.items()),
        {"member": JOINED, **judged(joined, best)},
    ]
    return pl.DataFrame(rows).sort("map_at_10", "member", descending=[True, False])


def in_markdown(table: pl.DataFrame) -> str:
    """Write what `measure_members` gave as a table for the docs."""
    head = ("plain cosine", "MAP@10", "95% interval", "gain over the best floor, or backbone")
    return "\n".join(table_lines(head, ([row["member"], *judged_cells(row)] for row in table.iter_rows(named=True))))


def _floors(store: Store, settings: Settings, photos: pl.DataFrame) -> dict[str, Vectors]:
    """Describe the photos by what was had before networks, row for row."""
    paths = distinct_photos(store).select("content_id", "path")
    files = photos.join(paths, on="content_id", how="left", maintain_order="left")["path"]
    found: dict[str, list[Vectors]] = {name: [] for name in FLOORS}
    for path in track(files, "describing", total=len(files)):
        picture = np.asarray(decode_photo(settings.places.data / path, settings.ingest.max_pixels))
        for name, describe in FLOORS.items():
            found[name].append(describe(picture))
    return {name: normalise(np.stack(rows)) for name, rows in found.items()}
