"""From a solved ticket's messages to a card: what the customer saw, and what the agent did about it.

By rules, so that it works without a language model and each sentence is the agent's own. Internal
notes are never read. What is no part of a solution goes: greetings, thanks, signatures, quoted mail,
auto-replies, requests for more information.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from knowledge.cards import PUBLIC, Card
from knowledge.words import language_of, words

#: Fewer words than this hold no step that could be followed.
_LEAST_WORDS = 2
_STATUS_ONLY = re.compile(
    r"(?i)\W*(?:the )?(?:issue|problem|ticket|case)?\W*(?:is|was|has been|now)?\W*"
    r"(?:resolved|fixed|solved|closed|done|completed?|duplicate|spam|已?(?:解决|处理|完成|关闭|修复)了?|重复工单)\W*"
)
#: Words from which on the last message stands alone; a shorter one is read with the one before it.
_ENOUGH_WORDS = 15
#: An answer that holds this share of the resolution field's words repeats it.
_SAME_WORDS = 0.75


@dataclass(frozen=True, slots=True)
class Said:
    """A message on a ticket."""

    id: str
    at: datetime
    #: `customer`, `agent` or `bot`.
    author_kind: str
    public: bool
    body: str


@dataclass(frozen=True, slots=True)
class Solved:
    """A solved ticket."""

    #: Unique over all ticket systems: `source/ticket`.
    id: str
    title: str
    description: str
    solved_at: datetime
    messages: Sequence[Said] = ()
    #: What the ticket system has in its resolution field, if anything.
    resolution: str = ""
    url: str | None = None
    owner: str | None = None
    team: str | None = None
    product: str | None = None
    visibility: str = PUBLIC


def card_of(ticket: Solved) -> Card | None:
    """The ticket's card, or `None` when nobody wrote down what helped."""
    steps, sources = _steps(ticket)
    symptom = _symptom(ticket)
    if not steps or not (ticket.title.strip() or symptom):
        return None
    return Card(
        id=ticket.id,
        title=ticket.title.strip(),
        text=symptom,
        steps=steps,
        lang=language_of(ticket.title + symptom + steps),
        url=ticket.url,
        created=ticket.solved_at,
        owner=ticket.owner,
        team=ticket.team,
        product=ticket.product,
        visibility=ticket.visibility,
        source=ticket.id,
        comments=tuple(sources),
    )


def _symptom(ticket: Solved) -> str:
    """The description; without one, the customer's first words."""
    if ticket.description.strip():
        return without_noise(ticket.description)
    customer = (said for said in ticket.messages if said.public and said.author_kind == "customer")
    return next((body for said in customer if (body := without_noise(said.body))), "")


def _steps(ticket: Solved) -> tuple[str, list[str]]:
    """What helped, and the ids of the messages that say it.

    The resolution field comes first: whoever closed the ticket wrote it knowing the outcome. It often is
    one line, so the last answer follows when it says more.
    """
    written = without_noise(ticket.resolution)
    answers = _answers(ticket)
    if not _says_something(written):
        # Earlier answers are attempts and news on the way.
        last = answers[-1:] if answers and len(words(answers[-1][1])) >= _ENOUGH_WORDS else answers[-2:]
        return "\n\n".join(body for _, body in last), [name for name, _ in last]
    if answers and _says_more(answers[-1][1], written):
        name, body = answers[-1]
        return f"{written}\n\n{body}", [name]
    return written, []


def _says_more(body: str, written: str) -> bool:
    """Whether an answer adds to the resolution field: it is longer, and not the same in other words."""
    said, known = set(words(body)), set(words(written))
    return len(body) > len(written) and len(said & known) < _SAME_WORDS * len(known)


def _answers(ticket: Solved) -> list[tuple[str, str]]:
    """(id, text) of what agents told the customer, oldest first."""
    told = [said for said in ticket.messages if said.public and said.author_kind == "agent"]
    bodies = [(s.id, without_noise(s.body)) for s in sorted(told, key=lambda s: s.at) if not is_automatic(s.body)]
    return [(name, body) for name, body in bodies if _says_something(body) and not _only_asks(body)]


