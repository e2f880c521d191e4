"""MJML to HTML by mjml-python, of a layout that was checked first.

mrml, inside mjml-python, takes nearly anything silently. So the source is read as XML (`elements`, `malformed`) and
held against what is known to work (`components` with `values`, `html`, `widths`; `rules` applies them) and not to
(`bans`, with reasons); then it is rewritten so that mrml prints it as it was meant (`safe`).
"""

import re
from collections.abc import Sequence

from pipeline.content.mjml import elements, malformed, rules, safe
from pipeline.content.mjml.elements import Element
from pipeline.content.mjml.safe import mrml_safe
from pipeline.content.trace import Traced
from pipeline.content.types import ContentError

_BODY = re.compile("(<body[^>]*>)(.*)(</body>)", re.DOTALL)

__all__ = ["Element", "check", "mrml_safe", "to_html"]


def to_html(source: Traced) -> str:
    """Compile MJML in which `check` finds nothing. No fonts, no network, no includes.

    Raises ContentError, with file, line and column, when mjml-python refuses it all the same.
    """
    try:
        return _in_a_landmark(safe.compiled(source.text))
    except safe.RefusedError as refusal:
        raise source.error(f"the MJML cannot be compiled: {refusal.message}", refusal.at) from refusal


def _in_a_landmark(html: str) -> str:
    """All of the mail inside `main`, as a page needs it: the web shows the same bytes, and mrml prints an article."""
    return _BODY.sub(r'\1<div role="main">\2</div>\3', html, count=1)


def check(source: Traced) -> tuple[Sequence[Element], list[ContentError]]:
    """The elements of the MJML, and everything that is wrong with it, each with its place, as it was found."""
    text = source.text
    try:
        found = elements.read(text)
    except malformed.NotWellFormedError as error:
        at = elements.characters(text, error.at)
        return (), [source.error(f"the MJML is not well formed: {error.message}", at)]
    return found, [_placed(source, problem) for problem in rules.problems(found)]


def _placed(source: Traced, problem: rules.Problem) -> ContentError:
    element, message, about = problem
    if about == rules.TEXT:
        at = elements.characters(source.text, elements.text_start(source.text, element))
        return source.error(message, at)
    at = elements.characters(source.text, element.at)
    return source.error(message, elements.attribute_start(source.text, at, about) if about else at, word=about)
