"""Each thing that a layout may not have is refused, with its reason and what to do instead."""

import re

import pytest
from snippets import PICTURE, page, rendered, wrong

from pipeline.content.mjml import bans
from pipeline.content.slots import SlotTable
from pipeline.content.types import Context


@pytest.mark.parametrize("tag", bans.COMPONENTS)
def test_components_that_are_left_out(tag):
    assert wrong(page("mj-column", inside=f"<{tag}></{tag}>")) == [f"<{tag}> is not used: {bans.COMPONENTS[tag]}"]


@pytest.mark.parametrize(("tag", "name"), [(tag, name) for tag, names in bans.ATTRIBUTES.items() for name in names])
def test_attributes_that_are_left_out(tag, name):
    assert wrong(page(tag, {name: "1px"})) == [f"{name} on <{tag}> is not used: {bans.ATTRIBUTES[tag][name]}"]


@pytest.mark.parametrize(("tag", "name", "value"), bans.VALUES)
def test_values_that_are_left_out(tag, name, value):
    reason = bans.VALUES[tag, name, value]
    assert wrong(page(tag, {name: value})) == [f"{name}={value!r} is not used: {reason}"]


@pytest.mark.parametrize(("child", "parent"), bans.NESTING)
def test_places_that_are_left_out(child, parent):
    element = f"<{child}></{child}>"
    source = (
        page(parent, inside=element) if parent != "mjml" else page("mjml").replace("<mj-body>", element + "<mj-body>")
    )
    assert bans.NESTING[child, parent] in " ".join(wrong(source))


def column(inside):
    return page("mj-column", inside=inside)


