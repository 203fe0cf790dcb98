"""What a service would refuse at its start is refused by the chart, before a pod waits for ever in a crash loop."""

import pytest
from sluice_batcher.settings import BatcherSettings
from sluice_compactor.settings import CompactorSettings
from sluice_core.errors import ConfigError
from sluice_core.settings import load_settings
from sluice_producer.settings import ProducerSettings

SERVICES = {
    "producer": ProducerSettings,
    "batcher": BatcherSettings,
    "compactor": CompactorSettings,
}
CONTACT = {"SLUICE_USER_AGENT": "Test/1.0 (test@sluice.example)"}
OTHER = "producers[0].name=a,producers[0].url=http://sse.example/x"


@pytest.mark.parametrize(
    ("values", "words", "service", "variables"),
    [
        ("batcher.columns=raw", "batcher.format=jsonl", "batcher", {"SLUICE_COLUMNS": "raw"}),
        (
            "batcher.columns=raw,batcher.format=jsonl,batcher.transform.code=def transform(f): 1",
            "batcher.columns=raw has none",
            "batcher",
            {"SLUICE_COLUMNS": "raw", "SLUICE_FORMAT": "jsonl", "SLUICE_TRANSFORM": "a:b"},
        ),
        (
            "batcher.compression=gzip,batcher.compressionLevel=19",
            "compressionLevel=19: gzip has levels 1 to 9",
            "batcher",
            {"SLUICE_COMPRESSION": "gzip", "SLUICE_COMPRESSION_LEVEL": "19"},
        ),
        (
            "batcher.compressionLevel=1",
            "none has no levels; set 0",
            "batcher",
            {"SLUICE_COMPRESSION_LEVEL": "1"},
        ),
        (
            "batcher.shutdownGrace=5s",
            "batcher.shutdownGrace=5s: must be more than 7s",
            "batcher",
            {"SLUICE_SHUTDOWN_GRACE": "5s"},
        ),
        (
            "batcher.shutdownGrace=7",
            "batcher.shutdownGrace=7: must be more than 7s",
            "batcher",
            {"SLUICE_SHUTDOWN_GRACE": "7"},
        ),
        (
            "batcher.batch.maxBytes=100kB",
            "batcher.batch.maxBytes=100kB: must be 1000000 or more",
            "batcher",
            {"SLUICE_BATCH_MAX_BYTES": "100kB"},
        ),
        (
            "batcher.batch.maxBytes=3GiB",
            "batcher.batch.maxBytes=3GiB: must be 2GiB or less",
            "batcher",
            {"SLUICE_BATCH_MAX_BYTES": "3GiB"},
        ),
        (
            "batcher.batch.maxAge=0s",
            "batcher.batch.maxAge=0s: must be more than 0s",
            "batcher",
            {"SLUICE_BATCH_MAX_AGE": "0s"},
        ),
        (
            "batcher.batch.maxAge=719m,queue.visibilityTimeout=60,autoscaling.enabled=false",
            "maxAge=719m and queue.visibilityTimeout=60",
            "batcher",
            {"SLUICE_BATCH_MAX_AGE": "719m", "SLUICE_VISIBILITY_TIMEOUT": "60"},
        ),
        (
            "batcher.partitionBy=dt\\,dt",
            "partitionBy=dt,dt: a part stands twice",
            "batcher",
            {"SLUICE_PARTITION_BY": "dt,dt"},
        ),
        (
            "bucket.encryption.kmsKeyId=k",
            "kmsKeyId needs bucket.encryption.sse=aws:kms",
            "batcher",
            {"SLUICE_S3_SSE_KMS_KEY_ID": "k"},
        ),
        (
            "bucket.encryption.sse=AES256,bucket.encryption.bucketKey=true",
            "bucketKey needs bucket.encryption.sse=aws:kms",
            "batcher",
            {"SLUICE_S3_SSE": "AES256", "SLUICE_S3_BUCKET_KEY": "true"},
        ),
        (
            "producer.pack.maxBytes=2MiB",
            'producer.pack.maxBytes=2MiB (of "wikimedia"): must be 1MiB or less',
            "producer",
            {"SLUICE_PACK_MAX_BYTES": "2MiB"},
        ),
        (
            "producer.pack.maxAge=6m",
            "must be 5m or less",
            "producer",
            {"SLUICE_PACK_MAX_AGE": "6m"},
        ),
        (
            OTHER + ",producers[0].idleTimeout=500ms",
            'producer.idleTimeout=500ms (of "a"): must be 1s or more',
            "producer",
            {"SLUICE_SOURCE_IDLE_TIMEOUT": "500ms"},
        ),
        (
            "producer.heartbeat=500ms",
            "producer.heartbeat=500ms",
            "producer",
            {"SLUICE_HEARTBEAT": "500ms"},
        ),
        (
            OTHER + ",producers[0].rewind=1m",
            "only the preset wikimedia can rewind",
            "producer",
            {"SLUICE_SOURCE_URL": "http://sse.example/x", "SLUICE_SOURCE_REWIND": "1m"},
        ),
        (
            "producer.eventId=sse",
            "an SSE id is a position",
            "producer",
            {"SLUICE_EVENT_ID": "sse"},
        ),
        (
            "producer.userAgent=curl/8",
            "refuses clients without a contact (a mail address or a URL)",
            "producer",
            {"SLUICE_USER_AGENT": "curl/8"},
        ),
        (
            "producer.checkpoint=file://here,producer.persistence.enabled=true",
            "/producer/checkpoint",
            "producer",
            {"SLUICE_CHECKPOINT": "file://here"},
        ),
        (
            "producer.checkpoint=s3://bucket",
            "/producer/checkpoint",
            "producer",
            {"SLUICE_CHECKPOINT": "s3://bucket"},
        ),
        (
            "compactor.enabled=true,compactor.every=0s",
            "compactor.every=0s: must be more than 0s",
            "compactor",
            {"SLUICE_LAKE_EVERY": "0s"},
        ),
        (
            "compactor.enabled=true,compactor.maxMemory=1MiB",
            "compactor.maxMemory=1MiB: must be 16MiB or more",
            "compactor",
            {"SLUICE_LAKE_MAX_MEMORY": "1MiB"},
        ),
        (
            "compactor.enabled=true,bucket.prefix=lake/raw",
            "bucket.prefix=lake/raw: the compactor's table lies under lake/",
            "compactor",
            {"SLUICE_PREFIX": "lake/raw"},
        ),
        (
            "compactor.enabled=true,compactor.catalog=hive",
            "/compactor/catalog",
            "compactor",
            {"SLUICE_LAKE_CATALOG": "hive"},
        ),
        (
            "compactor.enabled=true,compactor.pushgateway.url=http://g?x=1",
            "/compactor/pushgateway/url",
            "compactor",
            {"SLUICE_PUSHGATEWAY": "http://g?x=1"},
        ),
    ],
)
def test_the_chart_refuses_what_the_service_would(refusal, values, words, service, variables):
    assert words in refusal("--set", values)
    with pytest.raises(ConfigError):
        load_settings(SERVICES[service], {**CONTACT, **variables})


