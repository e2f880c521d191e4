"""README.md and docs/design.md speak of what there is."""

import re
from itertools import product
from pathlib import Path

import pytest

from pipeline.cli import COMMANDS
from pipeline.content import layout

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
DESIGN = (ROOT / "docs" / "design.md").read_text()
PICTURES = re.compile(r'<img src="([^"]+)"')
LINKS = re.compile(r"\]\((?!http)([^)#]+)\)")
PATHS = re.compile(r"`((?:[\w.*-]+/)*[\w*-]+(?:/|\.(?:py|md|tsv|mjml|yml|toml)))`")


def section(text: str, first_words: str) -> str:
    """The table whose head begins so."""
    return text[text.index(first_words) :].partition("\n\n")[0]


def exists(path: str) -> bool:
    return any(any(folder.glob(path.rstrip("/"))) for folder in (ROOT, ROOT / "pipeline"))


@pytest.mark.parametrize("name", ["README.md", "docs/design.md"])
def test_every_link_leads_somewhere(name):
    text = (ROOT / name).read_text()
    assert [link for link in LINKS.findall(text) if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_pictures_are_those_that_the_script_makes():
    script = (ROOT / "docs" / "make_pictures.py").read_text()
    for picture in PICTURES.findall(README):
        assert picture.startswith("docs/pictures/")
        assert re.sub(r"-(en|ko)(?=\.png)|\.png", "", Path(picture).name) in script


def test_the_sample_is_pictured_in_every_layout_language_width_and_light():
    wanted = {
        f"issue-20-{'-'.join(each)}.png"
        for each in product(layout.names(), ("en", "ko"), ("650", "375"), ("light", "dark"))
    }
    assert {path.name for path in (ROOT / "docs" / "pictures").glob("issue-20-*")} == wanted


def test_every_path_that_the_map_names_exists():
    named = PATHS.findall(DESIGN)
    assert len(named) > 15
    assert [path for path in named if not exists(path)] == []


def test_every_module_in_the_drawing_of_the_house_exists():
    drawing = DESIGN.partition("```\npipeline/\n")[2].partition("```")[0]
    modules = re.findall(r"(?:^|\s)([a-z_]+(?:\.py|/))", drawing)
    assert len(modules) > 25
    assert [name for name in modules if not (exists(name) or exists(f"*/{name}"))] == []


def test_the_readme_lists_every_command():
    table = section(README, "| command | does |")
    listed = {word.split()[0] for row in table.splitlines()[2:] for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert listed == set(COMMANDS)


def test_the_readme_lists_every_variable():
    table = section(README, "| variable (each prefixed")
    listed = {word for row in table.splitlines()[2:] for word in re.findall(r"`(\w+)`", row.split("|")[1])}
    read = set(re.findall(r'_env\("(\w+)"', (ROOT / "pipeline" / "settings.py").read_text()))
    assert listed | {"DATABASE_PASSWORD"} == read
    assert "`DATABASE_PASSWORD_FILE`" in README


def test_the_map_draws_the_layers_as_they_are_kept():
    drawn = re.search(r"`(cli, commands → .*?subscribers)`", DESIGN, re.DOTALL)[1]
    layers = [re.findall(r"\w+", layer) for layer in drawn.split("→")]
    configured = re.search(r"layers = \[(.*?)\n\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)[1]
    kept = [re.findall(r"(\w+)\b(?![.\w])", line) for line in re.findall(r'"(.+?)"', configured)]
    assert layers == kept


def test_the_map_fits_a_reader():
    assert len(DESIGN.splitlines()) <= 250
