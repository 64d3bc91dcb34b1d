"""Strings that break programs: made kind by kind, so that each kind is whole."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from typing import Final

BYTE_ORDER_MARK: Final = "\ufeff"

# What other programs write for "nothing", "yes" and "I could not".
_WORDS = (
    "NULL null Null nil Nil None none undefined void NaN nan Infinity -Infinity inf TRUE True true "
    "FALSE False false yes no on off N/A n/a #N/A #REF! #NAME? #VALUE! #DIV/0! #NUM! #NULL! "
    "######## (null) <null> \\N \\0 - -- ? . .. ... [object_Object] __proto__ constructor hasOwn "
    "CON PRN AUX NUL COM1 LPT1 nobody root admin test Test.csv then else undefined\u00a0value"
).split(" ")

_NUMBERS = (
    "0 -0 +0 00 1 -1 +1 1.00 -1.00 +1.00 0.00 -0.00 01000 007 1. .5 1.0 1.000 0.001 1.005 0.1 1,5 "
    "1,00 1,000.00 1.000,00 1,00,000.00 1'000.00 1_000 1;000 1..0 1.0.0 1,,0 1- 1.00- 1.00CR "
    "(1.00) (1) $1 $1.00 1.00$ US$1 USD1.00 €1,00 £1 ¥100 1e2 1E2 1E+02 1E+2 1e-2 1e999 1.5E3 0x10 "
    "0X1F 0b11 0o17 017 1/2 1% 1/0 0/0 99999999.99 999999999.99 99999999999 2147483647 2147483648 "
    "-2147483648 4294967296 9007199254740993 9223372036854775807 9223372036854775808 "
    "18446744073709551616 1.7976931348623157E+308 4.9e-324 0.30000000000000004 "
    "123456789012345678901234567890 20260302 2026-13-45 12/31/9999 00/00/0000 1900-02-29 44927.5 "
    "24:00 12:60 2026-W10-1 2026-061 T12:00Z @1 1h ½ ² ³ ① Ⅳ ㉕ 一 〇 ∞ −1 ﹣1 ＋1 1\u066b5 "
    "1\u00a0000 1\u202f000"
).split(" ")

# What a spreadsheet, a shell, a database, a browser or a template would run, or follow.
_RUN_BY_OTHERS = (
    "=1+1",
    '=1+2";=1+2',
    "=CMD|'/C echo'!A0",
    '=HYPERLINK("https://example.org","pay")',
    '="00042"',
    "'00042",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "\t=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1)",
    "$(touch blown)",
    "`touch blown`",
    "; touch blown",
    "| touch blown",
    "&& touch blown",
    "$HOME",
    "%USERPROFILE%",
    "${IFS}",
    "> blown",
    "~",
    "*",
    "--help",
    "-rf",
    "' OR '1'='1",
    "'; DROP TABLE charge; --",
    '"; DROP TABLE charge; --',
    "Robert'); DELETE FROM posting;--",
    "1; SELECT pg_sleep(1)",
    "%' ESCAPE '!",
    ":account :1 ? %s %(name)s $1",
    "E'\\\\x41'",
    "$$ $tag$ $$",
    "<script>alert(1)</script>",
    "<b onmouseover=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "<!--",
    "]]>",
    "<![CDATA[",
    "&lt;&amp;&#0;&#x1F4A9;",
    "</title>",
    "{{7*7}}",
    "{% raw %}",
    "${7*7}",
    "#{7*7}",
    "{0} {name} {0.__class__}",
    "%n%n%s%x%p",
    "%00",
    "%0d%0aSet-Cookie:x",
    "../../../etc/passwd",
    "..\\..\\windows",
    "/dev/null",
    "C:\\AUX",
    "file:///etc/hostname",
    "\\\\server\\share",
    "http://[::1]:8080/",
    "mailto:x@example.org?bcc=y",
    "(a+)+$",
    "[",
    "(?:",
    '{"a": 1}',
    "- a: b",
    "!!python/object:x",
    "---",
    "#!/bin/sh",
    "# no comment",
    "// no comment",
    '2026-03-02 * "payee" "note"',
    "; comment of a journal",
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "ab\b\bcd",
    "ding\x07",
)

_MEANT_FOR_CSV = (
    '"',
    '""',
    '"""',
    '"""quoted"""',
    'half " quote',
    '5" pipe',
    '" outside"',
    ",",
    ",,,",
    ";",
    "a;b;c",
    "a\tb",
    "\\",
    "\\,",
    '\\"',
    "a\\nb",
    "two\nlines",
    "two\r\nlines",
    "\n",
    "ends\n",
    "\nbegins",
    "\n\n\n",
    'quote " and\nline',
    "sep=;",
    "charge_tracking_id",
    "account_type,charge_tracking_id,student_id",
    "|",
    "a|b",
    "'",
    "''",
    "O'Brien",
    "“curly”",
    "‚low‘",
    "«guillemets»",
)

