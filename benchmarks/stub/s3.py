"""Buckets of one kind: whatever is put is kept in memory, with conditional writes."""

import hashlib
from pathlib import Path
from urllib.parse import unquote

from stub.http import Request
from stub.stats import Stats

_XML = b"application/xml"


class Bucket:
    """Objects by path (`/bucket/key`)."""

    def __init__(self, stats: Stats) -> None:
        self.stats = stats
        self.objects: dict[str, bytes] = {}

    def handle(self, request: Request) -> None:
        """Answers PUT, GET, HEAD and DELETE of an object; HEAD and a list of a bucket."""
        path, _, query = request.path.partition("?")
        path = unquote(path)
        answer = request.connection.answer
        is_object = "/" in path.strip("/")
        if request.method == b"PUT" and is_object:
            old = self.objects.get(path)
            if old is not None and request.header("if-none-match") == "*":
                answer(412, b"<Error><Code>PreconditionFailed</Code></Error>", _XML)
                return
            wanted = request.header("if-match")
            if wanted and (old is None or wanted.strip('"') != _etag(old)):
                answer(412, b"<Error><Code>PreconditionFailed</Code></Error>", _XML)
                return
            self.objects[path] = request.body
            if "/_sluice/" not in path:
                self.stats.puts += 1
                self.stats.put_bytes += len(request.body)
            answer(200, b"", _XML, b'ETag: "%s"\r\n' % _etag(request.body).encode())
        elif not is_object:
            body = b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
            answer(200, body if request.method == b"GET" and query else b"", _XML)
        elif request.method == b"DELETE":
            self.objects.pop(path, None)
            answer(204, b"", _XML)
        elif path in self.objects:
            body = self.objects[path]
            tag = b'ETag: "%s"\r\n' % _etag(body).encode()
            answer(200, body if request.method == b"GET" else b"", b"application/octet-stream", tag)
        else:
            answer(
                404,
                b"<Error><Code>NoSuchKey</Code></Error>" if request.method == b"GET" else b"",
                _XML,
            )

    def dump(self, folder: Path) -> None:
        """Writes the objects that hold data into files."""
        folder.mkdir(parents=True)
        for number, (path, body) in enumerate(sorted(self.objects.items())):
            if "/_sluice/" not in path:
                (folder / f"{number:06}-{Path(path).name}").write_bytes(body)


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
