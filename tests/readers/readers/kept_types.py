"""Files with every type of Arrow, and whether a file made of one still has the same types, cells and metadata."""

import datetime
import decimal

import pyarrow as pa
from pyarrow import parquet

KEYS = {b"instrument": b"LSSTCam", b"pandas": b"{}"}
OF_FIELD = {b"comment": b"kept with its field"}


def every_type():
    """Three rows of each type; the second is null."""
    day = datetime.date(2025, 5, 23)
    moment = datetime.datetime(2025, 5, 23, 17, 0, 35)
    time, span = datetime.time(17, 0, 35), datetime.timedelta(seconds=5)
    digits = decimal.Decimal("-12.34")
    cells = {
        pa.bool_(): [True, False],
        pa.float16(): [1.5, -2.0],
        pa.float32(): [1.5, -2.0],
        pa.float64(): [1.5, -2.0],
        pa.date32(): [day, datetime.date(1, 1, 1)],
        pa.date64(): [day, datetime.date(1969, 12, 31)],
        pa.utf8(): ["é", ""],
        pa.large_utf8(): ["é", ""],
        pa.string_view(): ["é", "longer than twelve bytes"],
        pa.binary(): [b"\x00\xff", b""],
        pa.large_binary(): [b"\x00\xff", b""],
        pa.binary_view(): [b"\x00\xff", b"longer than twelve bytes"],
        pa.binary(3): [b"abc", b"\x00\x00\x00"],
        pa.list_(pa.int8()): [[1, None], []],
        pa.large_list(pa.uint64()): [[2**64 - 1], []],
        pa.list_(pa.float32(), 2): [[1.0, 2.0], [3.0, None]],
        pa.list_(pa.list_(pa.timestamp("us", "UTC"))): [[[moment], None, []], []],
        pa.list_(pa.decimal128(9, 2)): [[digits, None], []],
        pa.struct([pa.field("a", pa.uint16()), pa.field("b", pa.list_(pa.utf8()))]): [
            {"a": 65535, "b": ["x", None]},
            {"a": None, "b": None},
        ],
        pa.map_(pa.utf8(), pa.struct([pa.field("n", pa.date32())])): [[("k", {"n": day})], []],
        pa.dictionary(pa.int8(), pa.utf8()): ["few", "many"],
        pa.dictionary(pa.int32(), pa.int64()): [7, -7],
        pa.duration("s"): [span, -span],
    }
    for bits in [8, 16, 32, 64]:
        cells[pa.type_for_alias(f"int{bits}")] = [2 ** (bits - 1) - 1, -(2 ** (bits - 1))]
        cells[pa.type_for_alias(f"uint{bits}")] = [2**bits - 1, 0]
    for unit in ["s", "ms", "us", "ns"]:
        for zone in [None, "UTC", "+05:00", "Europe/Paris"]:
            cells[pa.timestamp(unit, zone)] = [moment, datetime.datetime(1969, 12, 31)]
        cells[pa.duration(unit)] = [span, -span]
        cells[(pa.time32 if unit in ("s", "ms") else pa.time64)(unit)] = [time, datetime.time()]
    for precision, kind in [
        (9, pa.decimal32),
        (18, pa.decimal64),
        (38, pa.decimal128),
        (76, pa.decimal256),
    ]:
        cells[kind(precision, 2)] = [digits, decimal.Decimal(0)]
    fields, columns = [], []
    for type_, (first, last) in cells.items():
        fields.append(pa.field(str(type_), type_, metadata=OF_FIELD))
        columns.append(pa.array([first, None, last], type_))
    fields.append(pa.field("never null", pa.int32(), nullable=False))
    columns.append(pa.array([1, 2, 3], pa.int32()))
    return pa.table(columns, schema=pa.schema(fields, KEYS))


def write_every_type(path):
    table = every_type()
    if path.endswith(".parquet"):
        parquet.write_table(table, path)
        return
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def read(path):
    if path.endswith(".parquet"):
        return parquet.read_table(path)
    with pa.OSFile(path) as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        return (pa.ipc.open_file if is_file else pa.ipc.open_stream)(source).read_all()


