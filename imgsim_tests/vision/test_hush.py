import threading
import warnings

from imgsim_assets.vision.hush import Hush


def warn(module):
    warnings.warn_explicit("tag", UserWarning, "file.py", 1, module=module)


def test_only_pillow_is_silenced():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Hush():
            warn("PIL.TiffImagePlugin")
            warn("elsewhere")
        warn("PIL.TiffImagePlugin")
    assert [str(item.message) for item in caught] == ["tag", "tag"]


def test_the_last_thread_out_restores_the_filters():
    hush = Hush()
    before = list(warnings.filters)
    barrier = threading.Barrier(8)

    def visit():
        barrier.wait()
        for _ in range(200):
            with hush:
                pass

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
