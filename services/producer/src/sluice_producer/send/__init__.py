"""Messages to SQS, and what SQS never takes to the dead-letter queue."""
