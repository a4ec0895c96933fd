"""The table of key names for the documentation, made of the tables that the decoder uses."""

from evdispatch.terminal._keys import (
    CONTROL_CODES,
    CSI_LETTERS,
    FUNCTIONAL,
    KEY_ALIASES,
    KEY_NAMES,
    SS3_LETTERS,
    TILDE,
)


def key_table() -> str:
    """Return a table in Markdown: each name, its aliases, and what may send it."""
    numbers = {name: number for number, name in FUNCTIONAL.items()}
    names = [*FUNCTIONAL.values(), *sorted(KEY_NAMES - set(FUNCTIONAL.values()))]
    rows = [
        f"| `{name}` | {_aliases(name)} | {_senders(name)} | {_kitty(name, numbers)} |"
        for name in names
    ]
    head = "| name | also | classic | kitty |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _aliases(name: str) -> str:
    aliases = [alias for alias, key in KEY_ALIASES.items() if key == name]
    return " ".join(f"`{alias}`" for alias in aliases if alias.strip())


def _senders(name: str) -> str:
    """The forms without modifiers, as `ESC [ 5 ~`; the first of each kind."""
    codes = [code for code, key in CONTROL_CODES.items() if key == name]
    bytes_ = [
        f"{code:02x}" for code in codes[-1:]
    ]  # 08 is ctrl+h, unless the tty differs
    tilde = [f"CSI {n} ~" for n, key in TILDE.items() if key == name and n < _KITTY]
    csi = [f"CSI {last}" for last, key in CSI_LETTERS.items() if key == (name, _NONE)]
    ss3 = [f"SS3 {last}" for last, key in SS3_LETTERS.items() if key == (name, _NONE)]
    return ", ".join(f"`{form}`" for form in (*bytes_, *tilde, *csi, *ss3))


def _kitty(name: str, numbers: dict[str, int]) -> str:
    codes = [code for code, key in CONTROL_CODES.items() if key == name]
    code = codes[-1] if codes else numbers.get(name)
    return "" if code is None else f"`CSI {code} u`"


_KITTY = 57344  # and above: kitty's numbers, not those of a VT220
_NONE: frozenset[str] = frozenset()
