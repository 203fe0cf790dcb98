"""The settings that are about AWS itself: where it is, and how it encrypts. The names are AWS's where it has one."""

from typing import Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings

from sluice_core.settings.addresses import web_address


class AwsSettings(BaseSettings):
    """Endpoints, region, server-side encryption. Endpoints count as in boto3: a service's own before the common one.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """

    aws_endpoint_url: str | None = Field(
        None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL", "aws_endpoint_url"),
        description="LocalStack's or another endpoint for SQS and S3 (then S3 in path style). Unset: AWS.",
    )
    aws_endpoint_url_sqs: str | None = Field(
        None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_SQS", "aws_endpoint_url_sqs"),
        description="An endpoint for SQS alone, before AWS_ENDPOINT_URL.",
    )
    aws_endpoint_url_s3: str | None = Field(
        None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_S3", "aws_endpoint_url_s3"),
        description="An endpoint for S3 alone, before AWS_ENDPOINT_URL (then S3 in path style).",
    )
    aws_ignore_configured_endpoint_urls: bool = Field(
        False,
        validation_alias=AliasChoices(
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "aws_ignore_configured_endpoint_urls"
        ),
        description="`true`: none of the endpoints above counts, nor one of AWS's configuration file.",
    )
    aws_region: str = Field(
        "us-east-1",
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION", "aws_region"),
        description="The region, handed to boto3 (which by itself reads only AWS_DEFAULT_REGION). A queue's URL or ARN names its own.",
    )
    aws_client: Literal["libcurl", "boto3"] = Field(
        "libcurl",
        description="What makes the frequent calls to SQS and S3: `libcurl` (a fraction of the CPU) or `boto3` (also what takes its place where pycurl is missing).",
    )
    s3_sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = Field(
        None,
        description="Server-side encryption asked for at each write to S3, as some buckets' policies demand. Unset: the bucket's own.",
    )
    s3_sse_kms_key_id: str | None = Field(
        None,
        min_length=1,
        description="The KMS key (id, ARN or alias ARN) for `aws:kms` and `aws:kms:dsse`. Unset: AWS's own for S3.",
    )
    s3_bucket_key: bool | None = Field(
        None,
        description="With `aws:kms`: use an S3 Bucket Key (fewer calls of KMS). Unset: as the bucket is set.",
    )

    @field_validator("aws_endpoint_url", "aws_endpoint_url_sqs", "aws_endpoint_url_s3")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        if value is not None:
            web_address(value, "http://host or https://host")
        return value

    @property
    def sqs_endpoint(self) -> str | None:
        """The endpoint for SQS in force; None: AWS's."""
        return (
            None
            if self.aws_ignore_configured_endpoint_urls
            else self.aws_endpoint_url_sqs or self.aws_endpoint_url
        )

    @property
    def s3_endpoint(self) -> str | None:
        """The endpoint for S3 in force; None: AWS's."""
        return (
            None
            if self.aws_ignore_configured_endpoint_urls
            else self.aws_endpoint_url_s3 or self.aws_endpoint_url
        )

    def encryption(self) -> dict[str, str | bool]:
        """What a PutObject says about encryption.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        """
        asked: dict[str, str | bool | None] = {
            "ServerSideEncryption": self.s3_sse,
            "SSEKMSKeyId": self.s3_sse_kms_key_id,
            "BucketKeyEnabled": self.s3_bucket_key,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def aws_contradictions(self) -> list[str]:
        """Rules between these settings that do not hold, a line each."""
        found = []
        if self.s3_sse_kms_key_id and self.s3_sse not in ("aws:kms", "aws:kms:dsse"):
            found.append(
                f"SLUICE_S3_SSE_KMS_KEY_ID={self.s3_sse_kms_key_id}: needs SLUICE_S3_SSE=aws:kms or aws:kms:dsse"
            )
        if self.s3_bucket_key is not None and self.s3_sse != "aws:kms":
            found.append(
                f"SLUICE_S3_BUCKET_KEY={str(self.s3_bucket_key).lower()}: needs SLUICE_S3_SSE=aws:kms (S3 has no "
                "bucket keys for anything else)"
            )
        return found
