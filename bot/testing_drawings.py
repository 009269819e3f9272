"""Every public drawing function of `bot.blocks`, each with how to fill it with any words and any number of things.

A test compares this table with the modules: a function that is not in it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from bot.blocks import (
    aliases,
    answers,
    asking,
    days_off,
    digest,
    early,
    exports,
    feedback,
    forms,
    home,
    insights,
    linking,
    links,
    manners,
    morning,
    nudge_forms,
    nudges,
    pages,
    resolution,
    shapes,
    text,
    upkeep,
    why,
)
from bot.blocks.home import Line, Mine, Pages
from bot.blocks.nudges import ended, evidence, waits
from bot.blocks.shapes import Drawn
from bot.blocks.text import Markup, escape, person
from knowledge.cards import Answer, Card, Citation, Hit
from knowledge.fate import REASONS, Outcome
from knowledge.gaps import Gap
from knowledge.stale import Stale, Why
from knowledge.upkeep import Clashing, Report
from unstuck.desk_health import Connected, Health, Names
from unstuck.i18n import Lang
from unstuck.insights.chart_series import Series
from unstuck.nudges.rules import Step
from unstuck.nudges.surges import Surge
from unstuck.nudges.view import Evidence, NudgeView, RiskView
from unstuck.overview import Overview, Week
from unstuck.ticket_links import Linked
from unstuck.troubles import Seen

AT, DAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC), date(2026, 11, 24)
#: Somebody whom we name ourselves, and ids as a form carries them.
ANA, IDS = "U0000001", {"nudge": 7, "lang": "en", "key": "0" * 16}
PARTIES = ("agent", "team", "nobody", "internal", "vendor", "approval", "customer")
OUTCOMES = ("mine", "snoozed", "false_alarm", "moved", "given_up", "handed_back")


@dataclass(frozen=True, slots=True)
class Content:
    """What a drawing is filled with."""

    words: str
    #: How many tickets, cards, lines, rows, … there are.
    n: int = 3
    url: str | None = "https://desk.example/t/1?a=1&b=2"

    @property
    def many(self) -> list[str]:
        return [self.words] * self.n

    @property
    def unlike(self) -> list[str]:
        """As many names, none twice."""
        return [f"{self.words}{number}" for number in range(self.n)]


def answer(c: Content, **more: Any) -> Answer:
    card = _card(c)
    citations = tuple(Citation(c.words, c.words, c.url, c.words, AT, c.words, c.words, 10**6) for _ in range(c.n))
    hits = tuple(Hit(c.words, c.words, 0.5, 1, card, doubted=bool(number % 2)) for number in range(c.n))
    found = Answer(True, 0.5, "\n\n".join(c.many[:9]), citations, nearest=hits, people=tuple(c.many))
    return Answer(**{name: getattr(found, name) for name in Answer.__dataclass_fields__} | more)


def view(c: Content, **more: Any) -> NudgeView:
    filled: dict[str, Any] = {
        "nudge_id": 2**62, "key": "k", "ticket": c.words, "title": c.words, "url": c.url, "stage": c.words,
        "waiting_on": "agent", "party": c.words, "waited": 10**9, "threshold": 10**9, "still_since": AT,
        "priority": c.words, "customer": c.words, "comparables": 10**6, "compared_by": "stage+priority+team",
        "reason": c.words, "evidence": tuple(Evidence(kind, AT, c.words, c.words) for kind in _EVIDENCE * c.n),
        "rule": c.words, "step": 0, "recipient": "person:1", "recipient_name": c.words, "note": c.words,
        "risk": RiskView(c.words, 0.71, AT, tuple(c.many[:2])), "hint_title": c.words, "hint_url": c.url,
    }  # fmt: skip
    return NudgeView(**filled | more)


_EVIDENCE = ("stay", "message", "activity", "skipped")


def _views(c: Content) -> list[NudgeView]:
    """Every state that a nudge is drawn in; with many or long words one open and one that is over will do."""
    if c.n > 3 or len(c.words) > 4_000:
        return [view(c), view(c, outcome="snoozed", outcome_by=ANA, snoozed_until=AT)]
    open_ = [view(c, waiting_on=one, party=party) for one in PARTIES for party in (c.words, None)]
    asked = [view(c, ask=ask, promised_at=at) for ask in ("still", "hand_over") for at in (AT, None)]
    over = [view(c, outcome=one, outcome_by=ANA, snoozed_until=AT, until_reply=True) for one in OUTCOMES]
    return [*open_, *asked, *over, view(c, outcome="moved", title=None), view(c, risk=RiskView("overstay", 0.5, AT))]


def _card(c: Content) -> Card:
    return Card(c.words, c.words, c.words, c.words, url=c.url, owner=c.words, team=c.words)


_KINDS = ("opposite", "value", "obsolete")
_WHY: tuple[Why, ...] = ("age", "failing", "expired", "version")


def _report(c: Content) -> Report:
    cards = (_card(c),) * c.n
    gap = Gap(tuple(c.many) or (c.words,), "en", 10**6, 10**6, AT, 10.0**6)
    return Report(
        proposals=cards,
        gaps=(gap,) * c.n,
        pairs=tuple(
            Clashing(card, card, kind, c.words, c.words) for card, kind in zip(cards, _KINDS * c.n, strict=False)
        ),
        stale=tuple(Stale(card, why_, 10**6) for card, why_ in zip(cards, _WHY * c.n, strict=False)),
        newest=cards,
    )


def _news(c: Content) -> dict[str, Any]:
    one = {"ticket": c.words, "url": c.url, "stage": c.words, "since": "2026-01-15T12:00:00Z"}
    reason = {"fact": "custom.place+team", "value": f"{c.words}+{c.words}", "rate": 0.5, "comparables": 9}
    risk = one | {"what": c.words, "due": "2026-01-15T12:00:00Z", "chance": 0.7, "reasons": [reason] * min(c.n, 2)}
    surge = {"stage": c.words, "since": "2026-01-15T12:00:00Z", "entered": 10**6, "usual": 1.5}
    return {
        "surges": [surge] * c.n, "at_risk": [risk] * c.n, "at_risk_n": c.n,
        "unowned": [one] * c.n, "unowned_n": c.n, "orphaned": [one] * c.n, "orphaned_n": c.n,
    }  # fmt: skip


def _complaint(c: Content) -> dict[str, Any]:
    return {
        "reason": "wrong", "by": ANA, "title": c.words, "url": c.url, "public": True, "card": c.words,
        "question": c.words, "comment": c.words,
    }  # fmt: skip


def _day_off(kind: str = "optional", place: str = "BR") -> dict[str, Any]:
    return {"day": "2016-05-26", "chance": 0.48, "kind": kind, "place": place, "sure": kind == "optional"}


def _letters(c: Content) -> dict[str, dict[str, Any]]:
    return {
        "feedback": _complaint(c),
        "retire": {"rule": c.words, "n": 30, "sent": 60, "share": 0.5, "file": "nudges.toml"},
        "early": _news(c),
        "day_off": _day_off(),
        "passed_on": {"ticket": c.words, "title": c.words, "by": ANA},
        "digest": {"cards": [{"title": c.words, "url": c.url, "steps": c.words}] * c.n},
        "waiting": {"proposals": c.n, "gaps": c.n, "pairs": c.n, "stale": c.n},
    }


def _lines(c: Content) -> list[Line]:
    return [Line(c.words, c.words, c.url, c.words, 10**8, AT)] * c.n


def _mine(c: Content) -> Mine:
    return Mine(_lines(c), _lines(c), _lines(c), "zh", ("09:00", "17:30", (0, 1, 2, 3, 4, 5, 6)))


def _overview(c: Content) -> Overview:
    surges = (Surge(c.words, AT, 10**6, 10.0**6, 0.001),) * c.n
    return Overview(c.words, c.words, (Week(c.words, c.words, c.words),) * min(c.n, 5), surges)


def _health(c: Content) -> Health:
    return Health(
        (Connected(c.words, c.words, AT), Connected(c.words, c.words, None)) * c.n,
        Names(tuple(c.many[:10]), c.n), Names(tuple(c.many[:10]), c.n),
        tuple((one, bool(number % 2)) for number, one in enumerate(c.many)),
        10**6, 10**6,
        (Seen(c.words, c.words, 10**6, c.words, AT),) * c.n,
    )  # fmt: skip


def _finding(c: Content) -> insights.Finding:
    row, columns = tuple(c.many[:20]), tuple(c.many[:20])
    labels = tuple(c.unlike[:20]) or ("a", "b")
    values = tuple(float(number) for number in range(len(labels)))
    series = Series("bar", c.words, c.words, labels, tuple((one, values) for one in c.unlike[:6] or [""]))
    numbers = (tuple(1.5 for _ in row),) * c.n
    return insights.Finding(c.words, c.words, columns, (row,) * c.n, c.n, tuple(c.many), numbers, series)


def _linked(c: Content) -> Linked:
    return Linked(c.words, c.words, c.url, c.words, None, c.words, c.words, AT, "t1", None)


def _input(build: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    return forms.modal("Title", [build("name", *arguments, **more)], "en", submit="Send")


def _options(c: Content) -> list[tuple[str, str]]:
    return [(str(number), one) for number, one in enumerate(c.many)] or [("0", c.words)]


Draw = Callable[[Content, Lang], Any]

#: By module and function: everything that it can draw, in any shape that Slack takes.
DRAWINGS: Mapping[str, Draw] = {
    "aliases.teach": lambda c, lang: [aliases.teach(c.words[:60] or "x", lang)],
    "aliases.told": lambda c, lang: aliases.told(c.many or [c.words], lang),
    "answers.answer": lambda c, lang: [
        answers.answer(answer(c, reason=reason), lang, AT, earlier)
        for reason in (None, "model_failed", "model_cut_off") for earlier in (None, c.url, c.words)
    ],
    "answers.shared": lambda c, lang: [*answers.shared(ANA, lang), *answers.shared(c.words, lang)] or [shapes.divider()],
    "answers.dont_know": lambda c, lang: [
        *(answers.dont_know(answer(c, reason=reason), lang) for reason in (None, "doubted")),
        answers.dont_know(answer(c, reason="nothing_known", people=()), lang),
    ],
    "answers.which": lambda c, lang: [
        answers.which(answer(c, choices=tuple(c.many[:9]) or (c.words,), reason=reason), lang)
        for reason in ("which_product", "which_cause")
    ],
    "asking.form": lambda _, lang: asking.form(lang),
    "asking.asked": lambda c, lang: asking.asked(c.words, lang),
    "digest.notice_of": lambda c, lang: [
        digest.notice_of(kind, payload, lang, alone=alone)
        for kind, payload in _letters(c).items() for alone in (True, False)
    ],
    "digest.waiting": lambda c, lang: digest.waiting(_letters(c)["waiting"], lang),
    "digest.retire": lambda c, lang: digest.retire(_letters(c)["retire"], lang),
    "digest.digest": lambda c, lang: digest.digest(_letters(c)["digest"], lang),
    "days_off.proposed": lambda _, lang: [
        days_off.proposed(payload, lang) for payload in (_day_off(), _day_off("statutory"), _day_off("bridge", ""))
    ],
    "days_off.settled": lambda _, lang: [
        days_off.settled(_day_off(), lang, closed=closed, by=Markup(person(ANA))) for closed in (True, False)
    ],
    "early.early": lambda c, lang: [early.early(_news(c), lang, alone=alone) for alone in (True, False)],
    "exports.with_buttons": lambda c, lang: exports.with_buttons(pages.notice("bot.expired", lang), c.n + 1, lang),
    "feedback.feedback": lambda _, lang: [feedback.feedback("1,2", lang)],
    "feedback.why_not": lambda _, lang: [feedback.why_not("1,2", lang)],
    "feedback.thanks": lambda _, lang: [[feedback.thanks(one, "1,2", lang)] for one in (Outcome.HELPED, *map(Outcome, REASONS))],
    "feedback.comment_form": lambda _, lang: [feedback.comment_form(one, "1,2", lang) for one in REASONS],
    "feedback.alone": lambda _, lang: feedback.alone(feedback.feedback("1", lang), lang),
    "feedback.with_block": lambda c, lang: feedback.with_block(
        asking.asked(c.words, lang).blocks, feedback.feedback("1", lang)
    ),
    "feedback.complaint": lambda c, lang: [
        feedback.complaint(_complaint(c) | {"public": public}, lang, alone=alone)
        for public in (True, False) for alone in (True, False)
    ],
    "forms.modal": lambda c, lang: forms.modal(
        c.words or "T", [shapes.section(escape(c.words)) for _ in c.many], lang, submit=c.words or "S", metadata=IDS
    ),
    "forms.loading": lambda _, __: forms.loading(),
    "forms.words_input": lambda c, _: _input(forms.words_input, c.words, initial=c.words, hint=c.words),
    "forms.choice": lambda c, _: _input(forms.choice, c.words, _options(c), initial="0", hint=c.words),
    "forms.menu": lambda c, _: _input(forms.menu, c.words, _options(c), initial="0", hint=c.words),
    "forms.search": lambda c, _: _input(forms.search, c.words, c.words, hint=c.words),
    "forms.conversation": lambda c, _: _input(forms.conversation, c.words, "C1", hint=c.words),
    "forms.day": lambda c, _: _input(forms.day, c.words, DAY),
    "forms.time_of_day": lambda c, _: _input(forms.time_of_day, c.words, "09:00"),
    "forms.ticks": lambda c, _: _input(forms.ticks, c.words, _options(c), ("0",)),
    "forms.option": lambda c, _: [
        shapes.actions([{"type": "overflow", "action_id": "x", "options": [forms.option("1", c.words)]}])
    ],
    "home.home": lambda c, lang: [
        home.home(_mine(c), page, lang, overview=overview, health=health)
        for page in (Pages(), Pages(1, 2, 9999))
        for overview, health in ((None, None), (_overview(c), None), (_overview(c), _health(c)))
    ],
    "home.hours_form": lambda c, lang: [home.hours_form(_mine(c), lang), home.hours_form(Mine(), lang)],
    "insights.native": lambda c, lang: insights.native(_finding(c), lang),
    "insights.insight": lambda c, lang: insights.insight(_finding(c), lang),
    "insights.ask": lambda c, lang: insights.ask(c.words, c.many, "0" * 32, lang),
    "insights.chosen": lambda c, lang: insights.chosen(c.words, c.words, lang),
    "insights.refuse": lambda c, lang: insights.refuse(c.words, c.many, c.many, "0" * 32, lang),
    "linking.form": lambda c, lang: [linking.form(one, IDS, lang) for one in (c.words, None)],
    "links.preview": lambda c, lang: [
        links.preview(_linked(c), lang, whole=whole)["blocks"] for whole in (True, False)
    ],
    "manners.form": lambda c, lang: manners.form(
        manners.Chosen("draft", True, True, "C1", c.unlike, c.unlike[:3]), "C1", lang
    ),
    "manners.draft": lambda c, lang: [manners.draft(c.words, url, lang) for url in (c.url, c.words, None)],
    "morning.morning": lambda c, lang: [
        morning.morning([view(c)] * c.n, lang), *(morning.morning([one], lang) for one in _views(c))
    ],
    "nudge_forms.reassign": lambda c, lang: [nudge_forms.reassign(c.words, IDS, lang, writes=w) for w in (True, False)],
    "nudge_forms.waiting": lambda c, lang: [
        nudge_forms.waiting(c.words, IDS, DAY, lang, writes=writes) for writes in (True, False)
    ],
    "nudge_forms.until": lambda c, lang: nudge_forms.until(c.words, IDS, DAY, lang),
    "nudge_forms.comment": lambda c, lang: [nudge_forms.comment(c.words, IDS, lang, writes=w) for w in (True, False)],
    "nudge_forms.reply": lambda c, lang: nudge_forms.reply(c.words, IDS, lang, start=c.words),
    "nudge_forms.confirm": lambda c, lang: nudge_forms.confirm(c.words, c.words, IDS, lang),
    "nudge_forms.off": lambda _, lang: [
        nudge_forms.off(kind, lang) for kind in ("reply", "comment", "reassign", "waiting")
    ],
    "nudge_forms.passed_on": lambda c, lang: nudge_forms.passed_on(_letters(c)["passed_on"], lang),
    "nudge_forms.said": lambda c, lang: [
        nudge_forms.said(f"waits_{party}", ANA, c.words, lang) for party in nudge_forms.PARTIES
    ],
    "nudges.nudge": lambda c, lang: [nudges.nudge(one, lang, [c.url or ""] * min(c.n, 3)) for one in _views(c)],
    "nudges.nudge_done": lambda c, lang: [nudges.nudge_done(one, lang) for one in _views(c) if one.outcome],
    "nudges.waits": lambda c, lang: [[shapes.section(waits(one, lang))] for one in _views(c)],
    "nudges.evidence": lambda c, lang: list(evidence(view(c), lang)) or [shapes.divider()],
    "nudges.ended": lambda c, lang: [[shapes.context(ended(one, lang))] for one in _views(c) if one.outcome],
    "pages.help_": lambda _, lang: pages.help_(lang),
    "pages.waiting_list": lambda c, lang: pages.waiting_list(
        [pages.Waiting(c.words, c.words, c.url, c.words, 10**8)] * c.n, lang
    ),
    "pages.notice": lambda c, lang: [
        pages.notice("bot.unknown_command", lang, word=c.words), pages.notice("errors.bad_lang", lang, value=c.words)
    ],
    "resolution.form": lambda c, lang: resolution.form(
        resolution.Draft(c.words, c.words, c.words, c.words), {"channel": "C1", "thread": "1.2"}, lang
    ),
    "resolution.saved": lambda c, lang: [
        resolution.saved(c.words, url, lang, waits=waits) for url in (c.url, None) for waits in (True, False)
    ],
    "shapes.header": lambda c, _: [shapes.header(c.words)],
    "shapes.section": lambda c, _: [shapes.section(escape(c.words), shapes.button(c.words, "x", "1"))],
    "shapes.context": lambda c, _: [shapes.context(*(escape(text.clip(one, 300)) for one in c.many or [c.words]))],
    "shapes.divider": lambda _, __: [shapes.divider()],
    "shapes.button": lambda c, _: [shapes.actions([shapes.button(c.words, "x", "1", style="primary")])],
    "shapes.actions": lambda c, _: [
        shapes.actions([shapes.button(one, f"x{number}", "1") for number, one in enumerate(c.many or [c.words])])
    ],
    "shapes.fitting": lambda c, _: [
        list(one) for one in shapes.fitting(([shapes.section(escape(one))] for one in c.many or [c.words]), 9_000)
    ],
    "text.escape": lambda c, _: [shapes.section(escape(c.words))],
    "text.say": lambda c, lang: [shapes.section(text.say("bot.unknown_command", lang, word=c.words))],
    "text.link": lambda c, _: [shapes.section(text.link(url, c.words)) for url in (c.url, c.words)],
    "text.person": lambda c, _: [shapes.section(person(ANA)), shapes.section(person(c.words))],
    "text.moment": lambda _, lang: [shapes.section(text.moment(AT, lang))],
    "text.plain": lambda c, _: [{"type": "section", "text": text.plain(c.words, 3000)}],
    "text.mrkdwn": lambda c, _: [{"type": "section", "text": text.mrkdwn(Markup(escape(c.words)))}],
    "text.rich": lambda c, _: list(text.passage(c.words))[:2] or [shapes.divider()],
    "text.passage": lambda c, _: list(text.passage(c.words[:6000], quoted=True)) or [shapes.divider()],
    "text.words": lambda c, _: [
        text.rich({"type": "rich_text_section", "elements": [text.words(c.words[:6000], bold=True)]})
    ],
    "text.rich_link": lambda c, _: [
        text.rich({"type": "rich_text_section", "elements": [text.rich_link(url, c.words[:140])]})
        for url in (c.url, c.words, None)
    ],
    "upkeep.upkeep": lambda c, lang: [upkeep.upkeep(_report(c), lang, done=done) for done in (None, upkeep.settled("keep", _card(c), Markup(person(ANA)), lang))],
    "upkeep.settled": lambda c, lang: [
        [shapes.section(upkeep.settled(decision, _card(c), Markup(person(ANA)), lang))]
        for decision in ("approve", "reject", "keep", "replace", "both", "review", "retire")
    ],
    "why.why": lambda c, lang: [
        why.why(one, [Step("owner"), Step("team"), Step("lead"), Step("manager")], lang) for one in _views(c)
    ],
}  # fmt: skip


def pieces(drawn: Any) -> list[Any]:
    """What was drawn as messages, views and lists of blocks."""
    if isinstance(drawn, Drawn) or (isinstance(drawn, dict) and drawn.get("type") in ("modal", "home")):
        return [drawn]
    if (
        isinstance(drawn, list)
        and drawn
        and isinstance(drawn[0], dict)
        and drawn[0].get("type") not in ("modal", "home")
    ):
        return [drawn]
    return [piece for one in drawn for piece in pieces(one)]
