"""STILTS: a table as it reads it, written again by it as BINARY2, which is decoded here."""

import subprocess
import xml.etree.ElementTree as ElementTree

import pyarrow as pa

from .core import Decoded, Rejected, fields_of, is_list, named_columns
from .plain_text import from_text
from .votable_binary import decode_document

STILTS_SECONDS = 120

# By experiment, with 3.4.7: an empty text is null, and a null float is NaN.
STILTS_LOSSES = [
    "empty-string-is-null",
    "null-is-nan",
    "null-element-is-nan",
    "null-list-is-nan",
    "null-list-is-zero",
    "null-list-is-false",
    "null-list-is-empty-strings",
    "null-list-is-empty",
    "empty-list-is-null",
    "strings-in-lists-are-trimmed",
]


def run_stilts(*arguments):
    command = ["stilts", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", *arguments]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=STILTS_SECONDS
    )
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise Rejected(f"stilts {arguments[0]}: exit {done.returncode}: {stderr}")
    return done.stdout.decode("utf-8", "replace"), stderr


def stilts_table(request):
    """The VOTable into which STIL, the library of STILTS, has converted a file in a separate process."""
    return decode_document(ElementTree.parse(request["dump"]).getroot())


def read_stilts(request, schema):
    """The cells that STILTS reads from a format that stores types."""
    arrays, columns, status = stilts_table(request)
    # What STILTS holds for a char cell is Latin-1; it writes the bytes it read, which are
    # decoded here as UTF-8, so the text is right although STILTS shows it wrong.
    return Decoded(arrays, columns, STILTS_LOSSES, status)


def read_text_stilts(request, schema):
    """STILTS guesses the types; the decimals of a float are what stands in the file."""
    arrays, columns, _ = stilts_table(request)
    if len(arrays) != len(schema):
        raise Rejected(f"{len(arrays)} columns, expected are {len(schema)}")
    fields = fields_of(request, schema)
    arrays = [
        guessed(array, field, type_, name)
        for array, field, type_, name in zip(arrays, fields, schema.types, schema.names)
    ]
    losses = STILTS_LOSSES + ["text-is-trimmed"]
    return Decoded(arrays, named_columns([column["name"] for column in columns]), losses)


def guessed(array, field, type_, name):
    if is_list(type_):
        cells = [None if cell is None else word(cell) for cell in array.to_pylist()]
        return from_text(cells, field, type_, name)
    if pa.types.is_floating(type_) and pa.types.is_floating(array.type):
        numpy_type = array.type.to_pandas_dtype()
        cells = [None if v is None else float(str(numpy_type(v))) for v in array.to_pylist()]
        return pa.array(cells, type_)
    if array.null_count == len(array):
        return pa.nulls(len(array), type_)
    return array


def word(value):
    """A value that STILTS took for a number or a boolean, as it stood in the file."""
    return {True: "T", False: "F"}[value] if isinstance(value, bool) else str(value)