_QUOTE_STARTS = re.compile(
    r"^\s*(?:On .{4,120} wrote:|-{2,}\s*(?:Original Message|Forwarded message|原始邮件|转发邮件).*"
    r"|From: .+|发件人[:：].*|在.{4,60}写道[:：])\s*$",
    re.IGNORECASE,
)
_SIGNATURE_STARTS = re.compile(
    r"^\s*(?:--\s*|_{5,}|(?:best|kind|warm)?\s*regards\b.{0,40}|best wishes\b.{0,40}|sincerely\b.{0,40}"
    r"|cheers\b.{0,40}|yours\b.{0,40}"
    r"|sent from my .{2,40}|此致|敬礼|祝好.{0,10}|顺颂商祺.{0,10}|发自我的.{2,20})[,，.!！。]?\s*$",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^\s*(?:(?:hi|hello|dear|hey|good (?:morning|afternoon|evening))\b[^.!?\n]{0,40}[,.!:]?"
    r"|(?:many |thanks|thank you)\b[^.!?\n]{0,80}[.!]?|you(?:'re| are) welcome[^.!?\n]{0,40}[.!]?"
    r"|(?:please )?(?:let (?:me|us) know|feel free to|do not hesitate)\b[^.!?\n]{0,120}[.!]?"
    r"|(?:is|was) there anything else[^.!?\n]{0,60}\?"
    r"|(?:[^，,。！\n]{0,8}(?:您好|你好)|尊敬的[^，,。]{1,20}|亲)[，,。！!～~]?"
    r"|[^。！？\n]{0,12}(?:感谢您?的?(?:来信|反馈|联系|耐心|支持|配合)|谢谢)[^。！？\n]{0,30}[。！!～~]?"
    r"|[^。！？\n]{0,20}(?:祝您?(?:生活|工作|使用)|如有(?:其他|任何)问题|还有其他(?:问题|可以帮))[^。！？\n]{0,40}[。！!？?～~]?)\s*$",
    re.IGNORECASE,
)
#: Talk about the ticket and not the problem: closing it, marking it, what to do should it come back.
_HOUSEKEEPING = re.compile(
    r"^\s*(?:(?:great|perfect|okay|ok|done)[,.!]? )?(?:(?:i|we)(?:'ll|’ll| will| am|'m| are|'re)? )?(?:now )?"
    r"(?:clos(?:e|ed|ing)|mark(?:ed|ing)?|set(?:ting)?) "
    r"(?:(?:this|it) (?:then|now)|[^.!?\n]{0,20}\b(?:ticket|request|case with|solved|resolved|closed)\b)[^.!?\n]{0,60}[.!:]?\s*$"
    r"|^\s*(?:simply |just |please )?(?:reply|answer|respond)\b[^.!?\n]{0,60}\b(?:again|reopen\w*|back)\b[^.!?\n]{0,30}[.!]?\s*$"
    r"|^\s*if it (?:returns|comes back|happens again)\b[^.!?\n]{0,80}[.!]?\s*$"
    r"|^\s*have an? (?:nice|great|good|lovely|wonderful)\b[^.!?\n]{0,30}[.!]?\s*$"
    r"|^\s*(?:glad|happy|great|good|pleased) to (?:help|hear|know)\b[^.!?\n]{0,60}[.!]?\s*$"
    r"|^[^。！？\n]{0,20}(?:结单|关单|办结|标记(?:为|成)?已?(?:解决|完成)|工单(?:已|先)?(?:为您|给您)?关闭)[^。！？\n]{0,30}[。！~～]?\s*$"
    r"|^[^。！？\n]{0,12}再(?:次)?(?:出现|发生)[^。！？\n]{0,16}(?:回复|联系|找我)[^。！？\n]{0,20}[。！~～]?\s*$"
    r"|^\s*不(?:用)?客气[^。！？\n]{0,10}[。！~～]?\s*$",
    re.IGNORECASE,
)
_AUTOMATIC = re.compile(
    r"(?i)out of (?:the )?office|automatic reply|auto-?reply|this is an automated"
    r"|do not reply to this|your (?:request|ticket) has been received"
    r"|we have received your|this ticket (?:has been|was) (?:closed|merged)"
    r"|自动回复|请勿(?:直接)?回复|系统自动|您的(?:工单|请求)已(?:收到|创建|关闭|合并)"
)
#: Capitalised words, or two short Chinese words: "Ana Silva | Customer Care", "客服组 · 许静".
_NAME_LINE = re.compile(
    r"[A-Z][\w'’.-]*(?:(?: | ?[|·/,] ?)[A-Z][\w'’.-]*){0,5}|[\u4e00-\u9fff]{2,8}(?: | ?[|·] ?)[\u4e00-\u9fff]{2,8}"
)
_WIDE_ENDS = ("。", "！", "？")
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+")


def without_noise(body: str) -> str:
    """A message without quoted mail, signature, greeting and thanks; its other lines as they are."""
    kept: list[str] = []
    for line in body.replace("\r\n", "\n").split("\n"):
        if _QUOTE_STARTS.match(line) or (kept and _SIGNATURE_STARTS.match(line)):
            break
        if not line.lstrip().startswith(">"):
            kept.append(_without_politeness(line))
    return _without_name(re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip())


def _without_name(text: str) -> str:
    """The text without a last paragraph that holds nothing but a name and a company."""
    before, _, last = text.rpartition("\n\n")
    is_name = last.count("\n") < 3 and all(_NAME_LINE.fullmatch(line.strip()) for line in last.split("\n"))
    return before.strip() if before and is_name else text


def is_automatic(body: str) -> bool:
    """Whether a machine wrote this, not a person."""
    return _AUTOMATIC.search(body[:600]) is not None


def _without_politeness(line: str) -> str:
    sentences = (part.strip() for part in _SENTENCE_END.split(line) if part)
    kept = [part for part in sentences if not (_POLITE.match(part) or _HOUSEKEEPING.match(part))]
    # Chinese sentences follow each other without a space.
    return "".join(part if part.endswith(_WIDE_ENDS) else f"{part} " for part in kept).rstrip()


def _says_something(body: str) -> bool:
    return len(words(body)) >= _LEAST_WORDS and not _STATUS_ONLY.fullmatch(body)


def _only_asks(body: str) -> bool:
    """Whether every sentence is a question: the agent is still finding out."""
    sentences = [part for part in _SENTENCE_END.split(body.strip()) if part.strip()]
    return bool(sentences) and all(part.rstrip().endswith(("?", "？")) for part in sentences)
