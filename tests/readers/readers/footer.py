"""What pyarrow says of the footer of a Parquet file, for the tests of `taploom inspect`."""

import datetime
import decimal
import struct

from pyarrow import parquet


def figures(path):
    """Sums over all row groups for every column, and the row groups."""
    metadata = parquet.read_metadata(path)
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    return {
        "rows": metadata.num_rows,
        "created_by": metadata.created_by,
        "footer_bytes": metadata.serialized_size,
        "row_group_rows": [group.num_rows for group in groups],
        "keys": {
            key.decode(): len(value) for key, value in (metadata.metadata or {}).items()
        },
        "columns": [
            column([group.column(index) for group in groups], metadata.schema.column(index))
            for index in range(metadata.num_columns)
        ],
    }


def column(chunks, described):
    statistics = [chunk.statistics for chunk in chunks]
    with_bounds = [known for known in statistics if known is not None and known.has_min_max]
    counted = [known for known in statistics if known is not None and known.has_null_count]
    is_half = described.logical_type.type == "FLOAT16"
    bounds = []
    if with_bounds:
        bounds = [min(known.min for known in with_bounds), max(known.max for known in with_bounds)]
    are_text = all(map(is_text, bounds)) and any(bounds)
    least, greatest = [shown(bound, is_half, are_text) for bound in bounds] or [None, None]
    return {
        "name": chunks[0].path_in_schema,
        "physical_type": chunks[0].physical_type,
        "compressed_bytes": sum(chunk.total_compressed_size for chunk in chunks),
        "uncompressed_bytes": sum(chunk.total_uncompressed_size for chunk in chunks),
        "values": sum(chunk.num_values for chunk in chunks),
        "encodings": sorted({name for chunk in chunks for name in chunk.encodings}),
        "codecs": sorted({chunk.compression for chunk in chunks}),
        "with_statistics": sum(known is not None for known in statistics),
        "nulls": sum(known.null_count for known in counted)
        if len(counted) == len(chunks)
        else None,
        "with_bounds": len(with_bounds),
        "min": least,
        "max": greatest,
        "dictionaries": sum(chunk.has_dictionary_page for chunk in chunks),
    }


def is_text(bound):
    try:
        return isinstance(bound, bytes) and (not bound or bound.decode().isprintable())
    except UnicodeDecodeError:
        return False


def shown(bound, is_half, are_text):
    """A number as it is; what JSON lacks as text. Both bounds of a column of bytes are text, or both are hexadecimal digits."""
    if is_half:
        return struct.unpack("<e", bound)[0]
    if isinstance(bound, datetime.datetime):
        return bound.isoformat().replace("+00:00", "Z")
    if isinstance(bound, (datetime.date, datetime.time, decimal.Decimal)):
        return str(bound)
    if isinstance(bound, bytes):
        return bound.decode() if are_text else "0x" + bound.hex()
    return bound
