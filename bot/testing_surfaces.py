"""Everything that the bot says to somebody in Slack, as things to do and to look at: for tests of what goes wrong.

A surface is something that one person does, after what must have been before, and the calls that its words need.
What everybody sees afterwards is a `picture`: numbers are left out, so two pictures of one surface are the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.blocks.feedback import HELPED
from bot.blocks.nudges import MINE, MORE, WHY
from bot.delivery import deliver_due
from bot.digest import redraw
from bot.notices import deliver_notices
from bot.playground.faults import RESPONSE_URL, UPLOAD
from bot.playground.run import Running
from bot.playground.workspace import Message
from bot.sharing import SHARE
from unstuck import notices, preferences
from unstuck.clock import FrozenClock
from unstuck.notices import Told
from unstuck.testing import a_change, a_ticket
from unstuck.testing_nudges import sweep, tell
from unstuck.tickets.changes import PersonRecord, TeamRecord

QUESTION, FOLLOW_UP = "Why does the dishwasher stop and blink E24?", "Refund has not arrived"
NUMBER, ROWS, UNCLEAR = (
    "resolution time of Repairs and Billing by team",
    "list all open tickets",
    "how many done last week",
)
TWO_DAYS, PUT_OFF = timedelta(days=2), timedelta(seconds=35)
#: Ids, moments, numbers: what differs from one time to the next.
_VOLATILE = re.compile(r"\b[0-9a-f]{8}\b|[\d.]+")


@dataclass
class Scene:
    """One person, the channels that they see, and a ticket of theirs that stands still."""

    bot: Running
    number: int
    ana: str = ""
    support: str = ""
    agents: str = ""
    #: What was there before, by name.
    kept: dict[str, Message] = field(default_factory=dict)

    def __post_init__(self) -> None:
        slack, n = self.bot.slack, self.number
        self.ana = slack.add_user("ana", email=f"p{n}@desk.example")
        self.support, self.agents = (slack.add_channel(name, [self.ana]) for name in ("support", "agents"))
        people = [PersonRecord(f"p{n}", "Ana", kind="agent", email=f"p{n}@desk.example", team=f"t{n}")]
        tell(self.bot.deps, [], people, [TeamRecord(f"t{n}", f"Team {n}", slack_channel=self.support)])

    @property
    def ticket(self) -> str:
        return f"W-{self.number}"

    @property
    def places(self) -> dict[str, str]:
        return {self.support: "support", self.agents: "agents", self.bot.slack.direct(self.ana): "direct"}

    def last(self, channel: str | None = None) -> Message:
        return self.bot.slack.messages(channel or self.support, by_bot=True)[-1]

    def stall(self, **values: str) -> None:
        """A ticket that has stood still for two days, found by a sweep."""
        start = self.bot.deps.clock.now() - TWO_DAYS
        tell(self.bot.deps, a_ticket(self.ticket, start=start, team=f"t{self.number}", title="Pump stops", **values))
        sweep(self.bot.deps)

    def minute(self) -> None:
        """What the bot does by itself, and what it does again."""
        deps, client = self.bot.deps, self.bot.app.client
        self.bot.settle()
        self.bot.look_after()
        deliver_due(deps, client)
        deliver_notices(deps, client)
        redraw(deps, client)
        self.bot.settle()

    def finish(self, rounds: int = 2) -> None:
        """Until whatever was put off was tried again, more than once."""
        clock = self.bot.deps.clock
        assert isinstance(clock, FrozenClock)
        for _ in range(rounds):
            self.minute()
            clock.tick(PUT_OFF)
        self.minute()


@dataclass(frozen=True, slots=True)
class Surface:
    """One thing that the bot says."""

    name: str
    #: Calls without which it cannot say it.
    methods: tuple[str, ...]
    act: Callable[[Scene], object]
    before: Callable[[Scene], object] = lambda _scene: None
    #: Whether it is said in the channel `support`.
    in_channel: bool = False
    #: Whether it tells of the whole desk, and so of what earlier scenes left there.
    of_the_desk: bool = False


def picture(scene: Scene) -> Counter[str]:
    """Everything that stands before somebody in a scene, each with how often it does."""
    slack = scene.bot.slack
    seen = Counter(
        f"{scene.places[m.channel]}{' alone' if m.ephemeral_to else ''}: {_scrubbed(_shown(m))}"
        for m in slack.messages()
        if m.channel in scene.places and (m.by_bot or m.unfurls)
    )
    home, modal = slack.home(scene.ana), slack.modal(scene.ana)
    seen.update({f"home: {_scrubbed(' '.join(words_of(home)))}": 1} if home else {})
    seen.update({f"window: {_scrubbed(' '.join(words_of(modal.content)))}": 1} if modal else {})
    # Set once more, they are the same prompts.
    asked = {str(one["prompts"]) for one in slack.workspace.prompts if one["channel_id"] == slack.direct(scene.ana)}
    seen.update({f"prompts: {_scrubbed(one)}": 1 for one in asked})
    return seen


def words_of(value: Any) -> Iterator[str]:
    """Every text in a view or message."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("text", "initial_value") and isinstance(inner, str):
                yield inner
            else:
                yield from words_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from words_of(inner)


