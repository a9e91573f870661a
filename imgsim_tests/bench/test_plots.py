from imgsim_bench import plots


def test_curves_of_many_libraries_are_a_picture():
    curves = {f"library {number}": [(0.5, 1e5), (0.99, 1e4 * (number + 1)), (1.0, 10.0)] for number in range(12)}
    assert plots.recall_curves(curves).startswith(b"\x89PNG")
