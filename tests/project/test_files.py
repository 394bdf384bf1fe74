"""Which files go into an image that the app is copied to."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from paddlewheel.errors import ProjectError, SettingsError
from paddlewheel.project.files import scan, select
from paddlewheel.project.model import AppFile
from tests.support.archives import write_archive
from tests.support.tree import write_tree


def listing(root: Path, files: tuple[str, ...] | None = None) -> list[list[str]]:
    return [[file.path for file in group] for group in select(root, files)]


def test_everything_goes_in_sorted_and_typed(tmp_path: Path) -> None:
    write_tree(tmp_path, {"b.py": "b", "a/z.txt": "zz", "a.py": "", "run": "#!x", "empty/": ""})
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "link").symlink_to("a/z.txt")
    assert select(tmp_path, None) == (
        (
            AppFile("a.py", 0, False),
            AppFile("a/z.txt", 2, False),
            AppFile("b.py", 1, False),
            AppFile("link", 0, False, "a/z.txt"),
            AppFile("run", 3, True),
        ),
    )


SECRETS = [
    "pip.conf",
    "conf/pip.conf",
    "pip.ini",
    ".pip/pip.conf",
    ".dockercfg",
    ".docker/config.json",
    ".s3cfg",
    ".boto",
    ".vault-token",
    ".my.cnf",
    "kubeconfig",
    "prod.kubeconfig",
    ".kube/config",
    "infra/terraform.tfvars",
    "infra/terraform.tfstate",
    "infra/terraform.tfstate.backup",
    "credentials.json",
    "service-account.json",
    "service-account-prod.json",
    "service_account.json",
    "client_secret_1.json",
    ".htpasswd",
    "a.p8",
    "a.p12",
    "a.pfx",
    "a.jks",
    "a.keystore",
    "id_ed25519",
    "id_ecdsa_sk",
]
WITHHELD = [
    ".git/config",
    ".hg/store",
    ".svn/entries",
    ".env",
    ".env.production",
    "conf/.env.local",
    ".envrc",
    "tls/server.pem",
    "server.key",
    "id_rsa",
    "keys/id_ed25519.pub",
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".aws/credentials",
    ".ssh/known_hosts",
    ".streamlit/secrets.toml",
    "uv.toml",
    "conf/poetry.toml",
    *SECRETS,
    ".venv/lib/x.py",
    "venv/lib/x.py",
    "my-env/pyvenv.cfg",
    "my-env/lib/x.py",
    "node_modules/x/index.js",
    "shop/__pycache__/a.cpython-311.pyc",
    "shop/a.pyc",
    ".mypy_cache/x",
    ".ruff_cache/x",
    ".pytest_cache/x",
    ".tox/x",
    ".nox/x",
    ".coverage",
    "shop.egg-info/PKG-INFO",
    "dist/shop.oci.tar",
    "build/lib/x.py",
    "Dockerfile",
    "Dockerfile.dev",
    "Containerfile",
    ".dockerignore",
    "compose.yaml",
    "docker-compose.override.yml",
    ".gitignore",
    ".github/workflows/ci.yml",
    "uv.lock",
    "poetry.lock",
    "pylock.toml",
    "pylock.paddlewheel.toml",
    "paddlewheel.lock",
    "paddlewheel.toml",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements.in",
    ".python-version",
]
KEPT = [
    ".env.example",
    "shop/main.py",
    "shop/dist/bundle.js",
    "shop/build/x.py",
    "shop/requirements.txt",
    "pyproject.toml",
    "README.md",
    "environment.py",
    "keys.py",
    "gitconfig",
    "Procfile",
    ".streamlit/config.toml",
]


def test_what_is_safe_goes_in_and_nothing_else(tmp_path: Path) -> None:
    write_tree(tmp_path, dict.fromkeys([*WITHHELD, *KEPT], ""))
    assert listing(tmp_path) == [sorted(KEPT)]


def test_an_exception_in_dockerignore_brings_no_secret_in(tmp_path: Path) -> None:
    write_tree(tmp_path, {".dockerignore": "*\n!shop\n!.env\n", "shop/.env": "", "shop/a.py": "", ".env": "", "b": ""})
    assert listing(tmp_path) == [["shop/a.py"]]


def test_secrets_that_were_left_out_are_told(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "", ".env": "", "tls/x.key": "", ".git/config": "", ".aws/credentials": ""})
    selection = scan(tmp_path, None)
    assert selection.secrets == (".aws", ".env", "tls/x.key")
    assert selection.passwords == ()


def test_every_kind_of_secret_is_told(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "", **dict.fromkeys(SECRETS, "")})
    told = scan(tmp_path, None).secrets
    assert [path for path in SECRETS if path not in told and path.split("/")[0] not in told] == []


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("pyproject.toml", "https://me:pw@example.org/simple"),
        ("services/api/pyproject.toml", "https://token@example.org/simple"),
        ("setup.cfg", "http://token:@example.org/"),
        ("shop/requirements.txt", "https://me:p%40w@example.org/x"),
        ("requirements/prod.txt", "git+https://oauth2:pw@example.org/x"),
        ("deps/dev-requirements.in", "https://__token__:pypi-x@example.org"),
        ("deps/constraints.txt", "https://me:p@ss@example.org"),
        ("deps/uv.lock", "https://me:pw@example.org"),
        ("deps/Pipfile", "https://me:pw@example.org"),
        ("environment.yml", "https://me:pw@example.org/channel"),
    ],
)
def test_a_declaration_with_a_password_is_a_secret(tmp_path: Path, path: str, url: str) -> None:
    write_tree(tmp_path, {"a.py": "", path: f'before\nindex = "{url}"\n'})
    for files in (None, ("**",)):
        selection = scan(tmp_path, files)
        assert [file.path for group in selection.groups for file in group] == ["a.py"]
        assert selection.secrets == selection.passwords == (path,)
    assert listing(tmp_path, (".", path)) == [["a.py"], [path]]


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/simple",
        "https://${USER}:${TOKEN}@example.org/simple",
        "https://me:$TOKEN@example.org/simple",
        "https://***@example.org/simple",
        "git+https://git@example.org/x",
        "git+ssh://git@example.org/x",
        "pkg @ https://example.org/pkg@1.whl",
        "https://example.org mail me@example.org",
        "me:pw@example.org",
    ],
)
@pytest.mark.parametrize("path", ["pyproject.toml", "deps/requirements.txt"])
def test_a_declaration_without_a_password_goes_in(tmp_path: Path, path: str, text: str) -> None:
    write_tree(tmp_path, {path: f"# {text}\n"})
    assert listing(tmp_path) == [[path]]


def test_other_files_are_not_searched_for_passwords(tmp_path: Path) -> None:
    """What an app's own source says is the app's affair."""
    write_tree(tmp_path, {"settings.py": 'DATABASE = "https://me:pw@example.org"\n'})
    assert listing(tmp_path) == [["settings.py"]]


def test_declarations_that_are_no_files(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "", "requirements/pyproject.toml/x.py": ""})
    (tmp_path / "setup.cfg").symlink_to("gone")
    assert listing(tmp_path) == [["a.py", "requirements/pyproject.toml/x.py", "setup.cfg"]]


@pytest.mark.parametrize("pattern", ["**", ".", "*", "conf", "conf/*", "conf/**", ".*", "*.*", "conf/.*"])
def test_wildcards_and_folders_name_no_secret(tmp_path: Path, pattern: str) -> None:
    write_tree(tmp_path, {"conf/.env": "", "conf/a.key": "", "conf/.x": "", ".env": "", ".x": "", "a.py": ""})
    assert not {"conf/.env", "conf/a.key", ".env"} & {path for group in listing(tmp_path, (pattern,)) for path in group}


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (".env", ".env"),
        ("conf/.env*", "conf/.env.production"),
        ("conf/*.key", "conf/tls.key"),
        ("**/*.pem", "deep/er/ca.pem"),
        ("dist", "dist/bundle.js"),
        ("node_modules/left-pad", "node_modules/left-pad/index.js"),
        ("static/node_modules/**/*.css", "static/node_modules/a/b.css"),
        ("myenv/share", "myenv/share/data"),
        ("requirements.txt", "requirements.txt"),
    ],
)
def test_a_pattern_that_names_it_brings_it_in(tmp_path: Path, pattern: str, path: str) -> None:
    write_tree(tmp_path, {path: "", "a.py": "", "node_modules/other/x.js": "", "myenv/pyvenv.cfg": "", ".git/x": ""})
    assert listing(tmp_path, ("**", pattern)) == [["a.py"], [path]]


def test_each_pattern_is_a_layer_and_the_last_match_wins(tmp_path: Path) -> None:
    write_tree(tmp_path, dict.fromkeys(["a/x.py", "a/hot/y.py", "b.py", "static/c.css"], ""))
    assert listing(tmp_path, ("static", "a", "a/hot", "*.py")) == [
        ["static/c.css"],
        ["a/x.py"],
        ["a/hot/y.py"],
        ["b.py"],
    ]


@pytest.mark.parametrize("everything", [".", "*", "**", "**/*"])
@pytest.mark.parametrize("first", [True, False])
def test_everything_takes_the_rest_wherever_it_stands(tmp_path: Path, everything: str, first: bool) -> None:
    write_tree(tmp_path, dict.fromkeys(["a/x.py", "b.py", "c/d/e.txt"], ""))
    files = (everything, "a") if first else ("a", everything)
    rest = listing(tmp_path, files)[0 if first else 1]
    assert rest == ["b.py", "c/d/e.txt"]


def test_only_what_the_patterns_match_goes_in(tmp_path: Path) -> None:
    write_tree(tmp_path, dict.fromkeys(["a/x.py", "b.py"], ""))
    assert listing(tmp_path, ("a",)) == [["a/x.py"]]
    assert listing(tmp_path, ()) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("src", "templtes"), "'templtes' matches no file"),
        (("src", "src/**"), "'src' brings no file: other patterns take all 1"),
        (("src", "docs"), "'docs' brings no file: what it matches is left out (.dockerignore)"),
        (("src", "certs"), "'certs' brings no file: what it matches is left out (withheld)"),
    ],
)
def test_a_pattern_that_brings_nothing_is_an_error(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    write_tree(tmp_path, {"src/a.py": "", "docs/a.md": "", ".dockerignore": "docs", "certs/a.pem": ""})
    with pytest.raises(SettingsError) as caught:
        select(tmp_path, files)
    assert message in caught.value.message
    assert caught.value.hint


def test_excluded_folders_are_never_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = ["data/deep/x", ".venv/lib/x", "node_modules/a/x", ".git/objects/x", "other/keep/x", "other/drop/x"]
    write_tree(tmp_path, {**dict.fromkeys([*inside, "a.py"], ""), ".dockerignore": "data\nother\n!other/keep\n"})
    entered: list[str] = []
    scandir = os.scandir

    def watch(path: Path) -> object:
        entered.append(str(path.relative_to(tmp_path)))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watch)
    assert listing(tmp_path) == [["a.py", "other/keep/x"]]
    assert sorted(entered) == [".", "other", "other/keep"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside", "up/../../outside"])
def test_a_link_out_of_the_folder_is_refused_by_name(tmp_path: Path, target: str) -> None:
    root = write_tree(tmp_path / "shop", {"a/x": "", "b/c/": ""})
    (root / "up").symlink_to("b/c")
    write_tree(tmp_path, {"outside": "", "shop/sub/x": ""})
    (root / "link").symlink_to(target)
    with pytest.raises(ProjectError, match=r"link: the link leads out of the project's folder") as caught:
        select(root, None)
    assert caught.value.hint
    assert "line `link`" in caught.value.hint


def test_a_link_by_way_of_another_link_cannot_leave(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "shop", {"a": "", ".dockerignore": "hop"})
    write_tree(tmp_path, {"elsewhere/x": ""})
    (root / "hop").symlink_to("../elsewhere")
    (root / "link").symlink_to("hop/x")
    with pytest.raises(ProjectError, match="link: the link leads out"):
        select(root, None)


def test_links_inside_stay_links_even_to_folders_and_nowhere(tmp_path: Path) -> None:
    write_tree(tmp_path, {"v2/a.py": ""})
    (tmp_path / "current").symlink_to("v2")
    (tmp_path / "v2" / "top").symlink_to("../gone")
    assert select(tmp_path, None)[0] == (
        AppFile("current", 0, False, "v2"),
        AppFile("v2/a.py", 0, False),
        AppFile("v2/top", 0, False, "../gone"),
    )


def test_a_special_file_is_refused_and_can_be_ignored(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProjectError, match=r"pipe: neither a file, a folder nor a link"):
        select(tmp_path, None)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "s"))
        write_tree(tmp_path, {".dockerignore": "pipe\ns\n", "a": ""})
        assert listing(tmp_path) == [["a"]]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad-\xff")).touch()
    with pytest.raises(ProjectError, match="the name is not UTF-8"):
        select(tmp_path, None)


def test_a_faulty_dockerignore_is_named_with_its_line(tmp_path: Path) -> None:
    write_tree(tmp_path, {".dockerignore": "# x\nok\n[oops\n"})
    with pytest.raises(ProjectError, match=r"\.dockerignore:3: '\[oops'"):
        select(tmp_path, None)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"private/x": ""})
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "private":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ProjectError, match="private cannot be read: Permission denied"):
        select(tmp_path, None)


IMAGES = ["oci-layout", "blobs", "blobs/sha256/00", "manifest.json", "index.json", "ab" * 32 + "/VERSION"]
CONTENTS = {"manifest.json": b'[{"Config":"x.json","Layers":[]}]', "index.json": b'{"manifests":[],"schemaVersion":2}'}


@pytest.mark.parametrize("first", IMAGES)
def test_an_image_of_an_earlier_build_stays_out_unless_it_is_named(tmp_path: Path, first: str) -> None:
    write_tree(tmp_path, {"app.py": ""})
    write_archive(tmp_path / "out/image.tar", first, CONTENTS.get(first, b""), folder=first == "blobs")
    assert listing(tmp_path) == [["app.py"]]
    assert listing(tmp_path, (".", "out/image.tar")) == [["app.py"], ["out/image.tar"]]
    with pytest.raises(SettingsError, match="left out"):
        select(tmp_path, ("out",))


def test_an_image_layout_is_not_entered_unless_it_is_named(tmp_path: Path) -> None:
    layout = ["out/layout/blobs/sha256/0", "out/layout/index.json", "out/layout/oci-layout"]
    write_tree(tmp_path, {"app.py": "", **dict.fromkeys(layout, "")})
    assert listing(tmp_path) == [["app.py"]]
    assert listing(tmp_path, (".", "out/layout")) == [["app.py"], layout]


@pytest.mark.parametrize("first", ["data.csv", "manifest.json", "index.json", "blobs/cat.jpg", "sub/oci-layout"])
def test_other_archives_go_in(tmp_path: Path, first: str) -> None:
    write_archive(tmp_path / "data.tar", first, b'{"name": "x"}')
    write_tree(tmp_path, {"short.tar": "oci-layout", "kept/oci-layout": "{}"})
    assert listing(tmp_path) == [["data.tar", "kept/oci-layout", "short.tar"]]


def test_ten_thousand_files_are_quick(tmp_path: Path) -> None:
    for folder in range(100):
        write_tree(tmp_path / f"p{folder}", {f"m{number}.py": b"" for number in range(100)})
    assert len(select(tmp_path, None)[0]) == 10_000
    best = min(_seconds(lambda: select(tmp_path, None)) for _ in range(5))
    # 0.03 s on two shared cores; the limit is that of a machine that does much else.
    assert best < 0.3


def _seconds(action: object) -> float:
    start = time.perf_counter()
    assert callable(action)
    action()
    return time.perf_counter() - start
