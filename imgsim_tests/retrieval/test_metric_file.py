import numpy as np
import pytest
from safetensors.numpy import save_file

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.metric_file import load_head, save_head
from imgsim_tests.retrieval.heads import draw_head
from imgsim_tests.retrieval.synthetic import draw_photos


@pytest.mark.parametrize("evidence", ["fused", "glrt", "likeness"])
def test_round_trip_and_same_bytes(tmp_path, evidence):
    head, coordinates = draw_head(*draw_photos(), evidence=evidence)
    save_head(head, tmp_path / "a")
    save_head(draw_head(*draw_photos(), evidence=evidence)[0], tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = load_head(tmp_path / "a")
    np.testing.assert_array_equal(again.posterior(coordinates), head.posterior(coordinates))
    np.testing.assert_array_equal(again.likeness(coordinates), head.likeness(coordinates))
    np.testing.assert_array_equal(again.axes.project(draw_photos()[0]), coordinates)
    assert again.metric.shrinkage == head.metric.shrinkage
    assert (again.tuning, again.recipe) == (head.tuning, head.recipe)


def test_absent_truncated_and_foreign_files_are_refused(tmp_path):
    save_head(draw_head(*draw_photos())[0], tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-8])
    save_file({"weight": np.ones(3)}, tmp_path / "foreign")
    for name in ("absent", "cut", "foreign"):
        with pytest.raises(ArtefactError, match="metric_head"):
            load_head(tmp_path / name)
