"""What a status means: a guess by its name, in English and Chinese, until a map or an admin says better."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unstuck.tickets.changes import StageClass

#: A source's statuses: status to (stage, class).
Stages = Mapping[str, tuple[str, StageClass]]

# Tried from top to bottom, so that "waiting for customer" is a wait before anything else in it is read.
_CLUES: tuple[tuple[StageClass, str], ...] = (
    (
        StageClass.DROPPED,
        r"spam|trash|merged|deleted|duplicate|cancel|rejected|invalid|垃圾|合并|删除|重复|取消|作废|驳回",
    ),
    (StageClass.WAIT_VENDOR, r"vendor|supplier|third.?party|partner|manufacturer|供应商|厂商|厂家|第三方|外部"),
    (
        StageClass.WAIT_CUSTOMER,
        r"(wait|await|pending|hold|need).*(customer|user|caller|requester|reporter|client|info|reply|response)"
        r"|^pending$|等.*(客户|用户|买家|顾客)|待.*(客户|用户|买家|顾客)|(客户|用户|买家|顾客).*(补充|回复|确认)|需补充",
    ),
    (StageClass.NEW, r"^(new|open|opened|to.?do|backlog|submitted|registered|created|draft|queued|unassigned)$"),
    (StageClass.NEW, r"waiting for support|待分配|待受理|未受理|新建|待处理|未处理|已提交|排队|新工单"),
    (
        StageClass.WAIT_INTERNAL,
        r"wait|await|hold|pending|suspend|escalat|blocked|approval|等待|挂起|暂停|待审|待内部|待.*(部门|研发|仓库)",
    ),
    (StageClass.ACTIVE, r"re.?open|unresolved|重开|重新打开|未解决"),
    (
        StageClass.SOLVED,
        r"resolved|solved|fixed|done|(?<!in)complete|finished|answered|已解决|已处理|处理完|已完成|完成",
    ),
    (StageClass.CLOSED, r"close|archived|已关闭|关闭|结单|已结|归档|结束"),
)


def guess(status: str) -> StageClass:
    """The class that a status's name suggests. An unreadable name counts as work: better a stall too many."""
    name = status.strip().casefold().replace("_", " ")
    for stage_class, clue in _CLUES:
        if re.search(clue, name):
            return stage_class
    return StageClass.ACTIVE


def stage_of(status: str | None, stages: Stages) -> tuple[str | None, StageClass]:
    """Stage and class of a status; a ticket whose status nobody has stated yet is new."""
    if status is None:
        return None, StageClass.NEW
    known = stages.get(status)
    return known if known is not None else (status, guess(status))
