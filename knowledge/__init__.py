"""Knowledge of past resolutions. Imports nothing of `unstuck` or `bot`.

`knowledge.open(engine_or_url, directory)` gives a `KnowledgeBase`: learn, forget, search, ask.
"""

from knowledge.base import KnowledgeBase, open
from knowledge.cards import PUBLIC, Answer, Card, Citation, Hit, Learned, Question
from knowledge.errors import BadRecord, CorruptModel, DownloadFailed, KnowledgeError, NewerBase, NoModel
from knowledge.filters import Filter
from knowledge.replies import Model

__all__ = [
    "PUBLIC",
    "Answer",
    "BadRecord",
    "Card",
    "Citation",
    "CorruptModel",
    "DownloadFailed",
    "Filter",
    "Hit",
    "KnowledgeBase",
    "KnowledgeError",
    "Learned",
    "Model",
    "NewerBase",
    "NoModel",
    "Question",
    "open",
]
