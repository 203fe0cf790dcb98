"""SQS to messages: the long poll, and what each message becomes."""
