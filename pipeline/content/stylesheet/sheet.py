"""A style sheet taken apart into rules and at-rules, with what could not be. Reads on after a mistake."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Problem: TypeAlias = tuple[int, str]
"""Offset in the text, and what is wrong there."""

_HOLDING_RULES: Final = frozenset({"@media", "@supports", "@layer", "@container"})
_DECLARATION: Final = "write declarations as color: #12355b;"


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Declaration:
    name: str
    value: Sequence[Token]
    at: int


@dataclass(frozen=True, slots=True)
class Rule:
    selector: Sequence[Token]
    declarations: Sequence[Declaration]


@dataclass(frozen=True, slots=True)
class AtRule:
    name: str
    within: str
    """The at-rule that it stands in."""
    at: int


@dataclass(frozen=True, slots=True)
class Sheet:
    rules: Sequence[Rule]
    at_rules: Sequence[AtRule]
    problems: Sequence[Problem]


def read(css: str) -> Sheet:
    """Take a style sheet apart."""
    reader = _Reader(css)
    reader.read()
    return Sheet(reader.rules, reader.at_rules, reader.problems)


class _Reader:
    def __init__(self, css: str) -> None:
        self.rules: list[Rule] = []
        self.at_rules: list[AtRule] = []
        self.problems: list[Problem] = []
        self._tokens = list(_tokens(css, self.problems))
        self._next = 0

    def read(self, within: str = "", opened: int = 0) -> None:
        """Rules up to the end, or to the } that ends the at-rule around them."""
        while self._here.kind != "EOF":
            if self._here.text == "}":
                self._take()
                if within:
                    return
                self.problems.append((self._tokens[self._next - 1].at, "} closes nothing here; delete it"))
            elif self._here.text.startswith("@"):
                self._at_rule(within)
            elif self._take_blank():
                self._rule()
        if within:
            self.problems.append((opened, f"{within} is opened here and never closed; write a }} at its end"))

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._here
        self._next += token.kind != "EOF"
        return token

    def _take_blank(self) -> bool:
        """Take blanks; whether something else follows now."""
        while self._here.kind == "S":
            self._take()
        return self._here.kind != "EOF" and self._here.text != "}" and not self._here.text.startswith("@")

    def _until(self, *ends: str) -> list[Token]:
        """Tokens up to one of these outside parentheses, which stays, or to the end."""
        taken, depth = list[Token](), 0
        while self._here.kind != "EOF" and (depth or self._here.text not in ends):
            token = self._take()
            depth = max(0, depth + token.text.endswith("(") - (token.text == ")"))
            taken.append(token)
        return taken

    def _at_rule(self, within: str) -> None:
        token = self._take()
        name = token.text.strip().lower()
        self.at_rules.append(AtRule(name, within, token.at))
        self._until("{", ";", "}")
        if self._here.text == "}":
            return
        if self._take().text == "{":
            if name in _HOLDING_RULES:
                self.read(name, token.at)
            else:
                self._skip_block()

    def _skip_block(self) -> None:
        depth = 1
        while depth and self._here.kind != "EOF":
            text = self._take().text
            depth += (text == "{") - (text == "}")

    def _rule(self) -> None:
        selector = self._until("{", ";", "}")
        if self._here.text != "{" or not selector:
            at = selector[0].at if selector else self._here.at
            self.problems.append((at, "this is no rule; write a selector and its declarations: p { margin: 0; }"))
            if self._here.text != "}" and self._take().text == "{":
                self._skip_block()
            return
        opened = self._take()
        self.rules.append(Rule(selector, tuple(self._declarations(opened))))

    def _declarations(self, opened: Token) -> Iterator[Declaration]:
        while self._here.text != "}":
            if self._here.kind == "EOF":
                self.problems.append((opened.at, "{ is opened here and never closed; write a } at the end of the rule"))
                return
            if self._here.kind == "S" or self._here.text == ";":
                self._take()
            elif declaration := self._declaration():
                yield declaration
        self._take()

    def _declaration(self) -> Declaration | None:
        tokens = self._until(";", "}", "{")
        name, *rest = tokens or [self._here]
        value = rest[1:] if rest and rest[0].kind != "S" else rest[2:]
        colon = next((token.text for token in rest if token.kind != "S"), "")
        if self._here.text == "{":
            self.problems.append((self._here.at, "{ stands inside a rule here; the } of the rule before is missing"))
            self._take()
        elif name.kind != "IDENT" or colon != ":" or not any(token.kind != "S" for token in value):
            self.problems.append((name.at, f"{name.text!r} begins no declaration; {_DECLARATION}"))
        else:
            return Declaration(name.text.lower(), value, name.at)
        return None


def _tokens(css: str, problems: list[Problem]) -> Iterator[Token]:
    from cssutils.tokenize2 import Tokenizer  # half a second that most commands need not pay

    lines = [0, *(index + 1 for index, sign in enumerate(css) if sign == "\n")]
    for kind, text, line, column in Tokenizer().tokenize(css, fullsheet=True):
        at = min(lines[min(line, len(lines)) - 1] + column - 1, len(css))
        if kind == "COMMENT":
            if not css.startswith(text, at):
                problems.append((at, "this comment is never closed; write */ at its end"))
        elif kind in {"CDO", "CDC"}:
            problems.append((at, f"{text} has no place in a style sheet; comments are /* … */"))
        elif kind == "INVALID":
            problems.append((at, f"{text!r} is opened here and not closed in its line"))
        else:
            yield Token(kind, text, at)
