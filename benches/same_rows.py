"""Compares a Parquet file with the Arrow file whose rows it should have: names, types and cells.

    same_rows.py ARROW_FILE PARQUET_FILE

It prints "the same" or the first difference. How text is stored (large offsets, views, dictionaries) makes none.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def plain(of):
    """The type without the way it is stored."""
    if pa.types.is_dictionary(of):
        return plain(of.value_type)
    if pa.types.is_large_string(of) or pa.types.is_string_view(of):
        return pa.string()
    if pa.types.is_large_binary(of) or pa.types.is_binary_view(of):
        return pa.binary()
    return of


def same(expected, found):
    if expected.equals(found):
        return True
    if not pa.types.is_floating(expected.type):
        return False
    # NaN is not equal to itself.
    both_nan = pc.and_(pc.is_nan(expected), pc.is_nan(found))
    equal = pc.or_kleene(pc.equal(expected, found), both_nan)
    return expected.is_null().equals(found.is_null()) and pc.all(equal).as_py() is not False


def difference(rows, parquet):
    if parquet.schema_arrow.names != rows.schema.names:
        return "other names of columns"
    if parquet.metadata.num_rows != rows.num_rows:
        return f"{parquet.metadata.num_rows} rows instead of {rows.num_rows}"
    for name, expected in zip(rows.schema.names, rows.columns):
        found = parquet.read(columns=[name]).column(0)
        if plain(found.type) != plain(expected.type):
            return f"column {name} is {found.type} instead of {expected.type}"
        if not same(expected.cast(plain(expected.type)), found.cast(plain(found.type))):
            return f"column {name} has other cells"
    return None


def main():
    arrow_file, parquet_file = sys.argv[1:]
    with pa.OSFile(arrow_file) as file:
        rows = pa.ipc.open_stream(file).read_all()
    print(difference(rows, pq.ParquetFile(parquet_file)) or "the same")


main()
