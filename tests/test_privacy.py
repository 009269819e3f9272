"""Personal data, internal notes and other teams' cards, planted by the hundred, and looked for everywhere.

500 items of the kinds that `knowledge.redact` promises to mask, made by a seeded generator and by hand, in
both languages; and 240 numbers that look like them, by which cards are found, and which must stay.
"""

from __future__ import annotations

import logging
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faker import Faker
from sqlalchemy import Engine, inspect
from sqlalchemy import text as sql
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import knowledge
from knowledge import KnowledgeBase, Question, documents, redact
from knowledge.testing import HashEmbedder, ScriptedModel, a_card
from unstuck import sync
from unstuck.testing import a_change, a_ticket, store_changes
from unstuck.tickets.changes import ChangeKind, Message, TicketChange

DICE = random.Random(20260)
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "hi_IN", "ja_JP", "ko_KR")
Faker.seed(20260)
FAKES = {locale: Faker(locale) for locale in (*LOCALES, "zh_CN")}


@dataclass(frozen=True)
class Item:
    kind: str
    #: What must not be seen again.
    value: str
    #: A sentence that holds it.
    said: str


# -- what people write -----------------------------------------------------------------------------


def _email() -> Iterator[str]:
    for locale in (*LOCALES, "zh_CN") * 2:
        yield FAKES[locale].email()
    name, host = FAKES["en_US"].user_name(), FAKES["en_US"].domain_name()
    yield from (
        f"{name}+shop@mail.{host}",
        f"{name.title()}.O'Neil@{host.upper()}",
        f"{name}@{host}.cn",
        f"mü.{name}@bücher.de",
    )


def _hidden_email() -> Iterator[str]:
    name, (host, end) = FAKES["en_US"].user_name(), FAKES["en_US"].domain_name().rsplit(".", 1)
    yield from (f"{name} [at] {host}.{end}", f"{name}(at){host}(dot){end}", f"{name} at {host} dot {end}")
    yield f"{name}@{host}.{end}".translate({ord("@"): "＠"})


def _phone() -> Iterator[str]:
    for locale in LOCALES:
        yield FAKES[locale].phone_number()


def _shaped_phone() -> Iterator[str]:
    """Shapes that need no word beside them."""
    mobile = FAKES["zh_CN"].phone_number()
    yield from (mobile, f"{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}", f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}")
    yield from (f"+86 {mobile}", f"0086-{mobile}", _full_width(mobile), f"+86-10-{DICE.randrange(60000000, 69999999)}")
    yield from (
        f"0755-{DICE.randrange(82000000, 83999999)}",
        f"(021) {DICE.randrange(6200, 6399)}{DICE.randrange(1000, 9999)}",
    )
    area, line = (
        DICE.choice(("212", "415", "646")),
        f"{DICE.randrange(200, 999)}",
    )
    yield from (f"({area}) {line}-{DICE.randrange(1000, 9999)}", f"+1 {area} {line} {DICE.randrange(1000, 9999)}")
    yield from (
        f"{area}.{line}.{DICE.randrange(1000, 9999)}",
        f"{area}-{line}-{DICE.randrange(1000, 9999)} x{DICE.randrange(99)}",
    )
    yield from (f"+44 20 7946 {DICE.randrange(1000, 9999)}", f"+49 (0)30 {DICE.randrange(100000, 999999)}")
    yield f"+33 6 {DICE.randrange(10, 99)} {DICE.randrange(10, 99)} {DICE.randrange(10, 99)} {DICE.randrange(10, 99)}"


def _identity() -> Iterator[str]:
    number = FAKES["zh_CN"].ssn()
    yield from (number, f"{number[:6]} {number[6:14]} {number[14:]}", _full_width(number), number.lower())
    yield FAKES["en_US"].ssn()


def _named_identity() -> Iterator[str]:
    yield from (
        f"E{DICE.randrange(10**7, 10**8)}",
        f"{DICE.randrange(10**8, 10**9)}",
        f"110105{DICE.randrange(10**8, 10**9)}",
    )


def _card() -> Iterator[str]:
    for kind in ("visa", "mastercard", "amex", "discover", "jcb16", "maestro", "diners"):
        number = FAKES["en_US"].credit_card_number(kind)
        groups = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        yield DICE.choice((number, groups, groups.replace(" ", "-"), _full_width(number)))
    yield _with_luhn(f"62{DICE.randrange(10**16):016}")


def _iban() -> Iterator[str]:
    for locale in ("en_GB", "de_DE", "fr_FR", "es_ES"):
        number = FAKES[locale].iban()
        yield DICE.choice((number, " ".join(number[at : at + 4] for at in range(0, len(number), 4)), number.lower()))


