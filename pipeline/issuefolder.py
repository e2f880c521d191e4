"""An issue file and the pictures beside it, read from the disk. Knows neither database nor storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.content import issuefile, walk
from pipeline.content.issuefile import IssueFile
from pipeline.content.pictures import Prepared, prepare
from pipeline.content.pictures.reading import BYTES_AT_MOST, unusable
from pipeline.content.preflight.findings import block
from pipeline.content.types import ContentError, Finding, IssueDocument, PictureUse


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the pictures when each was prepared for its uses."""

    prepared: dict[PictureUse, Prepared]
    findings: tuple[Finding, ...]
    """One for each use that is not."""


class IssueFolder:
    """An issue file with what lies beside it."""

    def __init__(self, path: Path) -> None:
        """Read and parse the file. Raises ContentError with line and column."""
        self.path = path
        self.issue: IssueFile = issuefile.parse(_text(path), source=str(path))

    @property
    def document(self) -> IssueDocument:
        return self.issue.document

    def pictures(self) -> dict[str, bytes]:
        """The pictures as they are, by `src`. Raises ContentError with line and column for one that is missing."""
        found: dict[str, bytes] = {}
        for place, use in self._uses():
            if use.src not in found:
                with self.blaming(place, use.src):
                    found[use.src] = self._raw(use.src)
        return found

    def tried(self) -> Tried:
        """Prepare each use; what cannot be is told and raises nothing."""
        prepared: dict[PictureUse, Prepared] = {}
        findings = []
        for place, use in self._uses():
            try:
                if use not in prepared:
                    prepared[use] = prepare(self._raw(use.src), use.shape, source=use.src)
            except FileNotFoundError as error:
                pattern = "there is no file {path}; put it there, or mend the name"
                findings.append(block("picture-missing", place, pattern, path=error.filename))
            except ContentError as error:
                findings.append(block("picture-unusable", place, "{error}", error=error))
        return Tried(prepared, tuple(findings))

    @contextmanager
    def blaming(self, place: str, src: str) -> Iterator[None]:
        """Errors in here are those of this picture: they get the place where the file names it."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._located(f"there is no file {error.filename}; put it there, or mend the name", place) from error
        except ContentError as error:
            raise self._located(f"{src}: {error.message}", place) from error

    def _located(self, message: str, place: str) -> ContentError:
        position = self.issue.position(place)
        line, column = (position.line, position.column) if position else (0, 0)
        return ContentError(message, source=str(self.path), line=line, column=column)

    def _uses(self) -> Iterator[tuple[str, PictureUse]]:
        """Of pictures below this folder, with their places."""
        yield from ((place, use) for place, use in walk.pictures(self.document) if "://" not in use.src)

    def _raw(self, src: str) -> bytes:
        """Raises FileNotFoundError, or ContentError for what is there and cannot be read."""
        path = self.path.parent / src
        try:
            with path.open("rb") as file:
                return file.read(BYTES_AT_MOST + 1)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unusable(f"{path} cannot be read ({error.strerror})", src) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"the file cannot be read: {error.strerror}", source=str(path)) from error
    except UnicodeDecodeError as error:
        raise ContentError("the file is not UTF-8; save it as UTF-8", source=str(path)) from error
