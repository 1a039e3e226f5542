"""Drafting a descriptor for a file that no feed reads yet: the use case of `feed draft`.

Belongs here: guesses from a file's first rows, and their words for the person who decides. Does not belong here:
advice about a file that has a descriptor (see `feeds.doubts.likely_cause`). Nothing that ships to AWS Glue imports it.

A field is proposed only if the sampled values parse as that field under the proposed formats and marks; what could be
two things is commented. Where only a person knows the value, the draft has `DECIDE`, which no descriptor may have.
Such a draft is refused until it is edited; any other draft is valid.
"""

from finance_platform.feeds.draft.descriptor_text import draft_descriptor

__all__ = ["draft_descriptor"]
