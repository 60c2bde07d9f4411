"""Parquet files of columns of any type, compared with the rows that were written."""

import struct

import pyarrow as pa
import pyarrow.compute

from .core import Rejected, is_list, one_array, one_line
from .dumps import DUMPS
from .libraries import LIBRARIES


def is_in_seconds(type_):
    return pa.types.is_timestamp(type_) and type_.unit == "s"


# What a reader has instead of a type that Parquet, or the reader itself, does not know. What was
# written is cast to it, which is an error for a value that it does not hold.
INSTEAD = {
    "pyarrow": [
        (pa.types.is_time32, pa.types.is_int32),
        (pa.types.is_date64, pa.types.is_int64),
        (is_in_seconds, pa.types.is_int64),
        (pa.types.is_interval, pa.types.is_fixed_size_binary),
    ],
    "duckdb": [
        (pa.types.is_null, pa.types.is_int32),
        (pa.types.is_time32, pa.types.is_int32),
        (pa.types.is_time32, pa.types.is_time64),
        (pa.types.is_date64, pa.types.is_int64),
        (is_in_seconds, pa.types.is_int64),
        (pa.types.is_timestamp, pa.types.is_timestamp),
        (pa.types.is_duration, pa.types.is_int64),
        (pa.types.is_float16, pa.types.is_float32),
        (pa.types.is_decimal, pa.types.is_decimal128),
        (pa.types.is_fixed_size_binary, pa.types.is_binary),
    ],
    "polars": [
        (pa.types.is_time, pa.types.is_time64),
        (pa.types.is_date64, pa.types.is_timestamp),
        (is_in_seconds, pa.types.is_timestamp),
        (pa.types.is_duration, pa.types.is_duration),
        (pa.types.is_decimal, pa.types.is_decimal128),
        (pa.types.is_fixed_size_binary, pa.types.is_binary),
    ],
}


# Readers by way of pandas and numpy, whose floats have no nulls.
NAN_FOR_NULL = ["fastparquet", "astropy"]


def instead_of(reader):
    """For every version of a reader; the others have the types of pyarrow."""
    return INSTEAD.get(reader.rstrip("0123456789"), INSTEAD["pyarrow"])


def compare(request):
    """Compare all cells that a reader finds in a Parquet file with those that were written."""
    written = pa.ipc.open_stream(request["written"]).read_all()
    load = DUMPS.get(request["reader"]) or LIBRARIES[request["reader"]]
    read = load(request.get("dump") or request["path"], written.schema)
    if read.column_names != written.column_names:
        raise Rejected(f"columns {read.column_names}, expected are {written.column_names}")
    if len(read) != len(written):
        raise Rejected(f"{len(read)} rows, expected are {len(written)}")
    differences = {}
    for name, got, want in zip(written.column_names, read.columns, written.columns):
        try:
            compare_cells(request["reader"], "cells", one_array(got), one_array(want))
        except Exception as error:
            differences[name] = one_line(error)
    return {"ok": True, "rows": len(read), "differences": differences}


def compare_cells(reader, place, got, want):
    """Lists are compared by their lengths and elements, structs by their fields, all else bit by bit.

    A value is the same in a dictionary, as a run or as a view, and a list in a list of any kind.
    """
    got, want = plain(got), plain(want)
    if is_list(got.type) and is_list(want.type):
        compare_values(place, list_lengths(got), list_lengths(want))
        compare_cells(reader, f"{place}, elements", elements(got), elements(want))
    elif pa.types.is_struct(got.type) and pa.types.is_struct(want.type):
        names, wanted = [field.name for field in got.type], [field.name for field in want.type]
        if names != wanted:
            raise Rejected(f"{place}: fields {names}, expected are {wanted}")
        compare_values(place, got.is_valid(), want.is_valid())
        # Below a null struct these are null.
        for name, got_field, want_field in zip(names, got.flatten(), want.flatten()):
            compare_cells(reader, f"{place}, field {name}", got_field, want_field)
    else:
        want = as_type_of_reader(reader, place, want, got.type)
        if reader in NAN_FOR_NULL and pa.types.is_floating(want.type):
            want = pa.compute.fill_null(want, pa.scalar(float("nan"), want.type))
        compare_values(place, got, want)


def plain(array):
    """The same values without dictionary, runs and views; a map as a list of structs."""
    type_ = array.type
    if pa.types.is_dictionary(type_):
        return plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(type_):
        return plain(pa.compute.run_end_decode(array))
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return array.cast(pa.string())
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_):
        return array.cast(pa.binary())
    if pa.types.is_map(type_):
        entries = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
        return pa.ListArray.from_arrays(array.offsets, entries, mask=array.is_null())
    return array


def list_lengths(array):
    return pa.compute.list_value_length(array).cast(pa.int64())


def elements(array):
    """The elements of all lists, one after another. A null list has no elements."""
    return pa.compute.list_flatten(array)


def as_type_of_reader(reader, place, want, type_):
    """What was written, in the type that the reader has for it."""
    if pa.types.is_timestamp(want.type) and pa.types.is_timestamp(type_):
        if (want.type.tz is None) != (type_.tz is None):
            raise Rejected(f"{place}: the reader has {type_}, expected is {want.type}")
        # Timestamps are counted in UTC; the zone is how they are shown.
        want = want.cast(pa.timestamp(want.type.unit, type_.tz))
    known = any(kind(want.type) and instead(type_) for kind, instead in instead_of(reader))
    if known and pa.types.is_interval(want.type):
        return interval_bytes(want)
    if known or type_ == want.type:
        return want.cast(type_)
    raise Rejected(f"{place}: the reader has {type_}, expected is {want.type}")


def interval_bytes(array):
    """The INTERVAL of Parquet: months, days and milliseconds."""

    def pack(months, days, nanoseconds):
        return struct.pack("<iii", months, days, nanoseconds // 10**6)

    return pa.array([cell and pack(*cell) for cell in array.to_pylist()], pa.binary(12))


def compare_values(place, got, want):
    if len(got) != len(want):
        raise Rejected(f"{place}: {len(got)} values, expected are {len(want)}")
    got_bits, want_bits = bits(got), bits(want)
    if not got_bits.equals(want_bits):
        pairs = enumerate(zip(got_bits, want_bits))
        row = next(row for row, (left, right) in pairs if not left.equals(right))
        raise Rejected(f"{place}, row {row}: {got[row]!r}, expected is {want[row]!r}")


def bits(array):
    """Floats as integers, for -0.0 is equal to 0.0 otherwise; all NaN are the same one."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    if not pa.types.is_floating(array.type):
        return array
    nan = pa.scalar(float("nan"), array.type)
    array = pa.compute.if_else(pa.compute.is_nan(array), nan, array)
    return array.view(pa.int32() if pa.types.is_float32(array.type) else pa.int64())