def _shown(message: Message) -> str:
    words = message.all_text() if message.by_bot else " ".join(words_of(message.unfurls))
    return " | ".join([words, *(str(file["title"]) for file in message.files)])


def _scrubbed(text: str) -> str:
    return _VOLATILE.sub("0", text)


# -- what somebody does


def _ask(scene: Scene, text: str = QUESTION) -> Message:
    return scene.bot.slack.mention(scene.support, scene.ana, text)


def _asked(scene: Scene, text: str = QUESTION) -> None:
    scene.kept["question"] = _ask(scene, text)
    scene.bot.settle()
    scene.kept["answer"] = scene.last()


def _set(scene: Scene, **values: object) -> None:
    deps = scene.bot.deps
    preferences.put(deps.sessions, preferences.CHANNEL + scene.support, values, scene.ana, deps.clock.now())


def _answer_this(scene: Scene) -> None:
    message = scene.bot.slack.say(scene.support, scene.ana, QUESTION, tell=False)
    scene.bot.slack.message_shortcut(scene.ana, message, "answer_this")


def _answered_alone(scene: Scene) -> None:
    _answer_this(scene)
    scene.bot.settle()
    [scene.kept["answer"]] = [m for m in scene.bot.slack.messages(scene.support) if SHARE in m.buttons()]


def _press(scene: Scene, action: str, value: str | None = None) -> None:
    scene.bot.slack.press(scene.ana, scene.kept["answer"], action, value)


def _nudged(scene: Scene) -> None:
    scene.stall(assignee=f"p{scene.number}")
    scene.minute()
    scene.kept["answer"] = scene.last(scene.bot.slack.direct(scene.ana))


def _moved(scene: Scene) -> None:
    now = scene.bot.deps.clock.now()
    tell(scene.bot.deps, [a_change(scene.ticket, now, status="Resolved")])
    sweep(scene.bot.deps)


def _menu(scene: Scene, name: str) -> None:
    options = scene.kept["answer"].buttons()[MORE]["options"]
    _press(scene, MORE, next(one["value"] for one in options if one["value"].endswith(f":{name}")))


def _opened(scene: Scene, open_: Callable[[Scene], object]) -> None:
    open_(scene)
    scene.bot.settle()


def _comment_form(scene: Scene) -> None:
    _nudged(scene)
    _opened(scene, lambda scene: _menu(scene, "comment"))


def _link_form(scene: Scene) -> None:
    message = scene.bot.slack.say(scene.support, scene.ana, "it leaks", tell=False)
    tell(scene.bot.deps, a_ticket(scene.ticket))
    _opened(scene, lambda scene: scene.bot.slack.message_shortcut(scene.ana, message, "link_ticket"))


def _save_form(scene: Scene) -> None:
    message = scene.bot.slack.say(scene.support, scene.ana, "it leaks", tell=False)
    scene.bot.slack.message_shortcut(scene.ana, message, "save_resolution")


def _put(scene: Scene, recipient: str) -> None:
    deps, n = scene.bot.deps, scene.number
    payload = {"ticket": scene.ticket, "title": "Pump stops", "url": None, "by": scene.ana}
    with deps.sessions.begin() as session:
        told = Told(f"passed:{n}", "passed_on", payload, recipient.format(n=n), 1, f"t{n}")
        notices.put(session, told, deps.clock.now())


def _commanded(scene: Scene) -> None:
    scene.bot.slack.command(scene.ana, "/unstuck", f"answer {QUESTION}", channel=scene.support)
    scene.bot.settle()
    scene.kept["answer"] = scene.last()


def _known_address(scene: Scene) -> None:
    url = f"https://desk.example/tickets/{scene.ticket}"
    tell(scene.bot.deps, a_ticket(scene.ticket, title="Pump stops", url=url))


