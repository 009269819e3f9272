"""Shortcuts in a message's menu and anywhere in Slack: answered, shared, saved, linked."""

from sqlmodel import select

from bot.playground.run import Running
from bot.playground.workspace import Message
from knowledge.upkeep import Decisions
from unstuck.tickets.tables import KnowledgeUse, TicketThread

E24 = "The dishwasher stops and blinks E24. What helps?"


def asked(bot: Running, text: str = E24, *, private: bool = False) -> tuple[str, str, Message]:
    """Somebody who reads a question in a channel: their id, the channel and the message."""
    customer, ana = bot.slack.add_user("cara"), bot.slack.add_user("ana", email="ana@desk.example")
    channel = bot.slack.add_channel("support", [customer, ana], private=private)
    return ana, channel, bot.slack.say(channel, customer, text, tell=False)


def heard(bot: Running, channel: str) -> list[Message]:
    bot.settle()
    return bot.slack.messages(channel, by_bot=True)


def test_answer_this_tells_one_person_and_shares_on_their_click(bot: Running) -> None:
    ana, channel, message = asked(bot)
    assert bot.slack.message_shortcut(ana, message, "answer_this").ok
    answer, _feedback = heard(bot, channel)
    assert "drain pump filter" in answer.all_text()
    assert answer.ephemeral_to == ana
    bot.slack.press(ana, answer, "answer_share")
    public = [m for m in heard(bot, channel) if m.ephemeral_to is None]
    assert len(public) == 1
    assert public[0].thread_ts == message.ts
    assert "drain pump filter" in public[0].all_text()
    bot.slack.press(ana, answer, "answer_share")
    assert len([m for m in heard(bot, channel) if m.ephemeral_to is None]) == 1


def test_nobody_else_shares_and_internal_answers_stay_private(bot: Running) -> None:
    ana, channel, message = asked(bot, "Where is the master key of the safe?")
    ben = bot.slack.add_user("ben")
    bot.slack.message_shortcut(ana, message, "answer_this")
    answer = heard(bot, channel)[0]
    assert "Drawer two" in answer.all_text()
    for who, said in ((ben, "Only the person who asked"), (ana, "internal")):
        bot.slack.press(who, answer, "answer_share")
        last = heard(bot, channel)[-1]
        assert last.ephemeral_to == who
        assert said in last.text
    assert all(m.ephemeral_to for m in heard(bot, channel))


def test_nothing_is_shared_where_outsiders_read_along(bot: Running) -> None:
    ana, channel, message = asked(bot)
    bot.slack.workspace.shared.add(channel)
    bot.slack.message_shortcut(ana, message, "answer_this")
    bot.slack.press(ana, heard(bot, channel)[0], "answer_share")
    assert "other organisations" in heard(bot, channel)[-1].text
    assert all(m.ephemeral_to for m in heard(bot, channel))


def test_guests_get_no_answer(bot: Running) -> None:
    _, channel, message = asked(bot)
    gus = bot.slack.add_user("gus", guest=True)
    bot.slack.message_shortcut(gus, message, "answer_this")
    [said] = heard(bot, channel)
    assert "Guests" in said.text
    bot.slack.message_shortcut(gus, message, "save_resolution")
    bot.settle()
    view = bot.slack.modal(gus)
    assert view
    assert "submit" not in view.content
    assert "Guests" in str(view.content)


def test_ask_unstuck_answers_in_the_conversation_with_the_bot(bot: Running) -> None:
    ana = bot.slack.add_user("ana")
    bot.slack.global_shortcut(ana, "ask_unstuck")
    bot.settle()
    bot.slack.submit(ana, {"question": E24})
    question, answer = heard(bot, bot.slack.direct(ana))
    assert E24 in question.all_text()
    assert answer.thread_ts == question.ts
    assert "drain pump filter" in answer.all_text()
    assert bot.slack.modal(ana) is None


