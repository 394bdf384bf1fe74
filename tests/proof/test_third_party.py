"""Real applications, from their source archives to an answer over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.apps import APPS, App, fetch
from tests.support.command import build, running
from tests.support.engines import free_port, http_get

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_application_is_built_and_answers(app: App, tmp_path: Path) -> None:
    project = fetch(app, tmp_path)
    archive = tmp_path / "image.oci.tar"
    build(project, "--base", "distroless:bookworm", "-o", f"oci-archive:{archive}")
    port = free_port()
    arguments = [argument.format(port=port) for argument in app.arguments]
    with running(f"oci-archive:{archive}", "--", *arguments):
        assert app.expect in http_get(port, app.path, seconds=90)
