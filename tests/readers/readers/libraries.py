"""Parquet files as tables of pyarrow, by every library. Runs with the older versions too."""

import os

import pyarrow as pa

from .core import Rejected, duckdb_connection, sql_text


def read_pyarrow(path, schema=None):
    from pyarrow import parquet

    return parquet.read_table(path, use_threads=False, page_checksum_verification=True)


def read_duckdb(path, schema=None):
    rows = duckdb_connection().sql(f"SELECT * FROM read_parquet({sql_text(path)})")
    # DuckDB 1.4 has the first name only, and gives a stream by another name.
    return rows.fetch_arrow_table() if hasattr(rows, "fetch_arrow_table") else rows.to_arrow_table()


def read_polars(path, schema=None):
    import polars

    try:
        return polars.read_parquet(path).to_arrow()
    except polars.exceptions.PanicException as panic:  # which is no Exception
        raise Rejected(f"panicked: {panic}")


def read_datafusion(path, schema=None):
    frame = datafusion_frame(datafusion_context(), path)
    batches = frame.collect()
    return pa.Table.from_batches(batches, batches[0].schema if batches else frame.schema())


def datafusion_frame(context, path):
    return context.read_parquet(path, file_extension=os.path.splitext(path)[1])


def datafusion_context():
    import datafusion

    # One partition: the rows stay in the order of the file.
    config = datafusion.SessionConfig().with_target_partitions(1)
    config = config.set("datafusion.execution.parquet.pushdown_filters", "true")
    return datafusion.SessionContext(config)


def read_arro3(path, schema=None):
    import arro3.io

    return pa.table(arro3.io.read_parquet(path).read_all())


def read_fastparquet(path, schema):
    """pandas holds objects for much of what fastparquet reads; the schema tells what they stand for."""
    import fastparquet

    frame = fastparquet.ParquetFile(path).to_pandas()
    missing = [name for name in schema.names if name not in frame.columns]
    if missing:
        raise Rejected(f"no columns {missing}; it has {list(frame.columns)}")
    columns = [from_pandas(frame[field.name], field.type, field.name) for field in schema]
    return pa.table(columns, names=schema.names)


def from_pandas(series, type_, name):
    """Objects of Python or numpy as an array."""
    import pandas

    cells = []
    for value in series:
        is_null = value is None or value is pandas.NA or value is pandas.NaT
        cells.append(None if is_null else plain_cell(value))
    if not pa.types.is_floating(type_):
        # pandas has NaN for nulls.
        cells = [None if isinstance(cell, float) and cell != cell else cell for cell in cells]
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        if any(isinstance(cell, float) for cell in cells):
            raise Rejected(f"column {name}: integers as floats")
    try:
        return pa.array(cells, type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise Rejected(f"column {name}: {error}")


def read_astropy(path, schema):
    """Rows without FIELDs: what astropy makes of any Parquet file."""
    import numpy
    import warnings

    from astropy.table import Table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Table.read(path, format="parquet")
    columns = []
    for field in schema:
        column = table[field.name]
        pairs = zip(numpy.ma.getdata(column), numpy.ma.getmaskarray(column))
        cells = [None if numpy.all(masked) and numpy.size(masked) else cell for cell, masked in pairs]
        columns.append(from_pandas(cells, field.type, field.name))
    return pa.table(columns, names=schema.names)


def plain_cell(value):
    """A cell of pandas or numpy in Python's own types, with lists as deep as they are."""
    import numpy

    if isinstance(value, numpy.ndarray):
        return [plain_cell(item) for item in value]
    if isinstance(value, list):
        return [plain_cell(item) for item in value]
    if isinstance(value, numpy.datetime64):
        return value
    return value.item() if isinstance(value, numpy.generic) else value


LIBRARIES = {
    "pyarrow": read_pyarrow,
    "duckdb": read_duckdb,
    "polars": read_polars,
    "datafusion": read_datafusion,
    "arro3": read_arro3,
    "fastparquet": read_fastparquet,
    "astropy": read_astropy,
}


def dump(request):
    """Writes the table that a library reads as an Arrow stream, in the types that it has."""
    table = LIBRARIES[request["reader"]](request["path"])
    with pa.ipc.new_stream(request["out"], table.schema) as writer:
        writer.write_table(table)
    return {"ok": True}
