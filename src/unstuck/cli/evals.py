"""`unstuck eval …`: `answers` here; each other part that can be measured adds a command to this group."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck.cli.knowledge import Bar, Query, learn_path, plain_errors, question_of, read_queries, readable
from unstuck.cli.options import Home, Json, chosen_lang, print_json

if TYPE_CHECKING:
    from knowledge import KnowledgeBase
    from knowledge.evaluate import Asked

group = typer.Typer(name="eval", help="Measure how good answers and numbers are.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    # A group with one command would become that command.
    group.callback()(lambda: None)
    group.command("answers")(eval_answers)
    app.add_typer(group)


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

    with plain_errors(corpus), _base_of_its_own(home) as base, Bar("answers.learning", chosen_lang()) as bar:
        learn_path(base, corpus, bar.at)
        asked = read_queries(None, queries) + (read_queries(None, unanswerable) if unanswerable is not None else [])
        report = evaluate.score(_try_out(base, asked), evaluate.read_qrels(readable(qrels)))
    if json:
        print_json(report.to_json())
    else:
        for name, value in report.to_json().items():
            print(f"{name:20} {value if value is not None else '-'}")


@contextmanager
def _base_of_its_own(home: Path | None) -> Iterator[KnowledgeBase]:
    """An empty base that goes when it has been measured. Its vectors stay: they take most of the time."""
    import knowledge
    from knowledge.embed import find_embedder
    from knowledge.remembered import RememberingEmbedder
    from unstuck import settings

    loaded = settings.load(home=home)
    kept = loaded.directory / "evaluations"
    kept.mkdir(parents=True, exist_ok=True)
    embedder = find_embedder(loaded.embedder)
    with tempfile.TemporaryDirectory(dir=kept) as directory:
        remembering = RememberingEmbedder(embedder, kept / "vectors.db") if embedder is not None else None
        base = knowledge.open(
            f"sqlite:///{directory}/cards.db",
            Path(directory),
            embedder=remembering or loaded.embedder,
            wrong_target=loaded.wrong_target,
        )
        with closing(base):
            yield base
        if remembering is not None:
            remembering.close()


def _try_out(base: KnowledgeBase, asked: Sequence[Query]) -> Iterator[Asked]:
    from knowledge.evaluate import Asked

    texts = [one.text for one in asked]
    answers = base.ask_many([question_of(text, None, None) for text in texts])
    rankings = base.search_many(texts, 10)
    for one, given, hits in zip(asked, answers, rankings, strict=True):
        yield Asked(one.id or "", [hit.id for hit in hits], given.answered, given.confidence)
