"""`/unstuck`: help, ask, answer, stuck, nudges, knowledge, alias, replay, channel. Only who typed it sees the reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App

from bot import aliases, answers, asked, blocks, exports, home, insights, manners, upkeep
from bot.blocks.text import unescape
from bot.conversation import reply
from bot.desk import Desk
from bot.intake import Job
from bot.people import Member
from bot.posting import Privately
from unstuck.i18n import Lang, language_of, t

NAME = "/unstuck"
#: Chinese words for the same commands.
ALIASES = {
    "帮助": "help", "问": "ask", "查": "answer", "卡点": "stuck", "提醒": "nudges", "知识": "knowledge", "知识库": "knowledge",
    "别名": "alias", "重算": "replay", "频道": "channel",
    "": "help", "hi": "help",
}  # fmt: skip

Run = Callable[["_Typed"], None]


class _Typed:
    """One command as somebody typed it."""

    def __init__(self, form: dict[str, Any], member: Member, lang: Lang, place: Privately, desk: Desk) -> None:
        word, _, rest = unescape(form.get("text") or "").strip().partition(" ")
        self.word = ALIASES.get(word.lower(), word.lower())
        self.rest, self.whole = rest.strip(), f"{word} {rest}".strip()
        self.member, self.lang, self.place, self.desk = member, lang, place, desk
        #: Commands have no thread: a channel's commands of one person are one conversation.
        self.thread_key = f"slack:{form['channel_id']}:{form['user_id']}"


def register(app: App) -> None:
    app.command(NAME)(on_command)


def on_command(ack: Ack, command: dict[str, Any], desk: Desk) -> None:
    ack()
    if ALIASES.get(word := str(command.get("text") or "").strip().lower(), word) == "channel":
        manners.open_channel(command, desk)
        return
    place = desk.privately(command["response_url"], command["user_id"], _spoken(command))
    desk.work.take(Job(lambda: _run(command, place, desk), place))


def _spoken(command: dict[str, Any]) -> Lang | None:
    """The language of what was typed, when it says anything about that."""
    text = str(command.get("text") or "")
    return language_of(text) if language_of(text) == "zh" or " " in text.strip() else None


def _run(command: dict[str, Any], place: Privately, desk: Desk) -> None:
    member = desk.people.get(command["user_id"])
    lang = _spoken(command) or desk.lang(member)
    place = replace(place, lang=lang)
    if desk.admits(member, place):
        typed = _Typed(command, member, lang, place, desk)
        COMMANDS.get(typed.word, _anything)(typed)


def _help(typed: _Typed) -> None:
    typed.place.say(blocks.help_(typed.lang))


def _ask(typed: _Typed) -> None:
    """A manager's question, said to be one: never answered from the knowledge base."""
    if not typed.rest:
        typed.place.tell("bot.ask_hint")
        return
    asked.as_it_stood(typed.desk.deps.sessions, typed.thread_key, typed.desk.deps.clock.now())
    reading = insights.read(typed.desk, typed.rest, typed.member.id, typed.thread_key, typed.lang)
    insights.show(typed.desk, reading, typed.place)


def _answer(typed: _Typed) -> None:
    """An agent's question, said to be one."""
    if not typed.rest:
        typed.place.tell("bot.answer_hint")
        return
    deps = typed.desk.deps
    asked.as_it_stood(deps.sessions, typed.thread_key, deps.clock.now())
    found = answers.find(deps, typed.rest, typed.place, typed.thread_key, alone=typed.desk.alone(alone=True))
    answers.show(deps, found, typed.rest, typed.member.id, typed.place, alone=True)


def _stuck(typed: _Typed) -> None:
    typed.rest = t("bot.prompt_stuck_text", typed.lang)
    _ask(typed)


def _nudges(typed: _Typed) -> None:
    typed.place.say(blocks.waiting_list(home.waiting_for(typed.desk, typed.member), typed.lang))


def _knowledge(typed: _Typed) -> None:
    upkeep.show(typed.desk, typed.member, typed.place)


def _alias(typed: _Typed) -> None:
    aliases.typed(typed.rest, typed.member, typed.lang, typed.place, typed.desk)


def _replay(typed: _Typed) -> None:
    exports.replay(typed.rest, typed.member, typed.place, typed.desk)


def _anything(typed: _Typed) -> None:
    """No command of ours: a sentence is a question, a lone word is a slip."""
    if " " in typed.whole or typed.lang == "zh":
        reply(typed.whole, typed.member.id, typed.thread_key, typed.place, typed.desk, alone=True)
    else:
        typed.place.tell("bot.unknown_command", word=typed.whole)
        _help(typed)


COMMANDS: dict[str, Run] = {
    "help": _help,
    "ask": _ask,
    "answer": _answer,
    "stuck": _stuck,
    "nudges": _nudges,
    "knowledge": _knowledge,
    "alias": _alias,
    "replay": _replay,
}
