"""A page that tells where it runs, and a health check."""

import os
import platform

from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return render_template("index.html", python=platform.python_version(), uid=os.getuid(), machine=platform.machine())


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
