"""Findings of pictures once it is known what the mail will show for them."""

from collections.abc import Collection, Iterator

from pipeline.content import walk
from pipeline.content.preflight.findings import block, warn
from pipeline.content.types import Finding, IssueDocument, PictureUse, Shape


def check(document: IssueDocument, ready: Collection[PictureUse]) -> Iterator[Finding]:
    """`ready`: the uses that were prepared; the others are shown from where they are, or not at all."""
    for place, use in walk.pictures(document):
        if use in ready:
            continue
        if "://" not in use.src:
            pattern = "the issue has no picture “{src}”; choose one, or send the issue file with its folder of pictures"
            yield block("picture-missing", place, pattern, src=use.src)
        elif use.shape is Shape.DOORWAY:
            pattern = "a picture from elsewhere gets no play badge and may change after sending; choose or upload it"
            yield warn("picture-elsewhere", place, pattern)
