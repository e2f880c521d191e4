"""MJML to HTML by mjml-python, of a layout that was checked first.

mrml, inside mjml-python, takes nearly anything silently. So the source is read as XML (`elements`, `malformed`) and
held against what is known to work (`components` with `values`, `html`, `widths`; `rules` applies them) and not to
(`bans`, with reasons); then it is rewritten so that mrml prints it as it was meant (`safe`).
"""

from pipeline.content.mjml import elements, malformed, rules, safe
from pipeline.content.mjml.safe import mrml_safe
from pipeline.content.trace import Traced
from pipeline.content.types import ContentError

__all__ = ["check", "mrml_safe", "to_html"]


def to_html(source: Traced) -> str:
    """Compile MJML. No fonts, no network, no includes. Raises ContentError with file, line and column."""
    for error in check(source):
        raise error
    try:
        return safe.compiled(source.text)
    except safe.RefusedError as refusal:
        raise source.error(f"the MJML cannot be compiled: {refusal.message}", refusal.at) from refusal


def check(source: Traced) -> list[ContentError]:
    """Everything that is wrong with the MJML, each with its place, in the order in which it was found."""
    text = source.text
    try:
        found = elements.read(text)
    except malformed.NotWellFormedError as error:
        return [source.error(f"the MJML is not well formed: {error.message}", elements.characters(text, error.at))]
    return [_placed(source, problem) for problem in rules.problems(found)]


def _placed(source: Traced, problem: rules.Problem) -> ContentError:
    element, message, about = problem
    if about == rules.TEXT:
        at = elements.characters(source.text, elements.text_start(source.text, element))
        return source.error(message, at)
    at = elements.characters(source.text, element.at)
    return source.error(message, elements.attribute_start(source.text, at, about) if about else at, word=about)
