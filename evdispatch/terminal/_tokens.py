"""How input is cut into sequences: which bytes belong together, and what is unfinished.

`Grammar.token` matches one complete sequence, or a run of text. Where it does not match,
`Grammar.prefix` gives the longest beginning of a sequence: if the data ends with it, the
rest may still come; if not, the byte after it has broken it off.

Rules that no table tells:

* Three sequences go on after a byte that ends a sequence by ECMA-48: X10's mouse report
  (``CSI M`` and three bytes), the Linux console's ``CSI [ A``, and SS3.
* rxvt ends shifted keys with ``$``, an intermediate byte, after one number of a key.
* A C1 control in UTF-8 (U+0080-9F) is one sequence, and no text; as a byte (0x9b for
  CSI) it is nothing at all.
* A string's first byte is no control: after alt+] the key enter is a key.
"""

import re
from functools import cache
from typing import Final, Literal

import attrs

CSI_LIMIT: Final = 4096
"""Bytes between the introducer and the final of CSI and SS3. More is not decoded."""

STRING_LIMIT: Final = 1 << 20
"""Bytes of an OSC, DCS, APC, PM or SOS. More is not decoded."""

# Kinds of tokens: the last group of `Grammar.token` that took part.
TEXT: Final = 1
UTF8: Final = 2
SGR_MOUSE: Final = 6  # after the groups of button, column and row
SEQUENCE: Final = 7
X10_MOUSE: Final = 8
STRING: Final = 9

Pending = Literal["esc", "seq", "string"]


@attrs.frozen
class Long:
    """A kind of sequence that can be long.

    Attributes:
        run: Bytes that surely neither end nor break it.
        rest: All that is left of it; group 1 is its end.
        limit: Bytes after which it is not decoded.
        split_end: Whether its end can be two bytes, which may come apart.
    """

    run: re.Pattern[bytes]
    rest: re.Pattern[bytes]
    limit: int
    split_end: bool

    def skip(self, data: bytes, start: int) -> tuple[int, bool]:
        """Return where the rest of a sequence stops, and whether its end is there."""
        match = self.rest.match(data, start)
        # Each part of `rest` is optional, so it matches; mypy can't know.
        return (match.end(), match[1] is not None) if match else (start, False)


LONG: Final = {
    "csi": Long(
        re.compile(rb"[ -?]+"),
        re.compile(rb"[ -?]*([@-~])?"),
        CSI_LIMIT,
        split_end=False,
    ),
    "ss3": Long(
        re.compile(rb"[0-9;]+"),
        re.compile(rb"[0-9;]*([@-~])?"),
        CSI_LIMIT,
        split_end=False,
    ),
    "osc": Long(
        re.compile(rb"[^\x07\x18\x1a\x1b]+"),
        re.compile(rb"[^\x07\x18\x1a\x1b]*(\x07|\x1b\\)?"),
        STRING_LIMIT,
        split_end=True,
    ),
    "string": Long(
        re.compile(rb"[^\x18\x1a\x1b]+"),
        re.compile(rb"[^\x18\x1a\x1b]*(\x1b\\)?"),
        STRING_LIMIT,
        split_end=True,
    ),
}
"""By the name of their group in `Grammar.prefix`."""

PENDING: Final[dict[str, Pending]] = {
    "escape": "esc",
    "introducer": "esc",
    "alt": "seq",
    "rxvt": "seq",
    "csi": "seq",
    "ss3": "seq",
    "short": "seq",
    "osc": "string",
    "string": "string",
}
"""What a held beginning is waiting for, by the name of its group in `Grammar.prefix`."""

# Unicode, table 3-7 "Well-Formed UTF-8 Byte Sequences", without ASCII and C1.
_UTF8 = rb"""(?:\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]
    |\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}
    |\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}
    |[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})"""
_UTF8_PREFIX = rb"""(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]
    |\xed[\x80-\x9f]|\xf0[\x90-\xbf][\x80-\xbf]?
    |[\xf1-\xf3][\x80-\xbf]{1,2}|\xf4[\x80-\x8f][\x80-\xbf]?|[\xc2-\xf4])"""