# Names and words that people have, in the scripts that they have them in.
_WRITTEN_BY_PEOPLE = (
    "Zoë Núñez-O’Hara",
    "Jürgen Weiß",
    "JÜRGEN WEISS",
    "Łucja Żółć",
    "Đặng Thị Huệ",
    "İrem Işık",
    "i̇",
    "Ångström",
    "A\u030angstro\u0308m",
    "\u212bngström",
    "Ǆ ǅ ǆ ﬁ ﬀ ſ ẞ",
    "Nguyễn",
    "Ольга Щукина",
    "раураl",  # Cyrillic that looks like Latin
    "Ελένη Παππά",
    "ΑΣ ας",
    "שרה כהן",
    "فاطمة الزهراء",
    "abc فاطمة 123",
    "﷽",
    "ﷺ",
    "नेहा शर्मा",
    "ภาษาไทยไม่มีช่องว่าง",
    "မြန်မာ",
    "ལྷ་ས",
    "ខ្មែរ",
    "தமிழ்",
    "田中さんにあげて下さい",
    "社會科學院語學研究所",
    "ｶﾀｶﾅ",
    "김민준",
    "\u1100\u1161\u11a8",
    "𠜎𠜱𡁻",
    "𝐁𝐨𝐥𝐝",
    "ⓐⓑⓒ",
    "ⅷ",
    "ˈpəʊstɪŋ",
    "¯\\_(ツ)_/¯",
    "( ͡° ͜ʖ ͡°)",
    "☃ ☠ ♥",
    "I ♥ school",
    "1\ufe0f\u20e3",
    "👩🏽‍🎓",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🇨🇼🇺🇸",
    "🇺",
    "😀😃😄",
    "❤️ ❤",
    "e\u0301",
    "\u0301",
    "a" + "\u0300\u0316\u0337" * 12,
    "\u202eright to left\u202c",
    "\u2066isolated\u2069",
    "soft\u00adhyphen",
    "zero\u200bwidth",
    "no\u00a0break",
    "\ufffd",
    "caf\ufffd",
    "\ue000 private",
    "\U0010ffff",
    "\ufffe",
    "\ufdd0",
    "\U000e0041tag",
)

_LENGTHS = (63, 64, 65, 254, 255, 256, 257, 1000, 4096, 10_000)


def strange_strings() -> Iterator[str]:
    """Yield each string once, of every kind that can stand in a field.

    A null byte and a lone carriage return cannot: what they cost is told in tests of their own.
    """
    yield from dict.fromkeys(
        [
            "",
            *_WORDS,
            *_NUMBERS,
            *_digits_of_every_script(),
            *_RUN_BY_OTHERS,
            *_MEANT_FOR_CSV,
            *_WRITTEN_BY_PEOPLE,
            *_misread("é", "ü ß", "“Zoë”", "田中", "€"),
            *_spaces(),
            *_controls(),
            *_formats(),
            *("x" * length for length in _LENGTHS),
            *("é" * length for length in _LENGTHS),
            *("😀" * length for length in (64, 65, 255, 256)),
            BYTE_ORDER_MARK,
            f"in{BYTE_ORDER_MARK}side",
            f"{BYTE_ORDER_MARK}account_type",
        ]
    )


def _digits_of_every_script() -> Iterator[str]:
    """Yield 123 in each of the scripts whose digits `int` reads, and a file must not."""
    for code in range(0x80, sys.maxunicode):
        if unicodedata.category(chr(code)) == "Nd" and unicodedata.digit(chr(code)) == 0:
            yield "".join(chr(code + digit) for digit in (1, 2, 3))


def _misread(*texts: str) -> Iterator[str]:
    """Yield UTF-8 that was read as another encoding, once and twice."""
    for text in texts:
        once = text.encode().decode("latin-1")
        yield once
        yield once.encode().decode("latin-1")
        yield text.encode().decode("cp437")


def _spaces() -> Iterator[str]:
    """Yield every space but the plain one, alone and between letters."""
    for code in range(0x80, 0x3100):
        if unicodedata.category(chr(code)) in {"Zs", "Zl", "Zp"}:
            yield chr(code)
            yield f"a{chr(code)}b"


def _controls() -> Iterator[str]:
    """Yield every control character between letters, and all of them in one."""
    controls = [chr(code) for code in (*range(1, 0x20), *range(0x7F, 0xA0)) if chr(code) != "\r"]
    yield from (f"a{control}b" for control in controls)
    yield "".join(controls)


def _formats() -> Iterator[str]:
    """Yield what is there and shows nothing: the format characters, but for tags and marks."""
    for code in range(0x80, 0x1D200):
        if unicodedata.category(chr(code)) == "Cf" and chr(code) != BYTE_ORDER_MARK:
            yield f"a{chr(code)}b"
    for blank in "\u034f\u2800\u3164\uffa0\u115f\u1160\ufe0f":
        yield blank
        yield f"a{blank}b"
