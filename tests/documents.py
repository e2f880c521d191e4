"""Any issue document, as Hypothesis strategies: hostile texts, every inline style, every kind of block."""

from dataclasses import replace

from hypothesis import strategies as st

from pipeline.content.issuefile import normal_html
from pipeline.content.issuefile.spans import Span, html_of
from pipeline.content.types import (
    Article,
    Button,
    Citation,
    Divider,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
    ItemList,
    LinkMode,
    ListStyle,
    NewsletterProfile,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Sponsor,
    Teaser,
)

SIGNS = "*_[]()#>{}|\\`~!&<=+-.:;'\" \t\n0123456789aZ가셔을漢👩‍👧é\u00a0\u3000\u200b➊①②/@$%^,"
FRAGMENTS = [
    '{{ first_name | default("there") }}', "{{", "}}", "{.citation}", "- ", "1. ", "# ", "> ", ": ", "---", "===",
    "&amp;", "&#42;", "&lt;", "<b>", "**", "***", "``", "~~~", "](", "![", "https://x.example/", "| - |", "\\\n",
    "  \n",
]  # fmt: skip
FORBIDDEN = "".join(
    map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
texts = st.lists(
    st.sampled_from(FRAGMENTS)
    | st.text(SIGNS, max_size=6)
    | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=FORBIDDEN + "\ufeff\ufffe\uffff"), max_size=4
    ),
    max_size=5,
).map("".join)
lines = texts.filter(lambda text: text.strip(" \t\n") != "")
urls = st.sampled_from(
    [
        "https://x.example/", "http://x.example:8000/a_b_c?d=e&copy=f;&amp;#g", "https://x.example/(a(b)/*_'",
        "tel:+82-44",
        "mailto:a@b.example?subject=%20", "https://예.example/경로", "HTTPS://x.example",
        'https://x.example/?n={{ first_name | default("<a> \\\\ b") }}',
    ]
)  # fmt: skip
web_urls = urls.filter(lambda url: url.lower().startswith("http"))
htmls = st.lists(st.builds(Span, texts, st.booleans(), st.booleans(), st.just("") | urls), max_size=4).map(html_of)
full_htmls = htmls.filter(lambda html: normal_html(html) != "")
sources = st.sampled_from(["a.png", "사진/a b.png", "https://x.example/a.png?b=(c", "a&amp;b.png"])
langs = st.sampled_from(["", "", "ko", "zh-Hant-TW"])
optional_urls = st.just("") | urls
optional_web_urls = st.just("") | web_urls
pictures = st.builds(Picture, sources, texts, texts, texts, optional_urls, optional_web_urls, langs)


def pictured(kind, *fields, **named):
    """A block with a picture and its description, or without both."""
    source = st.just({}) | st.fixed_dictionaries({"src": sources, "alt": texts})
    plain = st.builds(kind, *fields, **named)
    return st.builds(lambda block, picture: replace(block, **picture), plain, source)


any_block = st.one_of(
    st.builds(Paragraph, htmls, langs),
    st.builds(Heading, texts, langs),
    st.builds(ItemList, st.sampled_from(ListStyle), st.lists(htmls, max_size=3).map(tuple), langs),
    pictures,
    st.builds(Facts, st.lists(st.tuples(lines, full_htmls), max_size=3).map(tuple), langs),
    st.builds(Citation, htmls, langs),
    st.builds(Quote, full_htmls, texts, langs),
    st.builds(Button, lines, urls, langs),
    st.builds(Notice, full_htmls, texts, langs),
    pictured(Teaser, lines, htmls, optional_web_urls, lang=langs),
    st.just(Divider()),
    pictured(Sponsor, full_htmls, lines, optional_web_urls, lang=langs),
    pictured(Signature, full_htmls, lang=langs),
    st.builds(FileLink, lines, web_urls, texts, texts, langs),
)
some_blocks = st.lists(any_block, max_size=4).map(tuple)
articles = st.builds(Article, lines, some_blocks, texts, st.none() | st.dates(), optional_web_urls, langs)
sections = st.builds(Section, lines, st.lists(articles, max_size=2).map(tuple), some_blocks, langs)
documents = st.builds(
    IssueDocument,
    newsletter=st.just("smart-city"),
    number=st.integers(1, 999_999),
    date=st.dates(),
    language=st.sampled_from(["en", "ko", "pt-BR"]),
    title=lines,
    subject=lines,
    preheader=texts,
    sections=st.lists(sections, max_size=2).map(tuple),
    advertising=st.booleans(),
)
profiles = st.builds(
    NewsletterProfile,
    slug=st.just("smart-city"),
    name=lines,
    sender_name=lines,
    sender_address=st.just("a+b@c.example"),
    reply_to=st.sampled_from(["", "r@c.example"]),
    postal_address=texts,
    language=st.just("ko"),
    layout=st.just("bulletin"),
    brand=st.dictionaries(st.sampled_from(["primary", "accent"]), st.just("#1a5fB4")),
    links=st.sampled_from(LinkMode),
    utm=st.dictionaries(
        st.sampled_from(["utm_source", "utm_campaign", "mtm_x"]),
        st.sampled_from(["city letter", "no-{number}", "a&b#"]),
    ),
)
