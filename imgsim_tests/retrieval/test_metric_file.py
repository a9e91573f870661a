import numpy as np
import pytest
from safetensors.numpy import save_file

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.metric_file import load_metric, save_metric
from imgsim_assets.retrieval.shrinkage import fit_metric
from imgsim_tests.retrieval.synthetic import draw_photos


def test_round_trip_and_same_bytes(tmp_path):
    metric = fit_metric(*draw_photos(), 0.3)
    save_metric(metric, tmp_path / "a")
    save_metric(fit_metric(*draw_photos(), 0.3), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = load_metric(tmp_path / "a")
    np.testing.assert_array_equal(again.projection, metric.projection)
    np.testing.assert_array_equal(again.mean, metric.mean)
    np.testing.assert_array_equal(again.between, metric.between)
    assert again.shrinkage == metric.shrinkage


def test_absent_truncated_and_foreign_files_are_refused(tmp_path):
    save_metric(fit_metric(*draw_photos(), 0.3), tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-8])
    save_file({"weight": np.ones(3)}, tmp_path / "foreign")
    for name in ("absent", "cut", "foreign"):
        with pytest.raises(ArtefactError, match="metric_head"):
            load_metric(tmp_path / name)
