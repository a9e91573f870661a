import io
import itertools
import os
import re
import subprocess
import sys

import pytest
from joblib.externals.loky.backend import context
from threadpoolctl import threadpool_info

from imgsim_assets import threads
from imgsim_assets.threads import set_threads, single_thread, thread_count, torch_threads
from imgsim_tests.workplace import ROOT

REPORT = """
import os, sys
from threadpoolctl import threadpool_info
{imports}
from imgsim_assets.threads import set_threads
set_threads({count})
{after}
import numpy as np
np.ones((64, 64)) @ np.ones((64, 64))
torch.ones(64, 64) @ torch.ones(64, 64)
index = faiss.IndexFlatL2(8)
index.add(np.ones((20, 8), dtype=np.float32))
index.search(np.ones((2, 8), dtype=np.float32), 1)
cv2.GaussianBlur(np.ones((64, 64), dtype=np.uint8), (5, 5), 1)
pools = {{pool["num_threads"] for pool in threadpool_info()}}
print(torch.get_num_threads(), cv2.getNumThreads(), faiss.omp_get_max_threads(), sorted(pools))
"""
EXPECTED = "1 1 1 [1]"


@pytest.fixture
def restored_environment(monkeypatch):
    for variable in threads.VARIABLES:
        monkeypatch.setenv(variable, os.environ.get(variable, "1"))


def report(imports: str, after: str = "", count: int = 1) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in threads.VARIABLES}
    code = REPORT.format(imports=imports, after=after, count=count)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(["torch", "cv2", "faiss"])), ids=" ".join)
def test_every_library_obeys_in_every_order_of_import(order):
    assert report("\n".join(f"import {name}" for name in order)) == EXPECTED


@pytest.mark.slow
def test_libraries_loaded_later_obey_too():
    """All but OpenCV, which asks no variable: its users call `set_threads` after loading it."""
    later = report("", after="import torch, faiss, cv2")
    assert later.split()[0] == later.split()[2] == "1"
    assert later.endswith("[1]")


def test_it_sets_what_is_loaded(restored_environment):
    import cv2
    import torch

    assert set_threads(1) == 1
    assert torch.get_num_threads() == cv2.getNumThreads() == 1
    assert {pool["num_threads"] for pool in threadpool_info()} == {1}


def test_nothing_is_imported_for_it():
    code = (
        "import sys\nfrom imgsim_assets.threads import set_threads\nset_threads(1)\n"
        "print(sorted({'torch', 'cv2', 'faiss', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_other_module_of_the_product_sets_them():
    """But one that embeds a photo a thread, and holds BLAS to one thread at every batch."""
    setting = re.compile(r"set_num_threads|setNumThreads|omp_set_num|threadpool_limits|ThreadpoolController")
    product = ROOT / "imgsim_assets"
    found = {path.relative_to(product).as_posix() for path in product.rglob("*.py") if setting.search(path.read_text())}
    assert found - {"vision/backbones/classic_models.py"} == {"threads.py"}


def test_one_thread_is_held_to_by_a_blas_that_was_not_loaded_before():
    code = (
        "from threadpoolctl import threadpool_info\nfrom imgsim_assets.threads import single_thread\n"
        "with single_thread():\n    import scipy.linalg, numpy\n"
        "    print(sorted({pool['num_threads'] for pool in threadpool_info()}), len(threadpool_info()))"
    )
    environment = os.environ | dict.fromkeys(threads.VARIABLES, "2")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    held, pools = done.stdout.strip().split("] ")
    assert held == "[1"
    assert int(pools) >= 2  # NumPy's, and SciPy's own


def test_torch_has_its_threads_back_after_the_block():
    import torch

    before = torch.get_num_threads()
    with single_thread(), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_zero_means_the_cores_of_this_process(restored_environment):
    assert thread_count(3) == 3
    if hasattr(os, "sched_getaffinity"):
        assert 1 <= thread_count(0) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "cores"), [("max 100000", 16), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1)]
)
def test_a_containers_quota_counts(text, cores, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(os.path, "exists", {"/sys/fs/cgroup/cpu.max"}.__contains__)
    monkeypatch.setattr(context, "open", lambda _: io.StringIO(text), raising=False)
    assert thread_count(0) == cores
