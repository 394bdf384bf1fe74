"""Build examples/flask-service into an image, run it without Docker, ask it for its page, stop it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PADDLEWHEEL = Path(sys.executable).with_name("paddlewheel")
ARCHIVE = Path("dist/flask-service.oci.tar")
PORT = 8000
PATIENCE = 60.0
"""Seconds that the service may take until it answers."""


def main() -> int:
    os.chdir(CHECKOUT)
    build = ["build", "examples/flask-service", "-o", f"oci-archive:{ARCHIVE}"]
    show(build)
    status = subprocess.run([PADDLEWHEEL, *build], check=False).returncode
    if status:
        return status
    port = choose_port()
    run = ["run", f"oci-archive:{ARCHIVE}"]
    if port != PORT:  # somebody else listens there: replace the image's command
        run += ["--", "gunicorn", f"--bind=127.0.0.1:{port}", "app:app"]
    show(run)
    began = time.monotonic()
    service = subprocess.Popen([PADDLEWHEEL, *run])
    try:
        page = ask(service, f"http://127.0.0.1:{port}/")
        print(
            f"\n$ curl http://127.0.0.1:{port}/    # answered after {time.monotonic() - began:.1f} s\n{page}",
            flush=True,
        )
    except ServiceEnded:
        print(f"the service ended with status {service.returncode} before it answered", file=sys.stderr)
        return service.returncode or 1
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
    print(f"The image is in {ARCHIVE}: {ARCHIVE.stat().st_size / 1e6:.1f} MB, ready to copy or load, for example:")
    print(f"  skopeo copy oci-archive:{ARCHIVE} docker://registry.example.org/flask-service:1")
    print(f"  podman load -i {ARCHIVE}")
    print("Now try a project of your own: .venv/bin/paddlewheel build FOLDER")
    return 0


class ServiceEnded(Exception):
    pass


def show(arguments: list[str]) -> None:
    print(f"\n$ paddlewheel {' '.join(arguments)}", flush=True)


def choose_port() -> int:
    """The port that the image listens on, or a free one where that is taken."""
    for wanted in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no port is free")


def ask(service: subprocess.Popen[bytes], url: str) -> str:
    """The page at `url`, once something answers there. Raise `ServiceEnded` when nothing ever will."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while service.poll() is None and time.monotonic() < end:
        try:
            with direct.open(url, timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise ServiceEnded


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
