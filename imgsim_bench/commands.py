"""The `imgsim bench` commands: parse, measure, print."""

import dataclasses
import json
from typing import Any

import click

from imgsim_assets.command_options import ANY_PATH, with_settings
from imgsim_assets.settings import Settings
from imgsim_bench.extra import with_peers


@click.group()
def bench() -> None:
    """Measure imgsim beside its peers, on this machine, in one run."""


@bench.command("ranking")
@click.option("--budget", type=click.FloatRange(0), default=30.0, show_default=True, help="seconds for each loss")
@click.option("--few", type=click.IntRange(2), default=5, show_default=True, help="labels a class in the second run")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@with_settings
@with_peers
def bench_ranking(settings: Settings, as_json: bool, budget: float, few: int, seed: int) -> None:
    """Rank what `imgsim sync` has embedded by GLRT, metric-learning losses, LDA, logistic regression and cosine."""
    from imgsim_bench.collection import open_problem
    from imgsim_bench.ranking import compare_rankings, in_markdown

    problem = open_problem(settings)
    problems = {"all labels": problem, f"{few} labels a class": problem.with_few_labels(few, seed)}
    tables = {name: compare_rankings(one, budget=budget, seed=seed) for name, one in problems.items()}
    if as_json:
        click.echo(json.dumps({name: table.to_dicts() for name, table in tables.items()}))
        return
    for name, table in tables.items():
        click.echo(f"\n{name}\n\n{in_markdown(table)}")


@bench.command("members")
@with_settings
def bench_members(settings: Settings, as_json: bool) -> None:
    """Rank what `imgsim sync` has embedded by each backbone alone, by plain cosine, beside HOG and pixels."""
    from imgsim_bench.members import in_markdown, measure_members

    table = measure_members(settings)
    click.echo(json.dumps(table.to_dicts()) if as_json else in_markdown(table))


@bench.command("profiles")
@click.argument("profiles", nargs=-1, required=True)
@with_settings
def bench_profiles(settings: Settings, as_json: bool, profiles: tuple[str, ...]) -> None:
    """Judge what PROFILES of the embedded backbones would serve: names joined by +, ~ after one for all its views."""
    from imgsim_bench.profiles import in_markdown, measure_profiles

    table = measure_profiles(settings, profiles)
    click.echo(json.dumps(table.to_dicts()) if as_json else in_markdown(table))


@bench.command("memory")
@click.option("--photos", type=click.IntRange(100), default=450_000, show_default=True)
@click.option("--queries", type=click.IntRange(1), multiple=True, default=(2_000, 8_000), show_default=True)
@click.option("--dimensions", type=click.IntRange(2), default=128, show_default=True)
def bench_memory(photos: int, queries: tuple[int, ...], dimensions: int) -> None:
    """Show how much memory search, re-ranking and scoring need, for several numbers of queries."""
    from imgsim_bench.memory import measure_memory

    for count in queries:
        click.echo(json.dumps(measure_memory(photos, count, dimensions)))


@bench.command("indices")
@click.option(
    "--drawn", multiple=True, help="COUNTxDIMENSIONS drawn vectors [1000x512 10000x512 100000x512, without --served]"
)
@click.option("--served", is_flag=True, help="Also the vectors that `imgsim sync` serves.")
@click.option("--queries", type=click.IntRange(10), default=4_000, show_default=True, help="drawn, in a batch")
@click.option("--only", multiple=True, help="Kinds of index and other libraries to measure [all].")
@click.option("--memory-mb", type=click.IntRange(1), help="What `auto` may take [any].")
@click.option("--plots", type=ANY_PATH, help="Folder for a plot of each.")
@with_settings
@with_peers
def bench_indices(settings: Settings, as_json: bool, **asked: Any) -> None:  # noqa: ANN401  see the options
    """Compare FAISS, Annoy, hnswlib, usearch and autofaiss at equal recall, and show what `auto` loses."""
    from imgsim_bench.index_tables import in_markdown, write_plot
    from imgsim_bench.indices import measure_indices
    from imgsim_bench.vector_tasks import read_tasks

    for task in read_tasks(settings, asked["drawn"], served=asked["served"], asked=asked["queries"]):
        threads = settings.runtime.threads
        measured = measure_indices(task, asked["only"], threads=threads, memory_mb=asked["memory_mb"])
        if asked["plots"]:
            write_plot(measured, asked["plots"])
        click.echo(json.dumps(measured.as_json()) if as_json else in_markdown(measured) + "\n")


@bench.command("embed")
@click.option("--photos", type=click.IntRange(32), default=128, show_default=True, help="in each round")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--peak", type=click.IntRange(1), multiple=True, help="Photos for which to measure the memory [none].")
@click.option("--only", multiple=True, help="Models to measure [all].")
@click.option("--plots", type=ANY_PATH, help="Folder for a bar chart.")
@with_settings
@with_peers
def bench_embed(settings: Settings, as_json: bool, photos: int, **asked: Any) -> None:  # noqa: ANN401
    """Time embedding from files to vectors beside the usual loops and peers, on full-size models."""
    from imgsim_bench.embedding import measure_embedding
    from imgsim_bench.embedding_tables import in_markdown, write_plot

    measured = measure_embedding(
        settings, photos, rounds=asked["rounds"], peak_photos=asked["peak"], only=asked["only"]
    )
    if asked["plots"]:
        write_plot(measured, asked["plots"])
    click.echo(json.dumps(dataclasses.asdict(measured)) if as_json else in_markdown(measured))


@bench.command("incremental")
@click.option("--photos", type=click.IntRange(500), multiple=True, default=(1_000, 10_000, 50_000), show_default=True)
@click.option("--plain/--no-plain", default=True, help="Also call the same functions in a plain script.")
@with_settings
def bench_incremental(settings: Settings, as_json: bool, photos: tuple[int, ...], plain: bool) -> None:
    """Time a full sync of drawn photos, one with nothing to do, one with 1% more photos, and a plain script."""
    from imgsim_bench.incremental import in_markdown, measure_incremental

    measured = [measure_incremental(settings, count, plain=plain) for count in photos]
    click.echo(json.dumps([dataclasses.asdict(one) for one in measured]) if as_json else in_markdown(measured))


@bench.command("chrome")
@click.option("--photos", type=click.IntRange(1), default=500, show_default=True, help="test photos, at most")
@click.option("--drawn", type=click.IntRange(1), default=100, show_default=True, help="pictures a kind to leave whole")
@click.option("--real", type=ANY_PATH, help="Folder of photos to leave whole.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@with_settings
def bench_chrome(settings: Settings, as_json: bool, photos: int, seed: int, **asked: Any) -> None:  # noqa: ANN401
    """Ask what `imgsim sync` published for test photos with and without a site's chrome; count what trimming loses.

    That is counted over pictures that are content all over: flags, logos, windows and more, drawn, and real photos.
    """
    from imgsim_bench.chrome import in_markdown, measure_chrome
    from imgsim_bench.losses import losses_in_markdown, measure_losses

    losses = measure_losses(asked["drawn"], seed, asked["real"], settings.ingest.max_pixels)
    measured = measure_chrome(settings, photos, seed)
    if as_json:
        chrome = [dataclasses.asdict(one) for one in measured]
        click.echo(json.dumps({"chrome": chrome, "losses": [dataclasses.asdict(one) for one in losses]}))
        return
    click.echo(f"{in_markdown(measured)}\n\n{losses_in_markdown(losses)}")
