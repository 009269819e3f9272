"""Ten journeys through the playground, in Chromium, as somebody with a keyboard makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bot.playground.opening import Open
from bot.playground.testing import small_playground

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
# How long a wait may take on a busy machine; nothing is said about speed.
expect.set_options(timeout=60_000)

AGENT, MANAGER = "Ana Costa", "Lea Brandt"
CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def open_playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    with small_playground(tmp_path_factory.mktemp("journeys")) as page:
        yield page


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox does not start as root, and only our page is opened.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Visitor:
    """Somebody in front of the page."""

    def __init__(self, page, playground: Open) -> None:  # type: ignore[no-untyped-def]
        self.page, self.playground = page, playground
        page.goto(playground.url)
        self.main = page.get_by_role("main")
        self.thread = page.get_by_role("complementary")
        expect(self.main.get_by_role("textbox")).to_be_visible()

    def become(self, name: str) -> None:
        options = self.page.get_by_label(re.compile("Play as|扮演")).locator("option")
        label = next(text for text in options.all_text_contents() if text.startswith(name))
        self.page.get_by_label(re.compile("Play as|扮演")).select_option(label=label)
        expect(self.page.locator(".you strong")).to_have_text(name)

    def go(self, place: str) -> None:
        self.page.get_by_role("navigation").get_by_role("button", name=re.compile(place)).click()

    def write(self, text: str) -> None:
        box = self.main.get_by_role("textbox")
        box.fill(text)
        box.press("Enter")

    def reply(self, text: str) -> None:
        box = self.thread.get_by_role("textbox")
        box.fill(text)
        box.press("Enter")

    @property
    def last(self):  # type: ignore[no-untyped-def]
        return self.thread.get_by_role("article").last


@pytest.fixture
def visitor(browser, open_playground: Open) -> Iterator[Visitor]:  # type: ignore[no-untyped-def]
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on(
        "response",
        lambda reply: errors.append(f"{reply.request.post_data}: {reply.text()}") if reply.status >= 400 else None,
    )
    page.on("dialog", lambda dialog: errors.append(f"a script ran: {dialog.message}"))
    yield Visitor(page, open_playground)
    page.close()
    assert errors == []


def test_ask(visitor: Visitor) -> None:
    visitor.become(AGENT)
    visitor.go("support")
    visitor.write("@unstuck why does the dishwasher blink E24?")
    expect(visitor.last).to_contain_text("Clean the drain pump filter.")
    expect(visitor.last).to_contain_text("Where this comes from")
    expect(visitor.main).to_contain_text("1 reply")


def test_follow_up(visitor: Visitor) -> None:
    visitor.become(MANAGER)
    visitor.write("what is our backlog by team?")
    expect(visitor.thread.get_by_role("table")).to_have_count(1)
    visitor.reply("and by priority?")
    expect(visitor.thread.get_by_role("table")).to_have_count(2)
    expect(visitor.thread.get_by_role("table").last).to_contain_text("P1")


def test_clarify(visitor: Visitor) -> None:
    visitor.become(AGENT)
    visitor.write("there is water under the machine")
    expect(visitor.last).to_contain_text("HX-200")
    expect(visitor.last).to_contain_text("Boiler 9")
    visitor.reply("Boiler 9")
    expect(visitor.last).to_contain_text("Bleed it.")


def test_feedback(visitor: Visitor) -> None:
    visitor.become(AGENT)
    visitor.write("why does the dishwasher stop and blink E24?")
    visitor.last.get_by_role("button", name="This helped").click()
    expect(visitor.last).to_contain_text("Thank")
    expect(visitor.last.get_by_role("button", name="This helped")).to_have_count(0)


def nudge_about(visitor: Visitor, title: str):  # type: ignore[no-untyped-def]
    return visitor.main.get_by_role("article").filter(has_text=title)


def test_nudge_snooze(visitor: Visitor) -> None:
    visitor.become(AGENT)
    nudge = nudge_about(visitor, "Oven door does not close")
    nudge.get_by_role("combobox").select_option(index=1)
    expect(nudge.get_by_role("combobox")).to_have_count(0)
    expect(nudge.locator("time[datetime]").last).to_be_visible()


def test_take(visitor: Visitor) -> None:
    visitor.become(AGENT)
    nudge = nudge_about(visitor, "W-2")
    # What a ticket says stays words: no mention, no bold, no tag.
    expect(nudge).to_contain_text("<!channel> pump *is* loud & <b>leaks</b>")
    expect(nudge.locator("b, .mention")).to_have_count(0)
    nudge.get_by_role("button", name="I'm on it").press("Enter")
    expect(nudge).to_contain_text(f"@{AGENT}")
    expect(nudge.get_by_role("button", name="I'm on it")).to_have_count(0)


def test_reassign(visitor: Visitor) -> None:
    visitor.become(AGENT)
    nudge = nudge_about(visitor, "Dishwasher stops with E24")
    nudge.get_by_role("button", name="More").first.click()
    visitor.page.get_by_role("menuitem", name=re.compile("Pass", re.IGNORECASE)).click()
    window = visitor.page.get_by_role("dialog")
    who = window.get_by_role("combobox")
    who.press_sequentially("Ivo")
    option = window.locator("datalist option[value*=Ivo]").first
    expect(option).to_have_count(1)
    who.fill(str(option.get_attribute("value")))
    window.locator("[type=submit]").click()
    expect(window).to_contain_text("Ivo Marek")
    window.get_by_role("button", name="Close").last.click()
    expect(window).to_have_count(0)
    visitor.become("Ivo Marek")
    expect(visitor.main).to_contain_text("Dishwasher stops with E24")


def test_managers_chart(visitor: Visitor) -> None:
    visitor.become(MANAGER)
    visitor.write("where are tickets stuck this week")
    expect(visitor.thread.get_by_role("table").first).to_be_visible()
    chart = visitor.thread.locator(".upload img, .chart svg").first
    expect(chart).to_be_visible()


def test_save_as_resolution(visitor: Visitor) -> None:
    visitor.become(AGENT)
    visitor.go("support")
    visitor.write("The kiosk printer eats the paper. Turning the roller by hand and cleaning the sensor helped.")
    message = visitor.main.get_by_role("article").filter(has_text="kiosk printer").last
    message.hover()
    message.get_by_role("button", name="More actions").click()
    visitor.page.get_by_role("menuitem", name=re.compile("Save as resolution")).click()
    window = visitor.page.get_by_role("dialog")
    steps = window.get_by_label(re.compile("What solved it|Steps|helped", re.IGNORECASE)).first
    steps.fill("")
    window.locator("[type=submit]").click()
    expect(window.get_by_role("alert").first).to_be_visible()
    steps.fill("Turn the roller by hand and clean the paper sensor.")
    window.locator("[type=submit]").click()
    expect(window).to_contain_text("kiosk printer")
    visitor.page.keyboard.press("Escape")
    expect(window).to_have_count(0)


def test_change_language(visitor: Visitor) -> None:
    visitor.become("Ivo Marek")
    visitor.page.get_by_label("Language").select_option("zh")
    expect(visitor.page.get_by_role("tab", name="主页")).to_be_visible()
    visitor.write("退款一直没有到账")
    expect(visitor.last).to_contain_text("退款五个工作日内到账")
    visitor.page.get_by_label("语言").select_option("en")
    expect(visitor.page.get_by_role("tab", name="Home")).to_be_visible()


def test_on_a_phone_and_with_keys_alone(visitor: Visitor) -> None:
    visitor.become(AGENT)
    page = visitor.page
    page.set_viewport_size({"width": 375, "height": 700})
    page.get_by_role("button", name="Back").click()
    page.get_by_role("navigation").get_by_role("button", name="support").focus()
    page.keyboard.press("Enter")
    expect(visitor.main.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("@unstuck there is water under the machine")
    page.keyboard.press("Enter")
    expect(visitor.last).to_contain_text("HX-200")
    expect(visitor.thread.get_by_role("textbox")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    expect(visitor.thread).to_have_count(0)
    expect(visitor.main.get_by_role("textbox")).to_be_focused()
    page.get_by_role("button", name="Shortcuts and commands").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("Enter")
    window = page.get_by_role("dialog")
    expect(window.get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    expect(page.get_by_role("button", name="Shortcuts and commands")).to_be_focused()
