"""pyarrow's functions and array types, as a type checker can bear them.

The stubs give each kernel the overloads of some types of one release, and each constructor those of constant types;
both take any type. Arrays are generic in the stubs only.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute
chunked: Any = pa.chunked_array
nulls: Any = pa.nulls
repeat: Any = pa.repeat

if TYPE_CHECKING:
    Array: TypeAlias = pa.Array[Any]
    Chunked: TypeAlias = pa.ChunkedArray[Any]
else:
    Array = pa.Array
    Chunked = pa.ChunkedArray
