"""Writes a Parquet file of many columns in one row group, as other programs do by default.

usage: wide_files.py pyarrow|polars|duckdb COLUMNS ROWS FILE
"""

import sys

import numpy as np
import pyarrow as pa


def column(index, rows):
    """Six doubles, a float with nulls, two integers and a text, over and over."""
    random = np.random.default_rng(index)
    kind = index % 10
    if kind < 6:
        return pa.array(random.normal(size=rows))
    if kind == 6:
        return pa.array(random.normal(size=rows).astype(np.float32), mask=random.random(rows) < 0.1)
    if kind == 7:
        return pa.array(random.integers(0, 1 << 40, rows))
    if kind == 8:
        return pa.array(random.integers(0, 1000, rows).astype(np.int32))
    return pa.array(np.char.add("s", random.integers(0, 5000, rows).astype(str)))


def main(writer, columns, rows, file):
    table = pa.table({f"c{index}": column(index, rows) for index in range(columns)})
    if writer == "pyarrow":
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, file, row_group_size=rows)
    elif writer == "polars":
        import polars

        polars.from_arrow(table).write_parquet(file, row_group_size=rows)
    else:
        import duckdb

        # Several threads would write several row groups.
        duckdb.sql("SET threads = 1")
        duckdb.register("wide", table)
        duckdb.sql(f"COPY wide TO '{file}' (FORMAT parquet, ROW_GROUP_SIZE {rows})")
    import pyarrow.parquet

    assert pyarrow.parquet.read_metadata(file).num_row_groups == 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
