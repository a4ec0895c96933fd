"""Control sequences taken apart: ``CSI private parameters intermediates final``.

Parameters are numbers between semicolons, and may have sub-parameters between colons.
Empty, missing and 0 are the same: the default (ECMA-48, 5.4.2). A number of more than
nine digits is no number that a terminal would send.

A sequence that breaks its rules raises `MalformedError`; whoever asked for the event
makes it an `Unknown`.
"""

import re
from typing import Final

import attrs

_CSI: Final = re.compile(
    rb"\x1b\[([<=>?]?)([0-9]{0,9}(?:[:;][0-9]{0,9})*)([ -/]*?)([@-~$])"
)


class MalformedError(Exception):
    """This sequence says nothing, or nothing that is known."""


@attrs.frozen
class Sequence:
    """A control sequence.

    Attributes:
        fields: The parameters, each a tuple of its sub-parameters.
        form: What tells one kind of sequence from another: private marker,
            intermediates and final, such as ``?$y``.
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
        """Refuse more parameters than ``count``.

        Raises:
            MalformedError: There are more.
        """
        if len(self.fields) > count:
            raise MalformedError


def parse_csi(raw: bytes) -> Sequence:
    """Take a complete control sequence apart.

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
