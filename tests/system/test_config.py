# SPDX-License-Identifier: Apache-2.0
"""Configuration as people write it: what is shipped loads, mistakes are shown where they are."""
import contextlib
import re
import subprocess

import pytest
import yaml

import support
from support import ROOT, relauditd

SHIPPED = [ROOT / "conf" / "relauditd.yaml", *sorted((ROOT / "conf" / "examples").glob("*.yaml"))]


def own_copy(path, folder):
    """A checkout may be writable by its group; such a configuration is refused."""
    copy = folder / path.name
    copy.write_text(path.read_text())
    copy.chmod(0o640)
    return copy


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_what_is_shipped_loads(path, folder):
    path = own_copy(path, folder)
    done = relauditd("--check-config", "--offline", "-c", path)
    assert done.code == 0, done.err
    assert str(path) in done.out and not done.err


@pytest.mark.parametrize("path", SHIPPED[1:], ids=lambda p: p.name)
def test_each_effective_check_can_be_printed(path, folder):
    path = own_copy(path, folder)
    for env, body in yaml.safe_load(path.read_text())["environments"].items():
        for name in body.get("checks") or {}:
            done = relauditd("--print", f"{env}/{name}", "--offline", "-c", path)
            assert done.code == 0, done.err
            lines = [ln for ln in done.out.splitlines() if ln.strip()]
            assert all(re.search(r"#.*:\d+", ln) for ln in lines if ":" in ln.split("#")[0]), lines
            assert yaml.safe_load(done.out)


MISTAKES = """\
daemon:
  socket: {path: @/s}
  state: @/state
  sokcet: x
defaults: {every: 10}
environments:
  Production:
    checks: {}
  staging:
    checks:
      version:
        http: {url: "http://127.0.0.1/", urll: x}
        format: jsn
      backup-db:
        file: {glob: "/b/*.dump"}
        expect: {max-agee: 26h}
"""
EXPECTED = [(4, 3, "socket"), (5, 19, ""), (7, 3, "production"), (12, 42, "url"),
            (13, 17, "json"), (16, 18, "max-age")]


def test_every_mistake_in_one_go_with_its_place(folder):
    path = folder / "relauditd.yaml"
    path.write_text(MISTAKES.replace("@", str(folder)))
    done = relauditd("--check-config", "-c", path)
    assert done.code == 2 and not done.out
    found = re.findall(rf"^{re.escape(str(path))}:(\d+):(\d+): error: (.*)$", done.err, re.M)
    assert [(int(line), int(col)) for line, col, _ in found] == [e[:2] for e in EXPECTED], done.err
    for (_, _, text), (_, _, word) in zip(found, EXPECTED):
        assert word in text, text
    source = path.read_text().splitlines()
    shown = done.err.splitlines()
    for line, col, _ in EXPECTED:
        at = next(i for i, s in enumerate(shown) if f":{line}:{col}: error" in s)
        assert source[line - 1].strip() in shown[at + 1]
        caret = shown[at + 2].index("^")
        assert shown[at + 1][caret:].startswith(source[line - 1][col - 1:col + 2])


@pytest.mark.parametrize("text, line, words", [
    ("environments: {a: {checks: {}}, a: {checks: {}}}", 1, "a"),
    ("environments:\n  a:\n\tchecks: {}", 3, ""),
    ("environments: {a: {checks: {version: {file: {path: VERSION}}}}}", 1, "absolute"),
    ("environments: {a: {checks: {nokind-x: {file: {path: /v}}}}}", 1, "kind"),
    ("environments: {a: {checks: {version: {file: {path: /v}, http: {url: 'http://x/'}}}}}", 1,
     "source"),
    ("environments: {a: {checks: {version: {}}}}", 1, "source"),
    ("environments: {a: {checks: {version: {file: {path: '/${nobody}'}}}}}", 1, "nobody"),
    ("environments: {a: {use: [nothing], checks: {}}}", 1, "nothing"),
    ("include: [nowhere.yaml]\nenvironments: {}", 1, "nowhere.yaml"),
    ("environments: {a: {checks: {version: {file: {path: /v}, for: {h: []}}}}}", 1, "for"),
    ("environments: {a: {checks: {version: {file: {path: /v}, expect: {version: '>>1'}}}}}", 1,
     "version"),
    ("environments: {a: {checks: {logs: {file: {path: /v}, expect: {forbidden: ['(']}}}}}", 1, ""),
    ("environments: {a: {checks: {version: {http: {url: 'ftp://x/'}}}}}", 1, "http"),
    ("- a\n- list", 1, ""),
    ("environments: {a: {checks: {version: {exec: {command: [/bin/true]}}}}}", 1, "exec"),
])
def test_one_mistake(folder, text, line, words):
    path = folder / "relauditd.yaml"
    path.write_text(text + "\n")
    done = relauditd("--check-config", "--offline", "-c", path)
    assert done.code == 2, done
    found = re.findall(rf"^{re.escape(str(path))}:(\d+):\d+: error: (.*)$", done.err, re.M)
    assert found and int(found[0][0]) == line, done.err
    assert words in done.err