def text(inside):
    return page("mj-text", inside=inside)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        # What mrml gets wrong without a word
        (column('<mj-hero mode="fluid-height"></mj-hero>'), "height below zero"),
        (page("mj-group", inside="<mj-column></mj-column>" * 3), "give each a width, such as 33%, 34%, 33%"),
        (page("mj-image", {"width": "600px"}), "its column has room for 550px"),
        (page("mj-image", {"width": "287.5px"}), "whole pixels"),
        (page("mj-column", {"width": "33.33%"}), "whole pixels or per cent"),
        (page("mj-text", {"color": "#fff"}), "a colour of six digits"),
        (page("mj-text", {"color": "red"}), "a colour of six digits"),
        (page("mj-text", {"padding": "5%"}), "one to four of whole pixels"),
        (page("mj-text", {"padding": "1px 2px 3px 4px 5px"}), "one to four of whole pixels"),
        (page("mj-text", {"padding": "0 8px"}), "mjml-python counts widths wrong over a bare 0"),
        (page("mj-text", {"padding-left": "0"}), "mjml-python counts widths wrong over a bare 0"),
        (page("mj-section", {"border-left": "none"}), "and for none 0px solid"),
        (page("mj-text", {"align": "centre"}), "left or center or right or justify"),
        (page("mj-text", {"colr": "#123456"}), "may not have 'colr'; there are align, color"),
        (column('<mj-image src="https://example.org/a.png" />'), 'alt="" if it is decoration'),
        (column('<mj-image alt="" />'), "a picture needs src"),
        (page("mj-image", {"src": "a.png"}), "the address of a picture, https://"),
        (page("mj-image", {"src": "data:image/png;base64,x"}), "the address of a picture, https://"),
        (page("mj-button", {"href": "javascript:alert(1)"}), "begins with https://"),
        (page("mj-section", {"background-url": "https://example.org/a('b').png"}), "without quotes and parentheses"),
        (page("mj-social-element", {"src": ""}), "the address of a picture"),
        (page("mj-text", {"font-family": "url(x)"}), "names of fonts"),
        (page("mjml", {"lang": ""}), "a language (BCP 47)"),
        (page("mjml").replace(' lang="en"', ""), "read aloud in the wrong voice"),
        # How things stand
        (column("<mj-section></mj-section>"), "may stand in <mj-body> or <mj-wrapper> alone, not in <mj-column>"),
        (page("mj-section", inside="<mj-text>x</mj-text>"), "may stand in <mj-column> alone, not in <mj-section>"),
        (page("mj-body", inside="text"), "text may not stand directly in <mj-body>"),
        (column("<p>x</p>"), "put it into an mj-text"),
        (column("<mj-foo />"), "there is no <mj-foo>; there are mjml"),
        (page("mjml").replace("</mjml>", "<mj-body></mj-body></mjml>"), "may stand only once"),
        ('<mjml lang="en"><mj-head></mj-head></mjml>', "there is no <mj-body>"),
        ("<html></html>", "MJML begins with <mjml>, not with <html>"),
        (text("x<mj-text>y</mj-text>"), "is a component and cannot stand in HTML"),
        # Defaults and classes
        (page("mj-class", inside="<mj-text />"), "mjml-python refuses elements in mj-class"),
        (page("mj-all", {"width": "50%"}), "mj-all reaches components that cannot have it"),
        (page("mj-all", {"padding": "5px"}), "allowed is 0"),
        (page("mj-text", {"mj-class": "loud"}), "there is no <mj-class name='loud'>; there are flow, quiet"),
        (page("mj-text", {"mj-class": "flow flow"}), "two of these classes set padding"),
        (
            page("mj-group", {"mj-class": "flow"}).replace("vertical-align", "padding").replace("bottom", "1px"),
            "sets padding, which <mj-group> cannot have",
        ),
        # HTML that premailer or mail programs would break
        (text('<a href="https://example.org/"><table><tr><td>x</td></tr></table></a>'), "the link is lost"),
        (text('<a href="#a"><b><a href="#b">x</a></b></a>'), "close the <a> before it"),
        (text("<p>one<ul><li>x</li></ul></p>"), "close the <p> before it"),
        (text("<li>x</li>"), "<li> may stand in <ol> or <ul> alone"),
        (text("<td>x</td>"), "<td> may stand in <tr> alone"),
        (text("<br>x</br>"), "<br> holds nothing; write <br />"),
        (text("<script>x</script>"), "mail programs run no scripts"),
        (text("<style>a{}</style>"), "put them into head.css"),
        (text("<form></form>"), "link to a page with the form"),
        (text("<svg />"), "use a PNG"),
        (text("<blink>x</blink>"), "mail programs show it differently or not at all. There are a, abbr"),
        (text('<b onclick="x">y</b>'), "onclick is a script"),
        (text('<b color="red">y</b>'), "<b> may not have color; there are class"),
        (text('<a href="javascript:x">y</a>'), "no address for readers"),
        (text('<a href="{{ u }}">y</a>'), "no address for readers"),
        (text(f'<img src="{PICTURE}" />'), "a picture needs alt"),
        (text('<img src="cid:x" alt="" />'), "a picture needs src"),
        (text('<b style="background:url(https://example.org/a.png)">x</b>'), "nothing may be loaded from a style"),
        (text('<b style="color:red;color:#123456">x</b>'), "color stands twice in one style"),
        (text('<b style="margin:0;margin-left:1px">x</b>'), "margin and margin-left set the same thing"),
        (text(f'<b style="color:{SlotTable("n" * 8).token("name", Context.HTML)}">x</b>'), "a merge tag has no place"),
        (text('<b style="{{ x }}">x</b>'), "is no declaration"),
        (page("mj-raw", inside='<link rel="stylesheet" href="x" />'), "premailer would fetch it"),
        (page("mj-raw", inside='<base href="x" />'), "it would move every address"),
        (text('<meta name="a" content="b" />'), "<meta> may not stand in a mail"),
        (page("mj-title", inside="<b>x</b>"), "<mj-title> may not hold elements"),
    ],
)
def test_what_would_come_out_wrong(source, says):
    found = wrong(source)
    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "there is no MJML here"),
        ("plain text", "nothing stands before it"),
        ('<?xml version="1.0"?><mjml lang="en" />', "<?xml …?> is not used"),
        ("<!doctype html><mjml />", "nothing stands before it"),
        ("<mjml></mjml><mjml></mjml>", "nothing may stand behind </mjml>"),
        (text("<b>one"), "</mj-text> stands where <b> is still open; close it first: </b>"),
        (text("<p>one<p>two"), "</mj-text> stands where <p> is still open"),
        (column("<mj-text>x</mj-tex>"), "</mj-tex> stands where <mj-text> is still open"),
        (text("one</b>"), "</b> stands where <mj-text> is still open"),
        (text("x")[: -len("</mjml>")], "<mjml> is opened here and never closed"),
        (text("a & b"), "& stands alone here; write &amp;"),
        (text("a < b"), "< stands alone here; write &lt;"),
        (text("&foo; &nbsp;"), "&foo; is no character that HTML knows"),
        (text('<b title="&foo;">x</b>'), "&foo; is no character that HTML knows"),
        (text("a\x00b"), "a control character stands here"),
        (text("<b class=x>y</b>"), "the value needs quotes"),
        (text('<b class="x>y</b>'), "is not closed with the same quote"),
        (text("<b hidden>y</b>"), "an attribute needs a value"),
        (text('<b class="x"id="y">z</b>'), "a blank is missing"),
        (text('<b id="x" class="y" id="z">z</b>'), "stands twice in its tag"),
        (text("<![if !mso]>x<![endif]>"), "<!--[if !mso]><!--> … <!--<![endif]-->"),
        (text("<!-- a -- b -->"), "-- may not stand inside a comment"),
        (text("<![CDATA[x]]>"), "<![CDATA[ is not used"),
        (text("<?php x ?>"), "<?php is not used"),
        (text("x ]]> y"), "write ]]&gt;"),
        (text("&#0;"), "there is no such character"),
        (text("<!-- x"), "this is not closed"),
        (text('<b 1="x">y</b>'), "XML cannot have this here"),
    ],
)
def test_what_is_no_xml(source, says):
    found = wrong(source)
    assert len(found) == 1
    assert says in found[0]


