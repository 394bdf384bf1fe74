"""What a program finds in the sandbox, for each kind of caller."""

from __future__ import annotations

import os
from pathlib import Path

from tests.sandbox.callers import Caller


def test_runs_as_the_images_user(caller: Caller) -> None:
    done = caller.shell("id -u; id -g; pwd; echo $COLOUR", cwd="/tmp", env=[["PATH", "/bin"], ["COLOUR", "blue"]])
    assert (done.status, done.stdout.split()) == (0, ["65532", "65532", "/tmp", "blue"])
    assert done.warnings == []


def test_runs_as_root_of_the_image(caller: Caller) -> None:
    done = caller.shell("id -u; touch /new; stat -c %u /new", uid=0, gid=0)
    assert (done.status, done.stdout.split()) == (0, ["0", "0"])


def test_environment_is_the_specs_alone(caller: Caller) -> None:
    done = caller.run(["env"], env=[["PATH", "/bin"], ["NAÏVE", "ça va"]])
    assert sorted(done.stdout.splitlines()) == ["NAÏVE=ça va", "PATH=/bin"]


def test_exit_status_passes(caller: Caller) -> None:
    assert caller.shell("exit 7").status == 7
    assert caller.shell("kill -KILL $$").status == 128 + 9
    assert caller.shell("kill -SEGV $$").status == 128 + 11


def test_standard_streams_pass(caller: Caller) -> None:
    done = caller.shell("cat; echo aside >&2", stdin="one\ntwo\n")
    assert (done.stdout, done.stderr) == ("one\ntwo\n", "aside\n")


def test_large_input_passes_through_a_pipe(root: Caller) -> None:
    assert root.shell("wc -c", stdin="x" * 3_000_000).stdout.strip() == "3000000"


def test_groups(caller: Caller) -> None:
    done = caller.shell("id -G", groups=[50, 60])
    expected = ["65532"] if caller.users == "one" else ["50", "60", "65532"]
    assert sorted(done.stdout.split()) == expected


def test_missing_working_directory_is_made(caller: Caller) -> None:
    assert caller.run(["pwd"], cwd="/srv/app").stdout == "/srv/app\n"


def test_writes_go_with_the_run(caller: Caller) -> None:
    before = sorted(path.name for path in caller.base.rglob("*"))
    assert caller.shell("echo a > /tmp/a; cat /tmp/a").stdout == "a\n"
    assert caller.shell("echo a > /a; rm /bin/tail; mkdir -p /x/y", uid=0, gid=0).status == 0
    assert sorted(path.name for path in caller.base.rglob("*")) == before
    assert caller.shell("ls /tmp").stdout == ""


def test_files_of_root_are_not_writable_for_others(caller: Caller) -> None:
    done = caller.shell("echo x > /etc/passwd")
    # With a single user, all files are that user's.
    assert (done.status == 0) == (caller.users == "one")


def test_processes_are_its_own(caller: Caller) -> None:
    done = caller.shell("echo $$; ps -o pid | sort -n | tail -n +2")
    pids = [int(word) for word in done.stdout.split()]
    assert pids[0] == 2
    assert max(pids) < 10


def test_no_privileges(caller: Caller) -> None:
    done = caller.shell("grep -E 'Cap(Inh|Prm|Eff|Amb)|NoNewPrivs' /proc/self/status")
    values = dict(line.split(":\t") for line in done.stdout.splitlines())
    assert values == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapAmb"), "0" * 16) | {"NoNewPrivs": "1"}


def test_root_of_the_image_has_few_privileges(caller: Caller) -> None:
    done = caller.shell("mount -t tmpfs none /tmp; mknod /null c 1 3; mount -o remount,rw /sys; true", uid=0, gid=0)
    assert len(done.stderr.splitlines()) == 3, done.stderr
    effective = caller.shell("grep CapEff /proc/self/status", uid=0, gid=0).stdout.split()[1]
    assert int(effective, 16) == sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31))


def test_the_machines_settings_are_read_only(caller: Caller) -> None:
    script = "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel/mm/ksm/run; do : > $f; done; true"
    done = caller.shell(script.replace("; do : >", "; do [ ! -e $f ] || echo 0 >"), uid=0, gid=0)
    messages = done.stderr.splitlines()
    assert messages
    assert all("Read-only" in line or "denied" in line for line in messages), messages


def test_no_open_file_of_the_host_leaks(caller: Caller) -> None:
    done = caller.shell("ls /proc/self/fd")
    # 3 is ls's own.
    assert done.stdout.split() == ["0", "1", "2", "3"]


def test_devices(caller: Caller) -> None:
    script = """
        echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c
        echo y > /dev/shm/y && cat /dev/shm/y && readlink /dev/fd && ls /dev
    """
    words = caller.shell(script).stdout.split()
    assert words[:4] == ["4", "4", "y", "/proc/self/fd"]
    names = "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert set(words[4:]) >= set(names.split())
    assert "vda" not in words


def test_files_of_the_host(caller: Caller) -> None:
    done = caller.shell("cat /etc/hosts; echo x >> /etc/hosts", uid=0, gid=0)
    assert done.stdout == Path("/etc/hosts").read_text()
    assert "Read-only" in done.stderr or "denied" in done.stderr


