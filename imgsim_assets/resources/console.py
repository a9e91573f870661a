"""What a run tells a person: how far its steps are, and a line as a check warns, as a step fails, as an asset is made.

The last is for logs: on a terminal the line of all steps, which is rewritten in place, says it.
"""

import logging
import sys
import time

import dagster as dg

from imgsim_assets.progress import Headway, steps_under_way

DAGSTERS_OWN = "Dependencies for step"  # said of every step below a failed one


class OneLinePerAsset(logging.Handler):
    """Passes what a person wants to know of a run on to the logger `imgsim`, which writes to standard error."""

    def __init__(self) -> None:
        """Begin without any step under way."""
        super().__init__()
        self.started: dict[str | None, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record` in one line, if a person would want it."""
        event: dg.DagsterEvent | None = getattr(record, "dagster_event", None)
        words = self._of_event(event) if event else _of_asset(record)
        if words:
            logging.getLogger("imgsim").info(words)

    def _of_event(self, event: dg.DagsterEvent) -> str | None:
        kinds = dg.DagsterEventType
        steps, name = steps_under_way(), named(event.step_key)
        if event.event_type == kinds.STEP_START:
            self.started[event.step_key] = time.monotonic()
            if steps:
                steps.begin(name)
        if event.event_type in {kinds.STEP_SUCCESS, kinds.STEP_FAILURE} and steps:
            steps.end()
        if event.event_type == kinds.ASSET_MATERIALIZATION and event.asset_key and not sys.stderr.isatty():
            seconds = time.monotonic() - self.started.get(event.step_key, time.monotonic())
            return f"✓ {event.asset_key.to_user_string()} ({seconds:.1f} s{_how_far(steps)})"
        if event.event_type == kinds.ASSET_CHECK_EVALUATION and not event.asset_check_evaluation_data.passed:
            check = event.asset_check_evaluation_data
            return f"! {check.asset_key.to_user_string()}: the check {check.check_name} did not pass"
        if event.event_type == kinds.STEP_FAILURE and not is_interruption(event):
            return f"✗ {name}"
        return None


def named(step: str | None) -> str:
    """Name a step as people know it: Dagster allows no slash in it."""
    return (step or "").replace("__", "/")


def _how_far(steps: Headway | None) -> str:
    return f"; {steps.in_words()}" if steps else ""


def is_interruption(event: dg.DagsterEvent) -> bool:
    """Say whether a step's failure is none: the process was asked to stop while it was under way."""
    source = event.step_failure_data.error_source
    return source is not None and source.name == "INTERRUPT"


def _of_asset(record: logging.LogRecord) -> str | None:
    words = getattr(record, "dagster_meta", {}).get("orig_message", record.getMessage())
    is_for_people = record.levelno >= logging.INFO and not words.startswith(DAGSTERS_OWN)
    return f"  {words}" if is_for_people else None


@dg.logger
def console_logger(_init: dg.InitLoggerContext) -> logging.Logger:
    """Build the logger that `imgsim sync` runs with."""
    # Made here, not looked up by name: it belongs to one run, so that handlers never add up.
    logger = logging.Logger("imgsim.run", level=logging.DEBUG)
    logger.addHandler(OneLinePerAsset())
    return logger
