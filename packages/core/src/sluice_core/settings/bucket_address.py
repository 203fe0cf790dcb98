"""What may name a bucket: its name, `s3://name`, or its ARN.

A bucket of another account or region needs nothing else: names are global, and S3 redirects to the region. An
access point has a name that works in a bucket's place, its alias; its ARN would have to stand in every address.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)")


def parse_bucket(given: str) -> str:
    """The bucket's name. Raises ValueError with the rule that `given` breaks.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if given.startswith("arn:"):
        match = _ARN.fullmatch(given)
        if match is None:
            raise ValueError(
                "of ARNs, a bucket's works (arn:aws:s3:::<name>); for an access point give its alias (…-s3alias)"
            )
        given = match[1]
    name = given.removeprefix("s3://").rstrip("/")
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            "a bucket's name has 3 to 63 small letters, digits, dots and dashes; s3://<name> and its ARN work, too"
        )
    return name
