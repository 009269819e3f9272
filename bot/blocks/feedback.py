"""Whether an answer helped: the buttons below it, why not, and what its card's owner hears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.blocks.forms import modal, words_input
from bot.blocks.shapes import Drawn, actions, button, context, section
from bot.blocks.text import Block, clip, fallback, link, passage, person, say
from knowledge.fate import REASONS, Outcome
from unstuck.i18n import Lang, t

HELPED, NO, REASON, COMMENT = "answer_helped", "answer_no", "answer_reason", "answer_comment"
#: The form for a comment, and its one field.
COMMENT_FORM, WORDS = "answer_comment_form", "words"
#: The one block of an answer that changes when a button is pressed.
BLOCK = "answer_feedback"
MAX_TITLE, MAX_QUESTION, MAX_COMMENT = 140, 600, 1000


def feedback(value: str, lang: Lang) -> Block:
    """The two buttons. `value` names the answer."""
    buttons = [button(t("bot.feedback_helped", lang), HELPED, value), button(t("bot.feedback_no", lang), NO, value)]
    return actions(buttons, BLOCK)


def why_not(value: str, lang: Lang) -> Block:
    """What was wrong, a button a reason."""
    return actions(
        (button(t(f"bot.feedback_{reason}", lang), f"{REASON}_{reason}", f"{reason}:{value}") for reason in REASONS),
        BLOCK,
    )


def thanks(outcome: Outcome, value: str, lang: Lang) -> Block:
    """What is left once somebody has said it; whoever said no may say more. `value` names the answer."""
    if outcome is Outcome.HELPED:
        return context(say("bot.feedback_thanks", lang)) | {"block_id": BLOCK}
    noted = say("bot.feedback_noted", lang, said=t(f"bot.feedback_{outcome}", lang))
    return section(noted, button(t("bot.feedback_comment", lang), COMMENT, value)) | {"block_id": BLOCK}


def comment_form(reason: str, value: str, lang: Lang) -> dict[str, Any]:
    """What was wrong, in somebody's own words."""
    words = words_input(
        WORDS, t("bot.feedback_comment_label", lang), hint=t("bot.feedback_comment_hint", lang), most=MAX_COMMENT
    )
    blocks = [section(say("bot.feedback_comment_about", lang, said=t(f"bot.feedback_{reason}", lang))), words]
    return modal(
        t("bot.feedback_comment", lang),
        blocks,
        lang,
        callback_id=COMMENT_FORM,
        submit=t("bot.feedback_comment_send", lang),
        metadata={"answer": value},
    )


def alone(block: Block, lang: Lang) -> Drawn:
    """The buttons as a message of their own, where the answer cannot be redrawn."""
    return Drawn(fallback(t("bot.feedback_question", lang)), [section(say("bot.feedback_question", lang)), block])


def with_block(blocks: Sequence[Block], block: Block) -> list[Block]:
    """The message with its feedback block replaced, or with one at its end."""
    if any(one.get("block_id") == BLOCK for one in blocks):
        return [block if one.get("block_id") == BLOCK else one for one in blocks]
    return [*blocks, block]


def complaint(payload: Mapping[str, Any], lang: Lang, *, alone: bool) -> Drawn:
    """What the owner of a card hears when somebody says no. `alone`: nobody else reads it."""
    said = t(f"bot.feedback_{payload['reason']}", lang)
    # In a channel people read along who may not see the card.
    named = alone or payload["public"]
    title = link(payload["url"], clip(payload["title"], MAX_TITLE)) if named else link(None, payload["card"])
    key = "bot.complaint" if alone else "bot.complaint_channel"
    blocks = [section(say(key, lang, who=person(payload["by"]), said=said, title=title))]
    if alone:
        blocks += [*passage(clip(payload["question"], MAX_QUESTION), quoted=True)]
    if comment := payload.get("comment"):
        blocks += [context(say("bot.complaint_comment", lang)), *passage(clip(comment, MAX_COMMENT), quoted=True)]
    blocks.append(context(say("bot.complaint_next", lang)))
    return Drawn(fallback(t("bot.complaint_short", lang, said=said)), blocks)
