"""HTML to sections: what a reader sees of a page, without what stands around it.

Markdown comes through here too, as the HTML that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from knowledge.documents.sections import Section, is_question

_DROPPED = frozenset(
    "script style nav footer aside form button noscript template svg iframe head select dialog object canvas".split()  # noqa: SIM905
)
_ROLES_DROPPED = frozenset({"navigation", "banner", "contentinfo", "search", "complementary"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    "address article blockquote body center dd details div dl dt fieldset figure figcaption header hgroup hr html li main"  # noqa: SIM905
    " ol p pre section summary table tbody td tfoot th thead tr ul".split()
) | set(_HEADINGS)
#: A page may nest without end; what lies deeper than this is no text for people.
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class _Pair:
    question: str
    answer: str


_Block = _Heading | _Pair | str


def about_page(html: str) -> dict[str, str]:
    """What a page says of itself: title, language, address, date."""
    tree = LexborHTMLParser(html)
    root, title = tree.root, tree.css_first("head title")
    link = tree.css_first('link[rel="canonical"]')
    said = {
        "title": _squeezed(title.text()) if title is not None else "",
        "lang": ((root.attributes.get("lang") if root is not None else "") or "").split("-")[0].lower(),
        "url": (link.attributes.get("href") if link is not None else "") or "",
    }
    for meta in tree.css("meta[name]"):
        name, content = (meta.attributes.get("name") or "").lower(), meta.attributes.get("content") or ""
        if name in ("date", "product", "owner", "team", "visibility", "valid_until"):
            said["created" if name == "date" else name] = content
    return {key: value for key, value in said.items() if value}


def sections_of(html: str, title: str) -> Iterator[Section]:
    """The sections of a page in order. `title` stands above them, unless the first heading says the same."""
    tree = LexborHTMLParser(html)
    start = tree.css_first("main, [role=main]") or tree.css_first("body > article:only-of-type") or tree.body
    if start is None:
        return
    path: list[_Heading] = []
    said: list[str] = []

    def headings() -> tuple[str, ...]:
        texts = [heading.text for heading in path]
        return tuple(
            texts if texts and (not title or _same(texts[0], title) or path[0].level == 1) else [title, *texts]
        )

    def finished() -> Iterator[Section]:
        text = "\n\n".join(said).strip()
        said.clear()
        if text:
            last = path[-1] if path else None
            above, question = headings(), last.text if last is not None and is_question(last.text) else ""
            yield Section(above[:-1] if question else above, text, question, last.anchor if last else "")

    for block in _blocks(start, 0):
        if isinstance(block, _Heading):
            yield from finished()
            path[:] = [heading for heading in path if heading.level < block.level] + [block]
        elif isinstance(block, _Pair):
            yield from finished()
            yield Section(headings(), block.answer, block.question, path[-1].anchor if path else "")
        else:
            said.append(block)
    yield from finished()


# -- from nodes to blocks --------------------------------------------------------------------------


def _blocks(node: LexborNode, depth: int) -> Iterator[_Block]:
    """What stands inside `node`: headings, questions with answers, and paragraphs of text."""
    inline: list[str] = []
    for child in node.iter(include_text=True):
        if not _is_block(child):
            inline.append(_inline(child, depth))
            continue
        yield from _paragraph(inline)
        if _is_shown(child) and depth < _DEEPEST:
            yield from _block(child, depth + 1)
    yield from _paragraph(inline)


def _paragraph(inline: list[str]) -> Iterator[str]:
    text = _tidy("".join(inline))
    inline.clear()
    if text:
        yield text


def _block(node: LexborNode, depth: int) -> Iterator[_Block]:
    tag = node.tag or ""
    if tag in _HEADINGS:
        heading = _squeezed(_inline(node, depth, links=False)).rstrip("¶#").strip()
        if heading:
            yield _Heading(_HEADINGS[tag], heading, node.attributes.get("id") or "")
    elif tag == "dl":
        yield from _definitions(node, depth)
    elif tag == "details":
        yield from _details(node, depth)
    elif tag in ("ul", "ol"):
        yield "\n".join(_list(node, depth))
    elif tag == "table":
        yield "\n".join(_rows(node, depth))
    elif tag == "pre":
        yield node.text().strip("\n")
    else:
        yield from _blocks(node, depth)


def _definitions(node: LexborNode, depth: int) -> Iterator[_Block]:
    asked: list[str] = []
    told: list[str] = []
    for child in _children_of_list(node):
        if child.tag == "dt":
            if told:
                yield from _pair(asked, told)
            asked.append(_squeezed(_inline(child, depth, links=False)))
        elif child.tag == "dd":
            told.append(_text(child, depth))
    yield from _pair(asked, told)


def _children_of_list(node: LexborNode) -> Iterator[LexborNode]:
    # HTML allows each pair in a <div>.
    for child in node.iter():
        yield from child.iter() if child.tag == "div" else [child]


def _pair(asked: list[str], told: list[str]) -> Iterator[_Block]:
    question, answer = " / ".join(filter(None, asked)), "\n\n".join(filter(None, told))
    asked.clear()
    told.clear()
    if question and answer:
        yield _Pair(question, answer)
    elif question or answer:
        yield question or answer


def _details(node: LexborNode, depth: int) -> Iterator[_Block]:
    summary = node.css_first("summary")
    question = _squeezed(_inline(summary, depth, links=False)) if summary is not None else ""
    # The summary is the first thing inside.
    yield from _pair([question], [_text(node, depth).removeprefix(question).strip()])


def _list(node: LexborNode, depth: int, indent: str = "") -> Iterator[str]:
    number = int(node.attributes.get("start") or 1) if (node.attributes.get("start") or "1").isdigit() else 1
    for item in node.iter():
        if not _is_shown(item) or depth > _DEEPEST:
            continue
        mark = f"{number}. " if node.tag == "ol" else "- "
        number += 1
        yield from _item(item, depth + 1, indent, mark)


def _item(item: LexborNode, depth: int, indent: str, mark: str) -> Iterator[str]:
    inside = indent + " " * len(mark)
    first = True
    for block in _blocks_and_lists(item, depth):
        lines = list(_list(block, depth, inside)) if isinstance(block, LexborNode) else _as_text(block).split("\n")
        for line in lines:
            own = line if isinstance(block, LexborNode) else f"{indent}{mark}{line}" if first else f"{inside}{line}"
            first = False
            if own.strip():
                yield own


def _blocks_and_lists(item: LexborNode, depth: int) -> Iterator[_Block | LexborNode]:
    inline: list[str] = []
    for child in item.iter(include_text=True):
        if not _is_block(child):
            inline.append(_inline(child, depth))
            continue
        yield from _paragraph(inline)
        if child.tag in ("ul", "ol"):
            yield child
        elif _is_shown(child):
            yield from _block(child, depth + 1)
    yield from _paragraph(inline)


def _rows(node: LexborNode, depth: int) -> Iterator[str]:
    for row in node.css("tr"):
        cells = [_text(cell, depth + 1).replace("\n", " ") for cell in row.iter() if cell.tag in ("td", "th")]
        if any(cells):
            yield " | ".join(cells)


def _text(node: LexborNode, depth: int) -> str:
    return "\n\n".join(map(_as_text, _blocks(node, depth))).strip() if depth < _DEEPEST else ""


def _as_text(block: _Block) -> str:
    if isinstance(block, _Heading):
        return block.text
    return f"{block.question}\n{block.answer}" if isinstance(block, _Pair) else block


# -- inside a line ---------------------------------------------------------------------------------


def _inline(node: LexborNode, depth: int, *, links: bool = True) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return re.sub(r"\s+", " ", node.text())
    if not _is_shown(node) or depth > _DEEPEST:
        return ""
    if tag == "br":
        return "\n"
    if tag == "img":
        return node.attributes.get("alt") or ""
    inside = "".join(_inline(child, depth + 1, links=links) for child in node.iter(include_text=True))
    return _with_address(inside, node.attributes.get("href") or "") if links and tag == "a" else inside


def _with_address(text: str, href: str) -> str:
    """A link keeps its address: a fix often is "download this"."""
    is_web = href.startswith(("http://", "https://"))
    return f"{text} ({href})" if is_web and text.strip() and href.rstrip("/") != text.strip().rstrip("/") else text


def _is_block(node: LexborNode) -> bool:
    tag = node.tag or ""
    return tag in _BLOCKS or (tag not in ("-text", "-comment", "br", "img") and _holds_block(node))


def _holds_block(node: LexborNode) -> bool:
    return any((child.tag or "") in _BLOCKS for child in node.iter())


def _is_shown(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag in _DROPPED or tag.startswith("-") or "hidden" in node.attributes:
        return False
    return node.attributes.get("role") not in _ROLES_DROPPED and node.attributes.get("aria-hidden") != "true"


def _tidy(text: str) -> str:
    return "\n".join(line for part in text.split("\n") if (line := _squeezed(part)))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _same(one: str, other: str) -> bool:
    return _squeezed(one).casefold() == _squeezed(other).casefold()
