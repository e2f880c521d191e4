"""The templates' own world: what a layout may use, how much of it, and how its mistakes are told.

Layouts belong to whoever runs Pressrun, but a slip in one must neither hang a worker nor let people's text through as
markup: so there is no filter and no block that turns escaping off, nothing random, and a limit to loops and sizes.
It is no wall against somebody who means harm; they would not be given the folder.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from pipeline.content.trace import File, Traced, marked
from pipeline.content.types import ContentError

FILTERS: Final = re.findall(
    r"\w+",
    """abs batch capitalize count d default dictsort e escape first float groupby indent int items join last length list
    lower map max min reject rejectattr replace reverse round select selectattr slice sort string sum title trim
    truncate unique upper wordwrap""",
)
"""Neither those that turn escaping off nor those that give another result each time."""
_GLOBALS: Final = frozenset({"range", "dict", "cycler", "joiner", "namespace"})
_NO_METHODS: Final = frozenset(
    {"center", "expandtabs", "ljust", "rjust", "translate", "unescape", "striptags", "zfill"}
)
_MAX_STEPS: Final = 1_000_000
_MAX_OUTPUT: Final = 4_000_000
_MAX_REPEATED: Final = 10_000
_BROKEN: Final = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template may raise that is its own fault."""
_WIDE = re.compile("[0-9]{4}")
_QUOTED = re.compile("'([^']+)'")

_steps: ContextVar[list[int]] = ContextVar("steps")


def render(environment: "Sandbox", name: str, context: Mapping[str, Any]) -> Traced:
    """Render a template of the environment.

    Raises ContentError, with file, line and where it can be known column, for whatever the template does wrong.
    """
    _steps.set([_MAX_STEPS])
    try:
        text = _within_limits(environment.get_template(name), context)
    except _BROKEN as error:
        raise _told(error, environment, name=name, names=context) from error
    return Traced.rendered(text, environment.files, name=environment.title(name))


def unreadable(environment: "Sandbox") -> Iterator[ContentError]:
    """What is wrong with the templates by themselves, those that no issue reaches as well."""
    for name in environment.list_templates(extensions=("mjml", "css", "txt")):
        try:
            environment.get_template(name)
        except _BROKEN as error:
            yield _told(error, environment, name=name, names=())


@lru_cache(maxsize=32)
def sandbox(folders: tuple[Path, ...]) -> "Sandbox":
    """The environment of a layout; its templates are looked for in these folders, in this order."""
    return Sandbox(_Loader(folders))


def _is_markup(name: str | None) -> bool:
    """Whether what a template makes is markup, so that values are escaped: all but the text part."""
    return not (name or "").endswith(".txt")


class Missing(StrictUndefined):
    """A name that does not exist, and what does."""

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"there is no {self._undefined_name!r} in a layout"
        thing = self._undefined_obj
        known = f"; it has {', '.join(each.name for each in fields(thing))}" if is_dataclass(thing) else ""
        return f"{type(thing).__name__} has no {self._undefined_name!r}{known}"


class _Counting(CodeGenerator):
    """Loops ask first, so that none goes on for ever."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802
        for loop in node.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)
        super().visit_Template(node, frame)


class _Escaping(Extension):
    """Refuse the block that would turn escaping off."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        opened = False
        for token in stream:
            if opened and token.type == "name" and token.value == "autoescape":
                raise TemplateSyntaxError(
                    "'autoescape' cannot be changed in a layout", token.lineno, stream.name, stream.filename
                )
            opened = token.type == "block_begin"
            yield token


