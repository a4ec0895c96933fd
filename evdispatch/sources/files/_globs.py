r"""Patterns of paths as gitignore has them, as one regular expression each.

- ``*.py`` without a slash matches at any depth; with one at its start or within it
  (``/build``, ``docs/*.md``) it is about the whole path below the root.
- ``*`` and ``?`` match no slash, ``**`` stands for any directories, ``[a-z]`` and
  ``[!a-z]`` and ``[[:digit:]]`` for one character, a backslash takes the next character as
  it is. A ``[`` that is never closed is itself.
- ``build/`` matches directories alone. What matches, matches with all that is below it.
- ``!`` at the start takes back what a pattern before it matched. The last pattern that
  matches a path itself decides, or else what is above it: with ``/*`` and ``!/src`` all
  but ``src`` is matched, with what is in it.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

Matcher = Callable[[str, bool], bool]
"""From a path below the root, and whether it is a directory, to whether it matches."""


@runtime_checkable
class PathSpec(Protocol):
    """What the pathspec library has: gitignore to the letter, with its files."""

    def match_file(self, file: str) -> bool | None:
        """Return whether a path matches; a directory's ends with a slash."""


Patterns = str | Iterable[str] | PathSpec


def compile_patterns(patterns: Patterns) -> Matcher | None:
    """Return a test of paths; None: there are no patterns.

    Raises:
        TypeError: A pattern is no str.
        ValueError: A pattern is empty, or has a ``[:class:]`` that there is not.
    """
    if isinstance(patterns, PathSpec):
        spec = patterns
        return lambda path, is_dir: bool(spec.match_file(path + "/" * is_dir))
    rules = [_rule(p) for p in ([patterns] if isinstance(patterns, str) else patterns)]
    if not rules:
        return None
    if all(taken for taken, _, _ in rules):  # the usual: one search is enough
        texts = (f"(?:{text}{end}.*)" for _, text, end in rules)
        search = re.compile("|".join(texts), re.DOTALL).fullmatch
        return lambda path, is_dir: search(path + "/" if is_dir else path) is not None
    tests = [
        (taken, re.compile(text + end, re.DOTALL).fullmatch)
        for taken, text, end in reversed(rules)
    ]

    def matches(path: str, is_dir: bool) -> bool:  # noqa: FBT001 (a Matcher)
        while path:
            each = path + "/" if is_dir else path
            for taken, test in tests:
                if test(each):
                    return taken
            path, is_dir = path.rpartition("/")[0], True
        return False

    return matches


def is_by_path(patterns: Patterns) -> bool:
    """Whether it depends on more than a name whether something matches."""
    if isinstance(patterns, PathSpec):
        return True
    names = [patterns] if isinstance(patterns, str) else patterns
    return any("/" in name.rstrip("/") for name in names)


def _rule(pattern: str) -> tuple[bool, str, str]:
    """Return whether what matches is meant, and the regular expression in two parts.

    The second is what ends the path itself, a directory's has a slash there.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"a pattern is a str, not {pattern!r}")
    taken = not pattern.startswith("!")
    glob = pattern if taken else pattern[1:]
    glob, only_directories = glob.rstrip("/"), glob.endswith("/")
    anchored = "/" in glob
    glob = glob.removeprefix("/")
    if not glob:
        raise ValueError(f"an empty pattern: {pattern!r}")
    start = "" if anchored else "(?:.*/)?"
    return taken, start + _translate(glob), "/" if only_directories else r"(?:/|\Z)"


def _translate(glob: str) -> str:
    *above, last = glob.split("/")
    sections = [""]  # parted by **
    for name in above:
        if name == "**":
            sections.append("")
        else:
            sections[-1] += f"{_name(name)}/"
    end = ".+" if last == "**" else _name(last)
    return _join(sections, "(?:.*/)?", "(?:.*?/)??") + end


def _join(sections: list[str], anything: str, least: str) -> str:
    """Put what matches anything between sections of so many characters, or names, each.

    All but the last may stay where they match first, and are not tried elsewhere: with
    the usual backtracking ``*a*a*a*b`` takes time that grows with the power of its stars.
    """
    first, *inner = sections
    if not inner:
        return first
    *inner, last = inner
    return "".join((first, *(f"(?>{least}{s})" for s in inner), anything, last))


_PART = re.compile(
    r"\*+|\?|\[[!^]?+\]?+(?>(?:\[:[a-z]*:\]|\\.|[^]\\])*)\]|\\.|.", re.DOTALL
)
_MEMBER = re.compile(r"\[:[a-z]*:\]|\\.|.", re.DOTALL)
_CLASSES = {  # of ASCII, as git has them
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r"\ \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\ \t\n\v\f\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


def _name(glob: str) -> str:
    """Return the regular expression of one name; no name is empty."""
    sections = [""]  # parted by *
    for part in _PART.findall(glob):
        if part[0] == "*":
            sections.append("")
        else:
            sections[-1] += _translate_part(part)
    return "(?=[^/])" + _join(sections, "[^/]*", "[^/]*?")


def _translate_part(part: str) -> str:
    if part == "?":
        return "[^/]"
    if len(part) > 1 and part[0] == "[":
        return _translate_set(part[1:-1])
    return re.escape(part[-1] if part[0] == "\\" else part)


def _translate_set(inside: str) -> str:
    """Return the regular expression of what stands between brackets."""
    inverted = inside[0] in "!^"
    members = deque(_MEMBER.findall(inside[1:] if inverted else inside))
    found = []
    while members:
        member = members.popleft()
        if len(member) > 2:  # noqa: PLR2004 (a class, not a character or an escaped one)
            found.append(_class(member[2:-2]))
            continue
        first = last = member[-1]
        if len(members) > 1 and members[0] == "-":
            members.popleft()
            last = members.popleft()[-1]
        # As git has it, what a range begins with is meant even where the range is empty.
        found.append(re.escape(first))
        if first < last:
            found.append(f"-{re.escape(last)}")
    return f"(?!/)[{'^' if inverted else ''}{''.join(found)}]"


def _class(name: str) -> str:
    if name not in _CLASSES:
        raise ValueError(f"no class of characters: [:{name}:]")
    return _CLASSES[name]
