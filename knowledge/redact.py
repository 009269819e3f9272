"""Masks personal data and secrets before anything is stored, embedded or sent to a model.

Promised: e-mail addresses (also "ana [at] example.com"), phone numbers, payment cards, bank accounts (IBAN),
identity numbers (Chinese ID, US social security, whatever is called a passport or ID number), QQ and WeChat
accounts, passwords, keys and tokens; in English and Chinese, in full-width digits too. Not promised: names
of people, street addresses, network addresses.

A number counts when it passes its own check (Luhn, IBAN, Chinese ID), has a shape that nothing else has, or
is called what it is ("phone", "卡号"): order numbers, part numbers, error codes and versions, by which cards
are found, stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from knowledge.cards import Card

#: A match to the spans in it that are to be masked.
_Spans = Callable[[re.Match[str]], Iterator[tuple[int, int]]]

#: Full-width forms and strange spaces and dashes, one character for one: places in the text stay the same.
_PLAIN = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000"), " ")
    | dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
    # Two marks must not become one that joins words: the sentence around them is Chinese.
    | {ord("，"): "；", ord("："): ":"}
)


def _pattern(pattern: str) -> re.Pattern[str]:
    # Word borders of ASCII alone: Chinese is written right up to a number or a name.
    return re.compile(pattern, re.ASCII | re.DOTALL)


_END = r"(?![A-Za-z0-9])"
_START = r"(?<![A-Za-z0-9])"


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is looked for, what of it is masked, and as what."""

    pattern: re.Pattern[str]
    mask: str
    spans: _Spans


def text(value: str) -> str:
    """`value` with what must not be kept replaced by `[email]`, `[phone]`, `[card]`, `[iban]`, `[id]`, `[account]`, `[secret]`."""
    if not value:
        return value
    plain = value.translate(_PLAIN)
    for rule in _RULES:
        spans = [span for match in rule.pattern.finditer(plain) for span in rule.spans(match)]
        # From the end, so that earlier places stay where they are.
        for start, end in reversed(spans):
            value = value[:start] + rule.mask + value[end:]
            plain = plain[:start] + rule.mask + plain[end:]
    return value


def card(value: Card) -> Card:
    """The card with everything masked that people wrote. An address that holds personal data goes as a whole."""
    return replace(
        value,
        title=text(value.title),
        text=text(value.text),
        steps=text(value.steps),
        product=text(value.product) if value.product else value.product,
        url=value.url if not value.url or text(value.url) == value.url else None,
        environment=text(value.environment),
        cause=text(value.cause),
        outcome=text(value.outcome),
    )


# -- what of a match is masked ---------------------------------------------------------------------


