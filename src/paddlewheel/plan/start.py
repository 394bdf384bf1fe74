"""How the image starts, and why: what the settings say, or else the first of these that fits. Pure.

1. `entrypoint` or `cmd` of the settings: taken as they are, nothing is added
2. the process `web` of a Procfile
3. the only console script of a project that is installed
4. a web application, by a server that is in the lock
5. ``python -m`` for a package with ``__main__.py``
6. a lone script in the root

What starts a service goes into `cmd`, so that arguments of `run` replace it; what starts a program with arguments
of its own goes into `entrypoint`, so that they are added.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from paddlewheel.errors import ProjectError
from paddlewheel.plan.model import APP_DIR, Start
from paddlewheel.plan.procfile import exec_form
from paddlewheel.plan.servers import HOST, PORT, SERVERS, Kind, find_server, program
from paddlewheel.project.model import Project

_LIKELY_SCRIPTS: Final = ("web.py", "bot.py", "cli.py", "start.py", "worker.py")
_SCRIPTS_SHOWN: Final = 5


def choose(project: Project, packages: Collection[str], console_scripts: Iterable[str] | None = None) -> Start:
    """Decide by `project`, with the normalised names of the locked `packages`.

    `console_scripts` are those that the app's wheel really has, where that is known; None: those of [project.scripts].
    `Start.expose` holds the setting `expose` or, for a service without one, 8000/tcp. Raise `ProjectError`, with the
    candidates and the setting to write, when nothing or nothing obvious says how to start.
    """
    scripts = tuple(project.start.scripts if console_scripts is None else console_scripts)
    start = (
        _settings(project)
        or _procfile(project)
        or _script(project, scripts)
        or _application(project, packages)
        or _module(project)
        or _file(project)
    )
    if start is None:
        raise _undecided(project, packages, scripts)
    return start


def check(project: Project) -> None:
    """Raise at once what `choose` would surely raise, whatever packages the lock will have."""
    if project.start.framework is None and not project.start.candidates:
        choose(project, ())


def _start(
    project: Project,
    reason: str,
    *,
    entrypoint: tuple[str, ...] = (),
    cmd: tuple[str, ...] = (),
    service: bool = False,
    env: dict[str, str] | None = None,
) -> Start:
    return Start(
        entrypoint=entrypoint,
        cmd=cmd,
        reason=reason,
        expose=project.settings.expose or ((f"{PORT}/tcp",) if service else ()),
        env=_python_path(project) | (env or {}),
    )


def _python_path(project: Project) -> dict[str, str]:
    """Copied modules are importable whatever the working directory; installed ones need nothing."""
    if project.is_package:
        return {}
    source = project.start.source_root
    return {"PYTHONPATH": f"{APP_DIR}/{source}" if source else APP_DIR}


def _settings(project: Project) -> Start | None:
    settings = project.settings
    given = [name for name in ("entrypoint", "cmd") if getattr(settings, name) is not None]
    if not given:
        return None
    entrypoint, cmd = settings.entrypoint or (), settings.cmd or ()
    if not entrypoint and not cmd:
        raise ProjectError(
            f"{' and '.join(f'`{name}`' for name in given)} in the settings is empty, so that nothing would start",
            hint=f"remove it, or write {given[0]} = [...] with a program",
        )
    text = " and ".join(f"`{name}`" for name in given)
    return _start(project, f"{text} of the settings", entrypoint=entrypoint, cmd=cmd)


def _procfile(project: Project) -> Start | None:
    line = project.start.procfile.get("web")
    if line is None:
        return None
    cmd, env = exec_form(line, PORT)
    # gunicorn and others listen on $PORT by themselves.
    return _start(
        project, f"process `web` of the Procfile: {line}", cmd=cmd, service=True, env={"PORT": str(PORT)} | env
    )


def _script(project: Project, scripts: tuple[str, ...]) -> Start | None:
    if len(scripts) != 1 or not project.is_package:
        return None
    return _start(project, f"`{scripts[0]}`, the project's only console script", entrypoint=program(scripts[0]))


def _applications(project: Project, packages: Collection[str]) -> Iterator[tuple[Kind, str]]:
    """Kind and reference of the applications whose framework is in the lock, the one to be preferred first."""
    hints = project.start
    if hints.framework is None or hints.framework not in packages:
        return
    pairs: list[tuple[Kind, str | None]] = [("wsgi", hints.wsgi), ("asgi", hints.asgi)]
    if {"channels", "daphne"} & set(packages):
        pairs.reverse()
    for kind, reference in pairs:
        if reference is not None:
            yield kind, reference


def _application(project: Project, packages: Collection[str]) -> Start | None:
    applications = list(_applications(project, packages))
    framework = _title(project)
    for kind, reference in applications:
        server = find_server(kind, packages)
        if server is not None:
            app, factory = reference.removesuffix("()"), reference.endswith("()")
            reason = f"{framework} app `{reference}`, served by {server.package}, which is in the lock"
            return _start(project, reason, cmd=server.command(app, factory), service=True)
    return _development_server(project, applications) if applications else None


def _development_server(project: Project, applications: list[tuple[Kind, str]]) -> Start:
    """The framework's own server, with a word of warning. Raise `ProjectError` where it has none."""
    kind, reference = applications[0]
    framework = project.start.framework
    title = _title(project)
    warning = f"development server, as no {kind.upper()} server is in the lock: add gunicorn for production"
    if framework == "flask":
        cmd = program("flask", "--app", reference, "run", f"--host={HOST}", f"--port={PORT}")
        return _start(project, f"{title} app `{reference}`, served by Flask's {warning}", cmd=cmd, service=True)
    if framework == "django" and project.start.manage_py and not project.is_package:
        cmd = program("python", f"{APP_DIR}/manage.py", "runserver", "--noreload", f"{HOST}:{PORT}")
        return _start(project, f"{title} app `{reference}`, served by Django's {warning}", cmd=cmd, service=True)
    kinds = {kind for kind, _ in applications}
    names = list(dict.fromkeys(server.package for server in SERVERS if server.kind in kinds))
    raise ProjectError(
        f"{title} app `{reference}` was found, but no server for it is in the lock ({', '.join(names)})",
        hint=f"add {names[0]} to the dependencies, or write `cmd = [...]` into {_place(project)}",
    )


