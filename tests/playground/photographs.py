"""What the bot shows, photographed in the playground: fifteen views, in English, in Chinese, and at their worst.

    make photographs            # or: python tests/playground/photographs.py DIRECTORY

Every message and view goes through the stand-in's validator first. Each is photographed by itself, at the width
of a desk and of a phone; `sheet-…` has all messages of one kind below each other.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from slack_sdk import WebClient

from bot import blocks
from bot.blocks import days_off, feedback, resolution
from bot.blocks import home as drawing
from bot.blocks.home import Line, Mine, Pages
from bot.blocks.resolution import Draft
from bot.blocks.text import Markup, person
from bot.playground.opening import Open
from bot.playground.seats import EVERYBODY
from bot.playground.testing import small_playground
from bot.playground.validator import view_problems
from bot.playground.views import open_root
from bot.testing import TODAY
from knowledge.cards import Answer, Card, Citation, Hit
from unstuck.i18n import Lang
from unstuck.nudges.view import Evidence, NudgeView

WIDTHS = {"desk": (1280, 900), "phone": (375, 760)}
Words = dict[str, str]

ENGLISH: Words = {
    "title": "Dishwasher stops with E24",
    "text": "The drain pump filter is blocked.\n\n1. Switch the machine off.\n2. Take the lower basket out.\n"
    "3. Turn the filter to the left, lift it out and rinse it.\n4. Start the short programme once.",
    "who": "Ana Costa",
    "stage": "Waiting for parts",
    "reason": "Longer than 90% of 429 comparable visits (same stage, same team), which were over within 2 days.",
    "sentence": "Tickets were stuck longest in Waiting for parts: 3,335 hours over the usual in 41 tickets.",
    "what": "Bottleneck by stage · 16 Nov 2026 to 23 Nov 2026 (Europe/Berlin), not finished yet",
    "column": "Stage",
    "hours": "Hours over",
    "word": "gizmo",
}
CHINESE: Words = {
    "title": "洗碗机停机并显示 E24",
    "text": "排水泵滤网堵了。\n\n1. 关掉电源。\n2. 取出下层碗篮。\n3. 向左旋转滤网，取出后冲洗干净。\n4. 运行一次快洗程序。",
    "who": "林静",
    "stage": "等待配件",
    "reason": "同类 429 次停留（环节相同、组相同）里有 90% 在 2 天内就结束了，这张工单停得更久。",
    "sentence": "本周卡得最久的环节是“等待配件”：41 张工单超出平常 3,335 小时。",
    "what": "瓶颈（按环节）· 2026年11月16日 至 2026年11月23日（Asia/Shanghai），尚未结束",
    "column": "环节",
    "hours": "超出（小时）",
    "word": "某某",
}
DAY_OFF = {"day": "2026-06-04", "chance": 0.48, "kind": "optional", "place": "BR", "sure": True}
_NASTY = "<!channel> <https://evil.example|press here> *b* `c` <script>alert(1)</script> مرحبا بالعالم 👩‍👩‍👧‍👦 "
EXTREME: Words = {
    **dict.fromkeys(ENGLISH, _NASTY + "W" * 300 + " 一句话。" * 40),
    "text": _NASTY * 40 + "x" * 4000 + " word" * 3000,
}
CONTENTS: dict[str, tuple[Words, Lang]] = {"en": (ENGLISH, "en"), "zh": (CHINESE, "zh"), "worst": (EXTREME, "en")}


def messages(words: Words, lang: Lang) -> Iterator[tuple[str, blocks.Drawn]]:
    """Eleven messages by name."""
    found = _answer(words)
    *_, last = blocks.answer(found, lang, TODAY)
    yield "answer", blocks.Drawn(last.text, feedback.with_block(last.blocks, feedback.feedback("1", lang)))
    yield "not-known", blocks.dont_know(found, lang)
    yield (
        "which",
        blocks.which(Answer(False, 0.5, "", (), "which_product", choices=(words["title"], words["who"])), lang),
    )
    yield "nudge", blocks.nudge(_nudge(words), lang)
    yield "insight", blocks.insight(_finding(words, many=words is EXTREME), lang)
    yield "question-back", blocks.ask(words["sentence"], [words["stage"], words["title"], words["who"]], "c", lang)
    yield "refusal", blocks.refuse(words["reason"], [words["word"]], [words["stage"]], "c", lang)
    yield "help", blocks.help_(lang)
    yield "native", _native(words)
    yield "day-off", days_off.proposed(DAY_OFF, lang)
    yield "day-off-said", days_off.settled(DAY_OFF, lang, closed=True, by=Markup(person("U00000001")))


def _answer(words: Words) -> Answer:
    card = Card("T-1", words["title"], words["text"], "", url="https://desk.example/1")
    cited = Citation("T-1", words["title"], "https://desk.example/1", words["text"][:300], TODAY, words["who"])
    return Answer(
        True, 0.9, words["text"], (cited,), nearest=(Hit("T-1", words["title"], 0.5, 1, card),), people=(words["who"],)
    )


def _nudge(words: Words) -> NudgeView:
    since = TODAY - timedelta(days=3)
    return NudgeView(
        nudge_id=1, key="k", ticket="206647", title=words["title"], url="https://desk.example/206647",
        stage=words["stage"], waiting_on="agent", party=words["who"], waited=250_000, threshold=80_000,
        still_since=since, priority="High", customer=words["who"], comparables=429, compared_by="stage",
        reason=words["reason"], evidence=(Evidence("message", since, words["who"], words["title"]),),
        rule="overdue", step=0, recipient="person:1", recipient_name=words["who"],
    )  # fmt: skip


def _finding(words: Words, *, many: bool) -> blocks.Finding:
    columns = (words["column"], words["hours"], "P90", "n")
    rows = tuple((words["stage"], f"{3335 - 7 * n:,}", f"{n + 1} h", str(41 + n)) for n in range(500 if many else 4))
    columns, rows = (columns * 3, tuple(row * 3 for row in rows)) if many else (columns, rows)
    return blocks.Finding(words["sentence"], words["what"], columns, rows, len(rows), (words["reason"],))


def _native(words: Words) -> blocks.Drawn:
    """Slack's own table and chart, which nothing else here shows."""
    labels = [words["stage"][:18], words["who"][:18], "P1", "P2"]
    points = [{"label": label, "value": value} for label, value in zip(labels, (3335, 1794, 798, 7), strict=True)]
    series = [{"name": "2026-11", "data": points}, {"name": "2026-10", "data": points[::-1]}]
    series[1]["data"] = [{"label": p["label"], "value": q["value"]} for p, q in zip(points, points[::-1], strict=True)]
    chart = {"type": "bar", "series": series, "axis_config": {"categories": labels, "y_label": words["hours"][:50]}}
    rows = [[{"type": "raw_text", "text": words["column"][:100]}, {"type": "raw_text", "text": "n"}]]
    rows += [
        [{"type": "raw_text", "text": p["label"]}, {"type": "raw_number", "value": p["value"], "text": str(p["value"])}]
        for p in points
    ]
    table = {"type": "data_table", "caption": words["what"][:200], "rows": rows, "page_size": 3}
    pie = {"type": "pie", "segments": points[:3]}
    drawn = [
        {"type": "data_visualization", "title": words["column"][:50], "chart": chart},
        {"type": "data_visualization", "title": words["column"][:50], "chart": pie},
        table,
    ]
    return blocks.Drawn(words["sentence"][:200], drawn)


