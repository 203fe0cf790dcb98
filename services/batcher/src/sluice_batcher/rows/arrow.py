"""pyarrow's compute functions and array types, as a type checker can bear them.

The stubs give each kernel the overloads of some types of one release; the kernels take arrays of any type.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute

if TYPE_CHECKING:
    Array: TypeAlias = pa.Array[Any]
    Chunked: TypeAlias = pa.ChunkedArray[Any]
else:
    Array = pa.Array
    Chunked = pa.ChunkedArray
