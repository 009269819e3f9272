"""Answers from past resolutions, and the honest lack of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.blocks.shapes import Drawn, context, divider, section
from bot.blocks.text import Block, clip, escape, fallback, link, passage, person, rich, rich_link, say, split, words
from knowledge.cards import Answer, Citation, Hit
from unstuck.i18n import Lang, t
from unstuck.provenance import how_sure, origin

#: Characters of answer in one message: with five sources Slack's limit for a whole message holds.
MAX_BODY = 6000
#: A longer answer is not read in a chat; the sources hold the rest.
MAX_MESSAGES = 4
MAX_SOURCES = 5
MAX_QUOTE, MAX_TITLE = 400, 140
#: The model's part failed, and the card speaks for itself.
QUOTED = ("model_failed", "model_timeout", "model_unsupported")


def answer(found: Answer, lang: Lang, now: datetime, earlier: str | None = None) -> list[Drawn]:
    """The answer, as one message or, when it is long, as several that follow each other; sources come last.

    `earlier`: a link to a thread that was answered in the same way.
    """
    bodies = split(found.text, MAX_BODY)
    if len(bodies) > MAX_MESSAGES:
        bodies = [*bodies[: MAX_MESSAGES - 1], clip(bodies[MAX_MESSAGES - 1], MAX_BODY - 2) + "…"]
    drawn = [Drawn(fallback(body), list(passage(body))) for body in bodies or ["…"]]
    last = drawn[-1]
    tail = [*_doubt(found, lang), *_sources(found.citations, lang, now)]
    if earlier is not None:
        tail.append(context(say("bot.earlier", lang, thread=link(earlier, t("bot.earlier_thread", lang)))))
    drawn[-1] = Drawn(last.text, [*last.blocks, *tail])
    return drawn


def shared(by: str | None, lang: Lang) -> list[Block]:
    """Who had an answer told to everybody here."""
    return [context(say("sharing.shared_by", lang, by=person(by)))] if by else []


def dont_know(found: Answer, lang: Lang) -> Drawn:
    """What was looked for in vain, whom to ask, and what came nearest."""
    key = {"doubted": "bot.doubted", "nothing_known": "bot.nothing_known"}.get(found.reason or "", "bot.dont_know")
    line = say(f"{key}_ask", lang, people=_listed(found.people[:3], lang)) if found.people else say(key, lang)
    blocks = [section(line)]
    if found.nearest:
        blocks += [context(say("bot.nearest", lang)), _nearest(found.nearest[:3], lang)]
    return Drawn(fallback(t(key, lang)), blocks)


def which(found: Answer, lang: Lang) -> Drawn:
    """Which of several products or causes is meant; answered by a word or a number in the thread."""
    key = "bot.which_cause" if found.reason == "which_cause" else "bot.which_product"
    items = [
        {"type": "rich_text_section", "elements": [words(clip(choice, MAX_TITLE) or "?")]} for choice in found.choices
    ]
    listed = rich({"type": "rich_text_list", "style": "ordered", "elements": items})
    return Drawn(fallback(t(key, lang)), [section(say(key, lang)), listed, context(say("bot.which_how", lang))])


def _doubt(found: Answer, lang: Lang) -> Iterator[Block]:
    yield context(escape(how_sure(found, lang)))
    if found.reason in QUOTED:
        yield context(say("bot.without_model", lang))
    elif found.reason == "model_cut_off":
        yield context(say("bot.cut_off", lang))


def _sources(citations: tuple[Citation, ...], lang: Lang, now: datetime) -> list[Block]:
    if not citations:
        return []
    blocks = [divider(), context(say("bot.sources", lang))]
    for number, citation in enumerate(citations[:MAX_SOURCES], start=1):
        title = clip(citation.title, MAX_TITLE) or clip(citation.id, MAX_TITLE) or "?"
        quote = clip(citation.quote, MAX_QUOTE)
        named = [words(f"[{number}] "), rich_link(citation.url, title)]
        if where := clip(origin(citation, lang, now), MAX_TITLE):
            named.append(words(f"\n{where}", italic=True))
        line = {"type": "rich_text_section", "elements": named}
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
