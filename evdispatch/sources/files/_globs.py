r"""Patterns of paths as in gitignore, each translated to a regular expression.

- ``*.py`` without a slash matches at any depth; with one at its start or within it
  (``/build``, ``docs/*.md``) it matches the whole path below the root.
- ``*`` and ``?`` match no slash, ``**`` stands for any directories, ``[a-z]`` and
  ``[!a-z]`` and ``[[:digit:]]`` for one character, a backslash takes the next character as
  it is. A ``[`` that is never closed is itself.
- ``build/`` matches directories only. A match includes everything below it.
- ``!`` at the start takes back what a pattern before it matched. The last pattern that
  matches a path itself decides, or else what is above it: with ``/*`` and ``!/src`` all
  but ``src`` is matched, with what is in it.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

Matcher = Callable[[str, bool], bool]
"""Takes a path below the root, and whether it is a directory; returns whether it matches."""


@runtime_checkable
class PathSpec(Protocol):
    """A spec of the pathspec library, which follows gitignore in every detail."""

    def match_file(self, file: str) -> bool | None:
        """Return whether a path matches; a directory's ends with a slash."""


Patterns = str | Iterable[str] | PathSpec


def compile_patterns(patterns: Patterns) -> Matcher | None:
    """Return the test of some patterns, or None without any.

    Raises:
        TypeError: A pattern is no str.
        ValueError: A pattern is empty, or has an unknown ``[:class:]``.
    """
    if isinstance(patterns, PathSpec):
        spec = patterns
        return lambda path, is_dir: bool(spec.match_file(path + "/" * is_dir))
    rules = [_rule(p) for p in ([patterns] if isinstance(patterns, str) else patterns)]
    if not rules:
        return None
    if all(taken for taken, _, _ in rules):  # usually: then one search is enough
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
    """Whether a match depends on more than the name."""
    if isinstance(patterns, PathSpec):
        return True
    names = [patterns] if isinstance(patterns, str) else patterns
    return any("/" in name.rstrip("/") for name in names)


def _rule(pattern: str) -> tuple[bool, str, str]:
    """Return whether a match counts (or is taken back), and a regular expression in two parts.

    The second part ends the path itself; a directory has a slash there.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"a pattern must be a str, got {pattern!r}")
    taken = not pattern.startswith("!")
    glob = pattern if taken else pattern[1:]
    glob, only_directories = glob.rstrip("/"), glob.endswith("/")
    anchored = "/" in glob
    glob = glob.removeprefix("/")
    if not glob:
        raise ValueError(f"a pattern must not be empty, got {pattern!r}")
    start = "" if anchored else "(?:.*/)?"
    return taken, start + _translate(glob), "/" if only_directories else r"(?:/|\Z)"


def _translate(glob: str) -> str:
    *above, last = glob.split("/")
    sections = [""]  # separated by **
    for name in above:
        if name == "**":
            sections.append("")
        else:
            sections[-1] += f"{_name(name)}/"
    end = ".+" if last == "**" else _name(last)
    return _join(sections, "(?:.*/)?", "(?:.*?/)??") + end


def _join(sections: list[str], anything: str, least: str) -> str:
    """Join sections of fixed length, in characters or names, by a star.

    All but the last stay where they match first (an atomic group): with backtracking the time
    of ``*a*a*a*b`` would grow with the length of the name to the power of its stars.

    Args:
        sections: The regular expressions between the stars.
        anything: What the last star matches.
        least: What the stars before it match, as little as possible.
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
_CLASSES = {  # of ASCII, as in git
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
    """Translate one name, which is never empty."""
    sections = [""]  # separated by *
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
    """Translate what stands between brackets."""
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
        # As in git, the start of a range matches even if the range is empty.
        found.append(re.escape(first))
        if first < last:
            found.append(f"-{re.escape(last)}")
    return f"(?!/)[{'^' if inverted else ''}{''.join(found)}]"


def _class(name: str) -> str:
    if name not in _CLASSES:
        raise ValueError(
            f"a class of characters must be one of {', '.join(_CLASSES)}, got {name!r}"
        )
    return _CLASSES[name]