def _token() -> Iterator[str]:
    letters = FAKES["en_US"].password(36, special_chars=False)
    yield from (f"sk-{letters}", f"ghp_{letters}", f"xoxb-{letters}", f"AKIA{letters[:16].upper()}", f"AIza{letters}")
    yield from (f"glpat-{letters[:20]}", f"sk_live_{letters}", f"eyJ{letters[:12]}.{letters[5:25]}.{letters[9:]}")


def _password() -> Iterator[str]:
    fake = FAKES["en_US"]
    yield from (
        f"{fake.password(10)[:-1]}7",
        f"{fake.word().title()}{DICE.randrange(1000, 9999)}!",
        f"{DICE.randrange(10**5, 10**6)}",
    )


def _account() -> Iterator[str]:
    yield f"{DICE.randrange(10**8, 10**10)}"


def _wechat() -> Iterator[str]:
    yield f"wx_{FAKES['en_US'].user_name()}"[:20]


def _full_width(value: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char for char in value)


def _with_luhn(number: str) -> str:
    from stdnum import luhn

    return number + luhn.calc_check_digit(number)


PLAIN = (
    "My {} stopped working, please tell me: it is {} as I said.", "{} is what I gave you last time.", "see {}, thanks",
    "Sent by {}\nRegards", "联系我：{}，谢谢", "是{}。", "我的是{}，麻烦尽快处理", "（{}）",
)  # fmt: skip
CALLED = {
    "phone": ("Call me at {}.", "my phone number is {} (evenings)", "Tel: {}", "Mobile {} or leave a note", "电话：{}", "联系电话是{}，下午在", "请致电 {}", "手机号{}"),
    "id": ("My passport number is {}.", "Passport: {}", "ID card no. {}", "身份证号：{}", "护照号码是{}。"),
    "password": ("password: {}", "The password for the admin page is {}.", "I log in with password {} and it fails", "pwd={}", "密码是{}，登录不了", "我的密码：{}", "Wi-Fi密码改成{}了"),
    "qq": ("QQ：{}", "加我QQ {}", "my QQ number is {}"),
    "wechat": ("微信号：{}", "加微信 {}", "WeChat ID: {}"),
}  # fmt: skip
#: Kind, maker, sentences, how many.
MADE: tuple[tuple[str, Callable[[], Iterator[str]], tuple[str, ...], int], ...] = (
    ("email", _email, PLAIN, 70),
    ("hidden email", _hidden_email, ("Write to {}.", "mail me: {}", "请发到 {} 谢谢"), 24),
    ("phone", _phone, CALLED["phone"], 62),
    ("shaped phone", _shaped_phone, PLAIN, 84),
    ("id", _identity, PLAIN, 45),
    ("named id", _named_identity, CALLED["id"], 21),
    ("card", _card, PLAIN, 56),
    ("iban", _iban, PLAIN, 32),
    ("token", _token, PLAIN, 32),
    ("password", _password, CALLED["password"], 42),
    ("qq", _account, CALLED["qq"], 6),
    ("wechat", _wechat, CALLED["wechat"], 6),
)
#: As people really wrote them.
BY_HAND = tuple(
    Item("by hand", value, said)
    for value, said in (
        ("ana.silva@example.com", "邮箱ana.silva@example.com收不到验证码"),
        ("ana.silva@example.com", "<a href='mailto:ana.silva@example.com'>me</a>"),
        ("ana_1990@qq.com", "ana_1990@qq.com/13800138000"),
        ("13800138000", "收件人王芳13800138000北京"),
        ("138-0013-8000", "打138-0013-8000找我"),
        ("010-65123456", "座机010-65123456转802"),
        ("02165123456", "座机02165123456"),
        ("6502530000", "reach me on 6502530000 after 5"),
        ("4111111111111111", "4111111111111111,exp 09/27"),
        ("4111 1111 1111 1111", "Card:4111 1111 1111 1111."),
        ("6222020200112230", "银行卡号6222020200112230，开户行工行"),
        ("11010519491231002X", "身份证11010519491231002X。"),
        ("Gh7!kk2p", "user ana / password Gh7!kk2p"),
        ("hunter22", 'password = "hunter22"'),
        ("s3cr3t-Pa55", "curl -u ana https://ana:s3cr3t-Pa55@host.example/x"),
        ("dXNlcjpwYXNzd29yZA==", "Authorization: Basic dXNlcjpwYXNzd29yZA=="),
        ("4111-1111-1111-1111", "20 4111-1111-1111-1111 was charged"),
        ("0755-83935893", "第 107（0755-83935893）"),
        ("839201", "验证码 839201 提示过期"),
        ("DE89 3704 0044 0532 0130 00", "IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF"),
    )
)  # fmt: skip


