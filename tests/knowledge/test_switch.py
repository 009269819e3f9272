"""Another model or a new vector index takes over while the old one serves: on both databases, embedded and served."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chromadb
import pytest
from sqlalchemy import Engine, text

import knowledge
from knowledge import Card, KnowledgeBase, embedding
from knowledge.embed import Embedder
from knowledge.testing import HashEmbedder, a_card, chroma_server

PARTS = ("pump", "valve", "fuse", "belt", "motor", "display", "hinge", "filter", "hose", "sensor")
FAULTS = ("is loud", "leaks water", "stays cold", "blinks red", "smells burnt")
DIMENSIONS = {"old": 64, "new": 32}

Open = Callable[..., KnowledgeBase]


def model(name: str) -> Embedder:
    return HashEmbedder(name, DIMENSIONS[name])


def many_cards() -> list[Card]:
    return [
        a_card(f"{part}-{n}", f"The {part} {fault}", text=f"It shows E-{row}{n}.", steps=f"Exchange {part} {n}.")
        for row, part in enumerate(PARTS)
        for n, fault in enumerate(FAULTS)
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="unstuck-chroma-") as directory, chroma_server(Path(directory)) as url:
        yield url


@pytest.fixture(params=["embedded", pytest.param("served", marks=pytest.mark.slow)])
def chroma_url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "embedded":
        return None
    url = str(request.getfixturevalue("server"))
    for name in collections(url):
        with client(url) as opened:
            opened.delete_collection(name)
    return url


@pytest.fixture
def reopened(engine: Engine, tmp_path: Path, chroma_url: str | None) -> Iterator[Open]:
    """Opens the same base again and again, each time as a process of its own would."""
    opened: list[KnowledgeBase] = []

    def reopen(
        configured: Embedder | str, *, closing: bool = True, known: tuple[str, ...] = ("old", "new")
    ) -> KnowledgeBase:
        if closing and opened:
            opened.pop().close()
        opened.append(
            knowledge.open(
                engine,
                tmp_path / "knowledge",
                chroma_url=chroma_url,
                embedder=configured,
                reopen=lambda name: model(name) if name in known else None,
            )
        )
        return opened[-1]

    yield reopen
    for base in opened:
        base.close()


@contextmanager
def client(url: str) -> Iterator[Any]:
    opened = chromadb.HttpClient("127.0.0.1", int(url.rpartition(":")[2]))
    yield opened
    opened.close()
    for one in (opened, opened._admin_client):  # type: ignore[attr-defined]
        one._server._session.close()


def collections(url: str) -> list[str]:
    with client(url) as opened:
        return [one.name for one in opened.list_collections()]


def first(base: KnowledgeBase, q: str = "pump leaks water") -> str:
    return base.search(q, 1)[0].id


def spaces(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(text("SELECT DISTINCT space FROM knowledge_vector")))


def test_the_old_model_serves_until_the_new_one_knows_every_card(
    reopened: Open, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_CARDS_AT_ONCE", 10)
    old = reopened(model("old"))
    for card in many_cards():
        old.store([card])
    old.catch_up()
    base = reopened(model("new"))
    slices = iter([False, False, True])
    base.catch_up(enough=lambda: next(slices))
    status = base.status()
    assert (status["embedder"], status["embedded"]) == ("old", 50)
    assert 0 < status["preparing"]["embedded"] < 50
    base.learn([a_card("new", "The antenna rattles in the wind")])
    assert first(base) == "pump-1"
    assert first(base, "antenna rattles") == "new"

    base = reopened(model("new"))  # killed, say
    base.catch_up()
    assert (base.status()["embedder"], base.status()["embedded"]) == ("new", 51)
    assert base.status()["preparing"] is None
    assert first(base) == "pump-1"
    assert first(base, "antenna rattles") == "new"
    assert base.ask(knowledge.Question("The pump leaks water and shows E-01")).nearest[0].id == "pump-1"
    assert base.status()["measured_at_cards"] == 51
    base.catch_up()
    assert spaces(engine) == ["new@1"]


def test_a_model_that_comes_back_embeds_every_card_again(reopened: Open, engine: Engine) -> None:
    reopened(model("old")).learn(many_cards())
    for name in ("new", "old"):
        base = reopened(model(name))
        base.catch_up()
        base.catch_up()
        assert spaces(engine) == [f"{name}@1"]
        assert base.status()["embedded"] == 50
        assert first(base) == "pump-1"


def test_words_alone_serve_where_the_old_model_is_not_to_be_had(reopened: Open) -> None:
    reopened(model("old")).learn(many_cards())
    base = reopened(model("new"), known=("new",))
    assert base.status()["embedder"] is None
    assert base.status()["missing_embedder"] == "old"
    assert first(base, "E-12") == "valve-2"
    base.catch_up()
    assert base.status()["missing_embedder"] is None
    assert base.status()["embedder"] == "new"


def test_the_old_model_goes_on_where_the_configured_one_is_not_to_be_had(reopened: Open, tmp_path: Path) -> None:
    reopened(model("old")).learn(many_cards())
    base = reopened(str(tmp_path / "mistyped"))
    base.learn([a_card("new", "The antenna rattles in the wind")])
    base.catch_up()
    assert (base.status()["embedder"], base.status()["embedded"]) == ("old", 51)
    assert first(base, "antenna rattles") == "new"


def test_a_model_that_is_fetched_later_takes_over_from_words_alone(reopened: Open, tmp_path: Path) -> None:
    base = reopened(str(tmp_path / "none-yet"))
    base.learn(many_cards())
    assert base.status()["embedder"] is None
    base = reopened(model("new"))
    assert base.status()["embedder"] is None
    base.catch_up()
    assert (base.status()["embedder"], base.status()["embedded"]) == ("new", 50)


def test_another_process_notices_the_switch_at_its_next_question(reopened: Open) -> None:
    asker = reopened(model("old"))
    asker.learn(many_cards())
    assert first(asker) == "pump-1"
    asker.close()  # the other one may write
    base = reopened(model("new"), closing=False)
    base.catch_up()
    assert asker.status()["embedder"] == "new"
    base.catch_up()  # the old vectors are deleted
    assert first(asker) == "pump-1"


def test_a_new_index_takes_over_and_the_old_one_is_deleted(
    reopened: Open, tmp_path: Path, chroma_url: str | None
) -> None:
    base = reopened(model("old"))
    base.learn(many_cards())
    before = [hit.id for hit in base.search("pump is loud", 20)]
    assert base.rebuild()
    assert [hit.id for hit in base.search("pump is loud", 20)] == before
    base.catch_up()
    assert [hit.id for hit in base.search("pump is loud", 20)] == before
    if chroma_url is None:
        assert [folder.name for folder in tmp_path.glob("knowledge/chroma*")] == ["chroma-1"]
    else:
        assert {name.split("-")[2] for name in collections(chroma_url)} == {"1"}


def test_an_index_that_cannot_be_read_is_built_anew(engine: Engine, tmp_path: Path) -> None:
    home = tmp_path / "knowledge"
    base = knowledge.open(engine, home, embedder=model("old"))
    base.learn(many_cards())
    base.close()
    for file in home.glob("chroma-0/chroma.sqlite3*"):
        file.write_bytes(b"not a database" * 100)
    base = knowledge.open(engine, home, embedder=model("old"))
    assert first(base) == "pump-1"  # from the catalogue
    base.catch_up()
    base.catch_up()
    assert [folder.name for folder in home.glob("chroma*")] == ["chroma-1"]
    assert first(base) == "pump-1"
    base.close()


# httpcore forgets to close a connection that the server has closed when the next one is refused.
def test_questions_go_on_while_the_chroma_server_is_away(engine: Engine, tmp_path: Path) -> None:
    with chroma_server(tmp_path) as url:
        base = knowledge.open(engine, tmp_path / "knowledge", chroma_url=url, embedder=model("old"))
        base.learn(many_cards())
        assert first(base) == "pump-1"
    assert first(base) == "pump-1"
    base.learn([a_card("new", "The antenna rattles in the wind")])
    assert first(base, "antenna rattles") == "new"
    assert base.rebuild() is False
    base.close()
    del base
    gc.collect()
