"""One error type for the whole program: a code, a sentence, and the next thing to do.

Every code is listed in `CATALOGUE` together with what it means and the exit code of the
command line. `docs/errors.md` is generated from that table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    INPUT = 1
    RUNTIME = 2
    PARTIAL = 3
    INTERRUPTED = 130


@dataclass(frozen=True)
class CodeEntry:
    """One row of the table of codes."""

    meaning: str
    exit: Exit


CATALOGUE: dict[str, CodeEntry] = {
    "INPUT_VALIDATION_FAILED": CodeEntry(
        "Something you gave (a file, a flag, a value) cannot be used as it is.", Exit.INPUT
    ),
    "INPUT_DATA_INVALID": CodeEntry(
        "The data file cannot be read as training examples; the message names the line.",
        Exit.INPUT,
    ),
    "INPUT_RUN_NOT_FOUND": CodeEntry(
        "No run has this id, or several runs start with it.", Exit.INPUT
    ),
    "INPUT_AUTH_REQUIRED": CodeEntry(
        "The page would be reachable from other machines without a sign-in.", Exit.INPUT
    ),
    "INPUT_MODEL_UNKNOWN": CodeEntry(
        "The model is neither a preset, nor a folder, nor a GGUF file, nor reachable on the hub.",
        Exit.INPUT,
    ),
    "INPUT_MODEL_UNSAFE": CodeEntry(
        "The model folder has only pickle weights, or asks to run code of its own.", Exit.INPUT
    ),
    "INPUT_TEMPLATE_UNUSABLE": CodeEntry(
        "The model has no chat template, or one that does not show where an answer ends.",
        Exit.INPUT,
    ),
    "CONFIG_INVALID": CodeEntry(
        "A setting (environment, .env or config file) has a wrong name or value.", Exit.INPUT
    ),
    "DEP_NOT_INSTALLED": CodeEntry(
        "This needs an optional part that is not installed.", Exit.RUNTIME
    ),
    "DEP_MODEL_LOAD_FAILED": CodeEntry(
        "The model was found but could not be loaded.", Exit.RUNTIME
    ),
    "DEP_OLLAMA_REGISTRATION_FAILED": CodeEntry(
        "Ollama did not accept the exported model.", Exit.RUNTIME
    ),
    "RUNTIME_GPU_OOM": CodeEntry("The GPU ran out of memory.", Exit.RUNTIME),
    "RUNTIME_GPU_TEMPERATURE_CRITICAL": CodeEntry(
        "The GPU stayed too hot and the run was stopped.", Exit.RUNTIME
    ),
    "RUNTIME_OUT_OF_MEMORY": CodeEntry("The machine ran out of memory.", Exit.RUNTIME),
    "RUNTIME_LOSS_NOT_FINITE": CodeEntry(
        "The loss became NaN or infinite, so the weights are no longer usable.", Exit.RUNTIME
    ),
    "RUNTIME_DISK_FULL": CodeEntry(
        "There was no room left on the disk; what was saved before is intact.", Exit.RUNTIME
    ),
    "RUNTIME_CHILD_DIED": CodeEntry(
        "The training process ended without a word (killed, or crashed in native code).",
        Exit.RUNTIME,
    ),
    "RUNTIME_WORKER_DIED": CodeEntry(
        "The helper process (previews, checks, answers) ended in the middle of its work.",
        Exit.RUNTIME,
    ),
    "RUNTIME_WORKER_TIMEOUT": CodeEntry(
        "The helper process gave no answer in time and was ended.", Exit.RUNTIME
    ),
    "RUNTIME_GGUF_EXPORT_FAILED": CodeEntry("The GGUF export failed.", Exit.RUNTIME),
    "RUNTIME_EXPORT_FAILED": CodeEntry("The export failed.", Exit.RUNTIME),
    "RUNTIME_PORT_IN_USE": CodeEntry("Another program listens on this port.", Exit.RUNTIME),
    "RUNTIME_UI_BUILD_FAILED": CodeEntry("The pages could not be built.", Exit.RUNTIME),
    "RUNTIME_UI_AUTH_NOT_ENFORCED": CodeEntry(
        "The running page answered without a sign-in, so it was stopped.", Exit.RUNTIME
    ),
    "RUNTIME_UNEXPECTED": CodeEntry(
        "Something happened that we did not foresee; --verbose shows where.", Exit.RUNTIME
    ),
    "STATE_RUN_BUSY": CodeEntry("The run is not in a state in which this can be done.", Exit.INPUT),
    "STATE_CHECKPOINT_INVALID": CodeEntry(
        "A checkpoint is incomplete or was changed since it was written.", Exit.RUNTIME
    ),
    "STATE_STORE_CORRUPT": CodeEntry(
        "The run store is damaged; it was moved aside, not deleted.", Exit.RUNTIME
    ),
    "STATE_STORE_NEWER": CodeEntry(
        "The run store was written by a newer version of this program.", Exit.RUNTIME
    ),
    "STATE_UPLOAD_ELSEWHERE": CodeEntry(
        "A part of a file came that does not follow what is there; sending it again goes on.",
        Exit.INPUT,
    ),
    "UI_OUTPUT_DIR_FORBIDDEN": CodeEntry(
        "The page may not write to or read from this folder.", Exit.INPUT
    ),
}


class BackpropError(Exception):
    """What every door shows: `[code]: message`, then the hint.

    `cause` is the original exception's text where there was one (Python's own chaining keeps
    the object). `retryable` tells that the same call may succeed later without a change.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        cause: str = "",
        retryable: bool = False,
    ) -> None:
        if code not in CATALOGUE:
            raise KeyError(f"{code} is not in engine.errors.CATALOGUE")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
        self.retryable = retryable

    @property
    def exit_code(self) -> Exit:
        return CATALOGUE[self.code].exit

    def __str__(self) -> str:
        return f"[{self.code}]: {self.message}"
