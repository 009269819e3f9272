"""What customers write: a symptom, wrapped in the way of their channel, with slips."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from unstuck.demo.people import DeskPerson
from unstuck.demo.problems import Problem, Talk
from unstuck.demo.typos import with_typos
from unstuck.demo.wording import phrase, say
from unstuck.i18n import Lang

CHANNELS: dict[Lang, tuple[str, ...]] = {
    "en": ("Email", "Email", "Email", "Web form", "Web form", "Chat", "Chat", "Phone", "Marketplace"),
    "zh": ("WeChat", "WeChat", "WeChat", "Marketplace", "Marketplace", "Phone", "Email", "Chat"),
}
#: What customers say beside the symptom, and how often.
_ASIDES = {"model": 0.4, "device": 0.3, "order": 0.3, "contact": 0.15, "mood": 0.6}
_SHORT_CHANNELS = ("Chat", "WeChat", "Marketplace")


@dataclass(frozen=True, slots=True)
class Case:
    """What one ticket is about, and who brings it."""

    problem: Problem
    customer: DeskPerson
    channel: str
    model: str
    order: str

    @property
    def lang(self) -> Lang:
        return self.customer.lang

    @property
    def talk(self) -> Talk:
        return self.problem.talk[self.lang]

    def names(self) -> dict[str, str]:
        """What customers' phrases can fill in."""
        who = self.customer
        return {
            "product": self.problem.product_in(self.lang).lower(),
            "model": self.model,
            "order": self.order,
            "name": who.name,
            "first": who.first,
            "phone": who.phone,
            "email": who.email,
            "address": who.address,
        }


def a_case(problem: Problem, customer: DeskPerson, random: Random) -> Case:
    return Case(
        problem=problem,
        customer=customer,
        channel=random.choice(CHANNELS[customer.lang]),
        model=random.choice(problem.models) if problem.models else "",
        order=f"TW{random.randrange(26, 27)}{random.randrange(10**7):07d}",
    )


def a_title(case: Case, random: Random) -> str:
    """The subject line: now and then nothing but a cry for help."""
    vague = {"en": ("Help needed", "Problem", "Urgent!!", "Question"), "zh": ("求助", "有问题", "急！", "咨询")}
    roll = random.random()
    if roll < 0.10:
        return random.choice(vague[case.lang])
    if roll < 0.30:
        return _clipped(_symptoms(case, random, most=1), 46 if case.lang == "en" else 18)
    title = say(random.choice(case.talk.titles), random)
    product = case.problem.product_in(case.lang)
    if random.random() < 0.25:
        title = f"{product}: {title}" if case.lang == "en" else f"{product}，{title}"
    return with_typos(title, case.lang, random, 0.03)


def a_request(case: Case, random: Random) -> str:
    """The first message of a ticket."""
    body = with_typos(_body(case, random), case.lang, random, random.choice((0.0, 0.02, 0.05, 0.10)))
    if case.channel == "Phone":
        return f"{_say('call', case, random)} {body}"
    if case.channel == "Web form":
        return _say("form", case, random) + body + _ending(case, random)
    if case.channel in _SHORT_CHANNELS:
        return _as_chat(case, body, random)
    greeting = _say("greeting", case, random)
    return f"{greeting}{',' if case.lang == 'en' else '，'}\n\n{body}{_ending(case, random)}"


def _body(case: Case, random: Random) -> str:
    """Opening, symptoms, facts and mood, in an order of the customer's own."""
    parts = [_symptoms(case, random, most=2)]
    for kind, share in _ASIDES.items():
        if _fits(kind, case) and random.random() < share:
            parts.append(_say(kind, case, random))
    if random.random() < 0.3:
        random.shuffle(parts)
    if random.random() < 0.5:
        parts.insert(0, _say("opening", case, random))
    return join(parts, case.lang)


def _fits(kind: str, case: Case) -> bool:
    return not (kind == "model" and not case.model) and not (kind == "device" and not case.problem.is_device)


def _symptoms(case: Case, random: Random, most: int) -> str:
    wanted = 1 if random.random() < 0.62 else most
    told = random.sample(case.talk.symptoms, wanted)
    return join([say(symptom, random).replace("{model}", case.model) for symptom in told], case.lang)


def _as_chat(case: Case, body: str, random: Random) -> str:
    if case.lang == "en" and random.random() < 0.4:
        body = body.lower().rstrip(".")
    if random.random() < 0.5:
        gap = "\n" if random.random() < 0.5 else (", " if case.lang == "en" else "，")
        body = f"{_say('greeting', case, random)}{gap}{body}"
    return body


def _ending(case: Case, random: Random) -> str:
    if random.random() < 0.2:
        return ""
    return f"\n\n{_say('goodbye', case, random)}\n{_say('signature', case, random)}".rstrip()


def _say(what: str, case: Case, random: Random) -> str:
    return phrase(f"customer.{what}", case.lang, random, **case.names())


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rstrip() + "…"


def join(parts: list[str], lang: Lang) -> str:
    """Sentences one after the other; only English puts a space between them."""
    return (" " if lang == "en" else "").join(part for part in parts if part)
