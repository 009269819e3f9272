"""No plan, or not one: what to say, and what to offer instead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from unstuck.i18n import Lang, t
from unstuck.insights.plan import Ask, Kind, Option, Plan, Refuse, Window
from unstuck.insights.question import spelling
from unstuck.insights.question.assemble import DEFAULT_DAYS, IncompleteError, checked_metric, finish, plan_of
from unstuck.insights.question.coverage import unexplained
from unstuck.insights.question.draft import DoubtError, Draft, NoReadingError, UnsupportedError
from unstuck.insights.question.lattice import Tiling
from unstuck.insights.question.lexicon import Lexicon
from unstuck.insights.question.meaning import EMPTY, Meaning, Role
from unstuck.insights.question.periods import Reader
from unstuck.insights.question.reading import MOST_OPTIONS, Findings, explore, options
from unstuck.insights.question.times import TimeRole

#: What a number without a name may be, likeliest first.
COUNTS = ("opened", "backlog", "solved")
DURATIONS = ("lead_time", "age")


def refused(tilings: list[Tiling], reader: Reader, lang: Lang) -> Refuse | None:
    """What Unstuck does not do, by name: forecasts, costs, judgements, actions, chit-chat, …"""
    readings = [_out_of_scope(tiling) for tiling in tilings]
    if readings and all(readings):
        reason = str(readings[0])
        return Refuse(unexplained=(), reason=t(f"insights.refuse_{reason}", lang), options=examples(reader, lang))
    if all(not tiling.leftover and all(_empty(m) for i in tiling.items for m in i.meanings) for tiling in tilings):
        return Refuse(unexplained=(), reason=t("insights.refuse_chat", lang), options=examples(reader, lang))
    return None


def _empty(meaning: Meaning) -> bool:
    return meaning.role in EMPTY


def _out_of_scope(tiling: Tiling) -> str | None:
    counts = any(meaning.role is Role.COUNT for item in tiling.items for meaning in item.meanings)
    for item in tiling.items:
        # 转给 tells the bot to do it, but with "how many" it counts what was done.
        asks = counts and any(meaning.role is Role.METRIC for meaning in item.meanings)
        for meaning in item.meanings:
            if meaning.role is Role.REFUSE and not asks:
                return meaning.id
            if meaning.time is not None and meaning.time.role is TimeRole.FUTURE:
                return "forecast"
    return None


def unclear(findings: Findings, reader: Reader, lang: Lang) -> Ask:
    """Several plans: ask for exactly what differs."""
    plans = [*findings.plans, *findings.doubtful]
    slot = _differing(plans) if len(plans) > 1 else _doubted(findings)
    slot = "thread" if findings.slot == "thread" else slot
    prompt = t(f"insights.ask_{slot.partition(':')[0]}", lang)
    return Ask(slot=slot, prompt=prompt, options=options(plans, reader, lang))


def _doubted(findings: Findings) -> str:
    """What kind of word made the only plan doubtful."""
    return "window" if findings.doubted is Role.TIME else "metric"


def _differing(plans: list[Plan]) -> str:
    for slot in ("metric", "window", "at", "filters", "by", "kind"):
        if len({getattr(plan, slot) for plan in plans}) > 1:
            return {"at": "window", "filters": "value"}.get(slot, slot)
    return "metric"


def ask_what(findings: Findings, reader: Reader, lang: Lang) -> Ask:
    """The question lacks what is to be measured, or when: offer what would complete it."""
    plans = dict.fromkeys(plan for draft in findings.incomplete for plan in completed(draft))
    slot = findings.slot or "metric"
    if not plans:
        return Ask(slot=slot, prompt=t(f"insights.ask_{slot}", lang), options=examples(reader, lang))
    return Ask(slot=slot, prompt=t(f"insights.ask_{slot}", lang), options=options(plans, reader, lang))


def completed(draft: Draft) -> Iterator[Plan]:
    """The draft with each of the likeliest metrics put in, where that makes a question."""
    names = DURATIONS if draft.has(Role.HOW_LONG) else COUNTS
    for name in names:
        fresh = Draft(draft.text, draft.words, draft.reader, draft.lexicon, draft.previous)
        try:
            plan = _with_metric(fresh, name)
        except (NoReadingError, DoubtError, IncompleteError, UnsupportedError):
            continue
        if not unexplained(fresh):
            yield plan


def _with_metric(draft: Draft, name: str) -> Plan:
    from unstuck.insights.question.assemble import bind_all_words

    draft.metric = name
    bind_all_words(draft)
    metric = checked_metric(name)
    finish(draft, metric)
    return plan_of(draft, metric)


def refuse(findings: Findings, tilings: list[Tiling], lexicon: Lexicon, reader: Reader, lang: Lang) -> Ask | Refuse:
    """Name the words; a word that is only misspelt becomes a question."""
    if findings.unsupported and not findings.left:
        name = findings.unsupported[0].replace("_", " ")
        reason = t("insights.refuse_metric", lang, metric=name)
        return Refuse(unexplained=(), reason=reason, options=examples(reader, lang))
    if _is_vague(tilings):
        return Ask(slot="metric", prompt=t("insights.ask_metric", lang), options=examples(reader, lang))
    corrected = _corrections(findings, tilings, lexicon, reader)
    if corrected and spelling.only_words(findings.text, findings.left or ()):
        return Ask(slot="spelling", prompt=t("insights.ask_spelling", lang), options=corrected)
    named = spelling.whole_names(findings.text, findings.left or ())
    if not named:
        named = (findings.text.raw.strip()[:80],)
    reason = t("insights.refuse_words", lang, words=t("insights.comma", lang).join(named))
    if _asks(tilings, "why"):
        reason = t("insights.refuse_cause", lang)
    elif _asks(tilings, "what_if"):
        reason = t("insights.refuse_what_if", lang)
    return Refuse(unexplained=named, reason=reason, options=corrected or examples(reader, lang))


def _asks(tilings: list[Tiling], name: str) -> bool:
    meanings = (meaning for tiling in tilings for item in tiling.items for meaning in item.meanings)
    return any(meaning.role is Role.ASK and meaning.id == name for meaning in meanings)


def _is_vague(tilings: list[Tiling]) -> bool:
    return any(
        any(meaning.role is Role.VAGUE for item in tiling.items for meaning in item.meanings) and not tiling.leftover
        for tiling in tilings
    )


def _corrections(findings: Findings, tilings: list[Tiling], lexicon: Lexicon, reader: Reader) -> tuple[Option, ...]:
    """The question with its unknown words replaced by the nearest known ones, as buttons; never applied."""
    from unstuck.insights.question.normalise import normalise
    from unstuck.insights.question.reading import cut

    plans: dict[Plan, Option] = {}
    for text, guess in spelling.corrected(findings.text, tilings, findings.left or (), lexicon):
        again = normalise(text)
        found = explore(again, cut(again, lexicon, reader), lexicon, reader, None)
        if len(found.plans) == 1 and not found.doubtful:
            plan = next(iter(found.plans))
            plans.setdefault(plan, Option(label=text, plan=plan, guess=guess))
        if len(plans) == MOST_OPTIONS:
            break
    return tuple(plans.values())


def examples(reader: Reader, lang: Lang) -> tuple[Option, ...]:
    """Questions that always work."""
    now = reader.now
    week = Window(start=now - timedelta(days=7), end=now)
    month = Window(start=now - timedelta(days=DEFAULT_DAYS), end=now, stated=False)
    plans = (
        Plan(kind=Kind.BOTTLENECK, metric="bottleneck", window=week, timezone=reader.timezone),
        Plan(kind=Kind.BREAKDOWN, metric="backlog", by=("team",), timezone=reader.timezone),
        Plan(kind=Kind.VALUE, metric="lead_time", window=month, timezone=reader.timezone),
    )
    return options(plans, reader, lang)
