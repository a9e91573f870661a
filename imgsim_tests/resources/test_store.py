from pathlib import Path

import dagster as dg
import numpy as np

from imgsim_assets.resources.store import Store
from imgsim_assets.storage.publication import published
from imgsim_assets.storage.vector_rows import vector_rows, vector_schema


def test_everything_lies_in_the_state_folder(tmp_path: Path) -> None:
    store = Store(state=str(tmp_path / "state"))
    store.artefacts.keep("thing", lambda folder: (folder / "a").touch(), {})
    store.content_table("clip/rgb-1", vector_schema(2)).append(vector_rows(["x"], np.zeros((1, 2), np.float32)))
    store.publish(lambda folder: (folder / "submission.csv").touch(), kept=1)
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [
        "artefacts",
        "content",
        "publications",
        "published",
    ]
    assert (published(tmp_path / "state") / "submission.csv").exists()
    assert store.content_table("clip/rgb-1", vector_schema(2)).ids() == {"x"}


def test_an_asset_can_ask_for_it(tmp_path: Path) -> None:
    @dg.asset
    def thing(store: Store) -> None:
        store.artefacts.keep("thing", lambda folder: (folder / "a").touch(), {})

    assert dg.materialize([thing], resources={"store": Store(state=str(tmp_path))}).success
    assert Store(state=str(tmp_path)).artefacts.open("thing").manifest.key == "thing"
