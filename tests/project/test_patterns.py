"""Docker's patterns, against a table of what Docker does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddlewheel.project.patterns import BadPattern, Matcher, Pattern, Reach, read_ignore


def ignored(patterns: list[str], path: str) -> bool:
    """Ask as a walk does: folder by folder, from the root down."""
    matcher = Matcher(Pattern.parse(text) for text in patterns)
    matched, results = False, matcher.root
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        matched, results = matcher.match("/".join(parts[:count]), results)
    return matched


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("notes.txt", "notes.txt", "docs/notes.txt"),
        ("/notes.txt", "notes.txt", "docs/notes.txt"),
        ("./notes.txt", "notes.txt", "docs/notes.txt"),
        ("docs", "docs/a/b.txt", "other/docs/b.txt"),
        ("docs/", "docs/a", "docs.txt"),
        ("docs/*", "docs/a/b", "docs"),
        ("docs/../src", "src/a.py", "docs/a.py"),
        ("*", "a", ""),
        ("*.txt", "a.txt", "docs/a.txt"),
        ("*/*.txt", "docs/a.txt", "a.txt"),
        ("*/tmp*", "a/tmpfile", "tmpfile"),
        ("tmp?", "tmpa", "tmp"),
        ("tmp?", "tmp?", "tmpab"),
        ("a?c", "abc", "a/c"),
        ("a*c", "abbc", "ab/c"),
        ("**", "a/b/c", ""),
        ("**/", "a", ""),
        ("**/*.txt", "a.txt", "a.txt2"),
        ("**/*.txt", "deep/er/a.txt", "deep/er/atxt"),
        ("**/tmp", "tmp", "mytmp"),
        ("**/tmp", "a/tmp/b", "a/mytmp"),
        ("**tmp", "a/mytmp", "a/tmpx"),
        ("**/a/b", "x/y/a/b", "x/a/y/b"),
        ("a/**", "a/b/c", "a"),
        ("a/**/z", "a/z", "a/b"),
        ("a/**/z", "a/b/c/z", "az"),
        ("a**/*.py", "a/b/c.py", "b/c.py"),
        ("a**", "abc/d", "bac"),
        ("**/a/**", "x/a/y", "x/a"),
        ("**/**/*.py", "a.py", "a.pyc"),
        ("[a-c].py", "b.py", "d.py"),
        ("[^a-c].py", "d.py", "b.py"),
        ("[!a].py", "!.py", "b.py"),
        (r"[\]x]", "]", "y"),
        (r"[\-x]", "-", "y"),
        (r"a\*b", "a*b", "axb"),
        (r"\!important", "!important", "important"),
        (r"\#file", "#file", "file"),
        ("a.b", "a.b", "axb"),
        ("a+(b)|{c}$^", "a+(b)|{c}$^", "aab"),
        (".*", ".hidden", "shown"),
        ("naïve?", "naïveé", "naive"),
        ("  spaced  ", "spaced", "  spaced  "),
        ("Makefile", "Makefile", "makefile"),
    ],
)
def test_one_pattern(pattern: str, yes: str, no: str) -> None:
    assert ignored([pattern], yes)
    assert not (no and ignored([pattern], no))


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["*.md", "!README.md"], "README.md", False),
        (["*.md", "!README.md"], "other.md", True),
        (["!README.md", "*.md"], "README.md", True),
        (["*.md", "!README*.md", "README-secret.md"], "README-secret.md", True),
        (["*.md", "README-secret.md", "!README*.md"], "README-secret.md", False),
        (["docs", "!docs/keep.md"], "docs/keep.md", False),
        (["docs", "!docs/keep.md"], "docs/other.md", True),
        (["docs/*", "!docs/keep"], "docs/keep/deep/er.md", False),
        (["**", "!src/app", "src/app/secret"], "src/app/main.py", False),
        (["**", "!src/app", "src/app/secret"], "src/app/secret/key", True),
        (["*", "!/src"], "src/a", False),
        (["*", "! src"], "src/a", False),
        (["**/*.log", "!**/keep.log"], "a/b/keep.log", False),
        (["**/*.log", "!**/keep.log"], "a/b/drop.log", True),
        # An exception for a folder does not reach a deeper file that only its own name excludes: Docker's walk
        # asked the exception about the folder when nothing was excluded yet, and does not ask again.
        (["**/*.log", "!logs"], "logs/a.log", True),
        (["**/*.log", "!logs/**"], "logs/a.log", False),
    ],
)
def test_the_last_match_decides(patterns: list[str], path: str, expected: bool) -> None:
    assert ignored(patterns, path) is expected


def test_the_file_has_comments_in_the_first_column_only() -> None:
    text = "\ufeff# comment\n *.log \n\n #not-a-comment\n! keep.log\r\n/root"
    assert read_ignore(text) == [(2, "*.log"), (4, "#not-a-comment"), (5, "! keep.log"), (6, "/root")]


@pytest.mark.parametrize("text", ["!", "! ", "[", "a[", "[]a]", "[-x]", "[x-]", "[a-b-c]", "[c-a]", "a\\", "[^", "[a"])
def test_what_go_refuses_is_refused(text: str) -> None:
    with pytest.raises(BadPattern):
        Pattern.parse(text)


_PATTERNS = st.lists(
    st.text(alphabet="ab*?/!.", min_size=1, max_size=6).filter(lambda text: text.strip("! ") != ""), max_size=5
)
_PATHS = st.lists(st.text(alphabet="ab.", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(_PATTERNS, _PATHS)
def test_joining_patterns_changes_nothing(texts: list[str], path: str) -> None:
    """`Matcher` joins neighbours of one polarity; here each is asked by itself, in the way that moby does it."""
    patterns = [Pattern.parse(text) for text in texts]
    known = [False] * len(patterns)
    matched = False
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        current, matched = "/".join(parts[:count]), False
        for index, pattern in enumerate(patterns):
            match = known[index]
            if not match and pattern.exception == matched:
                match = re.fullmatch(pattern.regex, current, re.DOTALL) is not None
            known[index] = match
            if match:
                matched = not pattern.exception
    assert ignored(texts, path) is matched


@given(_PATTERNS, _PATHS)
def test_a_pruned_folder_holds_no_exception(texts: list[str], path: str) -> None:
    matcher = Matcher(Pattern.parse(text) for text in texts)
    matched, results = False, matcher.root
    parts = path.split("/")
    pruned = False
    for count in range(1, len(parts) + 1):
        current = "/".join(parts[:count])
        matched, results = matcher.match(current, results)
        pruned = pruned or (count < len(parts) and matched and not matcher.may_except_below(current))
    assert not pruned or matched


@given(st.text(alphabet="ab*?/.", min_size=1, max_size=6), _PATHS)
def test_reach_leads_to_all_that_it_covers(text: str, path: str) -> None:
    reach = Reach(Pattern.parse(text))
    parts = path.split("/")
    folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
    if reach.covers(path):
        assert all(reach.below(folder) or reach.covers(folder) for folder in folders)
