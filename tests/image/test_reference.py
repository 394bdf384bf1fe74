from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddlewheel.errors import UsageError
from paddlewheel.image.reference import LOCALHOST, parse_reference

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("shop", "docker.io/library/shop:latest", "shop:latest"),
        ("shop:1.2", "docker.io/library/shop:1.2", "shop:1.2"),
        ("team/shop", "docker.io/team/shop:latest", "team/shop:latest"),
        ("docker.io/shop", "docker.io/library/shop:latest", "shop:latest"),
        ("docker.io/library/shop", "docker.io/library/shop:latest", "shop:latest"),
        ("index.docker.io/team/shop", "docker.io/team/shop:latest", "team/shop:latest"),
        ("library/shop", "docker.io/library/shop:latest", "shop:latest"),
        ("library/team/shop", "docker.io/library/team/shop:latest", "library/team/shop:latest"),
        ("localhost/shop", "localhost/shop:latest", "localhost/shop:latest"),
        ("localhost:5000/shop", "localhost:5000/shop:latest", "localhost:5000/shop:latest"),
        ("registry.example.org/a/b/c:x_Y-1", "registry.example.org/a/b/c:x_Y-1", "registry.example.org/a/b/c:x_Y-1"),
        ("Registry/shop", "Registry/shop:latest", "Registry/shop:latest"),
        ("[2001:db8::1]:5000/shop:1", "[2001:db8::1]:5000/shop:1", "[2001:db8::1]:5000/shop:1"),
        (f"shop@{DIGEST}", f"docker.io/library/shop@{DIGEST}", f"shop@{DIGEST}"),
        (f"shop:1@{DIGEST}", f"docker.io/library/shop:1@{DIGEST}", f"shop:1@{DIGEST}"),
        ("a__b-c--d.e_f", "docker.io/library/a__b-c--d.e_f:latest", "a__b-c--d.e_f:latest"),
    ],
)
def test_forms(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text).tagged()
    assert (reference.full, reference.familiar) == (full, familiar)
    assert parse_reference(reference.full) == parse_reference(reference.familiar) == reference


def test_a_name_for_podman_belongs_to_localhost() -> None:
    assert parse_reference("shop", domain=LOCALHOST).tagged().full == "localhost/shop:latest"
    assert parse_reference("team/shop:1", domain=LOCALHOST).full == "localhost/team/shop:1"
    assert parse_reference("docker.io/shop", domain=LOCALHOST).full == "docker.io/library/shop"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a part of it is empty"),
        ("shop:", "'' is no tag"),
        (":1.2", "a part of it is empty"),
        ("Shop", "'Shop' has capital letters"),
        ("team/Shop:1", "'Shop' has capital letters"),
        ("shop/", "a part of it is empty"),
        ("/shop", "a part of it is empty"),
        ("a//b", "a part of it is empty"),
        ("shop name", "has a character out of place"),
        ("-shop", "has a character out of place"),
        ("sh___op", "has a character out of place"),
        ("größe", "has a character out of place"),
        ("shop:.1", "is no tag"),
        ("shop:1+local", "is no tag"),
        ("shop:" + "x" * 129, "is no tag"),
        ("shop@latest", "is no digest"),
        ("shop@", "is no digest"),
        ("a.-b/shop", "is no host name"),
        ("registry.example.org:port/shop", "is no host name"),
        ("ab" * 32, "64 hexadecimal digits"),
        ("x" * 256, "longer than 255"),
        ("https://example.org/shop", "is no host name"),
        ("../shop", "is no host name"),
    ],
)
def test_malformed_names_are_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text)
    assert reason in caught.value.message
    assert caught.value.hint


@given(st.text(st.sampled_from("abzAZ09._-:/@[]\n é"), max_size=40))
def test_whatever_is_accepted_is_stable(text: str) -> None:
    try:
        reference = parse_reference(text)
    except UsageError:
        return
    assert parse_reference(reference.full) == reference
    assert parse_reference(reference.familiar) == reference
