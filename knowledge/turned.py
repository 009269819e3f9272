"""Whether a sentence turns what its source says into something else: not for do, close for open, last for first.

By rules over clauses, in English and Chinese. They look for contradictions only; whether a sentence has
a source at all is for `grounding` to say. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge.words import words

#: Weight of each word of a text: the rarer, the more.
Rarity = Callable[[str], dict[str, float]]

_NEGATION = re.compile(
    r"\b(?:not(?! only)|never|no|without|cannot|nor|neither|none|nobody|nothing|avoid\w*|refrain|unnecessary"
    r"|needless|instead of|rather than|forbidden|prohibited|skip\w*|omit\w*)\b|n['’]t\b"
    r"|不要?(?!锈|仅|但|同|断|过|久|如|管|论|良|明|足|间断)|没有?|勿|(?<![类级区特差分个性识辨])别(?![的人墅名])|未(?!来)|无(?:需|须|法|权|效|人)|并非|禁止|切忌|跳过|省略|避免|而非",
    re.IGNORECASE,
)
#: Where what is said no longer belongs to what was said before. Kept apart: an "and" before a "not".
_COARSE = re.compile(
    r"[,;:!?()\n，。；：！？]|\.(?=\s|$)"
    r"|\b(?:but|then|because|since|while|when|if|unless|until|so|once|otherwise|before|after)\b"
    r"|\b(?:and|or)\b(?=\s+(?:do not|don['’]t|never|not|no)\b)"
    r"|然后|但是?|如果|因为|由于|否则",
    re.IGNORECASE,
)
_FINE = re.compile(rf"{_COARSE.pattern}|\band\b|、|并且?(?!非)|再(?!次)", re.IGNORECASE)

_ON = r"\b(?:turn|switch|power)\w*\b[^.,;]{0,24}\bon\b|\benabl\w+|\bactivat\w+|\bopen\w*"
_OFF = (
    r"\b(?:turn|switch|power|shut)\w*\b[^.,;]{0,24}\boff\b|\bdisabl\w+|\bdeactivat\w+|\bclos(?:e|es|ed|ing)\b|\bshut\b"
)
#: Pairs of which a sentence may not say one where its source says the other.
_OPPOSITES = [
    (re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE))
    for one, other in (
        (rf"{_ON}|打开|开启|启用|接通|开机", rf"{_OFF}|关闭|关掉|关上|停用|禁用|切断|关机"),
        (r"\binstall\w*|(?<!重新)安装|装上", r"\buninstall\w*|卸载|拆[下掉除]"),
        (
            r"\bincreas\w+|\brais(?:e|es|ed|ing)\b|升高|增加|提高|调高|调大",
            r"\bdecreas\w+|\breduc\w+|\blower\w*|降低|减少|调低|调小",
        ),
        (
            r"\bconnect\w*|\battach\w*|\bplug\w* (?:it |them )?(?:back )?in\b|\binsert\w*|(?<!断开)连接|插[上入回]|接上",
            r"\bdisconnect\w*|\bdetach\w*|\bunplug\w*|\bremov\w+|\bpull\w*|断开|拔[下掉出]|取[出下]",
        ),
        (r"\badd(?:s|ed|ing)?\b|添加", r"\bremov\w+|\bdelet\w+|删除|移除"),
        (r"\block(?:s|ed|ing)?\b|锁定|上锁", r"\bunlock\w*|解锁"),
        (r"\ballow\w*|\bpermit\w*|允许", r"\bblock\w*|\bden(?:y|ies|ied)\b|\bforbid\w*|禁止|拒绝"),
        (r"\bshow(?:s|n|ed|ing)?\b|显示", r"\bhid(?:e|es|den|ing)\b|隐藏"),
        (r"\bstart\w*|\bbegin\w*|启动|开始", r"\bstop\w*|\bhalt\w*|\bend(?:s|ed|ing)?\b|停止|终止|结束"),
        (r"\btighten\w*|拧紧", r"\bloosen\w*|拧松|松开"),
        (r"\bleft\b|左", r"\bright\b|右"),
        (r"\bupgrad\w+|升级", r"\bdowngrad\w+|\broll\w* back|降级|退回"),
        (r"(?<!counter)(?<!counter-)(?<!anti)(?<!anti-)clockwise|顺时针", r"(?:counter|anti)-?clockwise|逆时针"),
        (r"\bhot\b|\bheat\w*|\bwarm\w*|加热|热", r"\bcold\b|\bcool\w*|冷"),
        (r"\bmaximum\b|\bhighest\b|最[大高多]", r"\bminimum\b|\blowest\b|最[小低少]"),
        (r"\baccept\w*|接受|批准", r"\breject\w*|拒绝|驳回"),
        (r"\bcheck(?:s|ed|ing)? the box|\btick\w*|(?<!取消)勾选", r"\buncheck\w*|\buntick\w*|取消勾选"),
        (r"\babove\b|\bmore than\b|\bat least\b|高于|超过|大于|以上|至少", r"\bbelow\b|\b(?:less|fewer) than\b|\bat most\b|低于|少于|小于|以下|至多"),
        (r"\bpush\w*|推", r"\bpull\w*|拉"),
        (r"\bdry\b|干(?=布|燥|净的布|抹)", r"\bwet\b|\bdamp\b|湿"),
        (r"\bfull\b|满", r"\bempty\b|空的?(?!气|调|间)"),
        (r"\bnew\b|新(?=的|件|版)", r"\bold\b|旧"),
        (r"\bupload\w*|上传", r"\bdownload\w*|下载"),
        (r"\bimport\w*|导入", r"\bexport\w*|导出"),
        (r"(?<!un)\bsafe\b|(?<!不)安全", r"\bunsafe\b|\bdangerous\b|危险"),
        (r"(?<!un)\blikely\b|\bpossible\b|可以", r"\bunlikely\b|\bimpossible\b|不可以"),
    )
]  # fmt: skip
_ENDS = frozenset(".。!！?？\n")
_NEAR_NUMBER = r"[^.,;，。；\d]{0,3}\d"
_BOUNDS = (
    re.compile(
        rf"(?:\b(?:less|fewer) than|\bat most|\bup to|\bunder|不到|少于|最多|不超过|至多){_NEAR_NUMBER}", re.IGNORECASE
    ),
    re.compile(rf"(?:\bmore than|\bover|\bat least|\babove|(?<!不)超过|至少|多于|高于){_NEAR_NUMBER}", re.IGNORECASE),
)
#: Share of a clause's weight that must stand in a clause of the source to be about the same.
_SAME_CLAUSE = 0.4


@dataclass(frozen=True, slots=True)
class Clause:
    text: str
    #: Without its negations: "do not open it" and "open it" are about the same.
    words: frozenset[str]
    #: The word or mark that leads into it, and whether it is the first of its sentence.
    led_by: str = ""
    first: bool = False

    @property
    def negated(self) -> bool:
        return is_negated(self.text)


def is_negated(text: str) -> bool:
    """Whether an odd number of negations stands in it: "do not forget" is one, "never without" is none."""
    return len(_NEGATION.findall(text)) % 2 == 1


def has_opposite(text: str, source: str) -> bool:
    """Whether one says the opposite of what the other says, in a pair of which each says one."""
    return any(
        (one.search(text) and other.search(source) and not (other.search(text) or one.search(source)))
        or (other.search(text) and one.search(source) and not (one.search(text) or other.search(source)))
        for one, other in _OPPOSITES
    )


def is_turned(sentence: str, source: str, rarity: Rarity) -> bool:
    """Whether a clause of the sentence contradicts the clause of the source that is about the same."""
    weights = rarity(sentence)
    return (
        _bounds(sentence) - _bounds(source) != set()
        or _uses_what_is_warned_of(sentence, source)
        or any(
            _contradicts(clause, coarse(source), weights, differs)
            for clause in coarse(sentence)
            for differs in (_other_polarity, _opposite)
        )
        or any(_contradicts(clause, fine(source), weights, _opposite) for clause in fine(sentence))
    )


def _bounds(text: str) -> set[int]:
    """Which of "less than" and "more than" stand beside a number."""
    return {at for at, bound in enumerate(_BOUNDS) if bound.search(text)}


def _uses_what_is_warned_of(sentence: str, source: str) -> bool:
    """Whether a word that the source has under a "not" only stands in the sentence without one."""
    warned = {word for clause in coarse(source) if clause.negated for word in clause.words if len(word) > 1}
    warned -= {word for clause in coarse(source) if not clause.negated for word in clause.words}
    return any(not clause.negated and clause.words & warned for clause in coarse(sentence))


def place_in(sentence: str, source: str, rarity: Rarity, after: int = 0) -> int | None:
    """The step of the source that the sentence ends with, or `None` when its steps come in another order.

    `after` is the step that was told before. What is no step (a condition, a reason) has no place.
    """
    weights, steps = rarity(sentence), _in_time(fine(source))
    at = after
    for clause in _in_time(fine(sentence)):
        best = _about_the_same(clause, steps, weights)
        if not best:
            continue
        # Where both "turn on" and "turn off" are near, the one that says the opposite is not meant.
        meant = [place for place in best if not has_opposite(clause.text, steps[place].text)] or best
        later = [place for place in meant if place >= at]
        if not later:
            return None
        at = later[0]
    return at


@lru_cache(maxsize=512)
def coarse(text: str) -> tuple[Clause, ...]:
    """Its clauses; what one negation covers stays together."""
    return tuple(_clauses(text, _COARSE))


@lru_cache(maxsize=512)
def fine(text: str) -> tuple[Clause, ...]:
    """Its clauses, cut also at each "and"."""
    return tuple(_clauses(text, _FINE))


def _clauses(text: str, seams: re.Pattern[str]) -> list[Clause]:
    found, start, led_by, first = [], 0, "", True
    for match in [*seams.finditer(text), None]:
        part = text[start : match.start() if match else len(text)].strip()
        if part:
            found.append(Clause(part, frozenset(words(_NEGATION.sub(" ", part))), led_by, first))
            first = False
        if match is None:
            break
        start, led_by = match.end(), match.group().lower().strip() or "\n"
        first = first or led_by in _ENDS
    return found


def _contradicts(
    clause: Clause,
    source: Sequence[Clause],
    weights: dict[str, float],
    differs: Callable[[Clause, Clause], bool],
) -> bool:
    best = _about_the_same(clause, source, weights)
    return bool(best) and all(differs(clause, source[place]) for place in best)


def _other_polarity(one: Clause, other: Clause) -> bool:
    return one.negated != other.negated


def _opposite(one: Clause, other: Clause) -> bool:
    return has_opposite(one.text, other.text)


def _about_the_same(clause: Clause, source: Sequence[Clause], weights: dict[str, float]) -> list[int]:
    """Places of the clauses that share most with `clause`; none when even they share little."""
    total = sum(weights.get(word, 0.0) for word in clause.words)
    if not total:
        return []
    shared = [sum(weights.get(word, 0.0) for word in clause.words & other.words) for other in source]
    top = max(shared, default=0.0)
    return [place for place, value in enumerate(shared) if value >= 0.999 * top] if top >= _SAME_CLAUSE * total else []


_NO_STEP = frozenset(
    ["if", "when", "while", "because", "since", "unless", "once", "so", "如果", "因为", "由于", "否则"]
)
_NO_STEP_INSIDE = re.compile(r"(?i)\b(?:cause|caused|reason|due to)\b|原因|导致|若|当.{1,12}时|如")
_BEFORE_AT_END = re.compile(r"(?:之前|以前|前)$")


def _in_time(clauses: Sequence[Clause]) -> list[Clause]:
    """The steps in the order in which they are done: "before B, A" and "B after A" are A, then B."""
    steps: list[Clause] = []
    waiting: Clause | None = None
    begun = False  # whether this sentence has told a step
    for clause in clauses:
        begun = begun and not clause.first
        if clause.led_by in _NO_STEP or _NO_STEP_INSIDE.search(clause.text):
            continue
        if (clause.led_by == "before" and clause.first) or _BEFORE_AT_END.search(clause.text):
            waiting = clause
        elif clause.led_by == "after" and begun:
            steps.insert(len(steps) - 1, clause)
        elif clause.led_by != "after" or clause.first:
            steps += [clause] if waiting is None else [clause, waiting]
            waiting, begun = None, True
    return steps if waiting is None else [*steps, waiting]
