"""Answers from past resolutions, and the honest lack of one."""

from __future__ import annotations

from collections.abc import Iterator

from bot.blocks.shapes import Drawn, context, divider, section
from bot.blocks.text import Block, clip, fallback, passage, rich, rich_link, say, split, words
from knowledge.cards import Answer, Citation, Hit
from unstuck.i18n import Lang, t

#: Characters of answer in one message: with five sources Slack's limit for a whole message holds.
MAX_BODY = 6000
#: A longer answer is not read in a chat; the sources hold the rest.
MAX_MESSAGES = 4
MAX_SOURCES = 5
MAX_QUOTE, MAX_TITLE = 400, 140
#: Below this the answer says that it may be about something else.
SURE_FROM = 0.5


def answer(found: Answer, lang: Lang) -> list[Drawn]:
    """The answer, as one message or, when it is long, as several that follow each other; sources come last."""
    bodies = split(found.text, MAX_BODY)
    if len(bodies) > MAX_MESSAGES:
        bodies = [*bodies[: MAX_MESSAGES - 1], clip(bodies[MAX_MESSAGES - 1], MAX_BODY - 2) + "…"]
    drawn = [Drawn(fallback(body), list(passage(body))) for body in bodies or ["…"]]
    last = drawn[-1]
    tail = [*_doubt(found, lang), *_sources(found.citations, lang)]
    drawn[-1] = Drawn(last.text, [*last.blocks, *tail])
    return drawn


def dont_know(found: Answer, lang: Lang) -> Drawn:
    """What was looked for in vain, whom to ask, and what came nearest."""
    key = "bot.doubted" if found.reason == "doubted" else "bot.dont_know"
    line = say(f"{key}_ask", lang, people=_listed(found.people[:3], lang)) if found.people else say(key, lang)
    blocks = [section(line)]
    if found.nearest:
        blocks += [context(say("bot.nearest", lang)), _nearest(found.nearest[:3], lang)]
    return Drawn(fallback(t(key, lang)), blocks)


def _doubt(found: Answer, lang: Lang) -> Iterator[Block]:
    if found.confidence < SURE_FROM:
        yield context(say("bot.unsure", lang))
    if found.reason in ("model_failed", "model_timeout", "model_unsupported"):
        yield context(say("bot.without_model", lang))


def _sources(citations: tuple[Citation, ...], lang: Lang) -> list[Block]:
    if not citations:
        return []
    blocks = [divider(), context(say("bot.sources", lang))]
    for number, citation in enumerate(citations[:MAX_SOURCES], start=1):
        title = clip(citation.title, MAX_TITLE) or clip(citation.id, MAX_TITLE) or "?"
        quote = clip(citation.quote, MAX_QUOTE)
        line = {"type": "rich_text_section", "elements": [words(f"[{number}] "), rich_link(citation.url, title)]}
        quoted = [{"type": "rich_text_quote", "elements": [words(quote)]}] if quote else []
        blocks.append(rich(line, *quoted))
    return blocks


def _nearest(hits: tuple[Hit, ...], lang: Lang) -> Block:
    items = [{"type": "rich_text_section", "elements": _named(hit, lang)} for hit in hits]
    return rich({"type": "rich_text_list", "style": "bullet", "elements": items})


def _named(hit: Hit, lang: Lang) -> list[Block]:
    title = rich_link(hit.card.url, clip(hit.title, MAX_TITLE) or clip(hit.id, MAX_TITLE) or "?")
    return [title, words(f" ({t('bot.doubted_mark', lang)})", italic=True)] if hit.doubted else [title]


def _listed(names: tuple[str, ...], lang: Lang) -> str:
    return ("、" if lang == "zh" else ", ").join(clip(name, 80) for name in names)
