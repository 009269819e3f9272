"""Masks personal data and secrets before anything is stored, embedded or sent to a model.

Numbers count only when they pass their own check (Luhn, IBAN, Chinese ID, a valid phone number), so
that order numbers, error codes and versions, by which cards are found, stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from knowledge.cards import Card

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?![\w-])", re.ASCII)
_SECRET = re.compile(
    r"\b(?:xox[abeprs]-[\w-]{10,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|sk-[\w-]{20,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/-]{12,}=*")
_NAMED_SECRET = re.compile(
    r"(?i)(\b(?:password|passwd|pwd|passcode|api[_ -]?key|secret|token|pin)\b\s*(?:is\s+|[:=]\s*)"
    r"|(?:密码|口令|验证码|密钥)(?:是|为|[:：=])\s*)"
    r"([^\s,;，；。]{4,})"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,4})?\b")
_CHINESE_ID = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")
_CARD_NUMBER = re.compile(r"(?<![\dA-Za-z])\d(?:[ -]?\d){12,18}(?![\dA-Za-z])")
#: Visa, Mastercard, American Express, UnionPay, Discover, JCB, Diners.
_CARD_RANGES = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|62\d{14,17}|6(?:011|5\d\d)\d{12}|35\d{14}|3[068]\d{12}"
)
_PHONE_LIKE = re.compile(r"(?<![\w.])(?:\+|00)?\(?\d[\d\s().-]{6,18}\d(?![\w:]|\.\w)", re.ASCII)
#: A date, perhaps with a time; a version or an address.
_NO_PHONE = re.compile(r"\d{4}[-.]\d{1,2}[-.]\d{1,2}(?:\s.*)?|\d+(?:\.\d+)+")
_DOTTED_PHONE = re.compile(r"\d{3}\.\d{3}\.\d{4}|1[3-9]\d{9}")
_PHONE_REGIONS = ("US", "CN", "GB")


def text(value: str) -> str:
    """`value` with what must not be kept replaced by `[email]`, `[phone]`, `[card]`, `[iban]`, `[id]`, `[secret]`."""
    if not value:
        return value
    value = _PRIVATE_KEY.sub("[secret]", value)
    value = _SECRET.sub("[secret]", value)
    value = _BEARER.sub(r"\1[secret]", value)
    value = _NAMED_SECRET.sub(r"\1[secret]", value)
    value = _EMAIL.sub("[email]", value)
    value = _checked(_IBAN, _is_iban, "[iban]", value)
    value = _checked(_CHINESE_ID, _is_chinese_id, "[id]", value)
    value = _checked(_CARD_NUMBER, _is_card_number, "[card]", value)
    return _checked(_PHONE_LIKE, _is_phone, "[phone]", value)


def card(value: Card) -> Card:
    """The card with everything masked that people wrote."""
    return replace(
        value,
        title=text(value.title),
        text=text(value.text),
        steps=text(value.steps),
        environment=text(value.environment),
        cause=text(value.cause),
        outcome=text(value.outcome),
    )


def _checked(pattern: re.Pattern[str], is_real: Callable[[str], bool], mask: str, value: str) -> str:
    return pattern.sub(lambda match: mask if is_real(match.group()) else match.group(), value)


def _is_iban(value: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(value))


def _is_chinese_id(value: str) -> bool:
    from stdnum.cn import ric

    return bool(ric.is_valid(value.upper()))


def _is_card_number(value: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", value)
    # One number in ten passes Luhn's check, so it must begin and end as the card companies have it too.
    return _CARD_RANGES.fullmatch(digits) is not None and bool(luhn.is_valid(digits))


def _is_phone(value: str) -> bool:

    if value.startswith(("+", "00")):
        return _is_valid("+" + value.lstrip("+0"), None)
    if not re.search(r"[\s().-]", value) and not re.fullmatch(r"1[3-9]\d{9}", value):
        return False  # a bare run of digits is an order number far more often than a phone
    if _NO_PHONE.fullmatch(value) and not _DOTTED_PHONE.fullmatch(value):
        return False
    return any(_is_valid(value, region) for region in _PHONE_REGIONS)


def _is_valid(value: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(value, region)))
    except phonenumbers.NumberParseException:
        return False
