"""The values that go in and out of the knowledge base."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from knowledge.filters import EVERYTHING, Filter

#: What everybody at the desk may read. Other labels: `internal`, `team:<name>`.
PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Card:
    """A resolution: what was wrong and what helped. Or a document that answers by itself, without steps."""

    id: str
    title: str
    #: What the person who asked saw: the symptom.
    text: str
    #: What solved it, in the words of who solved it. Empty when nobody said.
    steps: str = ""
    #: `en`, `zh` or another ISO code.
    lang: str = "en"
    url: str | None = None
    #: When it was solved or written, aware, UTC.
    created: datetime | None = None
    #: Who solved it, and in which team.
    owner: str | None = None
    team: str | None = None
    product: str | None = None
    #: Who may see it: `public`, `internal` or `team:<name>`.
    visibility: str = PUBLIC
    #: The ticket it was learned from, as the ticket system names it.
    source: str | None = None
    #: Version, device or place the problem was seen with, and why it happened; empty when nobody said.
    environment: str = ""
    cause: str = ""
    #: How it ended, in the words of who said so last: "works now", "replaced".
    outcome: str = ""
    #: Who said that it helped: `customer`, the name of an agent, or nobody.
    verified_by: str | None = None
    #: Until when it holds, aware, UTC; `None` means that nobody set an end.
    valid_until: datetime | None = None
    #: Ids of the comments that the steps were taken from.
    comments: tuple[str, ...] = ()

    @property
    def symptom(self) -> str:
        """What a question is compared with."""
        return f"{self.title}\n{self.text}".strip() or self.steps


@dataclass(frozen=True, slots=True)
class Learned:
    """What became of the cards that were handed in."""

    #: Cards that are new or say something new.
    learned: int = 0
    #: Ids and reasons of the lines that could not be used.
    skipped: tuple[tuple[str, str], ...] = ()
    #: Of the learned ones, those that repeat a known card and only add to its count of tickets.
    folded: int = 0

    def __add__(self, other: Learned) -> Learned:
        return Learned(self.learned + other.learned, self.skipped + other.skipped, self.folded + other.folded)


@dataclass(frozen=True, slots=True)
class Hit:
    """A card that was found."""

    id: str
    title: str
    #: Fused score, 0 to 1, comparable within one search only.
    score: float
    #: From 1.
    rank: int
    card: Card
    #: Cosine of question and card; `None` without an embedding model.
    cosine: float | None = None
    #: Tickets that ended with this resolution.
    tickets: int = 1
    #: It has failed too often, or has expired: to be checked before anybody relies on it.
    doubted: bool = False
    #: It names another code or model than the question does; see `codes`.
    contradicts: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, and what they may see."""

    text: str
    #: Language of the answer; `None` means that of the question.
    lang: str | None = None
    #: Labels of cards that may be shown.
    visible: frozenset[str] = frozenset({PUBLIC})
    #: What the answer may be taken from.
    only: Filter = EVERYTHING
    #: Ids of cards that were told already and did not help.
    tried: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer comes from."""

    id: str
    title: str
    url: str | None
    #: Copied character by character from the card.
    quote: str
    #: When it was solved or written, by whom, in which team.
    created: datetime | None = None
    owner: str | None = None
    team: str | None = None
    #: Tickets that ended with it; 0 for a document, which answers by itself.
    tickets: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its sources, or an honest "I don't know" with where to turn."""

    answered: bool
    #: Estimated probability that the best card is the right one, 0 to 1.
    confidence: float
    #: Empty when not answered: the caller words that in the asker's language.
    text: str
    citations: tuple[Citation, ...] = ()
    lang: str = "en"
    #: Why not answered, or why answered without the model: `not_sure`, `doubted`, `nothing_known`, `no_words`,
    #: `model_failed`, `model_timeout`, `model_unsupported`; `model_cut_off` for an answer that lacks its end.
    #: `which_product` and `which_cause` ask back: several fit, see `choices`.
    reason: str | None = None
    #: Products or causes to choose from, the likeliest first.
    choices: tuple[str, ...] = ()
    #: The nearest cards, best first, whether or not they were used.
    nearest: tuple[Hit, ...] = ()
    #: Persons or teams who solved the most similar ones, most similar first.
    people: tuple[str, ...] = ()
    #: Share of answers that may be wrong at the least confidence with which the base answers.
    wrong_target: float = 0.10
    #: Answers with as much evidence are wrong far less often than that.
    is_clear: bool = False
