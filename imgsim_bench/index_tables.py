"""What `imgsim bench indices` measured, as tables and a plot for the docs."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from imgsim_assets.retrieval.effort import pareto_front
from imgsim_bench.indices import RECALLS, IndexFigures
from imgsim_bench.markdown import table_lines
from imgsim_bench.peers import AUTOFAISS_UNTUNED
from imgsim_bench.plots import recall_curves


def in_markdown(measured: IndexFigures) -> str:
    """Write the tables for the docs."""
    reached = pl.concat(
        [
            measured.points.filter(pl.col("recall_at_10") >= recall)
            .sort("queries_per_second", descending=True)
            .unique(["library", "kind"], keep="first", maintain_order=True)
            .with_columns(recall=pl.lit(recall))
            for recall in RECALLS
        ]
    )
    wide = reached.pivot(on="recall", index=["library", "kind"], values=["queries_per_second", "effort"])
    costs = measured.costs.with_columns(base=pl.col("kind"))
    wide = wide.with_columns(base=pl.col("kind").str.split(" ").list.first())
    table = wide.join(costs.drop("kind"), on=["library", "base"], how="left", maintain_order="left")
    head = (
        "library", "kind", "queries/s at 0.95 (effort)", "at 0.99", "build, s", "+1%, s", "on disk, MB", "resident, MB"
    )  # fmt: skip
    reaching = []
    for row in table.iter_rows(named=True):
        speeds = [_cell(row, recall) for recall in RECALLS]
        costs_of = [
            _number(row[name], digits)
            for name, digits in (("build_seconds", 1), ("add_seconds", 2), ("stored_mb", 0), ("resident_mb", 0))
        ]
        reaching.append([row["library"], row["kind"], *speeds, *costs_of])
    losing = []
    for row in measured.losses.iter_rows(named=True):
        loss = f"{row['loss']:.1%} ({row['loss_low']:.1%} to {row['loss_high']:.1%})"
        losing.append([str(row["asked"]), row["choice"], f"{row['reached']:.4f}", row["among"], row["best"], loss])
    of_losses = ("asked", "`auto` took", "it reached", "against the fastest of", "that is", "loss (quartiles)")
    lines = [
        f"### {measured.task}",
        "",
        f"Exact search runs at {measured.exact_ratio:.2f} of the rate of one matrix product.",
        "",
        *table_lines(head, reaching),
        "",
        *table_lines(of_losses, losing),
        "",
        *_untuned(measured.points),
        *measured.left_out,
    ]
    return "\n".join(lines)


def _untuned(points: pl.DataFrame) -> Iterator[str]:
    """Say what a library that sets itself loses to the fastest that finds as much as is asked."""
    for row in points.filter(library=AUTOFAISS_UNTUNED).iter_rows(named=True):
        for recall in RECALLS:
            best = points.filter(pl.col("recall_at_10") >= recall)["queries_per_second"].max()
            if isinstance(best, float) and row["recall_at_10"] >= recall:
                loss = 1.0 - row["queries_per_second"] / best
                name = f"{row['library']} ({row['kind']}, {row['recall_at_10']:.4f})"
                yield f"At {recall} {name}, loses {loss:.1%} to the fastest.\n"


def write_plot(measured: IndexFigures, folder: Path) -> Path:
    """Draw what each library and kind reaches into `folder`, named after the task."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{measured.task.replace(',', '').replace(' ', '-')}.png"
    points = measured.points.with_columns(name=pl.col("library") + " " + pl.col("kind").str.split(" ").list.first())
    curves = {}
    for (name,), rows in points.sort("recall_at_10").group_by("name", maintain_order=True):
        front = rows.filter(pareto_front(rows["recall_at_10"].to_numpy(), rows["queries_per_second"].to_numpy()))
        curves[str(name)] = list(front.select("recall_at_10", "queries_per_second").iter_rows())
    path.write_bytes(recall_curves(dict(sorted(curves.items()))))
    return path


def _cell(row: dict[str, float | None], recall: float) -> str:
    speed, effort = row.get(f"queries_per_second_{recall}"), row.get(f"effort_{recall}")
    if speed is None:
        return "—"
    return f"{speed:,.0f}" + (f" ({effort:.0f})" if effort else "")


def _number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:,.{digits}f}"
