"""A LocalStack (SQS and S3) in a child process, for `sluice run` and for tests.

LocalStack pins libraries that would hold back ours, so it lives in an environment of its own
(`environment/`, with its own lock), which is made on first use in the user's cache directory.
"""

from sluice_local.localstack.install import EnvironmentBuildError, ensure_environment
from sluice_local.localstack.server import EmbeddedLocalStack, LocalStackError

__all__ = ["EmbeddedLocalStack", "EnvironmentBuildError", "LocalStackError", "ensure_environment"]