def test_each_mistake_is_told():
    source = page("mj-text", {"colr": "x", "align": "y"}, inside="<script>x</script><b onclick='x'>y</b>")
    assert len(wrong(source)) == 4


@pytest.mark.parametrize(
    "inside",
    [
        "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->",
        "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
        "&nbsp;&copy;&#8204;&amp;",
        '<div lang="ko" role="note" aria-label="x" style="mso-hide:all;margin:0"><p>x</p></div>',
        '<a href="mailto:a@example.org">x</a><a href="tel:+82">x</a><a href="#s1">x</a>',
        '<table role="presentation" width="100%"><tr><td valign="top"><a href="#x">x</a></td></tr></table>',
    ],
)
def test_what_is_right_is_taken(inside):
    assert wrong(text(inside)) == []


def picture(**attributes):
    written = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<mj-image src="{PICTURE}" alt=""{written} WIDTH />'


@pytest.mark.parametrize(
    "source",
    [
        column(picture()),
        column(picture(padding="0")),
        column(picture(padding="0px 1px 0px 3px")),
        column(picture(padding_left="100px")),
        column(picture(border="2px solid #123456")),
        page("mj-column", {"border": "7px solid #123456", "border-left": "9px solid #123456"}, picture()),
        page("mj-section", {"padding": "0px 10px"}, f"<mj-column>{picture()}</mj-column>"),
        page("mj-section", inside=f'<mj-column width="30%" /><mj-column width="70%">{picture()}</mj-column>'),
        page("mj-section", inside=f'<mj-column width="200px" padding="4px">{picture()}</mj-column>'),
        page("mj-group", inside=f"<mj-column>{picture()}</mj-column><mj-column />"),
        page("mj-wrapper", {"padding": "0px 20px"}, f"<mj-section><mj-column>{picture()}</mj-column></mj-section>"),
        column(picture()).replace("<mj-body>", '<mj-body width="700px">'),
        column(picture()).replace("<mj-head>", '<mj-head><mj-attributes><mj-all padding="0" /></mj-attributes>'),
        column(picture(mj_class="a")).replace(
            "<mj-head>", '<mj-head><mj-attributes><mj-class name="a" padding="0px 3px" /></mj-attributes>'
        ),
        column(picture()).replace(
            "<mj-head>", '<mj-head><mj-attributes><mj-image padding="0px 5px" /></mj-attributes>'
        ),
    ],
)
def test_a_picture_has_the_room_that_the_compiler_gives_it(source):
    room = int(re.search(r'<img [^>]*width="([0-9]+)"', rendered(source.replace("WIDTH", "")))[1])
    assert wrong(source.replace("WIDTH", f'width="{room}px"')) == []
    assert f"has room for {room}px" in wrong(source.replace("WIDTH", f'width="{room + 1}px"'))[0]
