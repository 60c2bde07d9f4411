"""What all readers share: answers, losses, and conversions that change no value."""

import pyarrow as pa
import pyarrow.compute

COLUMN_KEYS = ["name", "datatype", "arraysize", "unit", "ucd", "xtype", "utype", "description", "ID"]


class Rejected(Exception):
    """The reader does not take the file, or a cell does not convert exactly."""


class Decoded:
    """Columns as Arrow arrays of whatever type the reader has, and what it says about them.

    `losses` are names of tests/src/losses.rs: what the reader, or the format, does to cells.
    `table` is the JSON of TableMetadata; columns may have all members of ColumnMetadata.
    """

    def __init__(
        self, arrays, columns, losses=(), status=(None, None), names=None, notes=(), table=None
    ):
        self.arrays, self.columns, self.losses = arrays, columns, losses
        self.status, self.names, self.notes = status, names, notes
        self.table = table or {}


def named_columns(names):
    return [{key: None for key in COLUMN_KEYS} | {"name": name} for name in names]


def one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500]


def fields_of(request, schema):
    """Datatype and arraysize of every column; from the carriers where the request has none."""
    return request.get("fields") or [derived_field(type_) for type_ in schema.types]


DATATYPES = {
    pa.bool_(): "boolean",
    pa.uint8(): "unsignedByte",
    pa.int16(): "short",
    pa.int32(): "int",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.utf8(): "unicodeChar",
}


def derived_field(type_):
    element = type_.value_type if is_list(type_) else type_
    text = pa.types.is_string(element)
    arraysize = "*" if is_list(type_) or text else None
    return {"datatype": DATATYPES[element], "arraysize": arraysize}


# --- Lists ------------------------------------------------------------------------------------


def is_list(type_):
    kinds = ["list", "large_list", "fixed_size_list", "list_view", "large_list_view"]
    return any(getattr(pa.types, f"is_{kind}")(type_) for kind in kinds)


def is_bytes(type_):
    kinds = ["binary", "large_binary", "binary_view", "fixed_size_binary"]
    return any(getattr(pa.types, f"is_{kind}")(type_) for kind in kinds)


def is_text(type_):
    kinds = ["string", "large_string", "string_view"]
    return any(getattr(pa.types, f"is_{kind}")(type_) for kind in kinds)


def one_array(column):
    if not isinstance(column, pa.ChunkedArray):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def flat_lists(array, type_, name):
    """Lists of lists as lists of what the innermost hold, with elements of another type."""
    import numpy

    offsets, values = list_parts(array)
    nulls = array.is_null()
    while is_list(values.type) or is_bytes(values.type):
        if values.null_count:
            raise Rejected(f"column {name}: a list within a list is null")
        inner, values = list_parts(values)
        offsets = inner[offsets]
    values = exact_cast(values, type_.value_type, name)
    offsets = pa.array(offsets.astype(numpy.int32))
    return pa.ListArray.from_arrays(offsets, values, type=type_, mask=nulls)


def list_parts(array):
    """Offsets from 0, and the elements of all lists but those that are null."""
    import numpy

    if is_bytes(array.type):
        cells = [cell or b"" for cell in array.to_pylist()]
        lengths = [len(cell) for cell in cells]
        values = numpy.frombuffer(b"".join(cells), numpy.uint8)
        return numpy.concatenate([[0], numpy.cumsum(lengths, dtype=numpy.int64)]), pa.array(values)
    lengths = pa.compute.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths, dtype=numpy.int64)])
    return offsets, pa.compute.list_flatten(array)


def flattened(values):
    """A nested Python list, flat."""
    if not isinstance(values, (list, tuple)):
        return [values]
    return [leaf for value in values for leaf in flattened(value)]


# --- Exact conversions ------------------------------------------------------------------------


# Kinds of types within which a safe cast changes no value.
SAME_KIND = [pa.types.is_timestamp, pa.types.is_date, pa.types.is_time, pa.types.is_decimal]


def exact_cast(array, type_, name):
    """The same values in another type, or Rejected. NaN equals NaN; -0.0 stays -0.0."""
    array = one_array(array)
    have = array.type
    if have == type_:
        return array
    if pa.types.is_dictionary(have):
        return exact_cast(array.dictionary_decode(), type_, name)
    if is_list(type_) and (is_list(have) or is_bytes(have)):
        return flat_lists(array, type_, name)
    if pa.types.is_null(type_) and array.null_count == len(array):
        return pa.nulls(len(array))
    if pa.types.is_duration(have) and pa.types.is_int64(type_):
        return array.cast(type_)
    if any(kind(have) and kind(type_) for kind in SAME_KIND):
        return array.cast(type_)
    if pa.types.is_null(have) or (is_text(have) and is_text(type_)):
        return array.cast(type_)
    both = lambda kind: kind(have) and kind(type_)
    if not (both(pa.types.is_integer) or both(pa.types.is_floating)):
        raise Rejected(f"column {name}: the reader has {have}, expected is {type_}")
    cast = array.cast(type_)
    if pa.types.is_floating(type_) and not same_floats(cast.cast(have), array):
        raise Rejected(f"column {name}: {have} values do not fit {type_}")
    return cast


def same_floats(left, right):
    return all(
        a == b or (a is not None and b is not None and a != a and b != b)
        for a, b in zip(left.to_pylist(), right.to_pylist())
    )


# --- DuckDB -----------------------------------------------------------------------------------


def duckdb_connection():
    global _duckdb
    if _duckdb is None:
        import duckdb

        _duckdb = duckdb.connect(config={"threads": 1})
    return _duckdb


_duckdb = None


def sql_text(text):
    return "'" + text.replace("'", "''") + "'"
