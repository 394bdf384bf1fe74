"""Certificates for TLS servers on loopback, made by the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.need import need_program


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate and its key, as files in PEM form."""

    certificate: Path
    key: Path

    @property
    def pair(self) -> tuple[Path, Path]:
        return self.certificate, self.key


def make_certificate(folder: Path, *, alt_name: str = "IP:127.0.0.1", name: str = "server") -> Certificate:
    """A certificate that vouches for itself and is good for `alt_name`, as subjectAltName has it."""
    openssl = need_program("openssl")
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(made.key), "-out", str(made.certificate), "-days", "2", "-subj", "/CN=test"]
    command += ["-addext", f"subjectAltName={alt_name}"]
    subprocess.run(command, check=True, capture_output=True)
    return made
