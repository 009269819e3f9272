"""A question to exactly one plan, a question back, or the words that were not understood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, product

from unstuck.i18n import Lang
from unstuck.insights.plan import Answer, Grain, Kind, Option, OwnWord, Plan, Reading, Refuse
from unstuck.insights.question import lattice, numbers, spelling, times
from unstuck.insights.question.assemble import IncompleteError, assemble
from unstuck.insights.question.coverage import unexplained
from unstuck.insights.question.draft import DoubtError, Draft, NoReadingError, UnsupportedError
from unstuck.insights.question.evidence import narrowed
from unstuck.insights.question.followup import edit
from unstuck.insights.question.lattice import Tiling
from unstuck.insights.question.lexicon import Lexicon
from unstuck.insights.question.meaning import Item, Meaning, Role, Word
from unstuck.insights.question.normalise import Text, normalise
from unstuck.insights.question.periods import Reader
from unstuck.insights.question.spelling import Spans
from unstuck.insights.question.times import Time, TimeRole
from unstuck.insights.question.workdays import workdays
from unstuck.insights.restate import restate

#: Ways to choose among the meanings of words; a question that needs more is not understood.
MOST_CHOICES = 256
MOST_OPTIONS = 3


@dataclass(slots=True)
class Findings:
    """What all the readings of one question came to."""

    text: Text
    plans: dict[Plan, None] = field(default_factory=dict)
    #: Plans of readings that must not be taken without asking.
    doubtful: dict[Plan, None] = field(default_factory=dict)
    slot: str | None = None
    #: The role of a word that was doubtful.
    doubted: Role | None = None
    incomplete: list[Draft] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    #: The fewest words that a reading left unexplained.
    left: tuple[tuple[int, int], ...] | None = None

    def leaves(self, words: Iterable[tuple[int, int]]) -> None:
        spans = tuple(sorted(set(words)))
        if self.left is None or len(spans) < len(self.left):
            self.left = spans


def read(
    text: str,
    *,
    lexicon: Lexicon,
    now: datetime,
    timezone: str,
    lang: Lang,
    previous: Plan | None = None,
    business: bool = False,
) -> Reading:
    """`text` as one plan, a question back, or the words that were not understood.

    With `previous`, the last accepted plan of the conversation, words that make no question of their
    own are read as an edit of it. `business` is whether the desk keeps a business calendar.
    """
    reader = Reader(now, timezone, workdays(timezone), business)
    asked = normalise(text)
    reading, left = _read(asked, lexicon, reader, lang, previous)
    slips = spelling.slips(asked, left, lexicon)
    if not slips:
        return reading
    mended, left = _read(normalise(spelling.mended(asked, slips)), lexicon, reader, lang, previous)
    if isinstance(mended, Answer):
        return _telling(mended, slips, reader, lang)
    # What is out of scope is so however it is spelt; all else is asked about in the asker's own words.
    return mended if isinstance(mended, Refuse) and not left else reading


def _telling(reading: Answer, slips: Iterable[spelling.Slip], reader: Reader, lang: Lang) -> Answer:
    """An answer that says which of the asker's words were taken for slips, and of what."""
    plan = reading.plan.model_copy(update={"mended": tuple((slip.said, slip.meant) for slip in slips)})
    return Answer(plan=plan, restatement=restate(plan, lang, now=reader.now))


def _read(asked: Text, lexicon: Lexicon, reader: Reader, lang: Lang, previous: Plan | None) -> tuple[Reading, Spans]:
    """The reading, and the words that it leaves unexplained."""
    from unstuck.insights.question.refusals import refused

    tilings = cut(asked, lexicon, reader)
    refusal = refused(tilings, reader, lang)
    if refusal is not None:
        return refusal, ()
    return _decide(asked, tilings, lexicon, reader, lang, previous)


def cut(asked: Text, lexicon: Lexicon, reader: Reader) -> list[Tiling]:
    """The best ways to cut the question into known words."""
    plain = asked.plain
    found = [Item(m.start, m.end, tuple(meanings_of_time(m.time, reader))) for m in times.find(plain, reader)]
    return lattice.tilings(plain, [*lexicon.find(plain), *found, *numbers.find(plain)])


def meanings_of_time(time: Time, reader: Reader) -> Iterator[Meaning]:
    """Each reading of an unsure time is a meaning of its own, none of which may be taken without asking."""
    if time.role is not TimeRole.UNSURE:
        yield Meaning(Role.TIME, time=time)
        return
    for span in time.options or (reader.rolling(Grain.DAY, 7), reader.rolling(Grain.DAY, 30)):
        yield Meaning(Role.TIME, time=Time(TimeRole.SPAN, span), doubtful=True)


