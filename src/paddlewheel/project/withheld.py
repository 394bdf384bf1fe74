"""What stays out of an image unless the `files` setting names it: secrets, version control, environments, caches.

Names are compared with single path components. Each rule has a literal text; a pattern of `files` names a path
that is withheld when it matches the path and contains that text, so that ``certs/*.pem`` brings keys in and
``certs`` or ``**`` does not. A file that states dependencies is withheld as a secret when a URL in it has a password.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_SECRET_NAMES: Final = (
    *(".env", ".envrc", ".netrc", "_netrc", ".pypirc", ".npmrc", ".git-credentials", ".htpasswd", ".pgpass"),
    *(".my.cnf", ".s3cfg", ".boto", ".vault-token", ".dockercfg", "kubeconfig", "pip.conf", "pip.ini"),
    *(".aws", ".azure", ".docker", ".gnupg", ".kube", ".pip", ".ssh", ".terraform"),
    *("credentials.json", "application_default_credentials.json"),
)
_SECRET_GLOBS: Final = (
    *(".env.*", "*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.kubeconfig", "*.tfstate", "*.tfstate.*", "*.tfvars"),
    *("service-account*.json", "service_account*.json", "client_secret*.json"),
)
_NOT_SECRET: Final = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})
_NAMES: Final = (
    # version control and its hosts
    *(".git", ".hg", ".svn", ".bzr", "CVS", ".gitignore", ".gitattributes", ".gitmodules", ".gitkeep", ".hgignore"),
    *(".github", ".gitlab", ".gitlab-ci.yml", ".circleci", ".travis.yml", ".pre-commit-config.yaml", ".ci"),
    # environments and what package managers unpack
    *(".venv", "venv", ".direnv", "node_modules", "__pypackages__", ".eggs"),
    # caches and reports
    *("__pycache__", ".cache", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".tox", ".nox"),
    *(".ipynb_checkpoints", ".coverage", "htmlcov", ".pytype", ".pyre", ".uv-cache"),
    # editors and desktops
    *(".idea", ".vscode", ".vs", ".editorconfig", ".devcontainer", ".DS_Store", "Thumbs.db"),
    # settings of package managers, which often hold an index's password
    *("uv.toml", "poetry.toml"),
    # how images are built
    *("Dockerfile", "Containerfile", ".dockerignore", ".containerignore"),
)
_GLOBS: Final = (
    *("*.pyc", "*.pyo", "*.egg-info", "*.swp", "*~", ".coverage.*"),
    *("Dockerfile.*", "*.dockerfile", "*.Dockerfile", "Containerfile.*"),
)
_ROOT_NAMES: Final = (
    # results of builds, this tool's included
    *("dist", "build"),
    # locks and declarations: the packages they name are in the image already, in layers of their own
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "pylock.toml", "requirements.in"),
    *("paddlewheel.toml", "paddlewheel.lock", ".python-version"),
)
_ROOT_GLOBS: Final = (
    *("pylock.*.toml", "requirements*.txt", "constraints*.txt"),
    *("docker-compose*.yml", "docker-compose*.yaml", "compose*.yml", "compose*.yaml", "docker-bake*.hcl"),
)

VENV_MARK: Final = "pyvenv.cfg"
"""A folder that holds this file is a virtual environment, whatever its name."""


class _Rules:
    """Names and globs, with the literal text of each."""

    def __init__(self, names: tuple[str, ...], globs: tuple[str, ...]) -> None:
        self.names = frozenset(names)
        self.literals = tuple(max(glob.split("*"), key=len).rstrip(".") for glob in globs)
        alternatives = ("(" + ".*".join(map(re.escape, glob.split("*"))) + ")" for glob in globs)
        self.regex = re.compile("|".join(alternatives), re.DOTALL)

    def literal(self, name: str) -> str | None:
        if name in self.names:
            return name
        match = self.regex.fullmatch(name)
        return self.literals[match.lastindex - 1] if match and match.lastindex else None


_DECLARATION: Final = re.compile(
    r"pyproject\.toml|setup\.(?:py|cfg)|Pipfile|.*\.lock|pylock\..*toml|environment.*\.ya?ml"
    r"|(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)"
)
_IN_REQUIREMENTS: Final = re.compile(r"(?:^|/)(?:requirements|requires|constraints)/[^/]*\.(?:txt|in)$")
_USERINFO: Final = re.compile(r"https?://([^/?#\s\"'<>]+)@")
_PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}|\$\w+|%\(?\w+\)?[s%]|\{\{?\w*\}?\}|\*+")
_LOGINS: Final = frozenset({"git", "hg", "anonymous"})
"""Users that are no tokens, where no password follows."""
_LARGEST: Final = 4 << 20

_SECRETS: Final = _Rules(_SECRET_NAMES, _SECRET_GLOBS)
_ANYWHERE: Final = _Rules((*_SECRET_NAMES, *_NAMES), (*_SECRET_GLOBS, *_GLOBS))
_AT_ROOT: Final = _Rules(_ROOT_NAMES, _ROOT_GLOBS)
_STREAMLIT_SECRETS: Final = ".streamlit/secrets.toml"


def rule_for(path: str, name: str) -> str | None:
    """The literal text of the rule that withholds `path`, whose last component is `name`; None: it may go in."""
    if name in _NOT_SECRET:
        return None
    literal = _ANYWHERE.literal(name)
    if literal is None and "/" not in path:
        literal = _AT_ROOT.literal(name)
    if literal is None and name == "secrets.toml" and path.endswith(_STREAMLIT_SECRETS):
        return name
    return literal


def may_hold_password(path: str, name: str) -> bool:
    """Whether `path` is a file that states dependencies, and with them perhaps an index and its password."""
    return _DECLARATION.fullmatch(name) is not None or _IN_REQUIREMENTS.search(path) is not None


def holds_password(file: Path) -> bool:
    """Whether a URL in a text file has a password, or a token as its user. One that is a variable does not count.

    A file that cannot be read, or is larger than a declaration ever is, is taken to have none.
    """
    try:
        if file.stat().st_size > _LARGEST:
            return False
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(map(_is_password, _USERINFO.findall(text)))


def _is_password(userinfo: str) -> bool:
    user, _, password = userinfo.partition(":")
    if not password and user in _LOGINS:
        return False
    return bool(_PLACEHOLDER.sub("", password or user))


def is_secret(name: str) -> bool:
    """Whether a path that is withheld is so as a secret: worth a word to the user."""
    return name not in _NOT_SECRET and (_SECRETS.literal(name) is not None or name == "secrets.toml")
