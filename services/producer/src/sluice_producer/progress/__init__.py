"""How far: what SQS has accepted, and where the next start resumes."""
