from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knowledge.cards import Answer, Citation
from unstuck.i18n import Lang
from unstuck.provenance import how_sure, origin

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)


def cited(**values: Any) -> Citation:
    return Citation("c1", "Pump is loud", None, "Let the air out.", **values)


@pytest.mark.parametrize(
    ("source", "en", "zh"),
    [
        (
            cited(created=NOW - timedelta(days=21), owner="Ana Silva", team="Repairs", tickets=14),
            "solved 3 weeks ago by Ana Silva · worked 14 times",
            "Ana Silva 3周前解决 · 已解决过 14 单",
        ),
        (cited(created=NOW, team="Repairs", tickets=1), "solved today by Repairs", "Repairs 今天解决"),
        (cited(created=NOW - timedelta(days=400), tickets=1), "solved 1 year ago", "1年前解决"),
        (cited(created=NOW - timedelta(days=1)), "written 1 day ago", "1天前编写"),
        (cited(tickets=3), "worked 3 times", "已解决过 3 单"),
        (cited(owner="许静", tickets=1), "solved by 许静", "由许静解决"),
        (cited(), "", ""),
    ],
)
def test_a_source_says_how_old_it_is_whose_and_how_often_it_worked(source: Citation, en: str, zh: str) -> None:
    assert (origin(source, "en", NOW), origin(source, "zh", NOW)) == (en, zh)


@pytest.mark.parametrize(
    ("is_clear", "target", "lang", "says"),
    [
        (False, 0.10, "en", "Likely, not certain: up to 10% of such answers may be wrong"),
        (True, 0.10, "en", "Sure: answers this clear are wrong far less often than the 10%"),
        (False, 0.05, "en", "up to 5%"),
        (False, 0.10, "zh", "最多约有 10% 是错的"),
        (True, 0.20, "zh", "远低于可接受的 20%"),
    ],
)
def test_how_sure_is_told_by_what_the_desk_accepts(is_clear: bool, target: float, lang: Lang, says: str) -> None:
    assert says in how_sure(Answer(True, 0.95, "x", wrong_target=target, is_clear=is_clear), lang)
