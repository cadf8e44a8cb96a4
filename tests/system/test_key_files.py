# SPDX-License-Identifier: Apache-2.0
"""JSON and YAML as keys, through the daemon, held against Python's json and PyYAML: every file of
JSONTestSuite, answers recorded of real services, and documents made at random."""
import json
import random

import pytest
import yaml

from conftest import ROOT
from reading import SECRET, read_keys

DATA = ROOT.parent / "shared" / "data"
SUITE = DATA / "JSONTestSuite"
RECORDED = ("docker", "kubernetes", "loki", "victorialogs")
SEED = 20261124


# --- the other opinion ---

class Twice(Exception):
    """A name that stands twice in a map."""


def no_twins(pairs):
    if len({k for k, _ in pairs}) < len(pairs):
        raise Twice
    return dict(pairs)


def not_json(word):
    raise ValueError(word)


def load_json(text):
    """Numbers as they are written; NaN and Infinity are none."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=not_json,
                      object_pairs_hook=no_twins)


def flat(value, at=""):
    """(pointer, text) of each scalar and each empty map or list."""
    if isinstance(value, dict) and value:
        for name, child in value.items():
            yield from flat(child, f"{at}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for i, child in enumerate(value):
            yield from flat(child, f"{at}/{i}")
    elif value is None or isinstance(value, bool):
        yield at, {None: "", True: "true", False: "false"}[value]
    else:
        yield at, value if isinstance(value, str) else json.dumps(value)


def differences(wanted, read):
    """Of values that are secrets only the keys can be seen."""
    if isinstance(read, str):
        return read
    return [(k, wanted.get(k), read.get(k)) for k in sorted(wanted.keys() | read.keys())
            if k not in wanted or k not in read or read[k] not in (SECRET, wanted[k])]


def checks_of(folder, format_name, contents):
    """A check a text."""
    folder.mkdir()
    for i, content in enumerate(contents):
        (folder / str(i)).write_bytes(content)
    return [{"file": {"path": f"{folder}/{i}"}, "format": format_name}
            for i in range(len(contents))]


# --- JSONTestSuite ---

def beyond_keys(value):
    """Has what is refused here: a NUL, half a pair of surrogates, more than 64 levels."""
    level, depth = [value], 0
    while level:
        texts = [t for v in level for t in ([v] if isinstance(v, str) else
                                            v if isinstance(v, dict) else [])]
        if depth > 64 or any(c == "\0" or "\ud800" <= c <= "\udfff" for t in texts for c in t):
            return True
        level = [child for v in level if isinstance(v, (dict, list))
                 for child in (v.values() if isinstance(v, dict) else v)]
        depth += 1
    return False


def wrong_with(name, content, read):
    """Of n_ files nothing is taken, of the others what Python takes, and nothing else."""
    try:
        value = load_json(content.decode())
    except (ValueError, Twice, RecursionError):
        return "taken" if isinstance(read, dict) else None
    if name.startswith("n_"):
        return "Python takes it" if isinstance(read, dict) else None
    if beyond_keys(value) or not isinstance(value, (dict, list)):
        return "taken" if isinstance(read, dict) else None
    return differences(dict(flat(value)) if value else {}, read)


def test_json_suite(folder, daemon):
    """Each in a list as well: a value alone is no configuration, and they are most of it."""
    if not SUITE.is_dir():
        pytest.skip(f"{SUITE} is not here")
    files = [(p.name, p.read_bytes()) for p in sorted(SUITE.glob("test_*/*.json"))]
    assert len(files) > 330
    # Brackets around it make good JSON of what had one too few or two.
    files += [(f"list of {name}", b"[" + content + b"]") for name, content in files]
    read = read_keys(daemon, checks_of(folder / "json", "json", [content for _, content in files]))
    bad = [(name, wrong) for (name, content), keys in zip(files, read)
           if (wrong := wrong_with(name, content, keys))]
    assert not bad, "\n".join(f"{name}: {str(wrong)[:300]}" for name, wrong in bad)
    assert sum(isinstance(keys, dict) for keys in read) > 150
    assert all(isinstance(keys, dict) or keys.partition(": ")[2] for keys in read)


# --- recorded ---

def recorded():
    """[(name, text)]: the JSON behind the headers; of a stream each line."""
    for path in sorted(p for name in RECORDED for p in (DATA / name).glob("*.out")):
        lines = path.read_text().splitlines()
        start = next((i for i, line in enumerate(lines) if line[:1] in ("{", "[")), len(lines))
        try:
            json.loads("\n".join(lines[start:]))
            yield path.name, "\n".join(lines[start:])
        except ValueError:
            yield from ((path.name, line) for line in lines[start:] if line[:1] == "{")


def test_recorded_answers(folder, daemon):
    """As JSON, as the YAML that JSON is, and as PyYAML writes it."""
    texts = list(recorded())
    if not texts:
        pytest.skip(f"nothing recorded in {DATA}")
    plain = [text.encode() for _, text in texts]
    dumped = [yaml.safe_dump(json.loads(text), allow_unicode=True).encode() for _, text in texts]
    read = read_keys(daemon, [*checks_of(folder / "json", "json", plain),
                              *checks_of(folder / "flow", "yaml", plain),
                              *checks_of(folder / "yaml", "yaml", dumped)])
    bad = []
    for i, (name, text) in enumerate(texts):
        wanted = dict(flat(load_json(text)))
        for how, keys in zip(("json", "json as yaml", "yaml"), read[i::len(texts)]):
            bad += [(name, how, wrong) for wrong in [differences(wanted, keys)] if wrong]
    assert not bad, "\n".join(map(str, bad))
    assert sum(map(len, read)) > 500


# --- at random ---

WORDS = ["a", "b c", "yes", "no", "null", "~", "1.10", "0x1f", "1e3", "-", "- a", "a: b", "a #b",
         "#", "'", "\"", "\\", "\\n", "\n", "a\nb\n", " a ", "\ttab", "", "é", "\u2028", "😀", "{}", "[]",
         "&a", "*a", "!!str x", "%x", "@", "`", "|", ">", "---", "...", "?", "<<", "=", "a/b", "a~b",
         "2026-11-24", "12:30:45", "\x07", "\x7f", "\u00a0", "word " * 40, "line\n\n  indented\n"]


def document(rng, depth=0):
    kind = rng.random()
    if depth > 4 or (depth > 0 and kind < 0.5):
        return rng.choice([None, True, False, 0, -7, 12345678901234567890, *WORDS])
    if kind < 0.7:
        return [document(rng, depth + 1) for _ in range(rng.randrange(4))]
    names = rng.sample(WORDS, rng.randrange(5))
    return {name: document(rng, depth + 1) for name in names}


def without_null(value):
    """In quotes PyYAML writes `!!null "null"`, and tags say nothing here."""
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items()}
    if isinstance(value, list):
        return list(map(without_null, value))
    return "" if value is None else value


def test_random_documents(folder, daemon):
    """Written in each style that PyYAML and json have, quoted and folded as they please."""
    rng = random.Random(SEED)
    values, texts, formats = [], [], []
    for _ in range(60):
        value = {"top": document(rng), "other": document(rng)}
        as_yaml = [yaml.safe_dump(without_null(value) if style else value, sort_keys=False,
                                  default_flow_style=flow, default_style=style,
                                  allow_unicode=wide, width=30)
                   for flow, style, wide in ((False, None, True), (True, None, False),
                                             (None, '"', False), (False, "'", True),
                                             (False, "|", True), (False, ">", True))]
        as_json = [json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)]
        texts += as_yaml + as_json
        formats += ["yaml"] * len(as_yaml) + ["json"] * len(as_json)
        values += [value] * (len(as_yaml) + len(as_json))
    checks = checks_of(folder / "random", "yaml", [t.encode() for t in texts])
    read = read_keys(daemon, [{**c, "format": f} for c, f in zip(checks, formats)])
    bad = [(text, wrong) for value, text, keys in zip(values, texts, read)
           if (wrong := differences(dict(flat(value)), keys))]
    assert not bad, f"{len(bad)}:\n" + "\n".join(f"{t[:400]}\n  {str(w)[:300]}" for t, w in bad[:10])
    assert sum(map(len, read)) > 2000