def not_kept(given, path):
    """What the file at `path` does not have as it is in the one at `given`, one a line."""
    of_parquet = given.endswith("given.parquet")
    given, made = read(given), read(path)
    is_parquet = path.endswith(".parquet")
    kept = in_parquet if is_parquet else in_arrow
    original = every_type().schema
    messages = []
    for field, want in zip(given.schema, given.columns):
        if field.name not in made.column_names:
            messages.append(f"{field.name}: is missing")
            continue
        got = made.schema.field(field.name)
        type_ = kept(field.type)
        allowed = [type_]
        if of_parquet:
            # The file's Arrow schema says more than pyarrow uses; of seconds it says less than Parquet.
            allowed += [kept(original.field(field.name).type), as_instant(type_)]
        # The names of elements do not count.
        is_kept = any(got.type == type_ for type_ in allowed)
        if not is_kept or got.nullable != field.nullable:
            messages.append(f"{field.name}: {got.type}, nullable {got.nullable}; expected {type_}")
        metadata = {k: v for k, v in (got.metadata or {}).items() if not is_ours(k)}
        if metadata != theirs(field.metadata):
            messages.append(f"{field.name}: metadata {metadata}, expected {field.metadata}")
        cells = made.column(field.name).to_pylist()
        if cells != want.to_pylist():
            messages.append(f"{field.name}: {cells}, expected {want.to_pylist()}")
    metadata = theirs(made.schema.metadata)
    if metadata != theirs(given.schema.metadata):
        messages.append(f"metadata {metadata}, expected {given.schema.metadata}")
    if is_parquet:
        messages += unlike_fields(path, made)
    return messages


def as_instant(type_):
    in_zone = pa.types.is_timestamp(type_) and type_.tz and type_.unit == "ms"
    return pa.timestamp("ms", "UTC") if in_zone else type_


def is_ours(key):
    return key.startswith((b"vo:", b"IVOA.VOTable-Parquet.", b"table::len::", b"PARQUET:"))


def theirs(metadata):
    return {k: v for k, v in (metadata or {}).items() if not is_ours(k)}


def unlike_fields(path, made):
    """The FIELDs of the footer are the columns."""
    from .parquet import voparquet_document

    columns, _, _ = voparquet_document(parquet.ParquetFile(path).metadata.metadata)
    names = [column["name"] for column in columns]
    return [] if names == made.column_names else [f"FIELDs {names}"]


def mapped(type_, leaf):
    """The type with another type for each that is not nested."""
    field = lambda field: field.with_type(mapped(field.type, leaf))
    kinds = pa.types
    if kinds.is_dictionary(type_):
        return mapped(type_.value_type, leaf)
    if kinds.is_fixed_size_list(type_):
        return pa.list_(field(type_.value_field), type_.list_size)
    if kinds.is_large_list(type_):
        return pa.large_list(field(type_.value_field))
    if kinds.is_list(type_):
        return pa.list_(field(type_.value_field))
    if kinds.is_struct(type_):
        return pa.struct([field(type_.field(i)) for i in range(type_.num_fields)])
    if kinds.is_map(type_):
        return pa.map_(field(type_.key_field), field(type_.item_field), type_.keys_sorted)
    if kinds.is_string_view(type_):
        return leaf(pa.utf8())
    if kinds.is_binary_view(type_):
        return leaf(pa.binary())
    return leaf(type_)


def in_arrow(type_):
    return type_ if pa.types.is_dictionary(type_) else mapped(type_, lambda leaf: leaf)


def in_parquet(type_):
    def leaf(type_):
        if pa.types.is_timestamp(type_) and type_.unit == "s":
            return pa.timestamp("ms", type_.tz)
        if pa.types.is_time32(type_):
            return pa.time32("ms")
        return pa.date32() if pa.types.is_date64(type_) else type_

    return mapped(type_, leaf)