def _decide(
    asked: Text, tilings: list[Tiling], lexicon: Lexicon, reader: Reader, lang: Lang, previous: Plan | None
) -> tuple[Reading, Spans]:
    from unstuck.insights.question.refusals import ask_what, refuse, unclear

    alone = explore(asked, tilings, lexicon, reader, None)
    follows = previous is not None and _goes_on(tilings, alone)
    findings = explore(asked, tilings, lexicon, reader, previous) if follows else alone
    if follows and not findings.plans and not findings.doubtful and alone.plans:
        findings = alone
    if previous is not None and not follows and len(alone.plans) == 1 and _could_go_on(alone, previous):
        findings = _both(alone, explore(asked, tilings, lexicon, reader, previous))
    if len(findings.plans) == 1 and not findings.doubtful:
        plan = next(iter(findings.plans))
        return Answer(plan=plan, restatement=restate(plan, lang, now=reader.now)), ()
    if findings.plans or findings.doubtful:
        return unclear(findings, reader, lang), ()
    if findings.slot is not None or (findings.incomplete and not findings.left):
        return ask_what(findings, reader, lang), ()
    return refuse(findings, tilings, lexicon, reader, lang), findings.left or ()


def _could_go_on(alone: Findings, previous: Plan) -> bool:
    """A whole question without a time of its own, after one with a time or filters: does it keep those?"""
    plan = next(iter(alone.plans))
    if plan.metric is None or plan.kind is Kind.EXPLAIN or previous.metric is None:
        return False
    timeless = plan.at is None and (plan.window is None or not plan.window.stated) and plan.against is None
    narrowed = previous.filters or (previous.window is not None and previous.window.stated) or previous.at is not None
    return timeless and bool(narrowed)


def _both(alone: Findings, edited: Findings) -> Findings:
    """The question as an edit and as one of its own; they are asked about where they differ."""
    if len(edited.plans) == 1 and not edited.doubtful:
        alone.plans = {**edited.plans, **alone.plans}
        alone.slot = "thread" if len(alone.plans) > 1 else None
    return alone


def _goes_on(tilings: list[Tiling], alone: Findings) -> bool:
    """Whether the words lean on the question before: they make none of their own, or they say so."""
    if not alone.plans:
        return True
    says_so = any(meaning.is_strong_cue for tiling in tilings for item in tiling.items for meaning in item.meanings)
    names_metric = any(
        meaning.role in (Role.METRIC, Role.ASK, Role.TICKET_ID, Role.STATE)
        for tiling in tilings
        for item in tiling.items
        for meaning in item.meanings
    )
    return says_so or not names_metric


def explore(asked: Text, tilings: list[Tiling], lexicon: Lexicon, reader: Reader, previous: Plan | None) -> Findings:
    """Read the question in every way that its words allow."""
    findings = Findings(asked)
    for tiling in tilings:
        if tiling.leftover:
            findings.leaves(tiling.leftover)
            continue
        for words in _choices(asked, tiling, follow=previous is not None):
            _explore_one(findings, Draft(asked, words, reader, lexicon, previous))
    return findings


def _choices(asked: Text, tiling: Tiling, *, follow: bool) -> Iterator[tuple[Word, ...]]:
    options = narrowed(asked, tiling.items, follow=follow)
    for chosen in islice(product(*options), MOST_CHOICES):
        pairs = zip(tiling.items, chosen, strict=True)
        yield tuple(Word(place, item.start, item.end, meaning) for place, (item, meaning) in enumerate(pairs))


def _explore_one(findings: Findings, draft: Draft) -> None:
    try:
        plan = assemble(draft) if draft.previous is None else edit(draft)
    except NoReadingError as no:
        findings.leaves((w.start, w.end) for w in (no.words or draft.left()))
        return
    except DoubtError as doubt:
        findings.slot = doubt.slot
        return
    except IncompleteError:
        findings.incomplete.append(draft)
        return
    except UnsupportedError as unsupported:
        findings.unsupported.append(unsupported.metric)
        return
    left = unexplained(draft)
    if left:
        findings.leaves((word.start, word.end) for word in left)
        return
    plan = _telling_own_words(plan, draft)
    doubts = [word.role for word in draft.words if word.meaning.doubtful]
    if doubts:
        findings.doubted = doubts[0]
        findings.doubtful[plan] = None
    else:
        findings.plans[plan] = None


def _telling_own_words(plan: Plan, draft: Draft) -> Plan:
    """The plan with the workspace's own words that led to it, those of the question before where they still count."""
    kept = draft.previous.own_words if draft.previous is not None else ()
    said = [word.meaning.own for word in draft.words if word.meaning.own is not None]
    own = tuple(dict.fromkeys((*(word for word in kept if _still_counts(word, plan)), *said)))
    return plan.model_copy(update={"own_words": own}) if own else plan


def _still_counts(word: OwnWord, plan: Plan) -> bool:
    match word.role:
        case "value":
            return any(one.field == word.field and word.value in one.values for one in plan.filters)
        case "metric":
            return plan.metric == word.field
        case "dimension":
            return word.field in plan.keys


def options(plans: Iterable[Plan], reader: Reader, lang: Lang) -> tuple[Option, ...]:
    """At most three plans as buttons."""
    return tuple(Option(label=restate(plan, lang, now=reader.now), plan=plan) for plan in islice(plans, MOST_OPTIONS))
