"""What a stretch of a question can mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from unstuck.insights.plan import Op, OwnWord
from unstuck.insights.question.times import Time


class Role(StrEnum):
    """What kind of thing a word says; sections of the vocabulary files bear these names."""

    FUNCTION = "function"
    TICKET = "ticket"
    COUNT = "count"
    HOW_LONG = "how_long"
    SHARE = "share"
    METRIC = "metric"
    STATE = "state"
    DIMENSION = "dimension"
    AGGREGATE = "aggregate"
    ORDER = "order"
    OPERATOR = "operator"
    SHAPE = "shape"
    GRAIN = "grain"
    DAY_KIND = "day_kind"
    CLOCK = "clock"
    ASK = "ask"
    CUE = "cue"
    VAGUE = "vague"
    REFUSE = "refuse"
    # not from the vocabulary
    VALUE = "value"
    TIME = "time"
    NUMBER = "number"
    THRESHOLD = "threshold"
    LIMIT = "limit"
    TICKET_ID = "ticket_id"


#: Words that stand for no condition of their own.
EMPTY = frozenset({Role.FUNCTION, Role.TICKET})


@dataclass(frozen=True, slots=True)
class Meaning:
    """One reading of a word or phrase."""

    role: Role
    #: Which of its role: a metric, a state, a dimension, an operator, …; a value's dimension.
    id: str = ""
    #: A metric's variant, or a live value as the desk writes it.
    value: str = ""
    op: Op | None = None
    number: float | None = None
    #: `seconds`, `business`, `tickets`, `times` or nothing.
    unit: str = ""
    time: Time | None = None
    #: A live value that is also an ordinary word: it counts as a value only where the question says so.
    shy: bool = False
    #: Taken alone this reading is a guess: always ask.
    doubtful: bool = False

    #: The workspace's own word for it, if it was said so.
    own: OwnWord | None = None

    @property
    def is_strong_cue(self) -> bool:
        """Whether the word says by itself that the question goes on from the one before."""
        return self.role is Role.CUE and self.id in ("change", "only", "how_was", "drop")

    @property
    def is_a_person(self) -> bool:
        """Whether the word asks for a person."""
        return self.role is Role.SHAPE and self.id == "who"

    @property
    def is_a_state_word(self) -> bool:
        """Whether the word makes sense only of tickets as they stand at an instant."""
        match self.role:
            case Role.STATE:
                return self.id != "open"
            case Role.METRIC:
                return self.id in ("backlog", "age", "stale", "unassigned", "wip")
            case Role.ORDER:
                return self.id in ("oldest", "newest")
            case Role.SHAPE:
                return self.id == "list"
            case Role.THRESHOLD:
                return self.unit == "seconds"
        return False


@dataclass(frozen=True, slots=True)
class Item:
    """`plain[start:end]` with everything it can mean."""

    start: int
    end: int
    meanings: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """An item of which one meaning was chosen."""

    #: Its place among the items of the question.
    place: int
    start: int
    end: int
    meaning: Meaning

    @property
    def role(self) -> Role:
        return self.meaning.role

    @property
    def id(self) -> str:
        return self.meaning.id

    def is_a(self, role: Role, *ids: str) -> bool:
        return self.role is role and (not ids or self.id in ids)
