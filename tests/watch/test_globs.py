"""Patterns: what they match, and that they are those of gitignore."""

import itertools
import time
from typing import Any

import pathspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evdispatch.sources.files._globs import compile_patterns, is_by_path


def matches(patterns: Any, path: str) -> bool:
    test = compile_patterns(patterns)
    assert test is not None
    return test(path.rstrip("/"), path.endswith("/"))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.py", "a.py src/a.py src/.py a.py/", "a.pyc py src/apy"),
        ("/build", "build build/ build/a", "src/build rebuild"),
        ("build/", "build/ src/build/ build/a", "build src/build"),
        ("docs/*.md", "docs/a.md", "docs/a/b.md src/docs/a.md docs/a.txt"),
        ("**/test", "test a/test a/b/test/", "tests a/mytest"),
        ("a/**", "a/b a/b/c", "a a/ b/a/c"),
        ("a/**/b", "a/b a/x/b a/x/y/b", "a/xb ab"),
        ("?.txt", "a.txt d/b.txt", "ab.txt .txt"),
        ("[a-c]x", "ax cx d/bx", "dx x"),
        ("[!a-c]x", "dx", "ax /x"),
        ("[]]", "]", "a"),
        ("[[]", "[", "a"),
        (r"[\]]x", "]x", "x \\x"),
        ("[]-a]", "] ^ a", "- b"),
        ("[a-]", "a -", "b"),
        ("[!]a]", "b", "] a"),
        ("[z-a]", "z", "a m"),
        (r"[a-\d]", "a d", "e \\"),
        ("[a&&b]", "a b &", "c"),
        ("[a~~b][c--]", "ac ~c", "a- c-"),
        ("[[:digit:]x-z]", "5 y", "d :"),
        ("[![:space:]]", "a", "ab"),
        ("[]", "[]", "a"),
        ("[[:digit:]", "[: [t", "5 [5"),
        ("a*b*c", "abc axbyc abcbc", "acb ab/c"),
        ("a/**/b*c/**/d", "a/bc/d a/x/bxc/y/d a/bc/bc/d/d/e", "a/b/c/d a/bc/x"),
        ("[!]", "[!]", "a"),
        ("a[", "a[", "a"),
        ("\\", "\\", "a"),
        (r"\*", "* d/*", "a"),
        ("a.b", "a.b", "axb"),
        ("*", "a a/b .a", ""),
        ("node_modules", "node_modules/ a/node_modules/b", "node_modulesx"),
    ],
)
def test_pattern_one_glob_matches_as_gitignore_does(
    pattern: str, yes: str, no: str
) -> None:
    assert [path for path in yes.split() if not matches([pattern], path)] == []
    assert [path for path in no.split() if matches([pattern], path)] == []


def test_pattern_negated_takes_back_earlier_matches() -> None:
    patterns = ["*.log", "!keep.log", "/old/keep.log"]
    assert matches(patterns, "a.log")
    assert not matches(patterns, "keep.log")
    assert not matches(patterns, "sub/keep.log")
    assert matches(patterns, "old/keep.log")
    assert not matches(["a", "!a/"], "a/")
    assert not matches(["!a"], "b")


@pytest.mark.parametrize(
    ("patterns", "yes", "no"),
    [
        (["/*", "!/src"], "a a/b", "src src/ src/a src/a/b"),
        (["/*", "!/src", "*.o"], "src/a.o src/b/a.o", "src/a.c"),
        (["a/*", "!a/b"], "a/c a/c/b", "a a/b a/b/c"),
        (["*", "!src/"], "src src/a a", "src/"),  # what is in it matches by itself
        (["*.py", "!a/"], "b.py a/b.py a.py/x", "a/ a/b"),
        (["build", "!build/keep"], "build build/a build/keeper", "build/keep"),
        (["a/", "!*.pyc"], "a/ a/b.py a/b/c.py", "a a/b.pyc a/b/c.pyc"),
        (["!a", "a"], "a a/b", "b"),
    ],
)
def test_pattern_negated_directory_takes_back_what_is_below(
    patterns: list[str], yes: str, no: str
) -> None:
    assert [path for path in yes.split() if not matches(patterns, path)] == []
    assert [path for path in no.split() if matches(patterns, path)] == []


def test_compile_one_str_or_nothing_gives_one_pattern_or_none() -> None:
    assert matches("*.py", "a.py")
    assert compile_patterns(()) is None
    assert compile_patterns(iter([])) is None


def test_pattern_names_with_newlines_and_surrogates_match() -> None:
    assert matches(["*.txt"], "a\nb.txt")
    assert matches(["\udcff*"], "\udcff\n")
    assert matches(["a\nb"], "a\nb")


@pytest.mark.parametrize("pattern", ["", "/", "!", "//", "!/"])
def test_pattern_empty_raises_value_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        compile_patterns([pattern])


def test_pattern_unknown_character_class_raises_value_error() -> None:
    with pytest.raises(ValueError, match="letters"):
        compile_patterns(["a", "[[:letters:]]"])


def test_pattern_any_characters_compiles() -> None:
    for characters in itertools.product(r"[]!-a\:&", repeat=4):
        compile_patterns(["".join(characters)])


@pytest.mark.parametrize("pattern", [None, 3, b"*.py"])
def test_pattern_not_a_str_raises_type_error(pattern: Any) -> None:
    with pytest.raises(TypeError, match="pattern"):
        compile_patterns([pattern])


def test_is_by_path_pattern_with_a_slash_is_true() -> None:
    assert not is_by_path(["*.py", "build/", "!x"])
    assert is_by_path(["*.py", "/build"])
    assert is_by_path("docs/*.md")
    assert is_by_path(pathspec.GitIgnoreSpec.from_lines(["*.py"]))


def test_compile_pathspec_object_decides_by_itself() -> None:
    spec = pathspec.GitIgnoreSpec.from_lines(["*.log", "!keep.log", "build/", "# no"])
    assert matches(spec, "a/b.log")
    assert not matches(spec, "keep.log")
    assert matches(spec, "build/")
    assert not matches(spec, "build")


NAMES = st.sampled_from(["a", "b", "ab", "a.py", "build", "[x"])
PARTS = st.sampled_from(
    ["a", "*", "**", "*.py", "b?", "[ab]", "[!a]*", "build", "a*b", r"\a", "?"]
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = draw(
        st.lists(PARTS, min_size=1, max_size=3).filter(lambda p: p[-1] != "**")
    )
    return "/" * draw(st.booleans()) + "/".join(parts) + "/" * draw(st.booleans())


@given(
    st.lists(patterns(), min_size=1, max_size=3),
    st.lists(NAMES, min_size=1, max_size=4),
    st.booleans(),
)
def test_pattern_random_globs_agree_with_pathspec(
    globs: list[str],
    names: list[str],
    is_dir: bool,
) -> None:
    path = "/".join(names) + "/" * is_dir
    expected = pathspec.GitIgnoreSpec.from_lines(globs).match_file(path)
    assert matches(globs, path) == expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a*a*a*a*a*b", "a" * 250), ("**/a/**/a/**/a/**/a/**/b", "a/" * 500 + "c")],
)
def test_pattern_many_stars_cost_little_time(pattern: str, path: str) -> None:
    """Tried at each place for each star they take minutes."""
    before = time.process_time()
    assert not matches([pattern], path)
    assert time.process_time() - before < 1