@pytest.mark.parametrize(
    ("values", "service", "variables"),
    [
        (
            "batcher.shutdownGrace=5s,batcher.extraEnv[0].name=SLUICE_RECEIVE_WAIT",
            "batcher",
            {"SLUICE_SHUTDOWN_GRACE": "5s", "SLUICE_RECEIVE_WAIT": "1"},
        ),
        ("batcher.shutdownGrace=7.5s", "batcher", {"SLUICE_SHUTDOWN_GRACE": "7.5s"}),
        ("batcher.batch.maxBytes=1MB", "batcher", {"SLUICE_BATCH_MAX_BYTES": "1MB"}),
        ("batcher.batch.maxBytes=2GiB", "batcher", {"SLUICE_BATCH_MAX_BYTES": "2GiB"}),
        (
            "batcher.columns=raw,batcher.format=jsonl,batcher.compression=zstd,batcher.compressionLevel=19",
            "batcher",
            {
                "SLUICE_COLUMNS": "raw",
                "SLUICE_FORMAT": "jsonl",
                "SLUICE_COMPRESSION": "zstd",
                "SLUICE_COMPRESSION_LEVEL": "19",
            },
        ),
        ("producer.pack.maxBytes=1MiB", "producer", {"SLUICE_PACK_MAX_BYTES": "1MiB"}),
        ("producer.pack.maxAge=250ms", "producer", {"SLUICE_PACK_MAX_AGE": "250ms"}),
        ("producer.rewind=1m", "producer", {"SLUICE_SOURCE_REWIND": "1m"}),
        (OTHER + ",producers[0].eventId=sse", "producer", {"SLUICE_SOURCE_URL": "http://s/x", "SLUICE_EVENT_ID": "sse"}),
        ("bucket.prefix=lake", "batcher", {"SLUICE_PREFIX": "lake"}),
        ("compactor.enabled=true,compactor.maxMemory=16MiB", "compactor", {"SLUICE_LAKE_MAX_MEMORY": "16MiB"}),
    ],
)  # fmt: skip
def test_and_takes_what_it_takes(render, values, service, variables):
    assert render("--set", values).all("Deployment")
    load_settings(SERVICES[service], {**CONTACT, **variables})