def test_includes_unite_and_say_where(folder):
    (folder / "conf.d").mkdir()
    main = folder / "relauditd.yaml"
    main.write_text("include: [conf.d/*.yaml]\nenvironments: {one: {checks: {}}}\n")
    (folder / "conf.d" / "two.yaml").write_text(
        "environments: {two: {checks: {version: {file: {path: /v}}}}}\n")
    done = relauditd("--check-config", "-c", main)
    assert done.code == 0 and "2 environments, 1 checks" in done.out, done
    (folder / "conf.d" / "zwei.yaml").write_text("environments: {two: {rank: x}}\n")
    done = relauditd("--check-config", "-c", main)
    assert done.code == 2 and f"{folder}/conf.d/zwei.yaml:1:" in done.err
    done = relauditd("--print", "two/version", "-c", main)
    assert done.code == 2


def test_print_shows_what_set_each_line(folder):
    path = folder / "relauditd.yaml"
    path.write_text("""\
defaults: {timeout: 7s}
templates:
  web:
    checks:
      version:
        http: {url: "https://${domain}/version"}
        format: json
        version: /v
environments:
  one:
    vars: {domain: one.example}
    use: [web]
    checks:
      version: {expect: {version: "1.x"}}
""")
    done = relauditd("--print", "one/version", "-c", path)
    assert done.code == 0, done
    for words, line in (("https://one.example/version", 6), ("7s", 1), ("1.x", 14)):
        [shown] = [ln for ln in done.out.splitlines() if words in ln]
        assert f"relauditd.yaml:{line}" in shown, shown


def test_describe_lists_every_option():
    out = relauditd("--describe").out
    for word in ("version", "backup", "logs", "http", "file", "json", "text"):
        assert re.search(rf"\b{word}\b", out), word
    assert "max-shrink" in relauditd("--describe", "backup").out
    done = relauditd("--describe", "bakcup")
    assert done.code != 0 and "backup" in done.err


def test_try_needs_no_configuration(web):
    web.put("version", {"version": "1.2.3"})
    done = support.run(support.RELAUDITD, "--try", "version",
                       input=f"http: {{url: '{web.url('version')}'}}\nformat: json\n"
                             "version: /version\n")
    assert done.code == 0 and '"1.2.3"' in done.out, done
    done = support.run(support.RELAUDITD, "--try", "version", input="http: {}\n")
    assert done.code == 64 and "url" in done.err


# --- README ---

README = (ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else ""
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)


def test_readme_configuration_loads(folder):
    [text] = [body for kind, body in BLOCKS if kind == "yaml"]
    assert len(text.splitlines()) <= 16
    path = folder / "relauditd.yaml"
    path.write_text(text)
    done = relauditd("--check-config", "--offline", "-c", path)
    assert done.code == 0, done.err