def planted() -> list[Item]:
    items = list(BY_HAND)
    for kind, make, sentences, wanted in MADE:
        values = (value for _ in iter(int, 1) for value in make())
        for number in range(wanted):
            value = next(values)
            items.append(Item(kind, value, sentences[number % len(sentences)].replace("{}", value)))
    return items


ITEMS = planted()


def look_alikes() -> list[str]:
    """What must stay: by these numbers cards are found."""
    made: list[str] = []
    for _ in range(8):
        n, m = DICE.randrange(1000, 9999), DICE.randrange(100, 999)
        made += [
            f"order 2024{DICE.randrange(10**9, 10**10)} is late", f"订单号 2024{n}{n}{m} 一直没发货", f"ticket #{n}{m}",
            f"part HX-{n}-{m % 9}", f"SKU {m}-{n}-B", f"version {m}.0.{n}.{m % 200}", f"固件 {m % 9}.{m % 7}.{n}",
            f"error 0x8007{n}", f"错误代码 {n}", f"on 2024-{n % 12 + 1:02}-{m % 28 + 1:02} at 12:{m % 60:02}:00",
            f"IP 192.168.{m % 255}.{n % 255}", f"MAC 00:1A:2B:{m % 90 + 10}:4D:{n % 90 + 10}", f"KB{n}{m}", f"CVE-2024-{n}{m}",
            f"it costs $1,{m}.00 or {n}元", f"{n} x {m} pixels, {m} GB", f"call about order {n}{m}{n}", f"调用接口返回{n}{m}",
            f"serial SN{n}{m}{n}X", f"between 2019-{2020 + m % 5}", f"{m}-{n} on the label", f"model KT{n}", f"型号 A{n}",
            f"build {n}{m}, log line {n}", f"tracking 1Z{n}E{m}{n}", f"快递单号 SF{n}{m}{n}", f"commit {n:04x}{m:04x}a9f{n:04x}",
            f"page 12 of {m}", f"timeout after {n} ms", f"E-{m} and then F{m % 10}",
        ]  # fmt: skip
    return [
        *made,
        "热线 400-820-8820", "I forgot my password and cannot log in", "the password is wrong", "忘记密码怎么办", "密码是错的",
        "reset the token in the portal", "call the API twice", "the card reader shows 3 lights", "卡号在哪里看", "look at example.com",
    ]  # fmt: skip


def plain(said: str) -> str:
    """Without what people put between the letters."""
    return re.sub(r"[\s().+\-/_]", "", unicodedata.normalize("NFKC", said)).lower()


def is_seen(item: Item, where: str) -> bool:
    return plain(item.value) in where


# -- one sentence at a time ------------------------------------------------------------------------


def test_every_kind_is_planted_often_enough() -> None:
    assert len(ITEMS) == 500
    assert len({item.value for item in ITEMS}) > 480


def test_no_part_of_any_item_is_left() -> None:
    left = []
    for item in ITEMS:
        masked, value = plain(redact.text(item.said)), plain(item.value)
        around = plain(item.said.replace(item.value, "|"))
        parts = {value[at : at + 5] for at in range(len(value) - 4)}
        if value in masked or any(part in masked and part not in around for part in parts):
            left.append((item.kind, item.said, redact.text(item.said)))
    assert left == []


def test_masking_again_changes_nothing() -> None:
    once = [redact.text(item.said) for item in ITEMS]
    assert [redact.text(said) for said in once] == once


def test_numbers_by_which_cards_are_found_stay() -> None:
    said = look_alikes()
    assert len(said) == 250
    lost = [(one, redact.text(one)) for one in said if redact.text(one) != one]
    assert len(lost) <= 0.02 * len(said), lost


# -- everywhere ------------------------------------------------------------------------------------

PARTS = ("pump", "valve", "fuse", "belt", "motor", "hinge", "hose", "lamp", "fan", "lock")
FAULTS = ("is loud", "leaks water", "stays cold", "blinks red", "smells burnt", "turns slowly", "jams", "sticks")
PLACES = ("title", "description", "customer", "agent", "resolution", "internal")
NOTE = "zebracorn"
SECRET_CARD = "quaggaberry"