def _all(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    yield match.span()


def _last_group(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The value, not the word that says what it is."""
    if "[" not in match.group(match.re.groups):
        yield match.span(match.re.groups)


def _if(is_real: Callable[[str], bool]) -> _Spans:
    def spans(match: re.Match[str]) -> Iterator[tuple[int, int]]:
        if is_real(match.group()):
            yield match.span()

    return spans


def _within(is_real: Callable[[str], bool]) -> _Spans:
    """The longest real ones in a row of numbers: "item 20 4111 1111 1111 1111" has a card in it."""

    def spans(match: re.Match[str]) -> Iterator[tuple[int, int]]:
        found, done = match.group(), 0
        starts = [0, *(gap.end() for gap in _GAP.finditer(found))]
        ends = [len(found), *(gap.start() for gap in reversed(list(_GAP.finditer(found))))]
        for start in starts:
            end = next((end for end in ends if end > start >= done and is_real(found[start:end])), None)
            if end is not None:
                yield match.start() + start, match.start() + end
                done = end

    return spans


_GAP = _pattern(r"\s+|(?=\()")


def _iban(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The account alone: a word of four letters after it looks like its last group."""
    from stdnum import iban

    found = match.group()
    for end in range(len(found), 14, -1):
        # Banks' own check digits inside are not asked for: a mistyped account is somebody's too.
        if found[end - 1].isalnum() and iban.is_valid(found[:end].upper(), check_country=False):
            yield match.start(), match.start() + end
            return


# -- numbers that carry their own check ------------------------------------------------------------


def _is_chinese_id(value: str) -> bool:
    from stdnum.cn import ric

    digits = re.sub(r"[ -]", "", value).upper()
    # The date and the check digit alone: counties that were dissolved are still people's birth places.
    return _BORN.fullmatch(digits[6:14]) is not None and bool(ric.calc_check_digit(digits) == digits[-1])


_BORN = _pattern(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def _is_social_security(value: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(value))


def _is_card_number(value: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", value)
    # One number in ten passes Luhn's check, so it must begin and end as the card companies have it too.
    return _CARD_RANGES.fullmatch(digits) is not None and bool(luhn.is_valid(digits))


#: Visa, Mastercard, American Express, UnionPay, Discover, JCB, Diners, Maestro.
_CARD_RANGES = _pattern(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|62\d{14,17}|6(?:011|5\d\d)\d{12}|35\d{14}"
    r"|(?:2131|1800)\d{11}|3[068]\d{12}|(?:50[123]\d|5[678]\d\d|6304|6390|6759|676[1-3]|0604)\d{8,15}"
)


# -- phones ----------------------------------------------------------------------------------------

_PHONE_WORD = (
    r"(?:\b(?:tele)?phones?\b|\btel\b|\bcall(?:s|ed|ing)?\b|\bmobiles?\b|\bcell\b|\bcellphone\b|\bfax\b|\bwhatsapp\b|\bring\b|\bdial\b"
    r"|\btext(?: me| us)\b|\breach (?:me|us|him|her|them)\b|电话|手机|联系方式|联系|致电|拨打|回电|座机|传真|打给|来电|短信)"
)
#: Between the word and the number nothing may say that the number is another one's.
_NOT_PHONE = r"(?![^\d\n]{0,24}(?:order|ticket|case|invoice|serial|part|model|error|code|version|订单|工单|单号|编号|型号|版本|错误|代码))"
_CALLED_PHONE = _pattern(
    rf"(?i){_PHONE_WORD}{_NOT_PHONE}[^\d\n\[]{{0,24}}?([+(]?\d(?:[ ().\-/]{{0,2}}\d){{6,14}})(?![\d:]|[.-]?\d|[A-Za-z])"
)
_ABROAD = _pattern(r"(?<![\w.+])(?:\+|00(?=[1-9]))[ (]?\d(?:[ ().\-/]{0,3}\d){7,16}(?:(?: ?x| ext\.? ?)\d{1,6})?(?!\w)")
#: North America's and Chinese mobiles' shapes, which hardly anything else has; and "ext. 12" after them.
_SHAPED = _pattern(
    r"(?<![\w.-])(?:1[ .-])?(?:\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4})(?:(?: ?x| ext\.? ?)\d{1,6})?(?![\w-]|\.\d)"
    r"|(?<![\dA-Za-z.-])1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4}|-\d{8})(?![\dA-Za-z-]|\.\d)",
)
_PHONE_LIKE = _pattern(r"(?<![\w.])\(?\d[\d\s().-]{6,40}\d(?![\w:]|\.\w)")
#: A date, perhaps with a time; a version or an address; a year and a number.
_NO_PHONE = _pattern(r"\d{4}[-.]\d{1,2}[-.]\d{1,2}(?:\s.*)?|\d+(?:\.\d+)+|\d{4}-\d+|\d{1,2}[-.]\d{1,2}[-.]\d{4}")
#: China's service lines, which answers name; no person has one.
_SERVICE_LINE = _pattern(r"[48]00[ -]?\d{3,4}[ -]?\d{3,4}")
_PHONE_REGIONS = ("US", "CN", "GB")


def _called_phone(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    number = match.group(1)
    if not (_SERVICE_LINE.fullmatch(number) or _NO_PHONE.fullmatch(number)):
        yield match.span(1)


def _shaped_phone(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    if not _SERVICE_LINE.fullmatch(match.group()):
        yield match.span()


def _is_phone(value: str) -> bool:
    # A bare run of digits is an order number far more often than a phone.
    if not re.search(r"[\s().-]", value) or _NO_PHONE.fullmatch(value) or _SERVICE_LINE.fullmatch(value):
        return False
    return any(_is_valid(value, region) for region in _PHONE_REGIONS)


def _is_valid(value: str, region: str) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(value, region)))
    except phonenumbers.NumberParseException:
        return False


# -- secrets ---------------------------------------------------------------------------------------

_TOKEN = _pattern(
    r"\b(?:xox[abeprs]-[\w-]{10,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}"
    r"|[sp]k_(?:live|test)_\w{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|npm_\w{20,}|hf_\w{20,}|SG\.[\w-]{10,}\.[\w-]{10,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"
)
_PRIVATE_KEY = _pattern(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)")
_HEADER = _pattern(r"(?i)\b(?:bearer|basic)\s+([\w.~+/-]{12,}=*)")
_IN_ADDRESS = _pattern(r"(?i)\b[a-z][a-z0-9+.-]*://([^\s/:@]+:[^\s/@]+)@")
_ITS_NAMES = (
    r"(?:\b(?:password|passwd|passphrase|passcode|passwort|pwd|pw|api[_ -]?key|access[_ -]?key|secret(?:[_ -]?key)?|token|otp"
    r"|pin(?: code)?|verification code)\b|密码|口令|验证码|密钥|令牌|动态码)"
)
#: "password: hunter22" and "密码是hunter22" say it plainly.
_NAMED_SECRET = _pattern(rf"(?i){_ITS_NAMES}[\"'”]?\s*(?:[:=]|是|为|改成|改为|重置为)\s*[:=]?\s*[\"'“]?([!-~]{{4,}})")
#: "the password for the router is Gh7!kk2", "log in with password Gh7!kk2": only what no word looks like.
_SAID_SECRET = _pattern(
    rf"(?i){_ITS_NAMES}(?:[^.。\n:=]{{0,40}}?\b(?:is|was|to|as)\b)?[ \"'“]{{1,3}}((?=[!-~]*\d)(?=[!-~]*[A-Za-z!@#$%^&*_+])[!-~]{{5,}}|\d{{4,8}}(?![\d-]))"
)


def _secret(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The value without the mark that ends the sentence around it."""
    start, end = match.span(1)
    length = len(match.group(1).rstrip(".,;:!?)\"'»”"))
    if length >= 4 and not match.group(1).startswith("["):
        yield start, min(start + length, end)


# -- in order: what holds others comes first -------------------------------------------------------

_LABEL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_RULES = (
    _Rule(_PRIVATE_KEY, "[secret]", _all),
    _Rule(_TOKEN, "[secret]", _all),
    _Rule(_IN_ADDRESS, "[secret]", _last_group),
    _Rule(_HEADER, "[secret]", _last_group),
    _Rule(_pattern(rf"(?<!{_LABEL}){_LABEL}+@[\w-]+(?:\.[\w-]+)+(?![\w-])"), "[email]", _all),
    # Latin letters with accents.
    _Rule(_pattern(r"[a-zA-Z0-9À-ɏ._+-]+@[a-zA-Z0-9À-ɏ-]+(?:\.[a-zA-Z0-9À-ɏ-]+)+"), "[email]", _all),
    _Rule(
        _pattern(
            r"(?i)[\w.+-]+\s?[\[({<]\s?(?:at|@|艾特)\s?[\])}>]\s?[\w-]+(?:\s?(?:\.|[\[({<]\s?(?:dot|点|\.)\s?[\])}>])\s?[\w-]+)+",
        ),
        "[email]",
        _all,
    ),
    _Rule(_pattern(r"(?i)\b[\w.+-]+ at [\w-]+(?: dot [\w-]+)+\b"), "[email]", _all),
    _Rule(_NAMED_SECRET, "[secret]", _secret),
    _Rule(_SAID_SECRET, "[secret]", _secret),
    _Rule(_pattern(rf"(?i){_START}[A-Z]{{2}}\d{{2}}(?:[ -]?[0-9A-Z]{{1,4}}){{3,9}}"), "[iban]", _iban),
    _Rule(_pattern(rf"{_START}\d{{6}}[ -]?\d{{8}}[ -]?\d{{3}}[\dXx]{_END}"), "[id]", _if(_is_chinese_id)),
    _Rule(
        _pattern(
            r"(?i)(?:\bpassport\b|\b(?:identity|id) (?:card|number|no\.?)|\bssn\b|\bsocial security\b|\bdriving licen[cs]e\b"
            r"|\bdriver'?s licen[cs]e\b|护照|身份证|驾驶证|驾照|通行证|社保)(?:[ .:#号码]|number|no\b|card|is|为|是)*([A-Z]{0,3}\d[\dA-Z-]{5,19})"
        ),
        "[id]",
        _last_group,
    ),
    _Rule(
        _pattern(
            r"(?i)(?:\bcard|\baccount|卡号|账号|账户|银行卡)(?:[ .:#号码]|number|no\b|is|为|是)*(\d(?:[ -]?\d){11,18})(?!\d)"
        ),
        "[card]",
        _last_group,
    ),
    _Rule(_pattern(rf"{_START}\d(?:[ -]?\d){{11,40}}{_END}"), "[card]", _within(_is_card_number)),
    _Rule(_pattern(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), "[id]", _if(_is_social_security)),
    _Rule(_pattern(r"(?i)(?:\bQQ|扣扣)(?:号码?)?(?:[ :]|number|is|为|是)*(\d{5,11})(?!\d)"), "[account]", _last_group),
    _Rule(
        _pattern(r"(?i)(?:微信号?|\bwechat(?: id)?)(?:[ :]|is|为|是)*([A-Z][\w-]{5,19})"),
        "[account]",
        _last_group,
    ),
    _Rule(_ABROAD, "[phone]", _all),
    _Rule(_SHAPED, "[phone]", _shaped_phone),
    _Rule(_CALLED_PHONE, "[phone]", _called_phone),
    _Rule(_PHONE_LIKE, "[phone]", _within(_is_phone)),
)
