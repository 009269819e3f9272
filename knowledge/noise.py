"""What people write around what they have to say: greetings, thanks, signatures, quoted mail, auto-replies."""

from __future__ import annotations

import re

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
    kept = [_without_politeness(line) for line in _own_lines(body)]
    return _without_name(re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip())


def own_sentences(body: str) -> list[str]:
    """The sentences of a message that its author wrote, courtesies included."""
    parts = (part.strip() for line in _own_lines(body) for part in sentences(line))
    return [part for part in parts if part]


def sentences(line: str) -> list[str]:
    return [part for part in _SENTENCE_END.split(line) if part]


def _own_lines(body: str) -> list[str]:
    """The lines above a signature or a quoted mail."""
    kept: list[str] = []
    for line in body.replace("\r\n", "\n").split("\n"):
        if _QUOTE_STARTS.match(line) or (kept and _SIGNATURE_STARTS.match(line)):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return kept


def _without_name(text: str) -> str:
    """The text without a last paragraph that holds nothing but a name and a company."""
    before, _, last = text.rpartition("\n\n")
    is_name = last.count("\n") < 3 and all(_NAME_LINE.fullmatch(line.strip()) for line in last.split("\n"))
    return before.strip() if before and is_name else text


def is_automatic(body: str) -> bool:
    """Whether a machine wrote this, not a person."""
    return _AUTOMATIC.search(body[:600]) is not None


def _without_politeness(line: str) -> str:
    parts = (part.strip() for part in sentences(line))
    kept = [part for part in parts if not (_POLITE.match(part) or _HOUSEKEEPING.match(part))]
    # Chinese sentences follow each other without a space.
    return "".join(part if part.endswith(_WIDE_ENDS) else f"{part} " for part in kept).rstrip()
