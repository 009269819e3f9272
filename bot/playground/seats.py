"""Who sits in the playground's Slack: the desk's people in their teams' channels, and a guest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session, col, func, select

from bot.playground.standin import SlackStandIn
from bot.playground.workspace import BOT_USER, TEAM_ID, Channel, User
from unstuck.i18n import language_of
from unstuck.tickets.tables import Person, Team, Ticket

#: More people than this help nobody who looks for one to play.
MOST_PEOPLE = 40
GUEST = User("U0GUEST01", "Robin Guest", "robin@partner.test", guest=True, team=TEAM_ID)
#: Where a desk that names nobody gets its people from.
INVENTED = ("Alex Agent", "Mika Manager", "Ada Admin", "小林")
EVERYBODY = "C0SUPPORT1"
#: Where the guest reads along, with those who have a part of their own.
PARTNERS = "C0PARTNER1"


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who can be played."""

    user: str
    email: str
    #: `agent`, `manager`, `admin` or `guest`.
    part: str


@dataclass(frozen=True, slots=True)
class _House:
    """The desk as its store knows it; people of a team stand behind its lead."""

    people: dict[str, Person]
    teams: tuple[Team, ...]

    def members(self, team: Team) -> list[Person]:
        own = [person for person in self.people.values() if person.team == team.ext_id]
        return sorted(own, key=lambda person: person.ext_id != team.lead)


def seat(slack: SlackStandIn, session: Session, zones: dict[str, str] | None = None) -> list[Seat]:
    """Bring the desk's people and channels in, and write into the store where in Slack they are.

    Those with a part of their own come first. `zones`: IANA time zone by language.
    """
    house = _read(session)
    for person in house.people.values():
        person.slack_id = f"U0DESK{person.id:04d}"
        person.email = person.email or f"{person.slack_id.lower()}@playground.test"
    for team in house.teams:
        team.slack_channel = team.slack_channel or f"C0TEAM{team.id:04d}"
    users = [_user(person, zones or {}) for person in house.people.values()]
    users += [_invented(number, name) for number, name in enumerate(INVENTED[len(users) :])]
    workspace, parts = slack.workspace, _parts(house, users)
    with workspace.changing():
        workspace.users |= {user.id: user for user in (*users, replace(GUEST))}
        everybody = [*(user.id for user in users), BOT_USER]
        workspace.channels[EVERYBODY] = Channel(EVERYBODY, "support", "channel", everybody)
        invited = [one.user for one in parts if one.part != "agent"]
        workspace.channels[PARTNERS] = Channel(PARTNERS, "partners", "channel", [*invited, parts[0].user, BOT_USER])
        for channel in _channels(house):
            workspace.channels[channel.id] = channel
    for user in (*users, GUEST):
        workspace.direct(user.id)
    return parts


def _read(session: Session) -> _House:
    """Those who hold most tickets, in the order in which the source names them."""
    held = select(func.count()).where(Ticket.assignee == Person.ext_id, Ticket.source_id == Person.source_id)
    staff = select(Person).where(col(Person.kind).not_in(("customer", "bot")), Person.active)
    busiest = session.exec(staff.order_by(held.scalar_subquery().desc()).limit(MOST_PEOPLE)).all()
    people = sorted(busiest, key=lambda person: person.id or 0)
    teams = session.exec(select(Team).order_by(col(Team.id))).all()
    return _House({person.ext_id: person for person in people}, tuple(teams))


def _channels(house: _House) -> Iterable[Channel]:
    for team in house.teams:
        members = [str(person.slack_id) for person in house.members(team)]
        name = "-".join(team.name.lower().split()) or team.ext_id
        yield Channel(str(team.slack_channel), name, "channel", [*members, BOT_USER])


def _user(person: Person, zones: dict[str, str]) -> User:
    lang = language_of(person.name)
    locale, zone = ("zh-CN" if lang == "zh" else "en-US"), zones.get(lang, "Etc/UTC")
    return User(str(person.slack_id), person.name, person.email, locale, zone, team=TEAM_ID)


def _invented(number: int, name: str) -> User:
    locale = "zh-CN" if language_of(name) == "zh" else "en-US"
    return User(f"U0MADEUP{number}", name, f"made.up{number}@playground.test", locale, team=TEAM_ID)


def _parts(house: _House, users: Sequence[User]) -> list[Seat]:
    """Leads of the first two teams manage, the third's is the admin; an agent of each of the first two."""
    order = [user.id for user in users]
    teams = [[str(person.slack_id) for person in house.members(team)] for team in house.teams[:3]]
    if all(len(team) > 1 for team in teams) and len(teams) == 3:
        cast = {teams[0][1]: "agent", teams[1][1]: "agent", teams[0][0]: "manager", teams[1][0]: "manager"}
        cast[teams[2][0]] = "admin"
    else:
        cast = dict(zip(order, ("agent", "manager", "admin"), strict=False))
    emails = {user.id: user.email or "" for user in users}
    first = [Seat(user, emails[user], part) for user, part in cast.items()]
    rest = [Seat(user, emails[user], "agent") for user in order if user not in cast]
    return [*first, Seat(GUEST.id, GUEST.email or "", "guest"), *rest]


def roles(seats: Sequence[Seat]) -> dict[str, str]:
    """The settings that make managers and admins of those who play them."""
    return {f"{part}s": ",".join(one.email for one in seats if one.part == part) for part in ("manager", "admin")}
