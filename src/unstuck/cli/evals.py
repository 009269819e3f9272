"""`unstuck eval …`: `answers` here; each other part that can be measured adds a command to this group."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from unstuck.cli.knowledge import Bar, Query, learn_path, opened, plain_errors, question_of, read_queries, readable
from unstuck.cli.options import Home, Json, LangOption, chosen_lang, lang_or, print_json
from unstuck.clock import iso
from unstuck.errors import UsageError, UserError
from unstuck.i18n import Lang, language_of, t

if TYPE_CHECKING:
    from knowledge import KnowledgeBase
    from knowledge.evaluate import Asked, Qrels, Report

group = typer.Typer(name="eval", help="Measure how good answers and numbers are.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group to `app`."""
    # A group with one command would become that command.
    group.callback()(lambda: None)
    group.command("answers")(eval_answers)
    app.add_typer(group)


def eval_answers(
    corpus: Annotated[Path | None, typer.Option("--corpus", help="Cards, as `knowledge learn` reads them.")] = None,
    queries: Annotated[Path | None, typer.Option("--queries", help='Questions: JSON lines {"id", "text"}.')] = None,
    qrels: Annotated[
        Path | None, typer.Option("--qrels", help="Which cards are right: question, card, relevance.")
    ] = None,
    unanswerable: Annotated[Path | None, typer.Option("--unanswerable", help="Questions that no card answers.")] = None,
    tickets: Annotated[
        int, typer.Option("--tickets", min=1, help="Without files: how many of the newest to ask.")
    ] = 200,
    home: Home = None,
    json: Json = False,
    lang: LangOption = None,
) -> None:
    """Measure search and answers, in a base of their own: on files, or on the desk's own newest solved tickets.

    Without files the newest solved tickets are asked as questions against the older ones. The desk's own base
    stays as it is.
    """
    spoken = lang_or(chosen_lang(), lang)
    if corpus is None and queries is None and qrels is None:
        report, exam = _own_tickets(home, tickets)
        shown = _as_json(report) | {"held_out": exam, "definition": t("evals.definition", spoken)}
    elif corpus is None or queries is None or qrels is None:
        raise UsageError("answers_eval_files")
    else:
        report = _files(home, corpus, queries, qrels, unanswerable)
        shown = _as_json(report)
    if json:
        print_json(shown)
    else:
        _show(report, shown, spoken)


@dataclass(frozen=True, slots=True)
class _Report:
    """What came out, as a whole and told apart."""

    whole: Report
    by_language: Mapping[str, Report]
    by_product: Mapping[str, Report]


def _files(home: Path | None, corpus: Path, queries: Path, qrels: Path, unanswerable: Path | None) -> _Report:
    from knowledge import evaluate

    with plain_errors(corpus), _base_of_its_own(home) as base, Bar("answers.learning", chosen_lang()) as bar:
        learn_path(base, corpus, bar.at)
        asked = read_queries(None, queries) + (read_queries(None, unanswerable) if unanswerable is not None else [])
        return _reported(list(_try_out(base, asked)), evaluate.read_qrels(readable(qrels)))


def _own_tickets(home: Path | None, n: int) -> tuple[_Report, dict[str, Any]]:
    """The report on the desk's own tickets, and how many were asked of how many."""
    from knowledge import held_out
    from unstuck.sync import solved_cards

    with opened(home) as deps:
        exam = held_out.split(list(solved_cards(deps.sessions)), n)
    if not exam.asked:
        raise UserError("answers_no_exam")
    with plain_errors(None), _base_of_its_own(home) as base, Bar("answers.learning", chosen_lang()) as bar:
        base.learn(exam.known, bar.at)
        qrels = {card.id: dict.fromkeys(base.saying_the_same(card), 1) for card in exam.asked}
        asked = [
            Query(question, card.id, language_of(question), card.product or "")
            for card in exam.asked
            if (question := held_out.question_of(card))
        ]
        report = _reported(list(_try_out(base, asked)), qrels)
    since = exam.asked[0].created
    return report, {"asked": len(asked), "known": len(exam.known), "left_out": exam.left_out, "since": since}


def _reported(asked: Sequence[Asked], qrels: Qrels) -> _Report:
    from knowledge.evaluate import score, score_by

    return _Report(score(asked, qrels), score_by("lang", asked, qrels), score_by("product", asked, qrels))


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
        ranking = [hit.id for hit in hits]
        yield Asked(one.id or "", ranking, given.answered, given.confidence, one.lang, one.product)


# -- showing ---------------------------------------------------------------------------------------

#: Products in the table, the most asked; --json has all.
_MOST_PRODUCTS = 12
#: Columns of the table, each the report's field of that name.
_COLUMNS = ("queries", "unanswerable", "coverage", "right", "wrong", "recall_10", "hit_1")


def _as_json(report: _Report) -> dict[str, Any]:
    return report.whole.to_json() | {
        "by_language": {name: one.to_json() for name, one in report.by_language.items()},
        "by_product": {name: one.to_json() for name, one in report.by_product.items()},
    }


def _show(report: _Report, shown: dict[str, Any], lang: Lang) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("group", *_COLUMNS):
        is_name = name == "group"
        table.add_column(t(f"evals.{name}", lang), justify="left" if is_name else "right", no_wrap=is_name)
    rows = {t("evals.all", lang): report.whole, **report.by_language}
    if set(report.by_product) != {""}:
        products = list(report.by_product.items())[:_MOST_PRODUCTS]
        rows |= {name or t("evals.no_product", lang): one for name, one in products}
    for group, one in rows.items():
        table.add_row(escape(group), *(_cell(one.to_json()[name]) for name in _COLUMNS))
    Console().print(table)
    print(t("evals.legend", lang))
    for name, value in report.whole.to_json().items():
        if name not in _COLUMNS:
            print(f"{name:20} {value if value is not None else '-'}")
    if "held_out" in shown:
        print(t("evals.held_out", lang, **shown["held_out"] | {"since": iso(shown["held_out"]["since"])[:10]}))
        print(shown["definition"])


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{100 * value:.1f}%"
