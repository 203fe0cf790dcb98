"""Templates of events: everything that does not change from one event to the next.

An event is a template with its own numbers filled in (`%(name)s` holes of bytes formatting), which
costs a few microseconds; building a whole event of dicts would make the source the bottleneck.
"""

import json
import random
from typing import Any
from urllib.parse import quote

from sluice_local.events.catalogue import (
    ADDRESSES,
    BOTS,
    NAMESPACES,
    REMARKS,
    USERS,
    WIKIS,
    WORDS,
    Wiki,
)

_TYPES = (("categorize", 46), ("edit", 45), ("log", 6), ("new", 3))
_NUMBER = "\x01"
"""Stands for the event's own number inside texts until the holes are cut."""

_LOGS: tuple[tuple[str, str, Any], ...] = (
    ("move", "move", {"target": "Fața verde", "noredir": "0"}),
    ("patrol", "patrol", {"curid": "225316694", "previd": "224733659", "auto": 0}),
    ("abusefilter", "hit", {"action": "edit", "filter": "225", "actions": "tag", "log": 5389052}),
    (
        "upload",
        "upload",
        {"img_sha1": "iydokcrsznyn4ejn3omtg0kqekvq5ln", "nested": {"a": [1, None]}},
    ),
    ("thanks", "thank", []),
    ("block", "block", ["3 days", "nocreate,noautoblock"]),
    ("delete", "restore", "count|3"),
    ("newusers", "create", ""),
    ("massmessage", "failure", None),
)
_WITHOUT_ID = {"patrol", "abusefilter", "thanks"}


def build(rng: random.Random) -> bytes:
    """One recent change with holes: request_id, id, dt, topic, offset, rcid, seconds, number."""
    wiki = rng.choices(WIKIS, [w.weight for w in WIKIS])[0]
    kind = rng.choices([k for k, _ in _TYPES], [w for _, w in _TYPES])[0]
    namespace, title = _title(rng, wiki, kind)
    event = _head(wiki.domain, f"https://{wiki.domain}/wiki/{_path(title)}")
    event |= {
        "id": "\x02rcid\x03",
        "type": kind,
        "namespace": namespace,
        "title": title,
        "title_url": event["meta"]["uri"],
        "comment": _comment(rng, kind),
        "timestamp": "\x02seconds\x03",
        **_author(rng),
    }
    _DETAILS[kind](rng, wiki, event)
    event |= {
        "server_url": f"https://{wiki.domain}",
        "server_name": wiki.domain,
        "server_script_path": "/w",
        "wiki": wiki.name,
        "parsedcomment": _parsed(rng, event["comment"]),
    }
    _leave_out(rng, event)
    return _with_holes(event)


def canary() -> bytes:
    """The artificial event that EventStreams' producers send to prove that a topic is alive."""
    event = _head("canary", "https://canary.example/wiki/Canary")
    event |= {"type": "edit", "title": "canary", "comment": "", "bot": False, "wiki": "canary"}
    return _with_holes(event)


def _head(domain: str, uri: str) -> dict[str, Any]:
    return {
        "$schema": "/mediawiki/recentchange/1.0.0",
        "meta": {
            "uri": uri,
            "request_id": "\x02request_id\x04",
            "id": "\x02id\x04",
            "dt": "\x02dt\x04",
            "domain": domain,
            "stream": "mediawiki.recentchange",
            "topic": "\x02topic\x04",
            "partition": 0,
            "offset": "\x02offset\x03",
        },
    }


def _title(rng: random.Random, wiki: Wiki, kind: str) -> tuple[int, str]:
    words = " ".join(rng.choices(WORDS[wiki.script], k=rng.randint(1, 4)))
    if kind == "categorize":
        return 14, f"Category:{words} {rng.randint(1, 999)}"
    if wiki.script == "file":
        return 6, f"File:{words} - {_NUMBER}.jpg"
    if wiki.script == "item":
        return 0, f"Q{_NUMBER}"
    number, prefix, _ = rng.choices(NAMESPACES, [w for _, _, w in NAMESPACES])[0]
    return number, f"{prefix}{words}" + (f" ({_NUMBER})" if rng.random() < 0.4 else "")


