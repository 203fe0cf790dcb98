"""The five calls that Sluice makes all day, through libcurl: boto3's names, parameters, answers and errors.

What SQS or S3 refuse is read by botocore's own parsers, so that an error is the same whoever asked. What is
not plain (a bucket of another region, a signature that only botocore knows) goes through boto3.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import orjson
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError
from botocore.parsers import create_parser

from sluice_core.aws.curl import Http, Reply, Request
from sluice_core.aws.place import Place, Places
from sluice_core.secrets import HIDDEN

_SQS_HEADERS: Final = ("Content-Type: application/x-amz-json-1.0", "x-amzn-query-mode: true")
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html"""

_ELSEWHERE: Final = {
    "301",
    "302",
    "307",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "Redirect",
    "TemporaryRedirect",
}
"""The bucket is in another region: boto3 finds out which and goes there, and knows it from then on."""

_SECRET_LENGTH: Final = 16
"""Shorter keys are a local stand-in's (`test`), and words."""

_DOTS: Final = re.compile(r"(^|/)\.{1,2}(/|$)")
"""Folders that libcurl would resolve, and S3 takes as names."""

_ETAG: Final = re.compile(rb"(?i)\r\netag:[ \t]*([^\r]*?)[ \t]*\r")
_NO_HEADER: Final = re.compile("[^\t -~]")


class Curl:
    """Calls of the boto3 client `client` through libcurl. The credentials are those that it signs with."""

    def __init__(self, client: Any, credentials: Credentials | None, http: Http) -> None:
        self._client = client
        self._credentials = credentials
        self._http = http
        self._places = Places(client)
        self._model = client.meta.service_model
        self._parser = create_parser(self._model.resolved_protocol)

    def _send(self, place: Place, method: str, path: str, headers: list[str], body: bytes) -> Reply:
        if self._credentials is None:
            raise NoCredentialsError
        keys = self._credentials.get_frozen_credentials()  # refreshed when they are about to expire
        hashed = hashlib.sha256(body).hexdigest() if place.hashes else "UNSIGNED-PAYLOAD"
        headers.append(f"x-amz-content-sha256: {hashed}")
        return self._http.send(
            Request(method, place.url + path, headers, body, place.agent, place.signing, keys)
        )

    def _parsed(self, operation: str, reply: Reply, status: int) -> Any:
        """What botocore reads in the reply to that call, had it come with `status`."""
        answer = {
            "status_code": status,
            "headers": reply.headers(),
            "body": self._hidden(reply.body),
            "context": {"operation_name": operation},
        }
        shape = self._model.operation_model(operation).output_shape
        return self._parser.parse(answer, shape)

    def _hidden(self, body: bytes) -> bytes:
        """Some refusals quote the request."""
        assert self._credentials is not None  # noqa: S101 (a request was signed with them)
        keys = self._credentials.get_frozen_credentials()
        for secret in (keys.access_key, keys.secret_key, keys.token):
            if secret and len(secret) >= _SECRET_LENGTH:
                body = body.replace(secret.encode(), HIDDEN.encode())
        return body


class CurlSqs(Curl):
    """SQS, in its JSON protocol."""

    _place: Place | None = None

    def send_message_batch(self, **params: Any) -> dict[str, Any]:
        """As boto3's."""
        return self._ask("SendMessageBatch", self._client.send_message_batch, params)

    def receive_message(self, **params: Any) -> dict[str, Any]:
        """As boto3's."""
        return self._ask("ReceiveMessage", self._client.receive_message, params)

    def delete_message_batch(self, **params: Any) -> dict[str, Any]:
        """As boto3's."""
        return self._ask("DeleteMessageBatch", self._client.delete_message_batch, params)

    def change_message_visibility_batch(self, **params: Any) -> dict[str, Any]:
        """As boto3's."""
        return self._ask(
            "ChangeMessageVisibilityBatch", self._client.change_message_visibility_batch, params
        )

    def _ask(self, operation: str, otherwise: Any, params: dict[str, Any]) -> dict[str, Any]:
        if self._place is None:
            self._place = self._places.ask("list_queues")
        if self._place is None:
            return dict(otherwise(**params))
        headers = [*_SQS_HEADERS, f"X-Amz-Target: AmazonSQS.{operation}"]
        reply = self._send(self._place, "POST", "", headers, _dumps(params))
        if reply.status >= 300:
            raise ClientError(self._parsed(operation, reply, reply.status), operation)
        document = _loads(reply.body)
        if not isinstance(document, dict):
            raise TypeError(f"an object is needed, not {type(document).__name__}")
        return document


class CurlS3(Curl):
    """S3's PutObject."""

    def __init__(self, client: Any, credentials: Credentials | None, http: Http) -> None:
        super().__init__(client, credentials, http)
        self._buckets: dict[str, Place] = {}
        members = self._model.operation_model("PutObject").input_shape.members
        self._names = {
            name: shape.serialization["name"]
            for name, shape in members.items()
            if shape.serialization.get("location") == "header"
        }

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **params: Any) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        """As boto3's; `ChecksumAlgorithm` may be CRC32, which then travels as a header."""
        place = self._buckets.get(Bucket) or self._root(Bucket)
        asked = {"Bucket": Bucket, "Key": Key, "Body": Body, **params}
        if place is None or _DOTS.search(Key):
            return dict(self._client.put_object(**asked))
        self._buckets[Bucket] = place
        headers = list(self._headers(params, Body))
        reply = self._send(place, "PUT", quote(Key, safe="/~"), headers, Body)
        if reply.status < 300 and not reply.body:
            etag = _ETAG.search(reply.head)
            return {} if etag is None else {"ETag": etag[1].decode("latin-1")}
        # S3 may say 200 and then tell of an error; a body that is no XML is nobody's word.
        late = b"<Error" in reply.body[:1000] or not reply.body.lstrip().startswith(b"<")
        status = 500 if late and reply.status < 300 else reply.status
        parsed = self._parsed("PutObject", reply, status)
        if status < 300:
            return dict(parsed)
        if parsed["Error"].get("Code") not in _ELSEWHERE:
            raise ClientError(parsed, "PutObject")
        del self._buckets[Bucket]
        return dict(self._client.put_object(**asked))

    def _root(self, bucket: str) -> Place | None:
        """Where the bucket's keys begin: the place of the key "k", without it."""
        place = self._places.ask("put_object", Bucket=bucket, Key="k")
        return None if place is None else replace(place, url=place.url[:-1])

    def _headers(self, params: dict[str, Any], body: bytes) -> Iterator[str]:
        for name, value in params.items():
            if name == "Metadata":
                for key, text in value.items():
                    yield _header(f"x-amz-meta-{key}", text)
            elif name == "ChecksumAlgorithm":
                crc = zlib.crc32(body).to_bytes(4, "big")
                yield f"x-amz-checksum-crc32: {base64.b64encode(crc).decode()}"
                yield "x-amz-sdk-checksum-algorithm: CRC32"
            else:
                yield _header(
                    self._names[name], str(value).lower() if isinstance(value, bool) else value
                )


def _header(name: str, value: str) -> str:
    if _NO_HEADER.search(name + value):
        raise ParamValidationError(
            report=f"Non ascii or control characters found in header {name!r}"
        )
    # libcurl takes a name with nothing after the colon as one to leave out.
    return f"{name}: {value}" if value.strip() else f"{name};"


def _dumps(params: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(params)
    except TypeError:  # a lone surrogate: SQS is to refuse it by name, as it does for boto3
        return json.dumps(params).encode()


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:  # it is stricter than botocore, again with lone surrogates
        return json.loads(body)
