# SPDX-License-Identifier: Apache-2.0
"""What the product reads in files: keys and values, as /v1/drift shows them."""

SECRET = object()


def read_keys(daemon, checks):
    """checks: what a check of kind config has, one a file. Of each {key: value}, SECRET for one that
    is not shown, or the text that says why it was not read."""
    named = {f"config-{i}": check for i, check in enumerate(checks)}
    d = daemon({"defaults": {"every": "1h", "retry": "1h", "confirm": 1},
                "environments": {"one": {"checks": named}, "two": {"checks": named}}})
    d.ready()
    code, answer, _ = d.api("/v1/drift?environments=one,two&all=true")
    assert code == 200 and answer["drift"] is False, answer
    status = {c["name"]: c for c in d.status()["environments"][0]["checks"]}
    read = []
    for name in named:
        check = status[name]
        none = check["reason"] == "empty" and check["facts"].get("keys") == 0
        read.append({} if check["state"] == "OK" or none else
                    f"{check['reason']}: {check['summary']}")
        assert check["state"] in ("OK", "UNKNOWN"), check
    for row in answer["rows"]:
        keys = read[int(row["check"].partition("-")[2])]
        one, two = row["values"]["one"], row["values"]["two"]
        assert isinstance(keys, dict) and one == two, row
        keys[row["key"]] = SECRET if "secret" in one else one["value"]
    for i, keys in enumerate(read):
        if isinstance(keys, dict):
            assert status[f"config-{i}"]["facts"]["keys"] == len(keys)
    return read
