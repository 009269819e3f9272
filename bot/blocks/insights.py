"""Managers' answers: the sentence, the table, how it was counted; a question back; a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from bot.blocks.shapes import Drawn, actions, button, context, section
from bot.blocks.text import Block, clip, escape, fallback, passage, rich, say, words
from unstuck.i18n import Lang, t
from unstuck.insights.chart_series import Series

CHOOSE = "insight_choose"
#: Rows and columns that a reader takes in at a glance; Slack would take 100 x 20.
MAX_ROWS, MAX_COLUMNS = 30, 8
MAX_CELL, MAX_NOTE, MAX_SENTENCE = 120, 400, 2500
MAX_NOTES, MAX_WORDS, MAX_OPTIONS = 6, 10, 10
#: Slack's own table: rows, characters in all of its cells, rows a page.
MAX_DATA_ROWS, MAX_TABLE, PAGE, MAX_CAPTION = 100, 9_000, 10, 200
#: Slack's own chart.
MAX_CHART_TITLE, MAX_LABEL = 50, 20


@dataclass(frozen=True, slots=True)
class Finding:
    """A manager's answer in words, ready to be drawn. All of it may quote tickets' values."""

    sentence: str
    #: What was computed, from the plan: the reader checks that it is what was asked.
    restatement: str
    #: Heads and rows as they are read, durations and numbers already in the reader's language.
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    #: Rows in all, where `rows` shows only the first.
    n_rows: int = 0
    notes: tuple[str, ...] = ()
    #: Numbers behind the rows, where a cell is one: readers sort by them.
    numbers: tuple[tuple[float | None, ...], ...] = ()
    chart: Series | None = None


def native(finding: Finding, lang: Lang) -> Drawn:
    """The answer with Slack's own sortable table and chart. Not every workspace takes them: see `insight`."""
    sentence = clip(finding.sentence, MAX_SENTENCE) or "…"
    shown, table = _data_table(finding)
    blocks = [*passage(sentence), *_chart(finding.chart), *table, *_left(finding, shown, lang), *_small(finding, lang)]
    return Drawn(fallback(sentence), blocks)


def insight(finding: Finding, lang: Lang) -> Drawn:
    """The answer with its table and the small print that makes it checkable."""
    sentence = clip(finding.sentence, MAX_SENTENCE) or "…"
    return Drawn(fallback(sentence), [*passage(sentence), *_table(finding, lang), *_small(finding, lang)])


def _small(finding: Finding, lang: Lang) -> Iterator[Block]:
    """How it was counted, and what must be known to read it."""
    yield context(say("bot.counted", lang, what=finding.restatement))
    notes = [escape(clip(note, MAX_NOTE)) for note in finding.notes[:MAX_NOTES] if note.strip()]
    if notes:
        yield context(*notes)


def ask(prompt: str, labels: Sequence[str], choice_id: str, lang: Lang) -> Drawn:
    """A question back with a button for each reading. `choice_id` finds the plans behind the buttons."""
    prompt = clip(prompt, MAX_SENTENCE) or t("bot.which", lang)
    return Drawn(fallback(prompt, *labels[:MAX_OPTIONS]), [*passage(prompt), *_choices(labels, choice_id)])


def chosen(prompt: str, label: str, lang: Lang) -> Drawn:
    """What a question back becomes once somebody chose."""
    line = say("bot.chosen", lang, choice=label)
    return Drawn(fallback(prompt, label), [*passage(clip(prompt, MAX_SENTENCE) or "…"), context(line)])


def refuse(reason: str, unexplained: Sequence[str], labels: Sequence[str], choice_id: str, lang: Lang) -> Drawn:
    """Why there is no answer, the words that were not understood, and the nearest questions that there are."""
    blocks = list(passage(clip(reason, MAX_SENTENCE) or t("bot.not_understood", lang)))
    if unexplained:
        blocks.append(_unexplained(unexplained, lang))
    if labels:
        blocks += [section(say("bot.instead", lang)), *_choices(labels, choice_id)]
    return Drawn(fallback(reason or t("bot.not_understood", lang)), blocks)


