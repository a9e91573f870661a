"""What each asset made when its revision was last raised: output may change only together with the revision.

`python -m imgsim_tests.golden` writes `golden.json` anew; review it as you review code.
"""

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from imgsim_assets.definitions import build_definitions
from imgsim_assets.fingerprint import digest
from imgsim_assets.orchestration.claims import content_tables
from imgsim_assets.orchestration.staleness import read_graph
from imgsim_assets.storage.vector_rows import VECTOR, read_vectors
from imgsim_tests.workplace import Workplace

FILE = Path(__file__).with_suffix(".json")
TOLERANCE = 1e-3  # relative, and to the spread: processors differ in the last digits
MEASURED = {"index_comparison"}  # times: another number each time
BY_MACHINE = {"faiss_index", "annoy_index", "publication"}  # libraries' own bytes, and copies of what is here already

Summary = dict[str, Any]


def summarise(workplace: Workplace) -> dict[str, Summary]:
    """Sum up what each asset of a synced workplace has made, with the code version that made it."""
    settings = workplace.settings()
    graph = read_graph(build_definitions(settings))
    return {
        key: {"code_version": graph[key].code_version, "output": _output(workplace, key)}
        for key in sorted(graph)
        if not graph[key].external and key not in MEASURED | BY_MACHINE
    }


def changed(found: Mapping[str, Summary], golden: Mapping[str, Summary]) -> set[str]:
    """Name the assets whose output is not as it was."""
    return {key for key in found if key not in golden or not _close(found[key]["output"], golden[key]["output"])}


def _output(workplace: Workplace, key: str) -> Summary:
    folder = workplace.store.artefacts.open(key).folder
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    found = {path.name: _file(path) for path in files}
    for name in content_tables(workplace.settings()).get(key, []):
        table = workplace.store.stored_table(name)
        assert table is not None
        if VECTOR in table.schema.names:
            found[f"rows {len(found)}"] = _numbers(read_vectors(table, sorted(table.ids())))
    return found


def _file(path: Path) -> Any:
    match path.suffix:
        case ".parquet":
            table = pl.read_parquet(path)
            return {name: _column(table[name]) for name in table.columns}
        case ".npy":
            return _numbers(np.load(path))
        case ".safetensors":
            return {name: _numbers(values) for name, values in sorted(load_file(path).items())}
        case ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        case ".csv":
            return digest(",".join(row) for row in csv.reader(path.open(encoding="utf-8")))
        case _:
            return "a file"  # the report: pictures and tables of what is here already


def _column(values: pl.Series) -> Any:
    if values.dtype.is_numeric():
        return _numbers(values.cast(pl.Float64).to_numpy())
    return digest(map(str, values.to_list()))


def _numbers(values: np.ndarray) -> list[float]:
    """Count, mean, spread, and a mean that the order of the values moves."""
    flat = np.nan_to_num(np.asarray(values, dtype=np.float64).ravel())
    ramp = np.linspace(0.0, 1.0, flat.size)
    return [float(flat.size), *(float(one) for one in (flat.mean(), flat.std(), (flat * ramp).mean()) if flat.size)]


def _close(found: Any, golden: Any) -> bool:
    if isinstance(found, dict) and isinstance(golden, dict):
        return found.keys() == golden.keys() and all(_close(found[name], golden[name]) for name in found)
    if isinstance(found, list) and isinstance(golden, list):
        scale = max((abs(one) for one in golden[1:] if isinstance(one, float)), default=1.0)
        return len(found) == len(golden) and all(_near(a, b, scale) for a, b in zip(found, golden, strict=True))
    return _near(found, golden, 1.0)


def _near(found: Any, golden: Any, scale: float) -> bool:
    if isinstance(found, float) and isinstance(golden, float):
        return abs(found - golden) <= TOLERANCE * max(abs(golden), scale)
    return bool(found == golden)


def main() -> None:
    """Sync the small collection of the tests and keep what it gave."""
    import tempfile

    from imgsim_tests.conftest import write_small_workplace

    with tempfile.TemporaryDirectory() as folder:
        workplace = Workplace(write_small_workplace(Path(folder)))
        workplace.sync()
        FILE.write_text(json.dumps(summarise(workplace), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")


if __name__ == "__main__":
    main()
