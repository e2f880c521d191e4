"""Our table of MJML beside the reference compiler's, when that is at hand: nothing forgotten, nothing wider."""

import json
import re
from pathlib import Path

import pytest

from pipeline.content.mjml import bans
from pipeline.content.mjml.components import BODY, COMPONENTS

REFERENCE = Path(__file__).parents[3] / "shared" / "mjml" / "components.json"
OURS_ALONE = {"css-class", "mj-class", "lang", "dir", "name"}
"""Attributes that every component of the reference compiler has, or that it reads elsewhere."""
TYPES = {
    "color": "#[0-9a-fA-F]{6}",
    "boolean": "true|false",
    "integer": "[0-9]+",
    "string": ".*",
    "unit(px)": "0|[0-9]+px",
    "unit(px,%)": "0|[0-9]+(px|%)",
    "unit(px,%){1,4}": r"(0|[0-9]+(px|%))( (0|[0-9]+(px|%))){0,3}",
    "unit(px,%,)": r"[0-9.]+(px|%)?",
    "unit(px,auto)": "0|[0-9]+px|auto",
    "unit(px,%,auto)": "0|[0-9]+(px|%)|auto",
    "unitWithNegative(px,em)": "-?[0-9.]+(px|em)",
}


@pytest.fixture(scope="module")
def reference():
    if not REFERENCE.exists():
        pytest.skip("the reference compiler's table is not here")
    return json.loads(REFERENCE.read_text())["components"]


def choices(kind):
    return kind[5:-1].split(",") if kind.startswith("enum(") else None


def test_every_component_is_used_or_left_out_with_a_reason(reference):
    left_out = reference.keys() - COMPONENTS.keys()
    assert left_out | {"mj-include"} == set(bans.COMPONENTS)  # includes are not in their table


def test_every_attribute_is_used_or_left_out_with_a_reason(reference):
    for tag in COMPONENTS.keys() & reference.keys():
        ours, theirs = COMPONENTS[tag].attributes.keys(), reference[tag]["attributes"].keys()
        assert theirs - ours == set(bans.ATTRIBUTES.get(tag, {})), tag
        assert ours - theirs <= OURS_ALONE, tag


@pytest.mark.parametrize("tag", BODY)
def test_our_values_are_values_of_theirs(reference, tag):
    for name, kind in BODY[tag].attributes.items():
        theirs = reference[tag]["attributes"].get(name)
        if theirs is None:
            continue
        for value in kind.samples:
            fits = value in choices(theirs) if choices(theirs) else re.fullmatch(TYPES[theirs], value)
            assert fits, (tag, name, value, theirs)


@pytest.mark.parametrize("tag", BODY)
def test_every_choice_of_theirs_is_ours_or_left_out_with_a_reason(reference, tag):
    for name, kind in BODY[tag].attributes.items():
        for value in choices(reference[tag]["attributes"].get(name, "")) or ():
            assert kind.fits(value) or value == "" or (tag, name, value) in bans.VALUES, (tag, name, value)


def test_components_stand_where_theirs_may_or_the_reason_is_told(reference):
    for parent in reference.keys() & COMPONENTS.keys():
        for child in reference[parent].get("children") or ():
            if child in COMPONENTS:
                assert (parent in COMPONENTS[child].parents) != ((child, parent) in bans.NESTING), (child, parent)
    for child, component in COMPONENTS.items():
        for parent in component.parents & reference.keys() - {"mj-attributes"}:
            assert child in reference[parent]["children"], (child, parent)


@pytest.mark.parametrize("tag", BODY)
def test_every_kind_of_value_takes_its_samples_and_nothing_hostile(tag):
    for name, kind in BODY[tag].attributes.items():
        assert all(kind.fits(value) for value in kind.samples), name
        if kind.name != "text":
            for hostile in ("1px;color:red", "javascript:x", '"><script>', "url(x)", "red}", "1.5px 2pt"):
                assert not kind.fits(hostile), (tag, name, hostile)