def _table(finding: Finding, lang: Lang) -> Iterator[Block]:
    if not finding.columns or not finding.rows:
        return
    shown = finding.rows[:MAX_ROWS]
    cells = [[_cell(value) for value in row[:MAX_COLUMNS]] for row in (finding.columns, *shown)]
    yield {"type": "table", "rows": cells}
    yield from _left(finding, len(shown), lang)


def _left(finding: Finding, shown: int, lang: Lang) -> Iterator[Block]:
    left = max(finding.n_rows, len(finding.rows)) - shown
    if finding.rows and left > 0:
        yield context(say("bot.more_rows", lang, n=left))


def _data_table(finding: Finding) -> tuple[int, list[Block]]:
    """How many rows are shown, and the table: as many rows as Slack takes of them."""
    if not finding.columns or not finding.rows:
        return 0, []
    head = [_cell(name) for name in finding.columns[:MAX_COLUMNS]]
    rows: list[list[Block]] = []
    room = MAX_TABLE - sum(len(cell["text"]) for cell in head)
    for index, row in enumerate(finding.rows[:MAX_DATA_ROWS]):
        numbers = finding.numbers[index] if index < len(finding.numbers) else ()
        cells = [
            _number(value, numbers[at] if at < len(numbers) else None) for at, value in enumerate(row[:MAX_COLUMNS])
        ]
        room -= sum(len(cell["text"]) for cell in cells)
        if room < 0 and rows:
            break
        rows.append(cells + [_cell("")] * (len(head) - len(cells)))
    caption = clip(finding.restatement, MAX_CAPTION) or "…"
    return len(rows), [{"type": "data_table", "caption": caption, "rows": [head, *rows], "page_size": PAGE}]


def _number(shown: str, value: float | None) -> Block:
    cell = _cell(shown)
    return (
        cell if value is None or not isfinite(value) else {"type": "raw_number", "value": value, "text": cell["text"]}
    )


def _chart(chart: Series | None) -> Iterator[Block]:
    if chart is None or not all(isfinite(value) for _, values in chart.values for value in values):
        return
    labels = _unlike(chart.categories)
    names = _unlike([name or chart.unit for name, _ in chart.values])
    series = [
        {"name": name, "data": [{"label": label, "value": value} for label, value in zip(labels, values, strict=True)]}
        for name, (_, values) in zip(names, chart.values, strict=True)
    ]
    axis = {"categories": labels, "y_label": clip(chart.unit, MAX_CHART_TITLE) or "…"}
    drawn = {"type": chart.kind, "series": series, "axis_config": axis}
    yield {"type": "data_visualization", "title": clip(chart.title, MAX_CHART_TITLE) or "…", "chart": drawn}


def _unlike(names: Sequence[str]) -> list[str]:
    """Names as long as Slack takes them; two that would look the same are numbered."""
    shown: list[str] = []
    for name in names:
        short, number = clip(name, MAX_LABEL) or "–", 2
        while short in shown:
            short, number = f"{clip(name, MAX_LABEL - 4) or '–'} {number}", number + 1
        shown.append(short)
    return shown


def _cell(value: str) -> Block:
    return {"type": "raw_text", "text": clip(value, MAX_CELL) or "–"}


def _choices(labels: Sequence[str], choice_id: str) -> Iterator[Block]:
    buttons = [
        button(label, f"{CHOOSE}_{number}", f"{choice_id}:{number}")
        for number, label in enumerate(labels[:MAX_OPTIONS])
    ]
    if buttons:
        yield actions(buttons)


def _unexplained(unexplained: Sequence[str], lang: Lang) -> Block:
    quoted = "、".join(f"「{clip(word, 60)}」" for word in unexplained[:MAX_WORDS])
    plain_list = ", ".join(f"“{clip(word, 60)}”" for word in unexplained[:MAX_WORDS])
    line = t("bot.unexplained", lang, words=quoted if lang == "zh" else plain_list)
    return rich({"type": "rich_text_section", "elements": [words(line)]})
