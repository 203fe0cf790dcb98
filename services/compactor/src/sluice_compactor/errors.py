"""The compactor's own errors, and what PyIceberg, pyarrow and the catalogs' clients raise, in Sluice's.

SluiceError
├── LostRaceError          another writer was faster: start over from a fresh read (never seen outside)
│   └── TableGrewError     we were: the table has more columns now
└── PermanentError
    ├── UnfitError         an object that is no part of this table: set aside
    └── UnsafeCatalogError the catalog took a commit on top of what was not read
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyiceberg.exceptions import RESTError, ValidationError
from sluice_core.aws.errors import clean, refusals
from sluice_core.errors import PermanentError, SluiceError, TemporaryError


class LostRaceError(SluiceError):
    """Another writer has committed since the table was read.

    No CommitFailedException, on purpose: PyIceberg repeats those upon whatever has come in between, and deletes
    the manifests of a commit that it takes for failed.
    """


class TableGrewError(LostRaceError):
    """The table has got columns that a raw object brought: start over with them."""


class UnfitError(PermanentError):
    """An object that can be read and does not fit the table; the message says why."""


class UnsafeCatalogError(PermanentError):
    """A commit landed on a snapshot that was not read: this catalog does not compare and swap."""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turns the libraries' errors into Sluice's own; `what` names the action and its object.

    The machine's and the network's are temporary: nothing is known of what was under way, so nothing may be
    concluded from them. A library's bug stays one.
    """
    try:
        # Glue's client is botocore's.
        with refusals(what):
            yield
    except (OSError, RESTError) as error:
        raise TemporaryError(clean(f"{what}: {type(error).__name__}: {error}")) from error
    except (ValidationError, pa.ArrowInvalid) as error:
        raise PermanentError(clean(f"{what}: {error}")) from error
