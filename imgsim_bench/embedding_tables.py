"""What `imgsim bench embed` measured, as tables and a bar chart for the docs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imgsim_bench.embedding import LOOP, OURS, EmbeddingFigures, Speeds
from imgsim_bench.markdown import table_lines
from imgsim_bench.plots import stacked_bars

PLOT = "where-the-time-goes.png"


def in_markdown(measured: EmbeddingFigures) -> str:
    """Write the tables for the docs; ratios are medians of the rounds, with their range."""
    return "\n".join(
        [
            *_speeds(measured.speeds),
            *_forward(measured.speeds),
            *_decoding(measured),
            *_decoding_rate(measured),
            *_one_pass(measured),
            *_peaks(measured),
        ]
    )


def write_plot(measured: EmbeddingFigures, folder: Path) -> None:
    """Draw how long a photo takes in each part: decoding and framing, the model, and the rest."""
    folder.mkdir(parents=True, exist_ok=True)
    decoding = 1000 * float(np.median(measured.decoding[0][0])) / measured.threads
    parts: dict[str, tuple[float, float, float]] = {}
    for one in measured.speeds:
        whole = 1000 / float(np.median(one.contenders[OURS]))
        forward = 1000 / float(np.median(one.forward))
        parts[one.model] = (forward, decoding, max(0.0, whole - forward - decoding))
        parts[f"{one.model}, {LOOP}"] = (1000 / float(np.median(one.contenders[LOOP])), 0.0, 0.0)
    names = ("model (of the usual loop: all)", "decoding and framing", "the rest")
    (folder / PLOT).write_bytes(stacked_bars(parts, names, "milliseconds a photo"))


def _speeds(speeds: Sequence[Speeds]) -> list[str]:
    head = ("model", "contender", "photos/s, files to vectors", "imgsim is faster by", "least cosine", "mean cosine")
    rows = []
    for one in speeds:
        for contender, rates in one.contenders.items():
            ratio = "" if contender == OURS else _ratio(one.contenders[OURS], rates)
            cosines = [f"{min(one.cosines):.5f}", f"{np.mean(one.cosines):.5f}"] if contender == OURS else ["", ""]
            name = f"{contender} ({one.runs_as})" if contender == OURS else contender
            rows.append([one.model, name, f"{np.median(rates):.1f}", ratio, *cosines])
    return [*table_lines(head, rows), ""]


def _forward(speeds: Sequence[Speeds]) -> list[str]:
    head = ("model", "forward alone, photos/s", "by the rate of one matrix product", "share", "of it from files")
    rows = []
    for one in speeds:
        known = not np.isnan(one.roofline).any()
        roofline = f"{np.median(one.roofline):.1f}" if known else "not counted"
        share = _ratio(one.forward, one.roofline) if known else ""
        whole = _ratio(one.contenders[OURS], one.forward)
        rows.append([one.model, f"{np.median(one.forward):.1f}", roofline, share, whole])
    return [*table_lines(head, rows), ""]


def _decoding(measured: EmbeddingFigures) -> list[str]:
    head = ("longer side, pixels", "imgsim, ms a photo", "cv2.imread and resize, ms", "imgsim is faster by")
    rows = []
    for side, (ours, theirs) in measured.decoding.items():
        times = [f"{1000 * np.median(seconds):.2f}" for seconds in (ours, theirs)]
        rows.append([f"{side:,}" if side else "as they are", *times, _ratio(theirs, ours)])
    return [*table_lines(head, rows), ""]


def _decoding_rate(measured: EmbeddingFigures) -> Iterator[str]:
    yield (
        f"{measured.threads} processes that do nothing else decode and frame "
        f"{np.median(measured.decoding_rate):,.0f} photos a second."
    )
    for one in measured.speeds:
        yield f"{one.model} from files, as a share of that: {_ratio(one.contenders[OURS], measured.decoding_rate)}."
    yield ""


def _one_pass(measured: EmbeddingFigures) -> Iterator[str]:
    together, alone = measured.one_pass
    if together:
        yield (
            f"Three backbones and two views in one pass take {_ratio(together, alone)} times "
            "the sum of their forward passes alone."
        )
        yield ""


def _peaks(measured: EmbeddingFigures) -> Iterator[str]:
    for photos, peak in measured.peaks.items():
        yield f"Largest resident memory with {photos:,} photos: {peak:,.0f} MB."


def _ratio(one: Sequence[float], other: Sequence[float]) -> str:
    ratios = np.array(one) / np.array(other)
    return f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
