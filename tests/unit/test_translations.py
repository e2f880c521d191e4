"""The Korean texts: complete, and compiled from the source that is committed beside them."""

import gettext
import json
import re
from pathlib import Path

import pytest

from pipeline.content import brand

FOLDER = Path(__file__).parents[2] / "pipeline" / "locale" / "ko" / "LC_MESSAGES"
ENTRY = re.compile(r'^msgid "((?:[^"\\]|\\.)+)"\nmsgstr "((?:[^"\\]|\\.)*)"$', re.MULTILINE)
WRITTEN = {
    json.loads(f'"{source}"'): json.loads(f'"{text}"')
    for source, text in ENTRY.findall((FOLDER / "django.po").read_text())
}
MARKS = re.compile(r"%\(\w+\)s|<[^>]+>")


def test_the_compiled_catalogue_is_that_of_the_source():
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog
    assert {source: text for source, text in compiled.items() if source} == WRITTEN


def test_every_text_is_translated():
    assert [source for source, text in WRITTEN.items() if not text] == []


@pytest.mark.parametrize("source", [source for source in WRITTEN if MARKS.search(source)])
def test_places_for_values_and_markup_are_kept(source):
    assert sorted(MARKS.findall(WRITTEN[source])) == sorted(MARKS.findall(source))


def test_every_text_of_the_templates_and_modules_is_in_the_catalogue():
    root = FOLDER.parents[3]
    files = [
        file for folder in ("staff", "public", "wagtailadmin") for file in root.glob(f"templates/{folder}/**/*.html")
    ]
    used = {text for file in files for text in re.findall(r'{% translate "([^"]+)"', file.read_text())}
    modules = [*root.glob("pipeline/**/*.py"), *root.glob("subscribers/**/*.py")]
    call = re.compile(r'\b(?:_|gettext|gettext_lazy)\(\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')\s*\)')
    used |= {literal[1:-1].replace('\\"', '"') for file in modules for literal in call.findall(file.read_text())}
    assert sorted(used - set(WRITTEN)) == []


def test_what_is_wrong_with_a_brand_is_said_in_korean():
    patterns = {setting.rule for setting in brand.SETTINGS.values()} | set(brand._HARD_TO_READ.values())
    assert sorted(patterns - set(WRITTEN)) == []
