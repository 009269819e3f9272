"""Commands: nudges preview, rehearse, risks, effect, found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from unstuck.cli.options import AsOf, Home, Json, LangOption, clock, lang_or, print_json, progress
from unstuck.i18n import Lang, format_duration, format_instant, format_number, format_share, t

if TYPE_CHECKING:
    from unstuck.deps import Deps
    from unstuck.facts.timers import Timer
    from unstuck.nudges.at_risk import AtRisk
    from unstuck.nudges.desk import Desk
    from unstuck.nudges.effect import Effect
    from unstuck.nudges.preview import Preview
    from unstuck.nudges.rehearsal import Rehearsal
    from unstuck.stalls.clocks import Calendars
    from unstuck.stalls.deadlines import Deadline

Days = Annotated[int, typer.Option("--days", min=1, max=3660, help="How many days before now to replay.")]

group = typer.Typer(help="Reminders about tickets that stand still.", no_args_is_help=True)

COLUMNS = ("ticket", "waiting_on", "stage", "waited", "threshold", "risk", "recipient")
#: Lines of a table that somebody still reads.
MOST_ROWS = 40


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="nudges")


@group.command()
def preview(home: Home = None, as_of: AsOf = None, lang: LangOption = None, json_: Json = False) -> None:
    """List the nudges that would go out now. Sends nothing."""

    def show(built: Deps, spoken: Lang, now: datetime) -> None:
        from unstuck.nudges.desk import open_desk
        from unstuck.nudges.preview import as_json, preview
        from unstuck.nudges.risks import best_by_ticket, known

        desk = open_desk(built.engine, built.facts, built.settings, now)
        found = preview(built.engine, built.facts, desk, now)
        by_ticket = best_by_ticket(known(built.engine, built.facts, now) if found.wanted else ())
        rows = [
            as_json(one, desk, spoken, by_ticket.get(one.ticket.id), found.mornings.get(one.ticket.id))
            for one in found.wanted
        ]
        if json_:
            print_json(rows)
        else:
            _print_preview(found, rows, desk, spoken, now)

    _with_desk(home, as_of, lang, show)


@group.command()
def rehearse(
    days: Days = 30, home: Home = None, as_of: AsOf = None, lang: LangOption = None, json_: Json = False
) -> None:
    """Replay the past: what the rules would have sent, to whom, and what came of it. Sends nothing."""

    def show(built: Deps, spoken: Lang, now: datetime) -> None:
        from unstuck.nudges.rehearsal import as_json, rehearse

        with Progress(console=progress, transient=True) as bar:
            task = bar.add_task(t("nudges.rehearsing", spoken), total=1.0)
            found = rehearse(
                built.engine, built.facts, built.settings, now, days, lambda share: bar.update(task, completed=share)
            )
        if json_:
            print_json(as_json(found))
        else:
            _print_rehearsal(found, days, built.settings.timezone, spoken, now)

    _with_desk(home, as_of, lang, show)


@group.command()
def risks(home: Home = None, as_of: AsOf = None, lang: LangOption = None, json_: Json = False) -> None:
    """List open tickets that are likely to be late soon, and why."""

    def show(built: Deps, spoken: Lang, now: datetime) -> None:
        from unstuck.nudges.at_risk import as_json, at_risk

        found = at_risk(built.facts, now, _calendars(built))
        if json_:
            print_json([as_json(one, spoken) for one in found])
        else:
            _print_risks(found, built.settings.timezone, spoken)

    _with_desk(home, as_of, lang, show)


@group.command()
def found(home: Home = None, as_of: AsOf = None, lang: LangOption = None, json_: Json = False) -> None:
    """Show timers, deadlines and days off that history tells of though nobody wrote them down. Sets nothing."""

    def show(built: Deps, spoken: Lang, now: datetime) -> None:
        from unstuck.nudges import days_off
        from unstuck.nudges.at_risk import proposals

        calendars = _calendars(built)
        with closing(built.facts.connect()) as con:
            timers, deadlines, rests = proposals(con, now, calendars)
        if json_:
            unwritten = {"timers": [asdict(one) for one in timers], "deadlines": [asdict(one) for one in deadlines]}
            print_json({**unwritten, "days_off": days_off.as_json(rests)})
        else:
            one_calendar = not calendars.by_team or calendars.shared is not None
            days = days_off.said(rests, spoken, one_calendar=one_calendar)
            _print_found(timers, deadlines, [*days], spoken)

    _with_desk(home, as_of, lang, show)


@group.command()
def effect(
    days: Days = 90, home: Home = None, as_of: AsOf = None, lang: LangOption = None, json_: Json = False
) -> None:
    """Tell whether nudges help: told stalls beside those held back, and which rules are often wrong."""

    def show(built: Deps, spoken: Lang, now: datetime) -> None:
        from unstuck.nudges.effect import as_json, effect
        from unstuck.nudges.rules import load
        from unstuck.tickets.database import reading

        with reading(built.engine) as connection:
            found = effect(connection, load(built.settings.directory), now, days)
        if json_:
            print_json(as_json(found))
        else:
            _print_effect(found, built.settings.timezone, spoken)

    _with_desk(home, as_of, lang, show)


def _print_effect(found: Effect, timezone: str, lang: Lang) -> None:
    from unstuck.nudges.effect import FEWEST

    out = Console(highlight=False, markup=False)
    since, until = (format_instant(at, timezone, lang) for at in (found.since, found.until))
    out.print(t("effect.title", lang, since=since, until=until, horizon=format_duration(found.horizon_s, lang)))
    for name, group in (("sent", found.sent), ("held", found.held)):
        if group.mean_s is not None and group.moved_2h is not None and group.moved_1d is not None:
            shares = {"soon": format_share(group.moved_2h, lang), "day": format_share(group.moved_1d, lang)}
            mean, n = format_duration(group.mean_s, lang), format_number(group.n, lang)
            out.print(t(f"effect.{name}", lang, n=n, mean=mean, **shares))
    if found.difference_s is None or found.interval_s is None:
        fewest = format_number(FEWEST, lang)
        out.print(t("effect.too_few" if found.held.n else "effect.nothing_held", lang, n=fewest))
    else:
        said = [format_duration(seconds, lang) for seconds in (found.difference_s, *found.interval_s)]
        out.print(t("effect.difference", lang, difference=said[0], low=said[1], high=said[2]))
    for one in found.rules:
        numbers = {"sent": format_number(one.sent, lang), "n": format_number(one.false_alarms, lang)}
        out.print(t("effect.rule", lang, rule=one.rule, share=format_share(one.share, lang), **numbers))
        if one.retire:
            out.print("  " + t("effect.retire_short", lang, least=format_share(one.at_least, lang)))


def _calendars(built: Deps) -> Calendars:
    from unstuck.stalls.clocks import Calendars
    from unstuck.tickets.calendars import load_calendars
    from unstuck.tickets.database import reading

    with reading(built.engine) as connection:
        return Calendars(load_calendars(connection))


def _print_risks(found: Sequence[AtRisk], timezone: str, lang: Lang) -> None:
    from unstuck.nudges.at_risk import reason_words, says

    out = Console(highlight=False, markup=False)
    if not found:
        out.print(t("risk.none", lang))
    for one in found[:MOST_ROWS]:
        what = t("risk.overstay", lang) if one.what == "overstay" else t("risk.miss", lang, field=one.what)
        due, chance = format_instant(one.due, timezone, lang), format_share(one.risk.chance, lang)
        out.print(t("risk.line", lang, ticket=one.ticket, stage=one.stage, chance=chance, what=what, due=due))
        for sentence in (says(one.risk, lang), *(reason_words(reason, lang) for reason in one.risk.reasons)):
            out.print(f"  {sentence}")
    if len(found) > MOST_ROWS:
        out.print(t("nudges.more", lang, n=format_number(len(found) - MOST_ROWS, lang)))


def _print_found(timers: Sequence[Timer], deadlines: Sequence[Deadline], days_off: Sequence[str], lang: Lang) -> None:
    from unstuck.stalls.deadlines import ALL_HOURS, hopeless

    out = Console(highlight=False, markup=False)
    for timer in timers:
        out.print(t("risk.timer", lang, stage=timer.stage, after=format_duration(timer.seconds, lang)))
    for one in deadlines:
        said = [_promised(one, kind, seconds, lang) for kind, seconds in sorted(one.within.items(), key=str)]
        shares = {"agreement": format_share(one.agreement, lang), "n": format_number(one.tickets, lang)}
        within, until = t("risk.and", lang).join(said), t(f"risk.{one.until}", lang)
        out.print(t("risk.deadline", lang, field=one.field, missed=one.missed, until=until, within=within, **shares))
        if one.hours != ALL_HOURS:
            begin, end = (f"{hour:02}:00" for hour in one.hours)
            out.print(t("risk.counted", lang, begin=begin, end=end, zone=one.timezone))
        for vain in hopeless(one, timers):
            after, target = format_duration(vain.timer.seconds, lang), _time(one, vain.within, lang)
            out.print(
                t("risk.hopeless", lang, within=target, kind=vain.kind or "", stage=vain.timer.stage, after=after)
            )
    for sentence in days_off:
        out.print(sentence)
    if deadlines:
        out.print(t("risk.propose", lang))
    elif not timers and not days_off:
        out.print(t("risk.nothing_found", lang))


def _promised(deadline: Deadline, kind: str | None, seconds: int, lang: Lang) -> str:
    said = _time(deadline, seconds, lang)
    return t("risk.kind", lang, within=said, kind=kind) if kind else said


def _time(deadline: Deadline, seconds: int, lang: Lang) -> str:
    whole_days = seconds % 86_400 == 0 and deadline.clock != "desk"
    n = format_number(seconds // 86_400, lang) if whole_days else format_duration(seconds, lang)
    return t(f"risk.days_{deadline.clock}", lang, n=n) if whole_days or deadline.clock == "desk" else n


def _with_desk(home: Any, as_of: str | None, lang: str | None, show: Callable[[Deps, Lang, datetime], None]) -> None:
    from unstuck import deps, settings

    loaded = settings.load(home=home)
    spoken, now = lang_or(loaded.lang, lang), clock(as_of)
    built = deps.build(loaded, clock=now)
    try:
        show(built, spoken, now.now())
    finally:
        built.close()


def _print_preview(found: Preview, rows: Sequence[dict[str, Any]], desk: Desk, lang: Lang, now: datetime) -> None:
    out = Console()
    if not rows:
        out.print(t("nudges.nothing" if desk.learned or desk.rules.targets else "nudges.no_history", lang))
        return
    table = Table(*(t(f"nudges.{name}", lang) for name in COLUMNS), box=None, pad_edge=False)
    for row in rows[:MOST_ROWS]:
        table.add_row(*_cells(row, lang))
    out.print(table)
    if len(rows) > MOST_ROWS:
        out.print(t("nudges.more", lang, n=format_number(len(rows) - MOST_ROWS, lang)))
    at = format_instant(now, desk.timezone, lang)
    alone = len(rows) - len(found.mornings)
    out.print(t("nudges.due", lang, n=format_number(alone, lang), at=at))
    if found.at > now:
        out.print(t("nudges.later", lang, at=format_instant(found.at, desk.timezone, lang)))
    if found.mornings:
        until = format_instant(max(found.mornings.values()), desk.timezone, lang)
        out.print(t("nudges.mornings", lang, n=format_number(len(found.mornings), lang), at=until))
    if found.put_off:
        out.print(t("nudges.put_off", lang, n=format_number(found.put_off, lang), cap=desk.rules.person_per_day))


def _cells(row: dict[str, Any], lang: Lang) -> list[str]:
    from rich.markup import escape

    party = t(f"nudges.party_{row['waiting_on']}", lang, name=row["party"] or t("nudges.somebody", lang))
    waited, threshold = (format_duration(row[name], lang) for name in ("waited", "threshold"))
    risk = format_share(row["risk"], lang) if "risk" in row else ""
    cells = [row["ticket"], party, row["stage"], waited, threshold, risk, row["recipient"]]
    return [escape(str(cell)) for cell in cells]


def _print_rehearsal(found: Rehearsal, days: int, timezone: str, lang: Lang, now: datetime) -> None:
    out, numbers = Console(), {name: format_number(value, lang) for name, value in found.counts().items()}
    out.print(t("nudges.rehearsal", lang, days=days, until=format_instant(now, timezone, lang), **numbers))
    if found.moved_before or any(one.digest for one in found.sent):
        out.print(t("nudges.rehearsal_digests", lang, before=format_number(found.moved_before, lang), **numbers))
    out.print(t("nudges.rehearsal_moved", lang, **numbers))
    out.print(t("nudges.rehearsal_avoidable", lang, **numbers))
    if found.sent:
        name, n, most = found.busiest()
        out.print(t("nudges.rehearsal_busiest", lang, name=name, n=n, most=most), markup=False)
    out.print(t("nudges.rehearsal_put_off", lang, n=format_number(found.put_off, lang)))
