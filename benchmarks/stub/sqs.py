"""One queue: what was loaded is received behind a gate, leased, deleted; what is sent is kept."""

import asyncio
import hashlib
import json
import time
from collections import deque
from typing import Any, Final

from stub.http import Connection, Request
from stub.stats import Stats

QUEUE_PATH: Final = "/000000000000/q"
_SENT_AT: Final = "1790000000000"


class Queue:
    """Messages by number. `visibility`: seconds of a lease."""

    def __init__(self, stats: Stats, endpoint: str, visibility: float) -> None:
        self.stats = stats
        self.url = endpoint + QUEUE_PATH
        self.visibility = visibility
        self.open = False
        self.forward = False
        self._texts: list[bytes] = []
        self._visible: deque[int] = deque()
        self._leases: dict[int, float] = {}
        self._deleted: set[int] = set()
        self._tries: dict[int, int] = {}
        self._waiting: deque[tuple[Connection, int, asyncio.TimerHandle]] = deque()
        self.sent: list[str] = []
        self._calls = {
            "DeleteMessageBatch": self._delete_batch,
            "DeleteMessage": self._delete,
            "SendMessageBatch": self._send_batch,
            "SendMessage": self._send,
            "ChangeMessageVisibilityBatch": self._change_batch,
            "ChangeMessageVisibility": self._change,
            "GetQueueUrl": lambda _: {"QueueUrl": self.url},
            "GetQueueAttributes": self._attributes,
        }

    def load(self, messages: list[tuple[str, dict[str, Any]]]) -> None:
        """Puts messages (body, attributes as SQS has them) into the queue, the gate closed."""
        self._texts = [_text(number, *message) for number, message in enumerate(messages)]
        self._visible = deque(range(len(messages)))
        self._leases, self._deleted, self._tries = {}, set(), {}
        self.sent, self.open = [], False

    def open_gate(self) -> None:
        """From now on messages are received."""
        self.open = True
        while self._waiting and self._visible:
            connection, most, timer = self._waiting.popleft()
            timer.cancel()
            # Who has hung up meanwhile gets nothing: it would be hidden from all for the whole visibility.
            if not connection.closed:
                self._deliver(connection, most)

    def handle(self, request: Request) -> None:
        """Answers a call of the JSON protocol."""
        action = request.header("x-amz-target").rpartition(".")[2]
        given = json.loads(request.body or b"{}")
        if action == "ReceiveMessage":
            self._receive_or_wait(request.connection, given)
        elif action in self._calls:
            request.connection.answer(200, json.dumps(self._calls[action](given)).encode())
        else:
            request.connection.answer(404, json.dumps({"__type": "UnknownOperation"}).encode())

    def _receive_or_wait(self, connection: Connection, given: dict[str, Any]) -> None:
        self.stats.receives += 1
        most = int(given.get("MaxNumberOfMessages", 1))
        if self.open:
            self._take_back()
        if self.open and self._visible:
            self._deliver(connection, most)
            return
        wait = float(given.get("WaitTimeSeconds", 0))
        timer = asyncio.get_running_loop().call_later(wait, self._nothing, connection)
        self._waiting.append((connection, most, timer))

    def _nothing(self, connection: Connection) -> None:
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not connection)
        connection.answer(200, b"{}")

    def _deliver(self, connection: Connection, most: int) -> None:
        now, parts = time.monotonic(), []
        while self._visible and len(parts) < most:
            number = self._visible.popleft()
            tries = self._tries[number] = self._tries.get(number, 0) + 1
            self.stats.redelivered += tries > 1
            self._leases[number] = now + self.visibility
            parts.append(self._texts[number].replace(b"@tries@", b"%d" % tries, 2))
        connection.answer(200, b'{"Messages":[' + b",".join(parts) + b"]}")

    def _take_back(self) -> None:
        if not self._visible and self._leases:
            now = time.monotonic()
            for number in [n for n, until in self._leases.items() if until < now]:
                del self._leases[number]
                self._visible.append(number)

    def _forget(self, handle: str) -> None:
        number, _, tries = handle.partition(".")
        if self._tries.get(int(number)) == int(tries):
            self._leases.pop(int(number), None)
            self._deleted.add(int(number))
            self.stats.deleted = len(self._deleted)

    def _delete_batch(self, given: dict[str, Any]) -> dict[str, Any]:
        self.stats.deletes += 1
        for entry in given["Entries"]:
            self._forget(entry["ReceiptHandle"])
        return {"Successful": [{"Id": entry["Id"]} for entry in given["Entries"]], "Failed": []}

    def _delete(self, given: dict[str, Any]) -> dict[str, Any]:
        self.stats.deletes += 1
        self._forget(given["ReceiptHandle"])
        return {}

    def _keep(self, given: dict[str, Any]) -> dict[str, str]:
        body = given["MessageBody"]
        self.sent.append(body)
        self.stats.sent += 1
        self.stats.sent_bytes += len(body)
        if self.forward:
            self._texts.append(_text(len(self._texts), body, given.get("MessageAttributes", {})))
            self._visible.append(len(self._texts) - 1)
            self.open_gate()
        digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        return {"MessageId": f"s{len(self.sent)}", "MD5OfMessageBody": digest}

    def _send_batch(self, given: dict[str, Any]) -> dict[str, Any]:
        self.stats.sends += 1
        kept = [self._keep(entry) | {"Id": entry["Id"]} for entry in given["Entries"]]
        return {"Successful": kept, "Failed": []}

    def _send(self, given: dict[str, Any]) -> dict[str, Any]:
        self.stats.sends += 1
        return self._keep(given)

    def _lease(self, handle: str, seconds: float) -> None:
        number = int(handle.partition(".")[0])
        if number not in self._leases:
            return
        if seconds == 0:
            del self._leases[number]
            self._visible.append(number)
        else:
            self._leases[number] = time.monotonic() + seconds

    def _change_batch(self, given: dict[str, Any]) -> dict[str, Any]:
        self.stats.extends += 1
        for entry in given["Entries"]:
            self._lease(entry["ReceiptHandle"], entry.get("VisibilityTimeout", 30))
        return {"Successful": [{"Id": entry["Id"]} for entry in given["Entries"]], "Failed": []}

    def _change(self, given: dict[str, Any]) -> dict[str, Any]:
        self.stats.extends += 1
        self._lease(given["ReceiptHandle"], given.get("VisibilityTimeout", 30))
        return {}

    def _attributes(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "Attributes": {
                "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q",
                "VisibilityTimeout": str(round(self.visibility)),
                "MessageRetentionPeriod": "345600",
                "MaximumMessageSize": "1048576",
                "CreatedTimestamp": "1790000000",
                "ApproximateNumberOfMessages": str(len(self._visible)),
                "ApproximateNumberOfMessagesNotVisible": str(len(self._leases)),
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        }


def _text(number: int, body: str, attributes: dict[str, Any]) -> bytes:
    message = {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"{number}.@tries@",
        "MD5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {
            "ApproximateReceiveCount": "@tries@",
            "SentTimestamp": _SENT_AT,
            "ApproximateFirstReceiveTimestamp": _SENT_AT,
        },
        "Body": body,
    }
    if attributes:
        message["MessageAttributes"] = attributes
    return json.dumps(message, ensure_ascii=False).encode()