_C1 = rb"\xc2[\x80-\x9f]"

_STRING_FIRST = rb"[^\x00-\x1f\x7f]"
_OSC_BODY = rb"%b[^\x07\x18\x1a\x1b]{0,%d}" % (_STRING_FIRST, STRING_LIMIT - 1)
_STRING_BODY = rb"%b[^\x18\x1a\x1b]{0,%d}" % (_STRING_FIRST, STRING_LIMIT - 1)

# The numbers of keys (_keys.TILDE), without kitty's: one or two digits.
_RXVT_KEY = rb"(?:[1-8]|1[1-57-9]|2[013-689]|3[1-4])"

_TOKEN = rb"""
    ([ -~]+)
  | (%(utf8)b+)
  | \x1b\[<([0-9]{1,9});([0-9]{1,9});([0-9]{1,9})([Mm])
  | ( [\x00-\x1a\x1c-\x1f\x7f] | %(c1)b
    | \x1b(?:[\x00-\x1a\x1c-NQ-WYZ\\`-\x7f]|%(utf8)b)         # alt: not O P X [ ] ^ _
    | \x1b?\x1bO(?:[ ]|[0-9;]{0,%(csi_limit)d}[@-~])
    | \x1b?\x1b\[(?:\[[@-~]|(?![M\[])(?:%(rxvt)b\$|[ -?]{0,%(csi_limit)d}[@-~]))
    )
  | (\x1b\[M%(x10)b{3})
  | (\x1b\](?:%(osc)b)?(?:\x07|\x1b\\) | \x1b[PX^_](?:%(string)b)?\x1b\\)
  | [\x00-\xff]                                               # no token
"""

# A number may yet be ended by rxvt's $, which elsewhere is a byte among others of CSI. A
# string's ST may have come apart: its ESC, as the last byte, decides nothing yet.
_PREFIX = rb"""
    (?P<rxvt>\x1b?\x1b\[[0-9]{1,2})\Z
  | (?P<csi>\x1b?\x1b\[(?![M\[])[ -?]{1,%(csi_limit)d})
  | (?P<ss3>\x1b?\x1bO[0-9;]{1,%(csi_limit)d})
  | (?P<osc>\x1b\]%(osc)b)(?:\x1b\Z)?
  | (?P<string>\x1b[PX^_]%(string)b)(?:\x1b\Z)?
  | (?P<short>\x1b\[M%(x10)b{0,2}%(x10_prefix)b|\x1b?\x1b\[\[|%(utf8_prefix)b)
  | (?P<alt>\x1b%(utf8_prefix)b)
  | (?P<introducer>\x1b[\[\]OPX^_])(?:(?<![\[O])\x1b\Z)?
  | (?P<escape>\x1b\x1b[\[O]?|\x1b)
"""


@attrs.frozen
class Grammar:
    """How to cut one terminal's input.

    Attributes:
        token: One complete sequence, or a run of text; its last group tells the kind.
        prefix: The beginning of one. The named group that took part is its kind; the
            whole match may be one ESC longer.
    """

    token: re.Pattern[bytes]
    prefix: re.Pattern[bytes]


@cache
def grammar(*, mouse_utf8: bool) -> Grammar:
    """Return the grammar, with X10 mouse reports of bytes or of UTF-8 characters."""
    x10 = rb"(?:[\x00 -\x7f]|%b|%b)" % (_C1, _UTF8) if mouse_utf8 else rb"[\x00 -\xff]"
    parts = {
        b"utf8": _UTF8,
        b"utf8_prefix": _UTF8_PREFIX,
        b"c1": _C1,
        b"rxvt": _RXVT_KEY,
        b"csi_limit": CSI_LIMIT,
        b"osc": _OSC_BODY,
        b"string": _STRING_BODY,
        b"x10": x10,
        b"x10_prefix": rb"%b?" % _UTF8_PREFIX if mouse_utf8 else rb"",
    }
    return Grammar(
        re.compile(_TOKEN % parts, re.VERBOSE), re.compile(_PREFIX % parts, re.VERBOSE)
    )
