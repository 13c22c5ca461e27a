"""A file of examples as the Dataset page shows it: frozen rows of words and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from backprop_ui.views import Line
from engine.data.inspected import Preflight, Xray, XrayRow
from engine.data.preview import Preview, PreviewRow
from engine.data.reported import Histogram, LeftRows, ReportSummary
from engine.data.validate import Validation
from engine.data.visible import visible

SHOWN_TOKENS = 600
CHART_WIDTH, CHART_HEIGHT = 100, 40
WIDEST_COLUMN = 16
_STATE_WORDS = {
    "trained": "trained",
    "masked": "context",
    "truncated": "cut off",
    "padding": "padding",
    "boundary": "start of a joined row",
}


@dataclass(frozen=True)
class Turn:
    """One bubble of a chat."""

    role: str
    text: str


@dataclass(frozen=True)
class DataRow:
    """One row of a file."""

    place: str
    turns: list[Turn] = field(default_factory=list)
    raw: str = ""
    problem: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of a file at first sight."""

    total: int = 0
    matching: int = 0
    format: str = ""
    reason: str = ""
    confidence: str = ""


@dataclass(frozen=True)
class Column:
    """A bar of a histogram in a box of 100 by 40; `words` are for the pointer and readers."""

    x: str
    y: str
    width: str
    height: str
    words: str


@dataclass(frozen=True)
class Chart:
    """A histogram."""

    title: str
    words: str
    first: str
    last: str
    columns: list[Column]


@dataclass(frozen=True)
class Note:
    """Something found in the rows."""

    title: str
    words: str
    serious: bool = False


@dataclass(frozen=True)
class Share:
    """A bar from left to right."""

    label: str
    value: str
    width: str


@dataclass(frozen=True)
class Report:
    """What a file holds."""

    tiles: list[Line] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    languages: list[Share] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Token:
    """One token under the X-ray."""

    text: str
    state: str
    words: str


@dataclass(frozen=True)
class TokenRow:
    """One example under the X-ray."""

    place: str
    words: str
    tokens: list[Token]
    more: str = ""


def data_row(row: PreviewRow, name: str) -> DataRow:
    """`name` is the file's, which need not stand before every line."""
    turns = [Turn(turn.role, turn.text) for turn in row.turns]
    return DataRow(_place(row.place, name), turns, row.raw, row.problem, row.mend)


def facts_of(found: Preview) -> Facts:
    sure = f"{found.confidence * 100:.0f} % sure" if found.format else ""
    return Facts(found.total, found.matching, found.format, found.format_reason, sure)


def problem_words(found: Validation) -> str:
    if not found.bad_rows:
        return f"All {found.rows:,} rows can be used."
    return f"{found.bad_rows:,} of {found.rows:,} rows cannot be used as they are."


def bad_rows(found: Validation, name: str) -> list[Note]:
    return [
        Note(_place(row.place, name), f"{visible(row.problem)}. {row.mend}") for row in found.bad
    ]


def report_view(found: ReportSummary) -> Report:
    return Report(
        tiles=_tiles(found),
        charts=[_chart(histogram) for histogram in found.histograms],
        languages=_shares([(bar.label, bar.rows) for bar in found.languages]),
        notes=[
            Note(
                notice.title,
                f"{_rows(notice.rows)}: {', '.join(notice.places)}",
                notice.serious,
            )
            for notice in found.notices
        ],
    )


def step_shares(steps: tuple[LeftRows, ...]) -> list[Share]:
    """What each step of a recipe leaves of the rows."""
    return _shares([(step.step, step.rows) for step in steps])


def token_rows(found: Xray, name: str) -> list[TokenRow]:
    return [_token_row(row, name) for row in found.rows]


def preflight_words(found: Preflight) -> str:
    return f"Ready: {found.words}"


def _token_row(row: XrayRow, name: str) -> TokenRow:
    counts = row.counts
    parts = [
        f"{number:,} {_STATE_WORDS[name]}"
        for name, number in (
            ("trained", counts.trained),
            ("masked", counts.masked),
            ("truncated", counts.truncated),
            ("padding", counts.padding),
        )
        if number
    ]
    where = "left out: nothing of it is trained" if row.left_out else f"batch {row.batch + 1}"
    left = len(row.tokens) - SHOWN_TOKENS
    return TokenRow(
        _place(row.place, name),
        f"{counts.total:,} tokens: {', '.join(parts)} · {where}",
        [
            Token(visible(token.text), token.state, f"{token.id} · {_STATE_WORDS[token.state]}")
            for token in row.tokens[:SHOWN_TOKENS]
        ],
        f"and {left:,} tokens more" if left > 0 else "",
    )


def _tiles(found: ReportSummary) -> list[Line]:
    tiles = [Line("Rows", f"{found.rows:,}")]
    if found.tokens is not None:
        tiles.append(Line("Tokens", f"{found.tokens:,}"))
    if found.truncated_rows is not None:
        tiles.append(Line("Cut off", f"{found.truncated_rows:,}"))
    return [
        *tiles,
        Line("Duplicates", f"{found.duplicate_rows:,}"),
        Line("Near-duplicates", f"{found.near_duplicate_rows:,}"),
        Line("Outliers", f"{found.outliers:,}"),
    ]


def _chart(histogram: Histogram) -> Chart:
    bars = histogram.bars
    tallest = max((bar.rows for bar in bars), default=1) or 1
    step = min(WIDEST_COLUMN, CHART_WIDTH / max(1, len(bars)))
    columns = [
        Column(
            f"{number * step + step * 0.06:.2f}",
            f"{CHART_HEIGHT - CHART_HEIGHT * bar.rows / tallest:.2f}",
            f"{step * 0.88:.2f}",
            f"{CHART_HEIGHT * bar.rows / tallest:.2f}",
            f"{bar.label} {histogram.unit}: {_rows(bar.rows)}",
        )
        for number, bar in enumerate(bars)
    ]
    words = (
        f"half have up to {histogram.median:,} {histogram.unit}, "
        f"95 % up to {histogram.percentile_95:,}"
    )
    return Chart(
        histogram.title, words, f"{histogram.smallest:,}", f"{histogram.largest:,}", columns
    )


def _shares(pairs: list[tuple[str, int]]) -> list[Share]:
    most = max((number for _, number in pairs), default=1) or 1
    return [Share(label, f"{number:,}", f"{100 * number / most:.1f}%") for label, number in pairs]


def _place(place: str, name: str) -> str:
    """`chats.jsonl, line 3` → `Line 3` within chats.jsonl."""
    short = place.removeprefix(f"{name}, ")
    return short[:1].upper() + short[1:] if short != place else place


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
