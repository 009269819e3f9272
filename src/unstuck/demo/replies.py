"""What agents write: answers, questions back, notes to each other, and the summary at the end."""

from __future__ import annotations

from random import Random

from unstuck.demo.people import DeskPerson
from unstuck.demo.requests import Case, join
from unstuck.demo.wording import phrase, say


class AgentVoice:
    """One agent's way to write on one ticket."""

    def __init__(self, case: Case, agent: DeskPerson, team: str, random: Random) -> None:
        self.case = case
        self.random = random
        self._names = {**case.names(), "agent": agent.first, "team": team}

    def say(self, what: str, **more: str) -> str:
        return phrase(f"agent.{what}", self.case.lang, self.random, **{**self._names, **more})

    def question(self) -> str:
        """Asks back."""
        ask = join([self.say("ask_lead"), say(self.case.talk.ask, self.random)], self.case.lang)
        return self._letter([self.say("sorry"), ask])

    def answer(self) -> str:
        """Cause and steps, before anybody knows whether they help."""
        steps = self.say("steps_lead") + "\n" + self._steps()
        return self._letter([self.say("sorry"), self._cause(), steps, self.say("answer_end")])

    def summary(self) -> str:
        """The closing message, with cause and steps on record."""
        return self._letter([self.say("solved_lead"), self._cause(), self._steps(), self.say("solved_end")])

    def letter(self, what: str) -> str:
        """A short stock message as a letter."""
        return self._letter([self.say(what)])

    def note(self) -> str:
        return self.say("note_lead") + say(self.case.talk.note, self.random)

    def handoff(self, to: str) -> str:
        return self.say("handoff", to=to, note=say(self.case.talk.note, self.random))

    def resolution(self) -> str:
        """The resolution field, as agents fill it in: short, in one line."""
        return join([say(self.case.talk.cause, self.random), *self._told_steps()], self.case.lang)

    def _cause(self) -> str:
        return self.say("cause_lead", cause=say(self.case.talk.cause, self.random))

    def _told_steps(self) -> list[str]:
        """The steps, at times without the least important one."""
        steps = [say(step, self.random).replace("{model}", self.case.model) for step in self.case.talk.steps]
        if len(steps) > 3 and self.random.random() < 0.2:
            steps.pop()
        return steps

    def _steps(self) -> str:
        steps = self._told_steps()
        style = self.say("steps_join")
        if style == "prose":
            return join(steps, self.case.lang)
        return "\n".join(
            f"{n}. {step}" if style == "numbered" else f"- {step}" for n, step in enumerate(steps, start=1)
        )

    def _letter(self, parts: list[str]) -> str:
        """Greeting and signature where the channel has room for them."""
        parts = [part for part in parts if part]
        if self.case.channel in ("Chat", "WeChat", "Marketplace") and self.random.random() < 0.6:
            return "\n".join(parts)
        return "\n\n".join([self.say("hello"), "\n".join(parts), self.say("signature")])
