"""Write pipeline/content/preflight/clients/support.tsv anew: what mail programs are known to show, from caniemail.

    python docs/make_client_table.py support.json

`support.json`: {"source": str, "features": [{"slug", "title", "category", "last_test_date", "notes": {number: text},
"support": {"family.platform": [version, "n #1 #2"]}}]}, made from the front matter of caniemail's feature files
(github.com/hteumeuleu/caniemail, MIT licence: see LICENSE.caniemail beside the table).
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "pipeline" / "content" / "preflight" / "clients"
CLIENTS: Final = (
    *("gmail.desktop-webmail", "gmail.mobile-webmail", "gmail.ios", "gmail.android"),
    *("outlook.windows", "outlook.outlook-com", "outlook.macos", "outlook.ios", "outlook.android"),
    *("apple-mail.macos", "apple-mail.ios"),
    *("yahoo.desktop-webmail", "yahoo.ios", "yahoo.android"),
    *("samsung-email.android", "thunderbird.macos"),
)
LEFT_OUT: Final = frozenset(
    [
        "amp",
        "bimi",
        "css-comments",
        "css-nesting",
        "html-comments",
        "html-doctype",
        "html-semantics",
        "css-sytem-ui",
        "css-inline-size",
        "css-border-inline-block-individual",
        "css-border-inline-block-longhand",
        "css-border-radius-logical",
        "html-button-reset",
        "html-input-checkbox",
        "html-input-hidden",
        "html-input-radio",
        "html-input-reset",
        "html-input-submit",
    ]
)
"""Not to be seen in a page that we compile, no single word of it, or told by another feature."""
NAMES: Final[dict[str, list[str]]] = {
    "css-at-media-device-pixel-ratio": ["@media (-webkit-device-pixel-ratio)"],
    "css-at-media-hover": ["@media (hover)", "@media (any-hover)"],
    "css-block-inline-size": ["block-size", "inline-size"],
    "css-border-inline-block": ["border-inline", "border-block"],
    "css-color-scheme": ["color-scheme"],
    "css-column-layout-properties": ["columns", "column-width", "column-rule", "column-span", "column-fill"],
    "css-flex-direction": ["flex-direction"],
    "css-flex-wrap": ["flex-wrap"],
    "css-font": ["font"],
    "css-gap": ["gap", "column-gap", "row-gap"],
    "css-grid-template": ["grid-template", "grid-template-columns", "grid-template-rows", "grid-template-areas"],
    "css-important": ["!important"],
    "css-inert-attribute": ["inert="],
    "css-intrinsic-size": ["fit-content", "min-content", "max-content"],
    "css-left-right-top-bottom": ["left", "right", "top", "bottom"],
    "css-margin-block-start-end": ["margin-block-start", "margin-block-end"],
    "css-margin-inline-block": ["margin-inline", "margin-block"],
    "css-margin-inline-start-end": ["margin-inline-start", "margin-inline-end"],
    "css-modern-color": ["lch()", "oklch()", "lab()", "oklab()"],
    "css-padding-block-start-end": ["padding-block-start", "padding-block-end"],
    "css-padding-inline-block": ["padding-inline", "padding-block"],
    "css-padding-inline-start-end": ["padding-inline-start", "padding-inline-end"],
    "css-pseudo-class-lang": [":lang"],
    "css-pseudo-class-has": [":has"],
    "css-unit-calc": ["calc()"],
    "css-unit-percent": [],
    "css-unit-initial": [],
    "css-variables": ["var()"],
    "html-address": ["<address>"],
    "html-anchor-links": ['href="#"'],
    "html-h1-h6": ["<h1>", "<h2>", "<h3>", "<h4>", "<h5>", "<h6>"],
    "html-image-maps": ["<map>", "<area>"],
    "html-lists": ["<ul>", "<ol>", "<dl>"],
    "html-mailto-links": ["mailto:"],
    "html-meta-color-scheme": ["<meta color-scheme>"],
    "html-srcset": ["srcset=", "sizes="],
    "image-base64": ["data:"],
    "image-heif": [".heif", ".heic"],
    "image-jpg": [".jpg", ".jpeg"],
    "image-mp4": [".mp4"],
    "image-tiff": [".tiff", ".tif"],
}
"""Where a feature's title does not say how it is written."""


def names(feature: dict[str, Any]) -> list[str]:
    """How a feature is written: `border-radius` `display:flex` `calc()` `vh unit` `:hover` `@import` `<p>` `dir=`."""
    slug, title = feature["slug"], feature["title"]
    if slug in NAMES:
        return NAMES[slug]
    kind, _, rest = slug.partition("-")
    if kind == "image":
        return [f".{rest}"]
    if kind == "html":
        return [f"<{tag}>" for tag in re.findall("<([a-z]+)[^>]*>", title)] or [f"{title.removesuffix(' attribute')}="]
    if re.search("[@:(]| unit$", title):
        return [re.sub(": (?=flex)", ":", title)]
    return re.findall(r"[a-z]+(?:-[a-z]+)*", title.removesuffix(" property").removesuffix(" shorthand"))


def rows(feature: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Verdict, clients, their notes: one row for each different verdict that is not a plain yes."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for client in CLIENTS:
        verdict, *numbers = feature["support"].get(client, ["", "u"])[1].split()
        if verdict != "y":
            note = " ".join(feature["notes"].get(number.lstrip("#"), "") for number in numbers)
            grouped.setdefault((verdict, plain(note)), []).append(client)
    for (verdict, note), clients in grouped.items():
        yield feature["last_test_date"], verdict, " ".join(clients), note


def plain(note: str) -> str:
    """One line without Markdown."""
    return " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", note).replace("`", "").split())


def table(support: dict[str, Any]) -> str:
    lines = [
        f"# {support['source']}",
        "# Made by docs/make_client_table.py. What is not listed here is shown, or was never tested.",
        f"# clients\t{' '.join(CLIENTS)}",
        "# how it is written\ttested\tn not, a partly, u not known\tclients\tnote",
    ]
    for feature in support["features"]:
        if feature["slug"] not in LEFT_OUT and not feature["slug"].startswith("css-selector"):
            lines += ["\t".join([name, *row]) for name in names(feature) for row in rows(feature)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    support = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    (FOLDER / "support.tsv").write_text(table(support), encoding="utf-8")
