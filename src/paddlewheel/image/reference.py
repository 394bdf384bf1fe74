"""Image names as people write them and as tools store them: ``shop`` is ``docker.io/library/shop:latest``.

Source: the grammar and the normalisation of the `distribution/reference` project, which Docker, containerd,
Podman and Skopeo share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from paddlewheel.errors import UsageError

DOCKER_HUB: Final = "docker.io"
LOCALHOST: Final = "localhost"
DEFAULT_TAG: Final = "latest"

_LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_IMAGE_ID: Final = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name in full. `tag` and `digest` are empty when not given."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Without tag and digest: ``docker.io/library/shop``."""
        return f"{self.domain}/{self.path}"

    @property
    def full(self) -> str:
        """``docker.io/library/shop:latest``: what tools store."""
        return self.name + self._suffix()

    @property
    def familiar(self) -> str:
        """``shop:latest``: what people read. Docker Hub's own parts are left out."""
        name = self.name
        if self.domain == DOCKER_HUB:
            name = self.path.removeprefix("library/") if self.path.count("/") == 1 else self.path
            # A path that looks like a domain would be read as one.
            if _is_domain(name.partition("/")[0]) and "/" in name:
                name = self.name
        return name + self._suffix()

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def tagged(self) -> Reference:
        """With the tag ``latest`` where there is neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)


def parse_reference(text: str, *, domain: str = DOCKER_HUB) -> Reference:
    """Read an image's name. `domain` is what a name without one belongs to.

    Raise `UsageError` that says which part is wrong.
    """
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _malformed(text, f"{digest!r} is no digest", "write it as sha256: and 64 hexadecimal digits")
    tag = ""
    head, colon, tail = rest.rpartition(":")
    if colon and "/" not in tail and not tail.endswith("]"):
        rest, tag = head, tail
        if not _TAG.fullmatch(tag):
            raise _malformed(
                text,
                f"{tag!r} is no tag",
                "a tag has letters, digits, '_', '.' and '-', 128 at most, first no '.' or '-'",
            )
    domain, path = _split_domain(rest, domain)
    if not _DOMAIN.fullmatch(domain):
        raise _malformed(text, f"{domain!r} is no host name", "write it as registry.example.org:5000/shop:1.2")
    if domain == DOCKER_HUB and "/" not in path:
        if _IMAGE_ID.fullmatch(path):
            raise _malformed(text, "64 hexadecimal digits are an image's id", "choose a name")
        path = f"library/{path}"
    for component in path.removeprefix("library/").split("/"):
        _check_component(text, component)
    reference = Reference(domain=domain, path=path, tag=tag, digest=digest)
    if len(reference.name) > 255:
        raise _malformed(text, "longer than 255 characters", "choose a shorter name")
    return reference


def _split_domain(rest: str, default: str) -> tuple[str, str]:
    first, slash, path = rest.partition("/")
    if not slash or not _is_domain(first):
        return default, rest
    return (DOCKER_HUB if first == f"index.{DOCKER_HUB}" else first), path


def _is_domain(first: str) -> bool:
    """Whether the first of several components is a host, as Docker tells: a dot, a port, or localhost."""
    return "." in first or ":" in first or first == LOCALHOST or first.lower() != first


def _check_component(text: str, component: str) -> None:
    if _COMPONENT.fullmatch(component):
        return
    if not component:
        raise _malformed(text, "a part of it is empty", "write it as shop:1.2 or registry.example.org/team/shop:1.2")
    if component.lower() != component and _COMPONENT.fullmatch(component.lower()):
        raise _malformed(text, f"{component!r} has capital letters", f"write {component.lower()!r}")
    raise _malformed(
        text, f"{component!r} has a character out of place", "use a-z and 0-9, with '.', '_', '__' or '-' between them"
    )


def _malformed(text: str, reason: str, hint: str) -> UsageError:
    return UsageError(f"{text!r} is no image name: {reason}", hint=hint)
