"""What a run tells the person at the terminal: one line as each asset begins, ends or fails."""

import logging

import dagster as dg

NAMES = {
    dg.DagsterEventType.STEP_START: "…",
    dg.DagsterEventType.STEP_SUCCESS: "✓",
    dg.DagsterEventType.STEP_FAILURE: "✗",
}


class OneLinePerStep(logging.Handler):
    """Writes the steps' beginnings and ends, and the assets' own words, to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record` if a person would want it."""
        event: dg.DagsterEvent | None = getattr(record, "dagster_event", None)
        if event is None:
            if record.levelno >= logging.INFO:
                self._write(f"    {getattr(record, 'dagster_meta', {}).get('orig_message', record.getMessage())}")
            return
        mark = NAMES.get(event.event_type)
        if mark:
            self._write(f"{mark} {_words(event)}")

    @staticmethod
    def _write(line: str) -> None:
        logging.getLogger("imgsim").info(line)


def _words(event: dg.DagsterEvent) -> str:
    name = (event.step_key or "").replace("__", "/")
    if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
        return f"{name} ({event.step_success_data.duration_ms / 1000:.1f} s)"
    return name


@dg.logger
def console_logger(_init: dg.InitLoggerContext) -> logging.Logger:
    """Build the logger that `imgsim sync` runs with."""
    # Made here, not looked up by name: it belongs to one run, so that handlers never add up.
    logger = logging.Logger("imgsim.run", level=logging.DEBUG)
    logger.addHandler(OneLinePerStep())
    return logger