def test_a_thread_becomes_a_card_that_waits_for_a_yes(bot: Running) -> None:
    ana, channel, message = asked(bot, "The kiosk printer jams on thin paper, says bob@mail.example.")
    ben = bot.slack.add_user("ben")
    told = "Open the rear tray, lower the paper guide by two notches and print a test page."
    fix = bot.slack.say(channel, ben, told, thread_ts=message.ts, tell=False)
    bot.slack.message_shortcut(ana, fix, "save_resolution")
    bot.settle()
    view = bot.slack.modal(ana)
    assert view
    assert view.state["steps"]["steps"]["value"] == told
    assert "bob@mail.example" not in str(view.content)
    bot.slack.submit(ana, {"title": "Kiosk printer jams", "steps": f"{told} Call +49 170 1234567 if not."})
    bot.settle()
    done = bot.slack.modal(ana)
    assert done
    assert "waits for a manager's yes" in str(done.content)
    name = f"slack:{channel}/{message.ts}"
    card = bot.deps.knowledge.ledger.waiting(name)
    assert card
    assert (card.title, card.visibility) == ("Kiosk printer jams", "internal")
    assert "1234567" not in card.steps
    assert card.url == f"https://desk.slack.com/archives/{channel}/p{message.ts.replace('.', '')}"
    assert Decisions(bot.deps.knowledge, "U1", bot.deps.clock.now()).approve(name)
    assert name in bot.deps.knowledge.cards([name])
    Decisions(bot.deps.knowledge, "U1", bot.deps.clock.now()).retire(name)


def test_the_last_reply_that_says_what_to_do_is_offered(bot: Running) -> None:
    ana, channel, message = asked(bot, "Scanner shows a grey screen.")
    ben = bot.slack.add_user("ben")
    for text in ("Hold the power key for ten seconds until it restarts.", "done"):
        bot.slack.say(channel, ben, text, thread_ts=message.ts, tell=False)
    bot.slack.message_shortcut(ana, message, "save_resolution")
    bot.settle()
    view = bot.slack.modal(ana)
    assert view
    assert view.state["problem"]["problem"]["value"] == "Scanner shows a grey screen."
    assert view.state["steps"]["steps"]["value"].startswith("Hold the power key")


def test_a_message_in_a_channel_without_the_bot_can_be_saved(bot: Running) -> None:
    ana = bot.slack.add_user("ana")
    channel = bot.slack.add_channel("elsewhere", [ana], private=True, with_bot=False)
    message = bot.slack.say(channel, ana, "Label printer beeps twice.", tell=False)
    bot.slack.message_shortcut(ana, message, "save_resolution")
    bot.settle()
    bot.slack.submit(ana, {"steps": "Close the lid until it clicks."})
    bot.settle()
    card = bot.deps.knowledge.ledger.waiting(f"slack:{channel}/{message.ts}")
    assert card
    assert card.url is None


def test_a_linked_thread_counts_for_its_ticket(bot: Running) -> None:
    ana, channel, message = asked(bot)
    bot.slack.mention(channel, ana, E24, thread_ts=message.ts)
    bot.settle()
    bot.slack.message_shortcut(ana, message, "link_ticket")
    bot.settle()
    bot.slack.submit(ana, {"ticket": "S-404"})
    view = bot.slack.modal(ana)
    assert view
    assert "no such ticket" in view.errors["ticket"]
    bot.slack.submit(ana, {"ticket": "#S-3"})
    bot.settle()
    done = bot.slack.modal(ana)
    assert done
    assert "now belongs to" in str(done.content)
    with bot.deps.sessions() as session:
        tied = session.exec(select(TicketThread).where(TicketThread.channel == channel)).one()
        used = session.exec(select(KnowledgeUse).where(KnowledgeUse.channel == channel)).all()
        assert {use.ticket_id for use in used} == {tied.ticket_id}
    # Linked anew, the thread belongs to the other ticket alone, and the form says so.
    bot.slack.close(ana)
    bot.slack.message_shortcut(ana, message, "link_ticket")
    bot.settle()
    again = bot.slack.modal(ana)
    assert again
    assert again.state["ticket"]["ticket"]["value"] == "S-3"