def _author(rng: random.Random) -> dict[str, Any]:
    draw = rng.random()
    if draw < 0.45:
        return {"user": rng.choice(BOTS), "bot": True}
    if draw < 0.55:
        return {"user": rng.choice(ADDRESSES), "bot": False}
    return {"user": f"{rng.choice(USERS)}{rng.randint(1, 400)}", "bot": False}


def _comment(rng: random.Random, kind: str) -> str:
    if kind == "categorize":
        verb = rng.choice(("added to", "removed from"))
        return (
            f"[[:File:{' '.join(rng.choices(WORDS['file'], k=3))} {_NUMBER}.jpg]] {verb} category"
        )
    remark = rng.choice(REMARKS)
    if rng.random() < 0.03:
        remark = " · ".join([remark or "long", *rng.choices(REMARKS[2:], k=40)])[:500]
    return remark


def _parsed(rng: random.Random, comment: str) -> str:
    text = comment.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    if rng.random() < 0.5 and text:
        text = f'<span dir="auto"><span class="autocomment">{text}: </span></span> {text}'
    if rng.random() < 0.004:
        text = "".join(
            f'<a href="/wiki/{quote(w)}" title="{w}">{w}</a> ' for w in WORDS["latin"] * 6
        )
    return text


def _edit(rng: random.Random, wiki: Wiki, event: dict[str, Any]) -> None:
    old, size = rng.randint(10**6, 10**9), rng.randint(0, 90_000)
    event |= {
        "notify_url": f"https://{wiki.domain}/w/index.php?diff={old + 7}&oldid={old}&rcid={_NUMBER}",
        "minor": rng.random() < 0.2,
        "patrolled": rng.random() < 0.7,
        "length": {"old": size, "new": max(0, size + rng.randint(-400, 900))},
        "revision": {"old": old, "new": old + rng.randint(1, 40)},
    }


def _new(rng: random.Random, wiki: Wiki, event: dict[str, Any]) -> None:
    _edit(rng, wiki, event)
    del event["length"]["old"], event["revision"]["old"]


def _log(rng: random.Random, _: Wiki, event: dict[str, Any]) -> None:
    kind, action, params = rng.choice(_LOGS)
    if kind in _WITHOUT_ID:
        del event["id"]
    event |= {
        "log_id": rng.choice((0, rng.randint(10**5, 10**9))),
        "log_type": kind,
        "log_action": action,
        "log_params": params,
        "log_action_comment": f"{event['user']} {action}: [[{event['title']}]]",
    }


def _categorize(_: random.Random, wiki: Wiki, event: dict[str, Any]) -> None:
    event["notify_url"] = f"https://{wiki.domain}/w/index.php?diff={_NUMBER}&oldid=0&rcid={_NUMBER}"


_DETAILS = {"edit": _edit, "new": _new, "log": _log, "categorize": _categorize}


def _leave_out(rng: random.Random, event: dict[str, Any]) -> None:
    """Now and then a field is missing or null: consumers must take that as normal."""
    if rng.random() < 0.01:
        del event[rng.choice(("user", "bot", "title", "namespace", "comment", "parsedcomment"))]
    if rng.random() < 0.004 and "id" in event:
        event["id"] = None


def _path(title: str) -> str:
    return quote(title.replace(" ", "_").replace(_NUMBER, "\x7f"), safe=":/(),").replace(
        "%7F", _NUMBER
    )


def _with_holes(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":")).replace("%", "%%")
    text = text.replace("\\u0001", "%(number)d").replace("\\u0002", "%(")
    text = text.replace('"%(', "\x02").replace('\\u0003"', ")d").replace('\\u0004"', ')s"')
    # A hole for a number loses its quotes, one for a text keeps them.
    first, *rest = text.split("\x02")
    # A hole for a number loses its quotes, one for a text keeps them.
    holes = [("%(" if p.split(")", 1)[1].startswith("d") else '"%(') + p for p in rest]
    return (first + "".join(holes)).encode()
