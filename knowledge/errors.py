"""Everything that the knowledge base raises on purpose.

```
KnowledgeError
├── BadRecord            a line to learn from cannot be used; carries the reason
├── NoModel              no embedding model is at hand; search goes on with words alone
├── DownloadFailed       the package registry did not give what was asked for
├── IndexLost            the vector index cannot be read or reached; it is a cache of the catalogue
├── CorruptModel         a model file is not the one that was pinned
└── NewerBase            the base was written by a newer version of this package
```

Each carries a short `reason` for a program; the caller words it for people.
"""

from __future__ import annotations


class KnowledgeError(Exception):
    """Base of all errors raised on purpose."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        #: A code such as `no_text`, never a sentence.
        self.reason = reason
        #: What a log needs beyond the code.
        self.detail = detail


class BadRecord(KnowledgeError):
    """A line that cannot become a card."""


class NoModel(KnowledgeError):
    """No embedding model is at hand."""


class DownloadFailed(KnowledgeError):
    """The package registry did not give what was asked for."""


class IndexLost(KnowledgeError):
    """The vector index cannot be read or reached any more."""


class CorruptModel(KnowledgeError):
    """A model file differs from the pinned one."""


class NewerBase(KnowledgeError):
    """The base was written by a newer version."""
