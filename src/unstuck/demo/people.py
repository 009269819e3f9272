"""Who works at the demo desk and who writes to it. Nobody here exists.

Mail addresses end in `.test`, phone numbers are from ranges kept for fiction (or the well-known
placeholder number, for China), addresses name places that are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from unstuck.demo.wording import data
from unstuck.i18n import Lang


@dataclass(frozen=True, slots=True)
class DeskPerson:
    """An agent, a customer or the desk's own automation."""

    id: str
    #: `agent`, `customer` or `bot`.
    kind: str
    name: str
    #: What others call them.
    first: str
    email: str
    team: str | None = None
    slack_id: str | None = None
    lang: Lang = "en"
    region: str = "EU"
    tier: str = "Standard"
    phone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class DeskTeam:
    """A group that tickets are assigned to."""

    id: str
    name: str
    calendar: str
    #: Person id of the lead.
    lead: str
    slack_channel: str
    #: Members by person id, lead included.
    members: tuple[str, ...]


_TEAMS = (
    ("front-desk", "Front Desk", "Berlin", "C0DEMOFRONT"),
    ("kefu", "客服组", "Shanghai", "C0DEMOKEFU1"),
    ("tech-support", "Tech Support", "Shanghai", "C0DEMOTECH1"),
    ("repairs", "Repairs", "Berlin", "C0DEMOREPAI"),
    ("finance-desk", "Finance Desk", "Berlin", "C0DEMOFINAN"),
    ("wuliu", "物流组", "Shanghai", "C0DEMOWULIU"),
)
#: The first of each team leads it.
_STAFF = {
    "front-desk": (
        "Ana Ferreira", "Jonas Weber", "Priya Nair", "Tomasz Zielinski", "Aoife Byrne", "Lars Nyholm", "Chiara Conti",
    ),
    "kefu": ("林晓梅", "周子轩", "吴佳怡", "郑凯", "孙悦", "何思远"),
    "tech-support": ("Kenji Mori", "沈一鸣", "Grace Tan", "梁浩", "Omar Haddad"),
    "repairs": ("Katrin Vogel", "Milan Novak", "蒋文博", "Sofia Lindgren", "Pedro Alves"),
    "finance-desk": ("Helen Marsh", "许静", "Daniel Okafor", "Ines Moreau"),
    "wuliu": ("高建国", "Mei Ling Chua", "罗倩", "Viktor Petrov", "马超群"),
}  # fmt: skip
_PINYIN = {
    "林晓梅": "lin.xiaomei", "周子轩": "zhou.zixuan", "吴佳怡": "wu.jiayi", "郑凯": "zheng.kai", "孙悦": "sun.yue",
    "何思远": "he.siyuan", "沈一鸣": "shen.yiming", "梁浩": "liang.hao", "蒋文博": "jiang.wenbo", "许静": "xu.jing",
    "高建国": "gao.jianguo", "罗倩": "luo.qian", "马超群": "ma.chaoqun",
}  # fmt: skip

AUTOMATION = DeskPerson("bot-desk", "bot", "Desk automation", "Desk automation", "automation@tidewell.test")

#: Numbers that regulators keep for film and fiction: London and Berlin.
_PHONES_EN = ("+44 20 7946 0{0:03d}", "020 7946 0{0:03d}", "+49 30 23125 {0:03d}", "030 23125 {0:03d}")
_PHONES_ZH = ("13800138000", "138 0013 8000", "138-0013-8000", "+86 138 0013 8000")
_STREETS_EN = ("Example Street", "Sample Lane", "Musterweg", "Testgasse", "Rue de l'Exemple")
_STREETS_ZH = ("示例路", "样例街", "测试大道", "演示巷")
_CITIES_EN = ("00000 Musterstadt", "Sampletown ZZ1 1ZZ", "00001 Beispielhausen")
_CITIES_ZH = ("样例市示范区", "演示市测试区", "示例省样板市")
_TIERS = ("Standard",) * 15 + ("Plus",) * 4 + ("VIP",)


def teams() -> tuple[DeskTeam, ...]:
    return tuple(
        DeskTeam(id=id, name=name, calendar=calendar, lead=ids[0], slack_channel=channel, members=ids)
        for id, name, calendar, channel in _TEAMS
        for ids in [tuple(f"a-{id}-{n}" for n in range(1, len(_STAFF[id]) + 1))]
    )


def agents() -> tuple[DeskPerson, ...]:
    return tuple(
        _agent(team, place, name) for team, names in _STAFF.items() for place, name in enumerate(names, start=1)
    )


def _agent(team: str, place: int, name: str) -> DeskPerson:
    mailbox = _PINYIN.get(name) or name.lower().replace(" ", ".")
    is_zh = name in _PINYIN
    return DeskPerson(
        id=f"a-{team}-{place}",
        kind="agent",
        name=name,
        first=name if is_zh else name.split()[0],
        email=f"{mailbox}@tidewell.test",
        team=team,
        slack_id=f"U0DEMO{team[:2].upper()}{place:02d}",
        lang="zh" if is_zh else "en",
        region="CN" if is_zh else "EU",
    )


def a_customer(number: int, lang: Lang, random: Random) -> DeskPerson:
    """Customer `number`: a made-up person who can be told apart by id, mail address and little else."""
    first, name = _english_name(random) if lang == "en" else _chinese_name(random)
    return DeskPerson(
        id=f"c-{number:05d}",
        kind="customer",
        name=name,
        first=first,
        email=f"customer{number:05d}@mail.invalid.test",
        lang=lang,
        region="EU" if lang == "en" else "CN",
        tier=random.choice(_TIERS),
        phone=random.choice(_PHONES_EN).format(random.randrange(1000)) if lang == "en" else random.choice(_PHONES_ZH),
        address=_address(lang, random),
    )


def _english_name(random: Random) -> tuple[str, str]:
    names = data("names")["en"]
    first = random.choice(names["first"])
    return first, f"{first} {random.choice(names['last'])}"


def _chinese_name(random: Random) -> tuple[str, str]:
    names = data("names")["zh"]
    last = random.choice(names["last"])
    return f"{last}{random.choice(('先生', '女士'))}", last + random.choice(names["given"])


def _address(lang: Lang, random: Random) -> str:
    house = random.randrange(1, 99)
    if lang == "en":
        return f"{random.choice(_STREETS_EN)} {house}, {random.choice(_CITIES_EN)}"
    return f"{random.choice(_CITIES_ZH)}{random.choice(_STREETS_ZH)}{house}号{random.randrange(1, 30)}室"