def test_readme_commands_exist():
    shells = "\n".join(body for kind, body in BLOCKS if kind in ("sh", "console", ""))
    words = set(re.findall(r"^(?:\$ )?relauditctl (?:-\S+ )*([a-z-]+)", shells, re.M))
    assert words
    known = support.run(support.RELAUDITCTL, "help").out
    for word in words:
        assert re.search(rf"^\s+{word}\b", known, re.M), f"relauditctl {word}"
    for option in set(re.findall(r"relauditd (--[a-z-]+)", shells)):
        assert option in relauditd("--help").out
    for path in set(re.findall(r"^(?:\$ )?((?:conf|tests)/\S+)", shells, re.M)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("mode, owner", [(0o664, 0), (0o646, 0), (0o644, 65534)])
def test_a_configuration_that_others_may_write_is_refused(folder, mode, owner):
    (folder / "conf.d").mkdir()
    part = folder / "conf.d" / "part.yaml"
    part.write_text("environments: {}\n")
    path = folder / "relauditd.yaml"
    path.write_text("include: [conf.d/*.yaml]\n")
    assert relauditd("--check-config", "-c", path).code == 0
    for victim in (part, path):
        victim.chmod(mode)
        support.os.chown(victim, owner, -1)
        done = relauditd("--check-config", "-c", path)
        assert done.code == 2 and str(victim) in done.err, done
        victim.chmod(0o644)
        support.os.chown(victim, 0, -1)


@pytest.mark.parametrize("mode, owner, good", [
    (0o777, 0, False), (0o775, 0, False), (0o757, 0, False), (0o755, 65534, False),
    (0o1777, 65534, False), (0o1777, 0, True), (0o1775, 0, True), (0o755, 0, True)])
def test_a_folder_in_which_others_may_exchange_files_is_refused(folder, mode, owner, good):
    parts = folder / "conf.d"
    parts.mkdir()
    (parts / "part.yaml").write_text("environments: {}\n")
    (parts / "other.yaml").write_text("environments: {}\n")
    path = folder / "relauditd.yaml"
    path.write_text("include: [conf.d/*.yaml]\n")
    for victim, place in ((parts, f"{path}:1:11"), (folder, str(path))):
        victim.chmod(mode)
        support.os.chown(victim, owner, -1)
        done = relauditd("--check-config", "-c", path)
        assert done.code == (0 if good else 2), done
        if not good:
            assert done.err.count("error:") == 1, "it is one folder"
            assert done.err.startswith(f"{place}: error: the folder {victim} "), done
        victim.chmod(0o755)
        support.os.chown(victim, 0, -1)


def test_a_folder_that_nobody_can_write_is_good_whatever_its_mode(folder, daemon):
    """As volumes of Kubernetes are; also at a reload, under the filter of system calls."""
    place = folder / "volume"
    place.mkdir()
    with contextlib.ExitStack() as stack:
        subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
        stack.callback(subprocess.run, ["umount", "-l", place], check=True)
        (place / "part.yaml").write_text("environments: {}\n")
        place.chmod(0o777)
        d = daemon({"environments": {"one": {}}})
        d.write({"include": [f"{place}/*.yaml"], "environments": {"one": {}}})
        done = d.ctl("reload")
        assert done.code == 2 and f"the folder {place} may be written" in done.err, done
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert d.ctl("reload").code == 0
        assert relauditd("--check-config", "-c", d.config).code == 0
        d.stop()


def test_a_link_to_a_file_that_others_may_exchange_is_refused(folder):
    for name in ("conf.d", "elsewhere"):
        (folder / name).mkdir()
    (folder / "elsewhere" / "part.yaml").write_text("environments: {}\n")
    (folder / "conf.d" / "part.yaml").symlink_to("../elsewhere/part.yaml")
    path = folder / "relauditd.yaml"
    path.write_text("include: [conf.d/*.yaml]\n")
    assert relauditd("--check-config", "-c", path).code == 0
    (folder / "elsewhere").chmod(0o777)
    done = relauditd("--check-config", "-c", path)
    assert done.code == 2 and f"the folder {folder}/elsewhere may be written" in done.err, done


def test_a_number_that_is_none_is_told_the_range(folder):
    path = folder / "relauditd.yaml"
    path.write_text("environments: {a: {checks: {version: {file: {path: /v}, format: text, "
                    "expect: {max-lag: {releases: -1}}}}}}\n")
    done = relauditd("--check-config", "--offline", "-c", path)
    assert done.code == 2 and "'-1' is not a whole number: 0 to 1000000" in done.err, done
