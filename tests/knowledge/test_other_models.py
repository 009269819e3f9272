"""Models by name or path, through sentence-transformers, and any of ours as LangChain's `Embeddings`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.vectorstores import InMemoryVectorStore

from knowledge.embed import choose, find_embedder, key_of
from knowledge.errors import NoModel
from knowledge.langchain import LangChainEmbeddings
from knowledge.testing import HashEmbedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SentenceTransformer of random weights, made here: the real thing but for what it has learned."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "pump", "is", "loud", "invoice", "wrong", "very"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    SentenceTransformer(modules=[body := Transformer(str(folder / "bert")), Pooling(body.get_embedding_dimension())],
                        device="cpu").save(str(folder / "whole"))  # fmt: skip
    return folder / "whole"


@pytest.mark.filterwarnings("ignore")
def test_a_folder_is_a_model_and_its_contents_name_the_space(folder: Path, tmp_path: Path) -> None:
    embedder = choose(str(folder))
    texts = ["the pump is loud", "the invoice is wrong"]
    documents = embedder.embed_documents(texts)
    assert documents.shape == (2, embedder.dimensions) == (2, 32)
    assert embedder.embed_queries(texts[:1])[0] @ documents[0] == pytest.approx(1, abs=1e-5)
    shutil.copytree(folder, tmp_path / "tuned")
    same, key = choose(str(tmp_path / "tuned")), key_of(embedder).rpartition("@")[2]
    assert key_of(same).endswith(key)
    changed = tmp_path / "tuned" / "config.json"
    changed.write_text(json.dumps({**json.loads(changed.read_text()), "layer_norm_eps": 1e-6}))
    assert not key_of(choose(str(tmp_path / "tuned"))).endswith(key)


@pytest.mark.skipif("UNSTUCK_MINILM" not in os.environ, reason="UNSTUCK_MINILM names no folder of all-MiniLM-L6-v2")
@pytest.mark.filterwarnings("ignore")
def test_a_real_model_tells_paraphrases_from_other_matters() -> None:
    embedder = choose(os.environ["UNSTUCK_MINILM"])
    documents = embedder.embed_documents(["My pump makes a terrible noise", "The invoice names a wrong address"])
    near, far = documents @ embedder.embed_queries(["The pump is loud"])[0]
    assert near > 0.5 > 0.3 > far


def test_a_name_that_is_no_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoModel, match="no_folder"):
        choose(str(tmp_path / "mistyped"))


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes connections and never answers."""
    import huggingface_hub.constants
    from huggingface_hub import hf_api

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
        monkeypatch.setattr(hf_api.constants, "ENDPOINT", url)
        yield


@pytest.mark.filterwarnings("ignore")
def test_a_hub_that_does_not_answer_is_given_up_soon_and_said_once(
    silent_hub: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from knowledge import transformers

    monkeypatch.setattr(transformers, "HUB_TIMEOUT_S", 0.2)
    started = time.monotonic()
    assert find_embedder("example/no-such-model") is None
    assert time.monotonic() - started < 60
    assert [record.getMessage() for record in caplog.records if "no_hub" in record.getMessage()][1:] == []
    assert "example/no-such-model" in caplog.text


def test_any_model_of_ours_serves_langchain() -> None:
    store = InMemoryVectorStore(LangChainEmbeddings(HashEmbedder()))
    store.add_texts(["The pump is loud", "The invoice names a wrong address"])
    (found,) = store.similarity_search("my pump is so loud", k=1)
    assert found.page_content == "The pump is loud"
    assert LangChainEmbeddings(HashEmbedder()).embed_documents([]) == []
