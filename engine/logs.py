"""What a run's process logs: to the run's own log, and to a file of the person's choice."""

from __future__ import annotations

import json
import logging

from engine.security.redact import redact
from engine.settings import Settings

TEXT_FORMAT = "%(asctime)s %(levelname)s %(message)s"
# They tell each request at the level at which we tell each step.
_TALKATIVE = ("httpx", "httpcore")


class TextFormatter(logging.Formatter):
    """One readable line (and the traceback, where there is one), without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(TextFormatter):
    """One JSON object a line: at (Unix seconds), level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "at": record.created,
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": super().format(record),
            }
        )


def start_logging(settings: Settings) -> None:
    """Send this process's log to stderr, and to `log_file` where one is set."""
    formatter = JsonFormatter("%(message)s") if settings.log_json else TextFormatter(TEXT_FORMAT)
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if settings.log_file is not None:
        path = settings.log_file.expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level.upper(), handlers=handlers, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
