"""Markdown, HTML, text and CSV as support desks write them, in the encodings that they come in."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

import knowledge
from knowledge import BadRecord, Card, KnowledgeBase, documents
from knowledge.corpus import Rejected
from knowledge.documents.files import read
from knowledge.testing import HashEmbedder

GUIDE = """---
title: Router guide
product: X200
url: https://docs.example/x200
date: 2024-03-01
lang: en
visibility: team:network
owner: Ana
valid_until: 2027-01-01
---
# Router X200

Read [the manual](https://docs.example/m) first.

## Reset

1. Hold the button
   - for *ten* seconds
2. Wait

```
reset --all
  now
```

| LED | Meaning |
|---|---|
| red | dead |

## How do I update it?

Use the app.

### Without a network

Use a stick.

<details><summary>Is it loud?</summary>

No, **never**.

</details>
"""
PAGE = """<html lang="zh-CN"><head><title>常见问题 - 公司</title><meta charset="{}">
<link rel="canonical" href="https://a.example/faq"><style>p {{}}</style></head><body>
<nav><a href="/">首页</a></nav><div role="banner">登录</div>
<main><h1>常见问题</h1><dl><dt>怎么退货？</dt><dd><p>在 App 里：</p><ul><li>点退货<li>确认</ul></dd></dl>
<h2 id="x">路由器重置</h2><div>长按<b>十秒</b><br>松开</div><script>alert(1)</script><div hidden>草稿</div></main>
<footer>版权所有</footer></body></html>"""


def cards(path: Path, name: str = "kb") -> dict[str, Card]:
    found = list(read(path, name))
    assert not [one for one in found if isinstance(one, Rejected)]
    return {card.id: card for card in found if isinstance(card, Card)}


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    opened = knowledge.open(f"sqlite:///{tmp_path / 'cards.db'}", tmp_path / "index", embedder=HashEmbedder())
    yield opened
    opened.close()


def test_markdown_becomes_a_card_a_section(tmp_path: Path) -> None:
    found = cards(write(tmp_path / "guide.md", GUIDE))
    assert list(found) == [
        "kb#router-x200",
        "kb#router-x200/reset",
        "kb#router-x200/how-do-i-update-it",
        "kb#router-x200/how-do-i-update-it/without-a-network",
        "kb#router-x200/how-do-i-update-it/without-a-network/is-it-loud",
    ]
    intro, reset, update, _, loud = found.values()
    assert intro.text == "Read the manual (https://docs.example/m) first."
    assert (reset.title, reset.steps) == ("Router X200 › Reset", "")
    assert reset.text == (
        "1. Hold the button\n   - for ten seconds\n2. Wait\n\nreset --all\n  now\n\nLED | Meaning\nred | dead"
    )
    assert (update.title, update.text, update.steps) == ("How do I update it?", "Router X200", "Use the app.")
    assert (loud.title, loud.steps) == ("Is it loud?", "No, never.")


def test_front_matter_holds_for_every_card(tmp_path: Path) -> None:
    for card in cards(write(tmp_path / "guide.md", GUIDE)).values():
        assert (card.product, card.url, card.lang) == ("X200", "https://docs.example/x200", "en")
        assert (card.visibility, card.owner) == ("team:network", "Ana")
        assert card.created is not None
        assert card.valid_until is not None
        assert (card.created.isoformat(), card.valid_until.year) == ("2024-03-01T00:00:00+00:00", 2027)


@pytest.mark.parametrize("front", ["title: [", "- a\n- b", "a: 1\nb: : 2"])
def test_a_document_with_broken_front_matter_is_not_learned_as_public(tmp_path: Path, front: str) -> None:
    path = write(tmp_path / "a.md", f"---\n{front}\n---\n# A\n\nText.\n")
    with pytest.raises(BadRecord, match="bad_front_matter"):
        list(read(path, "kb"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_page_becomes_questions_and_sections_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    found = cards(write(tmp_path / "faq.html", PAGE.format(encoding), encoding))
    question, section = found.values()
    assert (question.title, question.steps, question.lang) == ("怎么退货？", "在 App 里：\n\n- 点退货\n- 确认", "zh")
    assert (section.title, section.text) == ("常见问题 › 路由器重置", "长按十秒\n松开")
    assert section.url == "https://a.example/faq#x"
    everything = str(found)
    assert not [word for word in ("首页", "登录", "版权", "alert", "草稿") if word in everything]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_short_chinese_table_is_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "faq.csv", "问题;答案;产品;日期\n怎么退款？;进入订单;X1;2024/3/1\n", encoding)
    (card,) = cards(path).values()
    assert (card.id, card.title, card.steps, card.product) == ("kb#怎么退款", "怎么退款？", "进入订单", "X1")
    assert card.created is not None
    assert card.created.isoformat() == "2024-03-01T00:00:00+00:00"


def test_western_text_is_read_too(tmp_path: Path) -> None:
    path = write(tmp_path / "faq.txt", "Die Tür öffnet nicht: Schlüssel über die Rückseite prüfen.", "cp1252")
    (card,) = cards(path).values()
    assert "Tür öffnet" in card.text


def test_a_table_in_english_with_ids_and_bad_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path / "faq.csv",
        "ID,Question,Answer,Created At,Visibility\n"
        '7,"Where, exactly?","Here.\nOr there.",2024-01-02,internal\n'
        "8,When?,Soon.,yesterday,\n"
        "9,,,,\n"
        "10,a,b,,,,too,many\n",
    )
    found = list(read(path, "kb"))
    assert [one.id for one in found] == ["kb#7", "kb#8", "kb#9", "kb line 6"]
    assert isinstance(found[0], Card)
    assert (found[0].steps, found[0].visibility) == ("Here.\nOr there.", "internal")
    assert [one.reason for one in found if isinstance(one, Rejected)] == ["bad_created", "no_text", "column_count"]


def test_a_table_without_known_columns_says_what_it_found(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="no_columns: Colour, Weight"):
        list(read(write(tmp_path / "a.csv", "Colour,Weight\nred,2\n"), "kb"))


def test_questions_and_answers_in_plain_paragraphs(tmp_path: Path) -> None:
    path = write(
        tmp_path / "faq.txt", "Q: Is it waterproof?\nA: Yes.\n\nTo 3 m.\n\nQ2: Heavy?\nA: No.\n\n问：贵吗\n答：不贵\n"
    )
    found = [(card.title, card.steps) for card in cards(path).values()]
    assert found == [("Is it waterproof?", "Yes.\n\nTo 3 m."), ("Heavy?", "No."), ("贵吗", "不贵")]


def test_long_sections_are_cut_between_paragraphs(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {n} " + "says a little more of the same. " * 20 for n in range(12)]
    path = write(tmp_path / "long.md", "# Long\n\n" + "\n\n".join(paragraphs) + "\n\n" + "一" * 3_000 + "\n")
    found = list(cards(path).values())
    assert found[1].id == "kb#long~2"
    assert found[1].title == "Long (2)"
    assert all(len(card.text) <= 2_000 for card in found)
    whole = "\n\n".join(card.text for card in found)
    assert all(paragraph.strip() in whole for paragraph in paragraphs)
    assert sum(card.text.count("一") for card in found) == 3_000


def test_a_page_that_nests_without_end_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "deep.html", "<p>First words.</p>" + "<div>" * 5_000 + "deep" + "<ul><li>" * 2_000 + "deeper"
    )
    assert "First words." in str(cards(path))


def test_a_folder_learned_again_updates_and_withdraws(base: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "handbook"
    write(folder / "router.md", "# Router\n\n## Reset\n\nHold the button.\n\n## Noise\n\nIt hums.\n")
    write(folder / "more" / "printer.html", "<h1>Printer</h1><p>It jams when damp.</p>")
    write(folder / ".git" / "x.md", "# Hidden\n\nSecret.\n")
    write(folder / "photo.png", "not a document")
    assert documents.learn(base, folder).learned == 3
    assert documents.learn(base, folder) == knowledge.Learned()
    assert [hit.id for hit in base.search("reset the router", 1)] == ["handbook/router.md#router/reset"]

    write(folder / "router.md", "# Router\n\n## Reset\n\nHold the red button.\n")
    (folder / "more" / "printer.html").unlink()
    assert documents.learn(base, folder).learned == 1
    left = base.search("router printer noise reset", 10)
    assert [(hit.id, hit.card.text) for hit in left] == [("handbook/router.md#router/reset", "Hold the red button.")]


def test_a_bad_file_is_named_and_keeps_what_it_taught(base: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "handbook"
    write(folder / "a.md", "# A\n\nFirst.\n")
    write(folder / "b.csv", "question,answer\nWhy?,So.\n")
    documents.learn(base, folder)
    (folder / "a.md").write_bytes(bytes(range(256)) * 9)
    (folder / "c.md.gz").write_bytes(gzip.compress(b"# C\n\nThird.\n" * 999)[:60])
    write(folder / "b.csv", 'question,answer\nWhy?,So.\nHow?,"Thus\n')
    learned = documents.learn(base, folder)
    assert learned.skipped == (("a.md", "not_text"), ("b.csv", "bad_table"), ("c.md.gz", "damaged"))
    assert {hit.id for hit in base.search("first why", 10)} == {"handbook/a.md#a", "handbook/b.csv#why"}


def test_a_row_that_cannot_be_used_this_time_keeps_what_it_said(base: KnowledgeBase, tmp_path: Path) -> None:
    path = write(tmp_path / "faq.csv", "question,answer,created\nWhy is it red?,So.,2024-01-01\nHow?,Thus.,\n")
    documents.learn(base, path)
    write(path, "question,answer,created\nWhy is it red?,So.,soon\n")
    assert documents.learn(base, path).skipped == (("faq.csv#why-is-it-red", "bad_created"),)
    assert [hit.id for hit in base.search("why how red", 10)] == ["faq.csv#why-is-it-red"]


def test_an_empty_folder_is_said(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRecord, match="no_documents"):
        documents.learn(base, tmp_path / "empty")
