"""Bento's configurations for the same work, for when a `bento` is on the PATH.

    go install github.com/warpstreamlabs/bento/cmd/bento@v1.20.0

They read `STUB` (the stub's address) from the environment. Its log is quiet and its HTTP server off.
"""

from typing import Any, Final

_AWS: Final = {
    "region": "us-east-1",
    "endpoint": "${STUB}",
    "credentials": {"id": "test", "secret": "test"},
}
# Bento would renew each held message's lease again and again, and then hardly come to deleting: a batch of
# 10,000 plain messages took it minutes. The stub's leases are long enough without.
_RECEIVE: Final = {"wait_time_seconds": 10, "update_visibility": False}
_TEXTS: Final = (
    *("type", "title", "title_url", "comment", "user", "notify_url", "server_url", "server_name"),
    *(
        "server_script_path",
        "wiki",
        "parsedcomment",
        "log_type",
        "log_action",
        "log_action_comment",
    ),
)
_META: Final = ("uri", "request_id", "id", "domain", "stream", "dt", "topic")
_ARTICLE: Final = ("id", "type", "namespace", "title", "comment", "timestamp", "user", "bot")
_UNPACK: Final = [
    {"mapping": 'root = content().decode("base64").decompress("zstd").trim_suffix("\\n")'},
    {"unarchive": {"format": "lines"}},
]
_PACK: Final = [
    {"archive": {"format": "lines"}},
    {"mapping": 'root = (content().string() + "\\n").compress("zstd", 3).encode("base64")'},
]
_ZSTD: Final = {"mapping": 'root = content().compress("zstd")'}


def _field(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "optional": True}


def _group(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "optional": True, "fields": fields}


_PAIR: Final = [_field("old", "INT64"), _field("new", "INT64")]
_SCHEMA: Final = [
    *(_field(name, "UTF8") for name in _TEXTS),
    *(_field(name, "INT64") for name in ("id", "namespace", "timestamp", "log_id")),
    *(_field(name, "BOOLEAN") for name in ("bot", "minor", "patrolled")),
    _group("length", _PAIR),
    _group("revision", _PAIR),
    _group(
        "meta",
        [
            *(_field(name, "UTF8") for name in _META),
            _field("partition", "INT64"),
            _field("offset", "INT64"),
        ],
    ),
]
_QUOTED: Final = (
    "root = ["
    + ", ".join(f'this.{name} | ""' for name in _ARTICLE)
    + '].map_each(v -> "\\"" + v.string().replace_all("\\"", "\\"\\"") + "\\"").join(",")'
)
_HEADER: Final = f'root = "{",".join(_ARTICLE)}\\n" + content().string()'
_FORMATS: Final[dict[str, tuple[str, list[dict[str, Any]]]]] = {
    "csv": ("csv", [{"mapping": _QUOTED}, {"archive": {"format": "lines"}}, {"mapping": _HEADER}]),
    "gzip": ("jsonl.gz", [{"archive": {"format": "lines"}}, {"compress": {"algorithm": "gzip"}}]),
    "zstd": ("jsonl.zst", [{"archive": {"format": "lines"}}, _ZSTD]),
    "parquet": (
        "parquet",
        [
            {
                "parquet_encode": {
                    "schema": _SCHEMA,
                    "default_compression": "zstd",
                    "default_encoding": "DELTA_LENGTH_BYTE_ARRAY",
                }
            }
        ],
    ),
}


def batcher(wire: str, output: str, rows: int) -> dict[str, Any]:
    """SQS → objects of `rows` rows; `output`: csv (the article's columns), gzip, zstd (JSON lines) or parquet."""
    suffix, processors = _FORMATS[output]
    return _config(
        {"aws_sqs": {"url": "${STUB}/000000000000/q", **_RECEIVE, **_AWS}},
        _UNPACK if wire == "packed" else [],
        {
            "aws_s3": {
                "bucket": "bench",
                "path": "bento/${! uuid_v4() }." + suffix,
                "force_path_style_urls": True,
                "timeout": "60s",
                "batching": {"count": rows, "period": "10s", "processors": processors},
                **_AWS,
            }
        },
    )


def producer(wire: str, pack: int) -> dict[str, Any]:
    """SSE → SQS: ten plain messages a request, or packs of `pack` events."""
    stream = {
        "enabled": True,
        "reconnect": False,
        "scanner": {
            "lines": {"custom_delimiter": "\n\n", "max_buffer_size": 1_000_000, "omit_empty": True}
        },
    }
    data = (
        "let c = content().string()\n"
        'let i = $c.index_of("data: ")\n'
        "root = if $i >= 0 { $c.slice($i + 6) } else { deleted() }"
    )
    # Time closes no batch: the number of messages is then what tells that all are sent, on a slow machine, too.
    batching: dict[str, Any] = {"count": 10, "period": "120s"}
    if wire == "packed":
        batching = {"count": pack, "period": "120s", "processors": _PACK}
    return _config(
        {
            "http_client": {
                "url": "${STUB}/sse?chunk=event",
                "verb": "GET",
                "timeout": "0s",
                "stream": stream,
            }
        },
        [{"mapping": data}],
        {
            "aws_sqs": {
                "url": "${STUB}/000000000000/q",
                "max_in_flight": 8,
                "batching": batching,
                **_AWS,
            }
        },
    )


def _config(
    source: dict[str, Any], processors: list[dict[str, Any]], output: dict[str, Any]
) -> dict[str, Any]:
    return {
        "http": {"enabled": False},
        "logger": {"level": "WARN"},
        "metrics": {"none": {}},
        "input": source,
        "pipeline": {"processors": processors},
        "output": output,
    }
