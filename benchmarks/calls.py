"""What one call costs: CPU of the frequent calls to SQS and S3, through libcurl and through boto3.

    python benchmarks/calls.py [--calls 400] [--rounds 5]

A process of its own on loopback gives each call the answer that it always gives, so that the CPU of this process
is the client's alone: our adapters, the client, the kernel's part. Clients take turns; medians, in µs a call.
With obstore installed (`uv run --with obstore python benchmarks/calls.py`) its PutObject is measured beside.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any

from sluice_core.aws import clients
from sluice_core.aws.messages import OutMessage
from sluice_core.aws.s3 import Bucket
from sluice_core.aws.sqs import Queue
from sluice_core.settings import CommonSettings, load_settings
from stub.http import Connection, Request

BATCH = {"Successful": [{"Id": str(n)} for n in range(10)], "Failed": []}
HANDLES = [f"{n:03}" + "x" * 200 for n in range(10)]
METADATA = {"rows": "100", "first-id": "a" * 36, "last-id": "b" * 36, "sluice-version": "0.1.0"}


def messages(size: int) -> dict[str, Any]:
    """Ten messages as SQS gives them."""
    attributes = {"sluice-count": {"DataType": "Number", "StringValue": "100"}}
    return {
        "Messages": [
            {
                "MessageId": f"id-{n}",
                "ReceiptHandle": HANDLES[n],
                "MD5OfBody": "0" * 32,
                "Body": "x" * size,
                "Attributes": {"SentTimestamp": "1790000000000", "ApproximateReceiveCount": "1"},
                "MessageAttributes": attributes,
            }
            for n in range(10)
        ]
    }


def serve(ready: Pipe) -> None:
    """Answers until it is ended; the size of a received message is the request's WaitTimeSeconds, in thousands."""
    batch = json.dumps(BATCH).encode()
    received = {size: json.dumps(messages(size * 1000)).encode() for size in (1, 60)}

    def answer(request: Request) -> None:
        if not request.header("x-amz-target"):
            request.connection.answer(200, b"", more=b'ETag: "e"\r\n')
        elif request.header("x-amz-target").endswith("ReceiveMessage"):
            request.connection.answer(200, received[json.loads(request.body)["WaitTimeSeconds"]])
        else:
            request.connection.answer(200, batch)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(answer), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    asyncio.run(run())


def calls(url: str, client: str) -> dict[str, Callable[[], object]]:
    """Each call by its name."""
    aws = clients(
        load_settings(CommonSettings, {"AWS_ENDPOINT_URL": url, "SLUICE_AWS_CLIENT": client})
    )
    queue, bucket = Queue(aws, f"{url}/000000000000/q"), Bucket(aws, "bucket")
    small = [OutMessage("x" * 1300) for _ in range(10)]
    pack = [OutMessage("x" * 60_000, {"sluice-count": 100, "sluice-pack-id": "a" * 64})]

    def put(size: int) -> Callable[[], object]:
        body = b"x" * size
        key = "events/dt=2026-11-26/hour=02/batch-0.csv"
        return lambda: bucket.put(key, body, metadata=METADATA, if_none_match=True)

    return {
        "SendMessageBatch, 10 of 1.3 kB": lambda: queue.send(small),
        "SendMessageBatch, a pack of 60 kB": lambda: queue.send(pack),
        "ReceiveMessage, 10 of 1 kB": lambda: queue.receive(wait_seconds=1),
        "ReceiveMessage, 10 packs of 60 kB": lambda: queue.receive(wait_seconds=60),
        "DeleteMessageBatch, 10": lambda: queue.delete(HANDLES),
        "ChangeMessageVisibilityBatch, 10": lambda: queue.extend(HANDLES, 30),
        "PutObject, 20 kB": put(20_000),
        "PutObject, 2 MB": put(2_000_000),
    }


def obstore_calls(url: str) -> dict[str, Callable[[], object]]:
    """Its conditional PutObject with metadata (it sends no checksum); none when it is not installed."""
    try:
        import obstore  # noqa: PLC0415 (not a dependency)
        from obstore.store import S3Store  # noqa: PLC0415
    except ImportError:
        return {}
    store = S3Store(
        "bucket",
        endpoint=url,
        region="us-east-1",
        access_key_id="test",
        secret_access_key="test",
        client_options={"allow_http": True},
    )
    attributes = {"Content-Type": "text/csv", **METADATA}

    def put(size: int) -> Callable[[], object]:
        body = b"x" * size
        return lambda: obstore.put(
            store,
            "events/dt=1/a.csv",
            body,
            mode="create",
            attributes=attributes,
            use_multipart=False,
        )

    return {"PutObject, 20 kB": put(20_000), "PutObject, 2 MB": put(2_000_000)}


def cost(call: Callable[[], object], times: int) -> float:
    """µs of this process's CPU a call, in a thread as in the services."""
    spent = []

    def run() -> None:
        call()
        before = time.process_time()
        for _ in range(times):
            call()
        spent.append((time.process_time() - before) / times * 1e6)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return spent[0]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}"
    by_client = {
        "libcurl": calls(url, "libcurl"),
        "boto3": calls(url, "boto3"),
        "obstore": obstore_calls(url),
    }
    print("| µs a call | " + " | ".join(by_client) + " |\n|---|" + "---:|" * len(by_client))
    for name in by_client["boto3"]:
        rounds: dict[str, list[float]] = {client: [] for client in by_client}
        for _ in range(options.rounds):
            for client, made in by_client.items():
                if name in made:
                    rounds[client].append(cost(made[name], options.calls))
        shown = [f"{statistics.median(found):.0f}" if found else "" for found in rounds.values()]
        print(f"| {name} | " + " | ".join(shown) + " |", flush=True)
    server.terminate()


if __name__ == "__main__":
    main()