class _Loader(FileSystemLoader):
    """Reads templates from within its folders alone, and marks them."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__([str(folder) for folder in folders])
        self.folders = folders
        self.files: list[File] = []
        self.paths: list[str] = []
        self._lock = Lock()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, uptodate = super().get_source(environment, template)
        inside = [folder for folder in self.folders if Path(path).resolve().is_relative_to(folder.resolve())]
        if not inside:
            raise SecurityError(f"{template!r} leads out of the layout's folder; put a copy of the file there")
        source = re.sub("\r\n?", "\n", source)
        number = self._kept(path, File(_title(Path(path), self.folders), source))
        return marked(source, number, name=template), path, uptodate

    def _kept(self, path: str, file: File) -> int:
        """The number of a file, under which its newest source is kept. Threads share the loader."""
        with self._lock:
            if path in self.paths:
                self.files[self.paths.index(path)] = file
            else:
                self.files.append(file)
                self.paths.append(path)
            return self.paths.index(path)


def _title(path: Path, folders: Sequence[Path]) -> str:
    """The folder and the file in it: `bulletin/layout.mjml`, `parts/blocks.mjml`."""
    folder = next(folder for folder in folders if path.is_relative_to(folder))
    return f"{folder.name}/{path.relative_to(folder)}"


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 for layouts."""

    intercepted_binops = frozenset({"*", "**", "%"})
    code_generator_class = _Counting
    loader: _Loader

    def __init__(self, loader: _Loader) -> None:
        super().__init__(
            loader=loader,
            autoescape=_is_markup,
            undefined=Missing,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Escaping],
        )
        self.globals = {name: thing for name, thing in self.globals.items() if name in _GLOBALS}
        self.filters = {name: thing for name, thing in self.filters.items() if name in FILTERS}
        self.filters["counted"] = _counted
        self._answers: dict[tuple[type, str], bool] = {}

    @property
    def files(self) -> Sequence[File]:
        return self.loader.files

    def title(self, name: str) -> str:
        """How errors name a template that was loaded."""
        paths = (str(folder / name) for folder in self.loader.folders)
        known = (self.loader.paths.index(path) for path in paths if path in self.loader.paths)
        return next((self.files[number].name for number in known), name)

    def join_path(self, template: str, parent: str) -> str:
        """Of what a template includes: nothing whose values are not escaped as its own are."""
        if _is_markup(template) != _is_markup(parent):
            raise SecurityError(
                f"{template!r} cannot be used in {parent!r}: in text values are not escaped, in MJML they are"
            )
        return super().join_path(template, parent)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr not in _NO_METHODS and self._is_safe(obj, attr, value)

    def _is_safe(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja2's answer depends on the type alone, and looks at a dozen of them each time."""
        asked = type(obj), attr
        if asked not in self._answers:
            self._answers[asked] = super().is_safe_attribute(obj, attr, value)
        return self._answers[asked]

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        _step()
        if getattr(obj, "__name__", "") in {"format", "format_map"}:
            _refuse_wide(getattr(getattr(obj, "__wrapped__", obj), "__self__", ""))
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%":
            _refuse_wide(left)
        elif operator == "**" and not (isinstance(right, int) and abs(right) <= 16):
            raise OverflowError("the power is too high; 16 is the limit")
        elif operator == "*":
            _refuse_repeating(left, right)
        return super().call_binop(context, operator, left, right)


def _within_limits(template: Template, context: Mapping[str, Any]) -> str:
    pieces, size = [], 0
    for piece in template.generate(context):
        size += len(piece)
        if size > _MAX_OUTPUT:
            raise OverflowError(f"the layout makes more than {_MAX_OUTPUT:,} characters")
        pieces.append(piece)
    return "".join(pieces)


def _step(count: int = 1) -> None:
    left = _steps.get()
    left[0] -= count
    if left[0] < 0:
        raise OverflowError(f"the layout loops without end: more than {_MAX_STEPS:,} steps")


def _counted(value: Iterable[Any]) -> Iterable[Any]:
    """What a loop goes over, counted: at once where its length is known."""
    if isinstance(value, Sized):
        _step(len(value))
        return value
    return _one_by_one(value)


def _one_by_one(value: Iterable[Any]) -> Iterator[Any]:
    for item in value:
        _step()
        yield item


def _refuse_wide(template: object) -> None:
    if isinstance(template, str) and _WIDE.search(template):
        raise OverflowError("a format may not fill up to a thousand places or more")


def _refuse_repeating(left: object, right: object) -> None:
    for thing, times in ((left, right), (right, left)):
        if isinstance(thing, str | list | tuple) and isinstance(times, int) and len(thing) * times > _MAX_REPEATED:
            raise OverflowError(f"repeating makes more than {_MAX_REPEATED:,} characters or entries")


def _told(error: Exception, environment: Sandbox, *, name: str, names: Iterable[str]) -> ContentError:
    """The error as one for people, at its place in the template."""
    number, line = _place(error, environment.loader)
    if isinstance(error, TemplateNotFound) and number is None:
        return ContentError(f"the layout has no {error.name}")
    file = environment.files[number] if number is not None else File(environment.title(name), "")
    message = f"the layout cannot be rendered: {_message(error, names)}"
    return ContentError(message, source=file.name, line=line, column=_column(file.source, line, str(error)))


def _place(error: Exception, loader: _Loader) -> tuple[int | None, int]:
    """Number of the file and line: of a syntax error its own, else of the innermost template that was at work."""
    if isinstance(error, TemplateSyntaxError) and error.filename in loader.paths:
        return loader.paths.index(error.filename), error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in loader.paths:
            return loader.paths.index(frame.filename), frame.lineno or 0
    return None, 0


def _message(error: Exception, names: Iterable[str]) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no {error.name!r} in the layout's folder or beside it; nothing is read from elsewhere"
    if isinstance(error, RecursionError):
        return "a template includes or calls itself without end"
    said = str(error) or type(error).__name__
    if said.startswith("No filter named"):
        return f"{said.rstrip('.')}; there are {', '.join(FILTERS)}"
    if said.endswith("in a layout"):
        return f"{said}; there are {', '.join(sorted(names))}"
    return said


def _column(source: str, line: int, said: str) -> int:
    """The column of the one place in the line where a word stands that the error quotes; 0 when there is no such."""
    lines = source.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    for word in _QUOTED.findall(said):
        found = [each.start() for each in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", written)]
        if len(found) == 1:
            return found[0] + 1
    return 0
