"""A local pipeline stays on this machine, whatever the user's own AWS is set to."""

import os

from sluice_local.resources import connect


def test_nothing_of_the_users_own_aws_leads_a_local_pipeline_away(monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL_SQS": "https://sqs.eu-west-1.amazonaws.com",
        "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_SESSION_TOKEN": "a-token",
        "SLUICE_S3_SSE": "aws:kms",
        "SLUICE_S3_SSE_KMS_KEY_ID": "alias/mine",
    }.items():
        monkeypatch.setenv(name, value)
    local = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name in local:
        monkeypatch.setenv(name, "somebody's")

    aws = connect(local)

    assert aws.sqs.meta.endpoint_url == aws.s3.meta.endpoint_url == "http://127.0.0.1:1"
    assert aws.encryption == {}
    assert "AWS_SESSION_TOKEN" not in os.environ