def windows(words: Words, lang: Lang) -> Iterator[tuple[str, dict[str, Any]]]:
    """The Home and three modals by name."""
    many = 60 if words is EXTREME else 1
    ticket = Line("206647", words["title"], "https://desk.example/1", words["stage"], 250_000)
    yield "home", drawing.home(Mine([ticket] * many, [ticket] * many, [ticket] * many), Pages(), lang)
    yield "saving", resolution.form(Draft(words["title"][:140], words["text"][:3000], words["text"][:3000]), {}, lang)
    yield "hours", drawing.hours_form(Mine(hours=("09:00", "17:30", (0, 1, 2, 3, 4))), lang)
    yield "comment", feedback.comment_form("wrong", "1", lang)


def photograph(page: Page, playground: Open, name: str, content: str, out: Path) -> None:
    """Everything in one language and width."""
    words, lang = CONTENTS[content]
    user = next(
        u.id for u in playground.slack.workspace.users.values() if u.name == ("林静" if lang == "zh" else "Ana Costa")
    )
    client = WebClient(playground.slack.bot_token, base_url=playground.slack.url)
    client.proxy = None
    with playground.slack.workspace.changing():
        for message in playground.slack.workspace.record:
            message.deleted = True
    named = {}
    for view, drawn in messages(words, lang):
        posted = client.chat_postMessage(channel=EVERYBODY, text=drawn.text, blocks=drawn.blocks)
        named[str(posted["ts"])] = view
    page.goto("about:blank")
    page.goto(f"{playground.url}#{user}/{EVERYBODY}")
    page.locator(".message").nth(len(named) - 1).wait_for()
    page.wait_for_timeout(300)
    _sheet(page, named, out, f"{content}-{name}.png")
    for view, shown in windows(words, lang):
        _window(page, playground, client, user, shown)
        page.screenshot(path=out / f"{view}-{content}-{name}.png")
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")


def _sheet(page: Page, named: dict[str, str], out: Path, end: str) -> None:
    """All messages at once, then each by itself: the window must be tall enough to show them whole."""
    size = page.viewport_size or {"width": 0, "height": 0}
    height = page.locator(".main .log").evaluate("node => node.scrollHeight") + 250
    page.set_viewport_size({"width": size["width"], "height": height})
    page.wait_for_timeout(200)
    page.screenshot(path=out / f"sheet-{end}")
    for ts, view in named.items():
        page.locator(f'[data-ts="{ts}"]').screenshot(path=out / f"{view}-{end}")
    page.set_viewport_size(size)


def _window(page: Page, playground: Open, client: WebClient, user: str, shown: dict[str, Any]) -> None:
    if shown["type"] == "modal":
        wrong = view_problems(shown, "modal")
        assert not wrong, wrong
        with playground.slack.workspace.changing():
            open_root(playground.slack.workspace, user, shown)
        page.get_by_role("dialog").wait_for()
        return
    direct = playground.slack.direct(user)
    page.goto("about:blank")
    page.goto(f"{playground.url}#{user}/{direct}")
    page.get_by_role("tab").first.click()
    page.wait_for_timeout(800)
    client.views_publish(user_id=user, view=shown)
    page.wait_for_timeout(800)


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        small_playground(Path(home), jobs=False) as playground,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, (width, height) in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            for content in CONTENTS:
                photograph(page, playground, name, content, out)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "photographs"))