POST, OPEN, UPDATE = "chat.postMessage", "conversations.open", "chat.update"
FILES = ("files.getUploadURLExternal", UPLOAD, "files.completeUploadExternal")

SURFACES = (
    Surface("answer in a channel", ("users.info", POST), _ask, in_channel=True),
    Surface(
        "answer in a thread", (POST,),
        lambda s: s.bot.slack.say(s.support, s.ana, FOLLOW_UP, thread_ts=s.kept["question"].ts),
        _asked, in_channel=True,
    ),
    Surface("answer in the direct conversation", (POST,), lambda s: s.bot.slack.direct_message(s.ana, QUESTION)),
    Surface("number and chart", (POST, *FILES), lambda s: _ask(s, NUMBER), in_channel=True),
    Surface("question back", (POST,), lambda s: _ask(s, UNCLEAR), in_channel=True),
    Surface("answer to the asker first", ("chat.postEphemeral",), _ask, lambda s: _set(s, alone=True), in_channel=True),
    Surface(
        "draft for the agents", ("chat.getPermalink", POST),
        lambda s: s.bot.slack.say(s.support, s.ana, QUESTION),
        lambda s: _set(s, mode="draft", drafts=s.agents),
    ),
    Surface(
        "slash command", ("users.info", RESPONSE_URL),
        lambda s: s.bot.slack.command(s.ana, "/unstuck", f"answer {QUESTION}", channel=s.support),
    ),
    Surface("answer this", (RESPONSE_URL,), _answer_this),
    Surface(
        "share here", ("conversations.info", POST, RESPONSE_URL),
        lambda s: _press(s, SHARE), _answered_alone, in_channel=True,
    ),
    Surface("chosen reading", (UPDATE, POST), lambda s: _press(s, "insight_choose_0"), lambda s: _asked(s, UNCLEAR), in_channel=True),
    Surface("feedback", (UPDATE,), lambda s: _press(s, HELPED), _asked, in_channel=True),
    Surface("rows as a file", FILES, lambda s: _press(s, "insight_save_csv"), lambda s: _asked(s, ROWS), in_channel=True),
    Surface("feedback in private", (RESPONSE_URL,), lambda s: _press(s, HELPED), _commanded),
    Surface("window", ("views.open", "views.update"), lambda s: s.bot.slack.global_shortcut(s.ana, "ask_unstuck")),
    Surface("window of a message", ("views.open", "conversations.replies", "views.update"), _save_form),
    Surface("window of a nudge", ("views.open", "views.update"), lambda s: _menu(s, "comment"), _nudged),
    Surface(
        "question from a window", (OPEN, POST),
        lambda s: s.bot.slack.submit(s.ana, {"question": QUESTION}),
        lambda s: _opened(s, lambda s: s.bot.slack.global_shortcut(s.ana, "ask_unstuck")),
    ),
    Surface(
        "what came of a window", ("chat.getPermalink", "views.update"),
        lambda s: s.bot.slack.submit(s.ana, {"ticket": s.ticket}), _link_form,
    ),
    Surface(
        "comment in a thread", (POST, "views.update"),
        lambda s: s.bot.slack.submit(s.ana, {"words": "asked the vendor"}), _comment_form,
    ),
    Surface("home", ("users.info", "views.publish"), lambda s: s.bot.slack.open_home(s.ana), of_the_desk=True),
    Surface(
        "prompts", ("assistant.threads.setSuggestedPrompts",), lambda s: s.bot.slack.open_home(s.ana, "messages"),
    ),
    Surface(
        "preview of a link", ("conversations.info", "conversations.members", "chat.unfurl"),
        lambda s: s.bot.slack.say(s.support, s.ana, f"https://desk.example/tickets/{s.ticket}"),
        _known_address, in_channel=True,
    ),
    Surface(
        "nudge to a person", ("users.lookupByEmail", OPEN, POST), lambda s: s.stall(assignee=f"p{s.number}"),
    ),
    Surface("nudge to a team", (POST,), lambda s: s.stall(), in_channel=True),
    Surface("nudge that is over", (UPDATE,), _moved, _nudged),
    Surface("button on a nudge", (UPDATE,), lambda s: _press(s, MINE), _nudged),
    Surface("why this nudge", (RESPONSE_URL,), lambda s: _press(s, WHY), _nudged),
    Surface("notice to a person", ("users.lookupByEmail", OPEN, POST), lambda s: _put(s, "person:p{n}")),
    Surface("notice to a team", (POST,), lambda s: _put(s, "team:t{n}"), in_channel=True),
)  # fmt: skip
