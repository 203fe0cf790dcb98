"""`sluice dlq`: what the dead-letter queue holds, and the way back."""
