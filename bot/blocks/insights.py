"""Managers' answers: the sentence, the table, how it was counted; a question back; a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.blocks.shapes import Drawn, actions, button, context, section
from bot.blocks.text import Block, clip, escape, fallback, passage, rich, say, words
from unstuck.i18n import Lang, t

CHOOSE = "insight_choose"
#: Rows and columns that a reader takes in at a glance; Slack would take 100 x 20.
MAX_ROWS, MAX_COLUMNS = 30, 8
MAX_CELL, MAX_NOTE, MAX_SENTENCE = 120, 400, 2500
MAX_NOTES, MAX_WORDS, MAX_OPTIONS = 6, 10, 10


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


def insight(finding: Finding, lang: Lang) -> Drawn:
    """The answer with its table and the small print that makes it checkable."""
    sentence = clip(finding.sentence, MAX_SENTENCE) or "…"
    blocks = [*passage(sentence), *_table(finding, lang)]
    blocks.append(context(say("bot.counted", lang, what=finding.restatement)))
    notes = [escape(clip(note, MAX_NOTE)) for note in finding.notes[:MAX_NOTES] if note.strip()]
    if notes:
        blocks.append(context(*notes))
    return Drawn(fallback(sentence), blocks)


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
    left = max(finding.n_rows, len(finding.rows)) - len(shown)
    if left > 0:
        yield context(say("bot.more_rows", lang, n=left))


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
