"""What the end-to-end tests share: the cluster, a release of the chart, its SQS and S3, evidence."""