def test_link_to_resolv_conf_stays_inside(root: Caller) -> None:
    layer = root.layer("linked", {"etc/": ""})
    (layer / "etc/resolv.conf").symlink_to("/run/resolved/../stub.conf")
    done = root.shell("cat /run/stub.conf", layers=[layer])
    assert done.stdout == Path("/etc/resolv.conf").read_text()
    assert not Path("/run/stub.conf").exists()


def test_host_name(caller: Caller) -> None:
    assert caller.run(["hostname"]).stdout.strip() == os.uname().nodename
    done = caller.shell("hostname; cat /etc/hostname", hostname="wheel")
    assert done.stdout.split() == ["wheel", "wheel"]
    assert os.uname().nodename != "wheel"


def test_network_none_has_only_loopback(caller: Caller) -> None:
    done = caller.shell(
        "tail -n +3 /proc/net/dev; (echo hi | nc -l -p 7070 &); sleep 0.2; nc 127.0.0.1 7070", network="none"
    )
    assert done.stdout.split(":")[0].strip() == "lo"
    assert done.stdout.endswith("hi\n")


def test_network_of_the_host(caller: Caller) -> None:
    done = caller.shell("tail -n +3 /proc/net/dev")
    assert done.stdout.count(":") == Path("/proc/net/dev").read_text().count(":")


def test_read_only_root_with_writable_directories(caller: Caller) -> None:
    script = "echo a > /data/a && cat /data/a; echo b > /b; echo c > /tmp/c"
    done = caller.shell(script, read_only=True, writable=["/data"])
    assert done.stdout == "a\n"
    assert done.stderr.count("Read-only file system") == 2


def test_writable_directory_keeps_what_the_image_has(caller: Caller) -> None:
    layer = caller.layer("volume", {"data/seed": "s"})
    (layer / "data").chmod(0o777)
    done = caller.shell("cat /data/seed; echo a > /data/a", layers=[layer], read_only=True, writable=["/data"])
    assert (done.stdout, done.status) == ("s", 0)
    assert not (layer / "data/a").exists()


def test_owners_are_set_where_the_caller_could_not(ordinary: Caller) -> None:
    layer = ordinary.layer("owned", {"home/nonroot/": "", "gone/file": ""})
    owners = [["/home/nonroot", 65532, 65532], ["/not/here", 1, 1]]
    done = ordinary.shell("stat -c %u:%g /home/nonroot; touch /home/nonroot/x", layers=[layer], owners=owners)
    assert (done.stdout, done.status) == ("65532:65532\n", 0)


def test_bound_folders(caller: Caller) -> None:
    given = caller.layer("given", {"in": "hello"})
    taken = caller.layer("taken", {})
    mounts = [[given, "/given", True], [taken, "/srv/taken", False], [given / "in", "/one", True]]
    done = caller.shell(
        "cat /given/in /one; echo x > /given/x; echo y > /srv/taken/y",
        mounts=mounts,
        # A host's folder belongs to the caller, so the image's user must be the caller to write to it.
        identity="caller",
        uid=0 if caller.users == "same" else 65532,
    )
    assert done.stdout == "hellohello"
    assert "Read-only" in done.stderr
    assert (taken / "y").read_text() == "y\n"
    assert (taken / "y").stat().st_uid == caller.uid


def test_missing_bound_folder(caller: Caller) -> None:
    done = caller.shell("true", mounts=[["/no/such", "/x", True]])
    assert "/no/such does not exist" in done.error


def test_missing_program(caller: Caller) -> None:
    done = caller.run(["nosuch"])
    assert (done.status, done.exit) == (None, 127)
    assert "no program 'nosuch' in PATH=/bin" in done.error


def test_program_without_permission(root: Caller) -> None:
    layer = root.layer("plain", {"bin/plain": "text"})
    done = root.run(["plain"], layers=[layer])
    assert done.exit == 126
    assert "/bin/plain cannot be executed: Permission denied" in done.error


def test_program_for_another_machine(root: Caller) -> None:
    layer = root.layer("foreign", {"bin/foreign": b"\x7fELF\x02\x01\x01" + bytes(57)})
    (layer / "bin/foreign").chmod(0o755)
    done = root.run(["foreign"], layers=[layer])
    assert done.exit == 126
    assert "another machine" in done.hint


def test_script_without_its_interpreter(root: Caller) -> None:
    layer = root.layer("script", {"bin/script": "#!/opt/venv/bin/python\n"})
    (layer / "bin/script").chmod(0o755)
    done = root.run(["script"], layers=[layer])
    assert done.exit == 127
    assert "/bin/script is in the image, but what should interpret it is not" in done.error


def test_working_directory_that_cannot_be_entered(root: Caller) -> None:
    layer = root.layer("closed", {"closed/": ""})
    (layer / "closed").chmod(0o700)
    done = root.run(["true"], layers=[layer], cwd="/closed")
    assert "/closed cannot be entered: Permission denied" in done.error


def test_orphans_end_with_the_program(caller: Caller) -> None:
    done = caller.shell("(sleep 300 & echo orphan); sleep 0.05; ps | grep -c 'sleep 300$'")
    assert done.stdout.split() == ["orphan", "1"]


def test_time_limit(caller: Caller) -> None:
    done = caller.shell("sleep 300", timeout=0.3)
    assert done.status == 124


def test_user_beyond_the_range(ordinary: Caller) -> None:
    # Falls back to the single mapping, in which any number is the caller.
    assert ordinary.run(["id", "-u"], uid=3_000_000, gid=3_000_000).stdout == "3000000\n"
