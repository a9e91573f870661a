"""Of all that a run logs a person reads a line for each asset, failed step and check, and what assets say."""

import logging
import sys
from types import SimpleNamespace
from typing import Any

import dagster as dg

from imgsim_assets.progress import Headway, showing
from imgsim_assets.resources import console
from imgsim_assets.resources.console import OneLinePerAsset, console_logger, named


def definitions(*, fails: bool = False, passes: bool = True) -> dg.Definitions:
    @dg.asset(key=["embeddings", "clip"])
    def clip(context: dg.AssetExecutionContext) -> None:
        context.log.debug("not for people")
        context.log.info("said by the asset")
        if fails:
            raise ValueError("broken")

    @dg.asset(deps=[clip])
    def below() -> None: ...

    @dg.asset_check(asset=clip)
    def is_good() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passes)

    return dg.Definitions(
        [clip, below], asset_checks=[is_good], loggers={"console": console_logger}, executor=dg.in_process_executor
    )


def lines(caplog: Any, definitions: dg.Definitions) -> list[str]:
    caplog.set_level(logging.INFO, "imgsim")
    job = definitions.resolve_implicit_global_asset_job_def()
    job.execute_in_process(run_config={"loggers": {"console": {}}}, raise_on_error=False)
    return [record.getMessage() for record in caplog.records if record.name == "imgsim"]


def test_each_asset_is_a_line_in_a_log(caplog, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    said = lines(caplog, definitions())
    assert said[0] == "  said by the asset"
    assert said[1].startswith("✓ embeddings/clip (0.")
    assert said[2].startswith("✓ below (")
    assert len(said) == 3


def test_on_a_terminal_the_line_of_all_steps_says_it(caplog, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert lines(caplog, definitions()) == ["  said by the asset"]


def test_what_fails_and_a_check_that_does_not_pass_are_said(caplog):
    assert "✗ embeddings/clip" in lines(caplog, definitions(fails=True))
    caplog.clear()
    assert "! embeddings/clip: the check is_good did not pass" in lines(caplog, definitions(passes=False))


def test_steps_begin_and_end_with_those_of_the_run(caplog, monkeypatch):
    steps, told = Headway(), []
    monkeypatch.setattr(steps, "begin", lambda name: told.append(f"{name} begins"))
    monkeypatch.setattr(steps, "end", lambda: told.append("ends"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with showing(steps):
        said = lines(caplog, definitions())
    assert told[:2] == ["embeddings/clip begins", "ends"]
    assert told.count("ends") == len(told) / 2
    assert f"; {steps.in_words()})" in said[1]


def test_an_asset_s_seconds_are_those_since_its_step_began(caplog, monkeypatch):
    clock = iter([100.0, 130.5, 130.5, 130.5])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    caplog.set_level(logging.INFO, "imgsim")
    kinds, handler = dg.DagsterEventType, OneLinePerAsset()
    for kind in (kinds.STEP_START, kinds.ASSET_MATERIALIZATION):
        record = logging.makeLogRecord({})
        record.dagster_event = SimpleNamespace(event_type=kind, step_key="a", asset_key=dg.AssetKey("a"))
        handler.emit(record)
    assert [record.getMessage() for record in caplog.records] == ["✓ a (30.5 s)"]


def test_a_step_is_called_as_people_know_it():
    assert (named("embeddings__clip"), named(None)) == ("embeddings/clip", "")