def _title(project: Project) -> str:
    known = {"fastapi": "FastAPI"}
    framework = project.start.framework or ""
    return known.get(framework, framework.capitalize())


def _module(project: Project) -> Start | None:
    module = project.start.main_module
    if module is None:
        return None
    if module == "__main__":
        return _start(project, "`__main__.py` in the project's folder", entrypoint=program("python", APP_DIR))
    reason = f"`python -m {module}`, as the package has a __main__.py"
    return _start(project, reason, entrypoint=program("python", "-m", module))


def _file(project: Project) -> Start | None:
    name = project.start.main_file
    if name is None or project.start.candidates:
        return None
    return _start(project, f"`{name}` in the project's folder", entrypoint=program("python", f"{APP_DIR}/{name}"))


def _undecided(project: Project, packages: Collection[str], scripts: tuple[str, ...]) -> ProjectError:
    hints = project.start
    place = _place(project)
    if project.is_package and len(scripts) > 1:
        return ProjectError(
            f"{project.name} has {len(scripts)} console scripts, none of them the obvious one: {', '.join(scripts)}",
            hint=f'write entrypoint = ["{scripts[0]}"] into {place}',
        )
    if hints.candidates:
        return ProjectError(
            f"{project.name} could start in several ways: {', '.join(hints.candidates)}",
            hint=f"choose one: write cmd = [{_quoted(_command(hints.candidates[0], packages))}], say, into {place}",
        )
    found = []
    if hints.framework and hints.framework not in packages:
        found.append(f"a {_title(project)} app was found, but {hints.framework} is not in the lock")
    if hints.procfile:
        found.append(f"the Procfile has no process `web`, but {', '.join(hints.procfile)}")
    if scripts and not project.is_package:
        found.append(f"the script {scripts[0]} is not installed, as there is no [build-system] table")
    detail = f" ({'; '.join(found)})" if found else ""
    if hints.programs:
        advice = f"write cmd = [{_quoted(('python', '-m', hints.programs[0]))}], say, into {place}"
    elif hints.root_scripts:
        advice = f"write cmd = [{_quoted(('python', _likeliest(hints.root_scripts)))}] into {place}"
    else:
        advice = f"write `cmd` into {place}: a list of the program and its arguments"
    if hints.root_scripts:
        more = ", ..." if len(hints.root_scripts) > _SCRIPTS_SHOWN else ""
        advice += f" (scripts here: {', '.join(hints.root_scripts[:_SCRIPTS_SHOWN])}{more})"
    return ProjectError(f"nothing says how {project.name} starts{detail}", hint=advice)


def _place(project: Project) -> str:
    """Where a setting is to be written."""
    return (
        "[tool.paddlewheel] in pyproject.toml" if project.settings_file == "pyproject.toml" else project.settings_file
    )


def _likeliest(scripts: Sequence[str]) -> str:
    return next((name for name in _LIKELY_SCRIPTS if name in scripts), scripts[0])


def _command(candidate: str, packages: Collection[str]) -> tuple[str, ...]:
    """A command for one of `StartHints.candidates`, for a message."""
    if candidate.startswith("python "):
        return tuple(candidate.split())
    server = find_server("asgi", packages) or find_server("wsgi", packages)
    if server is None:
        return ("python", "-m", "...")
    path, *arguments = server.command(candidate.removesuffix("()"), candidate.endswith("()"))
    return (path.rpartition("/")[2], *arguments)


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words)
