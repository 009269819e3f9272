"""All ways to cut a question into known words; the best explain most with the fewest, longest pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from unstuck.insights.question.meaning import Item
from unstuck.insights.question.normalise import is_chinese, is_word

#: Ways to cut that are equally good are all read, but not more than these.
MOST_TILINGS = 6


@dataclass(frozen=True, slots=True)
class Tiling:
    """A question cut into items, and what no item explains."""

    items: tuple[Item, ...]
    #: `(start, end)` of what is left over: whole words, or runs of Chinese characters.
    leftover: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Path:
    cost: tuple[int, int]
    items: tuple[Item, ...]
    leftover: tuple[tuple[int, int], ...]


def tilings(plain: str, items: Iterable[Item]) -> list[Tiling]:
    """The best ways to cut `plain`, equally good ones side by side."""
    starts: dict[int, list[Item]] = {}
    for item in _merged(items):
        starts.setdefault(item.start, []).append(item)
    best: list[list[_Path]] = [[] for _ in range(len(plain) + 1)]
    best[0] = [_Path((0, 0), (), ())]
    for at in range(len(plain)):
        for path in best[at]:
            for item in starts.get(at, ()):
                _keep(best[item.end], _Path((path.cost[0], path.cost[1] + 1), (*path.items, item), path.leftover))
            end, cost = _step(plain, at)
            leftover = path.leftover if cost == 0 else (*path.leftover, (at, end))
            _keep(best[end], _Path((path.cost[0] + cost, path.cost[1]), path.items, leftover))
    return [Tiling(path.items, _joined(plain, path.leftover)) for path in best[-1]]


def _merged(items: Iterable[Item]) -> list[Item]:
    """One item for each stretch, with the meanings of all that were found there."""
    found: dict[tuple[int, int], Item] = {}
    for item in items:
        known = found.get((item.start, item.end))
        meanings = item.meanings if known is None else (*known.meanings, *item.meanings)
        found[item.start, item.end] = Item(item.start, item.end, tuple(dict.fromkeys(meanings)))
    return list(found.values())


def _step(plain: str, at: int) -> tuple[int, int]:
    """Where to go on when nothing starts at `at`, and what that costs: words and characters, not blanks."""
    if is_chinese(plain[at]):
        return at + 1, 1
    if not is_word(plain[at]):
        return at + 1, 1 if plain[at] in "<>=%$€£¥+" else 0
    end = at
    while end < len(plain) and is_word(plain[end]):
        end += 1
    return end, 2


def _keep(paths: list[_Path], path: _Path) -> None:
    if paths and path.cost > paths[0].cost:
        return
    if paths and path.cost < paths[0].cost:
        paths.clear()
    if len(paths) < MOST_TILINGS:
        paths.append(path)


def _joined(plain: str, pieces: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Neighbouring Chinese characters as one piece."""
    joined: list[tuple[int, int]] = []
    for start, end in pieces:
        if joined and joined[-1][1] == start and is_chinese(plain[start]) and is_chinese(plain[start - 1]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)
