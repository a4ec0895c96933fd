"""The grammar of terminal input: where a sequence ends, and what a control sequence holds.

`Grammar.token` matches one complete sequence, or a run of text. Where it does not match,
`Grammar.prefix` matches the longest beginning of a sequence. If the data ends there, the
rest may still come; if not, the byte after it has broken the sequence off.

Four rules differ from ECMA-48: X10's mouse report (``CSI M`` and three bytes), the Linux
console's ``CSI [ A`` and SS3 go on after a final byte; rxvt ends shifted keys with ``$``,
an intermediate byte; a C1 control in UTF-8 is one sequence, as a byte it is invalid; a
string does not begin with a control, so that alt+] and enter are two keys.
"""

import re
from functools import cache
from typing import Final, Literal

import attrs

CSI_LIMIT: Final = 4096
"""Bytes between the introducer and the final of CSI and SS3. More is not decoded."""

STRING_LIMIT: Final = 1 << 20
"""Bytes of an OSC, DCS, APC, PM or SOS. More is not decoded."""

# Kinds of tokens: the last group of `Grammar.token` that matched.
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
        run: Bytes that neither end nor break it.
        rest: All that is left of it; group 1 is its end.
        limit: Bytes after which it is not decoded.
        split_end: Whether its end can be two bytes, which may arrive separately.
    """

    run: re.Pattern[bytes]
    rest: re.Pattern[bytes]
    limit: int
    split_end: bool

    def skip(self, data: bytes, start: int) -> tuple[int, bool]:
        """Return where the rest of a sequence stops, and whether its end is there."""
        match = self.rest.match(data, start)
        # Each part of `rest` is optional, so it always matches; mypy can't know.
        return (match.end(), match[1] is not None) if match else (start, False)


def _long(body: bytes, end: bytes, limit: int, *, split_end: bool) -> Long:
    rest = re.compile(rb"%b*(%b)?" % (body, end))
    return Long(re.compile(body + b"+"), rest, limit, split_end)


# By the name of their group in `Grammar.prefix`.
LONG: Final = {
    "csi": _long(rb"[ -?]", rb"[@-~]", CSI_LIMIT, split_end=False),
    "ss3": _long(rb"[0-9;]", rb"[@-~]", CSI_LIMIT, split_end=False),
    "osc": _long(
        rb"[^\x07\x18\x1a\x1b]", rb"\x07|\x1b\\", STRING_LIMIT, split_end=True
    ),
    "string": _long(rb"[^\x18\x1a\x1b]", rb"\x1b\\", STRING_LIMIT, split_end=True),
}

# What a held beginning waits for, by the name of its group in `Grammar.prefix`.
PENDING: Final[dict[str, Pending]] = {
    **dict.fromkeys(("escape", "introducer"), "esc"),
    **dict.fromkeys(("alt", "rxvt", "csi", "ss3", "short"), "seq"),
    **dict.fromkeys(("osc", "string"), "string"),
}

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

# A number may still be ended by rxvt's $, which elsewhere is an ordinary byte of a CSI.
# A string's ST may arrive in two parts: its ESC, as the last byte, decides nothing yet.
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
    """How to cut the input of one terminal.

    Attributes:
        token: One complete sequence, or a run of text; its last group is the kind.
        prefix: The beginning of one. The named group that matched is its kind; the
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


# ``CSI private parameters intermediates final``. A number of more than nine digits is
# none that a terminal would send.
_CSI: Final = re.compile(
    rb"\x1b\[([<=>?]?)([0-9]{0,9}(?:[:;][0-9]{0,9})*)([ -/]*?)([@-~$])"
)


class MalformedError(Exception):
    """A control sequence has no meaning that is known; its event is `Unknown`."""


@attrs.frozen
class Sequence:
    """A control sequence, parsed.

    Attributes:
        fields: The parameters, each a tuple of its sub-parameters. Empty, missing and 0
            are the same: the default (ECMA-48, 5.4.2).
        form: What distinguishes kinds of sequences: private marker, intermediates and
            final, such as ``?$y``.
        raw: The bytes.
    """

    fields: tuple[tuple[int, ...], ...]
    form: str
    raw: bytes

    @property
    def numbers(self) -> tuple[int, ...]:
        """The parameters, without their sub-parameters."""
        return tuple(field[0] for field in self.fields)

    def number(self, index: int) -> int:
        """Return a parameter that has no sub-parameters, 0 if it is missing."""
        return self.parts(index, 1)[0]

    def parts(self, index: int, size: int) -> tuple[int, ...]:
        """Return the sub-parameters of a parameter, filled up with 0.

        Raises:
            MalformedError: There are more than ``size``.
        """
        field = self.fields[index] if index < len(self.fields) else ()
        if len(field) > size:
            raise MalformedError
        return field + (0,) * (size - len(field))

    def at_most(self, count: int) -> None:
        """Raise MalformedError if there are more than ``count`` parameters."""
        if len(self.fields) > count:
            raise MalformedError


def parse_csi(raw: bytes) -> Sequence:
    """Parse a complete control sequence.

    Raises:
        MalformedError: It does not follow the grammar.
    """
    match = _CSI.fullmatch(raw)
    if match is None:
        raise MalformedError
    private, parameters, intermediates, final = match.groups()
    fields = tuple(
        tuple(int(part or 0) for part in field.split(b":"))
        for field in (parameters.split(b";") if parameters else ())
    )
    return Sequence(fields, (private + intermediates + final).decode(), raw)