def a_solved_ticket(number: int, item: Item) -> list[TicketChange]:
    """A ticket with `item` in one of the places where people write."""
    place, name = PLACES[number % len(PLACES)], f"T-{number}"
    problem = f"The {PARTS[number % 10]} {FAULTS[number // 10 % 8]}"
    said = {where: f" {item.said}" if where == place else "" for where in PLACES}

    def message(kind: str, hour: float, body: str, *, public: bool = True) -> TicketChange:
        told = Message(body, kind, public)
        return a_change(name, hour, kind=ChangeKind.MESSAGE, message=told, change_id=f"{name}m{hour}")

    values = {
        "title": problem + said["title"],
        "description": f"{problem} since {number} days.{said['description']}",
        "resolution": f"Exchanged spare {number}.{said['resolution']}" if number % 2 or said["resolution"] else "",
    }
    return [
        *a_ticket(name, (6, "Solved"), **values),
        message("customer", 1, f"It still {problem}.{said['customer']}"),
        message("agent", 2, f"{NOTE} {number}: a rude one.{said['internal']} {item.said}", public=False),
        message("agent", 3, f"Please open the lid, exchange spare {number} and press reset.{said['agent']}"),
    ]


def write_documents(folder: Path, items: list[Item]) -> None:
    folder.mkdir()
    rows = ["question,answer"]
    for number, item in enumerate(items):
        said = item.said.replace("\n", " ")
        if number % 3 == 0:
            (folder / f"{number}.md").write_text(
                f"# Guide {number}\n\n## Contact {said}\n\nAsk {said} first.\n", "utf-8"
            )
        elif number % 3 == 1:
            page = f"<title>{said}</title><h2>Page {number}</h2><p>{said}</p><ul><li>{said}</li></ul>"
            (folder / f"{number}.html").write_text(page, "utf-8")
        else:
            quoted = said.replace('"', '""')
            rows.append(f'"Row {number} {quoted}","Do this: {quoted}"')
    (folder / "faq.csv").write_text("\n".join(rows), "utf-8")


class Everything(logging.Handler):
    """All that any library logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logged() -> Iterator[list[str]]:
    root, kept = logging.getLogger(), Everything()
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield kept.lines
    root.removeHandler(kept)
    root.setLevel(before)


def tables_of(engine: Engine) -> str:
    names = [name for name in inspect(engine).get_table_names() if name.startswith("knowledge_")]
    assert len(names) >= 3
    with engine.connect() as connection:
        return "\n".join(str(connection.execute(sql(f"SELECT * FROM {name}")).all()) for name in names)


def files_of(directory: Path) -> str:
    return "\n".join(path.read_bytes().decode("utf-8", "ignore") for path in directory.rglob("*") if path.is_file())


def ask_everything(base: KnowledgeBase, items: list[Item]) -> str:
    """All that is ever shown to anybody who may see public and internal cards."""
    visible = frozenset({"public", "internal"})
    questions = [
        f"The {PARTS[number % 10]} {FAULTS[number // 10 % 8]}. {item.said if number % 3 else ''}"
        for number, item in enumerate(items)
    ]
    questions.append(f"Who is the {NOTE} or the {SECRET_CARD}?")
    shown = [repr(answer) for answer in base.ask_many([Question(text, visible=visible) for text in questions])]
    shown += [repr(hits) for hits in base.search_many([item.said for item in items[::5]], 5, visible=visible)]
    shown.append(repr(base.status()))
    return "\n".join(shown)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_that_was_planted_is_seen_anywhere(
    engine: Engine, tmp_path: Path, logged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    model = ScriptedModel(*['{"sentences": [{"text": "Open the lid and press reset.", "sources": [1]}]}'] * 1_000)
    base = knowledge.open(engine, tmp_path / "knowledge", embedder=HashEmbedder(), model=model)
    tickets, others = ITEMS[::2], ITEMS[1::2]
    store_changes(engine, [change for n, item in enumerate(tickets) for change in a_solved_ticket(n, item)])
    sync.learn_solved(sessionmaker(engine, class_=Session), base)
    write_documents(tmp_path / "handbook", others)
    documents.learn(base, tmp_path / "handbook")
    teams = [a_card(f"s{n}", f"The {SECRET_CARD} {part} is loud", visibility="team:x") for n, part in enumerate(PARTS)]
    base.learn(teams)
    answers = ask_everything(base, ITEMS)

    out, err = capfd.readouterr()
    places = {
        "answers": answers,
        "prompts": repr(model.calls),
        "logs": "\n".join(logged),
        "tables": tables_of(engine),
        "output": out + err,
        "files": files_of(tmp_path / "knowledge"),
    }
    assert len(model.calls) > 50
    assert base.status()["cards"] > 400
    seen = Counter(
        (name, item.kind, item.value)
        for name, where in ((name, plain(where)) for name, where in places.items())
        for item in ITEMS
        if len(plain(item.value)) > 6 and is_seen(item, where)
    )
    assert seen == Counter()
    assert [name for name, where in places.items() if NOTE in where] == []
    # Who may not see a team's card sees nothing of it; its own table holds it.
    assert [name for name, where in places.items() if SECRET_CARD in where] == ["tables"]
    base.close()
