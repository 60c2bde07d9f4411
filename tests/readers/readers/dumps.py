"""Tables that other processes read: older libraries, STIL and parquet-java."""

import json
import struct
from decimal import Decimal

import pyarrow as pa

from .core import Rejected, is_list


def read_arrow_dump(path, schema):
    return pa.ipc.open_stream(path).read_all()


def read_java_dump(path, schema):
    """Cells as Parquet stores them, which tests/readers/java/ParquetCells.java describes."""
    with open(path, encoding="utf-8") as source:
        cells = json.load(source)
    missing = [name for name in schema.names if name not in cells]
    if missing:
        raise Rejected(f"no columns {missing}")
    return pa.table([stored(cells[f.name], f.type) for f in schema], names=schema.names)


def stored(cells, type_):
    """Cells as they are stored, as an array of a type."""
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return stored(cells, type_.value_type)
    mask = pa.array([cell is None for cell in cells], pa.bool_())
    if is_list(type_) or pa.types.is_map(type_):
        offsets, values = [0], []
        for cell in cells:
            values.extend(cell or [])
            offsets.append(len(values))
        item = pa.struct([("key", type_.key_type), ("value", type_.item_type)]) if pa.types.is_map(type_) else type_.value_type
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), stored(values, item), mask=mask)
    if pa.types.is_struct(type_):
        fields = [stored([cell and cell[i] for cell in cells], type_[i].type) for i in range(type_.num_fields)]
        return pa.StructArray.from_arrays(fields, [field.name for field in type_], mask=mask)
    if pa.types.is_floating(type_) and not pa.types.is_float16(type_):
        integers = pa.int32() if pa.types.is_float32(type_) else pa.int64()
        return pa.array(cells, integers).view(type_)
    if pa.types.is_null(type_) or pa.types.is_boolean(type_) or pa.types.is_integer(type_):
        return pa.array(cells, type_)
    if pa.types.is_decimal(type_):
        return pa.array([decimal(cell, type_.scale) for cell in cells], type_)
    if pa.types.is_temporal(type_) and not pa.types.is_interval(type_):
        is_short = pa.types.is_date32(type_) or pa.types.is_time32(type_)
        return pa.array(cells, pa.int32() if is_short else pa.int64()).view(type_)
    return of_bytes([None if cell is None else as_bytes(cell) for cell in cells], type_)


def as_bytes(cell):
    """From hexadecimal digits; STIL has arrays of integers."""
    return bytes.fromhex(cell) if isinstance(cell, str) else bytes(byte & 0xFF for byte in cell)


def decimal(cell, scale):
    if isinstance(cell, str):
        cell = int.from_bytes(bytes.fromhex(cell), "big", signed=True)
    return None if cell is None else Decimal((cell < 0, tuple(map(int, str(abs(cell)))), -scale))


def of_bytes(cells, type_):
    if pa.types.is_float16(type_):
        import numpy

        halves = [cell and numpy.float16(struct.unpack("<e", cell)[0]) for cell in cells]
        return pa.array(halves, pa.float16())
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.array([None if cell is None else cell.decode("utf-8") for cell in cells], pa.string())
    if pa.types.is_fixed_size_binary(type_):
        return pa.array(cells, type_)
    if pa.types.is_interval(type_):
        return pa.array(cells, pa.binary(12))
    return pa.array(cells, pa.binary())


DUMPS = {
    "pyarrow17": read_arrow_dump,
    "duckdb14": read_arrow_dump,
    "polars143": read_arrow_dump,
    "datafusion50": read_arrow_dump,
    "arro3": read_arrow_dump,
    "stil": read_java_dump,
    "parquetjava": read_java_dump,
}
