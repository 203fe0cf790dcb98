"""The batcher: SQS messages in, batched files in S3 out."""
