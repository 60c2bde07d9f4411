"""The tables in the files of astropy, pyvo and mocpy, as astropy and as Taploom read them.

    python corpus.py TAPLOOM

Prints, as JSON: `tables`, how many tables astropy reads; `equal`, in how many of them Taploom reads the same cells, `cells` and
`units` how many were compared;
`refused`, the other ones that Taploom does not read, with its error; `different`, with the first cell that differs;
`misbehaved`, what Taploom did wrong with files that astropy does not read.

The corpus is every file of the installed packages, within gzip or compress where there is one, that
- begins with `SIMPLE  =`: each table of a FITS file, in ASCII too. Compressed images are images;
- has the element VOTABLE at its beginning: each TABLE of a VOTable;
- begins with `# %ECSV`, or has a name with `.csv` or `.ecsv`: one table each;
- is text of a dialect of CSV that astropy's own tests read, with the facts that they give (`DIALECTS`): one table each.

Text with several spaces between its columns, or columns of fixed widths, and the formats of CDS, DAOphot, IPAC and RDB are not
CSV. A table without columns has no cells, and is not counted. mocpy has no file of these kinds today.

Where both know a unit, it is the same. Cells are the same if they differ only in what astropy's readers lose:
- null, NaN, the empty text, and an array of nothing else; spaces at the end of a text;
- in a VOTable, spaces around text, and what of it is beyond its arraysize;
- null integers in a VOTable before version 1.3, which are 0 (`zeros` in the report counts them);
- nulls in the arrays of strings of an ECSV file, which are the text None;
- null logicals in FITS, which are False: these are compared with the bytes in the file.
Elements of arrays of floats are doubles in astropy, and compared as floats.
"""

import gzip
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import pyarrow as pa
from astropy import units
from astropy.io import fits, votable
from astropy.io.ascii import ecsv
from astropy.table import Table

PACKAGES = ["astropy", "pyvo", "mocpy"]

CODE = {".py", ".pyc", ".pyi", ".pyx", ".pxd", ".so", ".c", ".h"}

# Files of astropy's tests of text, what these tests say of their dialect, and the same for Taploom.
ASCII_TESTS = "astropy/io/ascii/tests/data/"
DIALECTS = {
    "apostrophe.tab": ({"format": "ascii.tab"}, "tsv"),
    "short.tab": ({"format": "ascii.tab"}, "tsv"),
    "fill_values.txt": ({"format": "ascii.csv"}, "csv"),
    "simple2.txt": ({"format": "ascii", "delimiter": "|"}, "csv;delimiter=|;spaces=trim"),
    "simple3.txt": ({"format": "ascii", "delimiter": "|"}, "csv;delimiter=|"),
    "simple4.txt": (
        {"format": "ascii.no_header", "delimiter": "|"},
        "csv;delimiter=|;header=absent;spaces=trim",
    ),
    "simple_csv_missing.csv": ({"format": "ascii.csv"}, "csv;short=null"),
    "commented_header.dat": ({"format": "ascii.commented_header"}, "csv;delimiter= ;comment=#;names=a,b,c"),
    "commented_header2.dat": (
        {"format": "ascii.commented_header", "header_start": -1},
        "csv;delimiter= ;comment=#;names=a,b,c",
    ),
    "space_delim_no_header.dat": ({"format": "ascii.no_header"}, "csv;delimiter= ;header=absent"),
    "space_delim_no_names.dat": ({"format": "ascii.no_header"}, "csv;delimiter= ;header=absent"),
    "no_data_with_header.dat": ({"format": "ascii.basic"}, "csv;delimiter= "),
}

SECONDS = 60


def main(taploom):
    warnings.simplefilter("ignore")
    # Keeps the columns of the file, which astropy would combine to SkyCoord, Time and so on.
    ecsv.serialize._construct_mixins_from_columns = lambda table: table
    report = {"tables": 0, "equal": 0, "cells": 0, "units": 0, "zeros": 0}
    report |= {"refused": [], "different": [], "misbehaved": []}
    for name, path in files():
        beginning = beginning_of(path)
        read = reader_of(path, beginning)
        if read is None:
            continue
        try:
            tables = read(path)
        except Exception as error:  # whatever astropy says of a file that it refuses
            if message := misbehaviour(taploom, path):
                report["misbehaved"].append([name, message, one_line(error)])
            continue
        for theirs in tables:
            if not theirs.columns:
                continue
            report["tables"] += 1
            shown = name if theirs.choice is None else f"{name} {theirs.choice}"
            try:
                ours = rows_of_taploom(taploom, path, theirs)
            except Refused as error:
                report["refused"].append([shown, str(error).replace(str(path), "FILE")])
                continue
            difference = theirs.first_difference(ours)
            for counted in ("cells", "units", "zeros"):
                report[counted] += getattr(theirs, counted)
            if difference:
                report["different"].append([shown, difference])
            else:
                report["equal"] += 1
    json.dump(report, sys.stdout, indent=1)


# --- The corpus -------------------------------------------------------------------------------


def files():
    for package in PACKAGES:
        root = pathlib.Path(importlib.util.find_spec(package).origin).parent
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix not in CODE:
                yield str(path.relative_to(root.parent)), path


def beginning_of(path):
    try:
        with gzip.open(path) as file:
            return file.read(4096)
    except (OSError, EOFError):
        return path.read_bytes()[:4096]


def reader_of(path, beginning):
    if beginning.startswith(b"SIMPLE  =") or ".fits" in path.name:
        return fits_tables
    if b"<VOTABLE" in beginning or re.search(rb"<\w+:VOTABLE", beginning):
        return votable_tables
    if path.suffix in (".xml", ".vot"):
        return votable_tables
    if beginning.startswith(b"# %ECSV") or ".ecsv" in path.name:
        return ecsv_table
    if ASCII_TESTS in str(path) and path.name in DIALECTS:
        facts, dialect = DIALECTS[path.name]
        return lambda path: [OfAstropy(Table.read(path, **facts), options=["--input-format", dialect])]
    if ".csv" in path.name:
        return lambda path: [OfAstropy(Table.read(path))]
    return None


def ecsv_table(path):
    table = OfAstropy(Table.read(path, format="ascii.ecsv"))
    for column in table.columns:
        column.cells = [without_none(cell) for cell in column.cells]
    return [table]


def without_none(cell):
    return array([None if value == "None" else value for value in cell]) if isinstance(cell, list) else cell


def fits_tables(path):
    with fits.open(path, memmap=False) as document:
        hdus = [number for number, hdu in enumerate(document) if is_table(hdu)]
    return [fits_table(path, number) for number in hdus]


def fits_table(path, number):
    table = OfAstropy(Table.read(path, format="fits", hdu=number), str(number))
    with fits.open(path, memmap=False, logical_as_bytes=True) as document:
        data, columns = document[number].data, document[number].columns
        for column in columns:
            if re.fullmatch(r"[0-9]*[PQ]?L(\([0-9]*\))?", str(column.format)):
                table.column(column.name).cells = [logical(cell) for cell in data[column.name]]
    # A column without values, which Taploom leaves out with a note.
    empty = {column.name for column in columns if re.match("0[^PQ]", str(column.format))}
    table.columns = [column for column in table.columns if column.name not in empty]
    return table


def logical(cell):
    values = numpy.asarray(cell)
    letters = [{ord("T"): True, ord("F"): False}.get(byte) for byte in values.tobytes()]
    return array(letters) if values.ndim else letters[0]


def is_table(hdu):
    return isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) and not isinstance(hdu, fits.CompImageHDU)


def votable_tables(path):
    document = votable.parse(path)
    tables = [
        OfAstropy(table.to_table(), str(number))
        for number, table in enumerate(document.iter_tables(), 1)
    ]
    for table in tables:
        table.trims = True
        table.has_zeros = float(document.version) < 1.3
    return tables


# --- Taploom ----------------------------------------------------------------------------------


class Refused(Exception):
    """Taploom does not read a table."""


def run(taploom, path, *options):
    command = [taploom, "encode", str(path), "--quiet", *options]
    return subprocess.run(command, capture_output=True, timeout=SECONDS)


def rows_of_taploom(taploom, path, table):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "rows.arrow"
        which = [] if table.choice is None else ["--table", table.choice]
        ended = run(taploom, path, *which, *table.options, "-f", "arrow", "-o", str(out))
        if ended.returncode:
            raise Refused(ended.stderr.decode().strip().partition(": ")[2])
        with pa.OSFile(str(out)) as file:
            return pa.ipc.open_stream(file).read_all()


def misbehaviour(taploom, path):
    """What Taploom does wrong with a file that need not be a table."""
    ended = run(taploom, path, "-f", "arrow", "-o", "/dev/null")
    said = ended.stderr.decode(errors="replace").strip()
    if ended.returncode not in (0, 1, 2):
        return f"exit status {ended.returncode}: {said}"
    if ended.returncode and (path.name not in said or len(said.splitlines()) != 1):
        return f"the error is not one line that names the file: {said}"
    return None


# --- Cells ------------------------------------------------------------------------------------


class Column:
    """A column as astropy has it."""

    def __init__(self, name, column):
        self.name, self.unit = name, column.unit
        masked = numpy.ma.asarray(getattr(column, "value", column))
        data, hidden = numpy.ma.getdata(masked), numpy.ma.getmaskarray(masked)
        self.cells = [cell_of_astropy(cell, null) for cell, null in zip(data, hidden)]


class OfAstropy:
    """A table as astropy has it, and how Taploom is asked for it."""

    def __init__(self, table, choice=None, options=()):
        self.choice, self.options, self.rows = choice, options, len(table)
        self.columns = [Column(name, table[name]) for name in table.colnames]
        self.trims, self.has_zeros = False, False
        self.cells = self.units = self.zeros = 0

    def column(self, name):
        return next(column for column in self.columns if column.name == name)

    def first_difference(self, ours):
        if ours.num_columns != len(self.columns):
            names = [column.name for column in self.columns]
            return f"{ours.num_columns} columns {ours.column_names}, astropy {names}"
        if ours.num_rows != self.rows:
            return f"{ours.num_rows} rows, astropy {self.rows}"
        for column, field in zip(self.columns, ours.schema):
            cells = ours.column(self.columns.index(column))
            arraysize = (field.metadata or {}).get(b"vo:arraysize", b"").decode()
            most = arraysize.removesuffix("*")
            most = int(most) if self.trims and most.isdigit() else None
            is_float = pa.types.is_float32(getattr(field.type, "value_type", field.type))
            for row, (cell, other) in enumerate(zip(cells.to_pylist(), column.cells), 1):
                cell = array(cell) if isinstance(cell, list) else scalar(cell)
                if is_float:
                    other = as_float(other)
                if most and isinstance(cell, str):
                    cell = cell[:most]
                if not self.same(cell, other):
                    return f"column {column.name}, row {row}: {cell!r}, astropy {other!r}"
            self.cells += self.rows
            unit = (field.metadata or {}).get(b"vo:unit", b"").decode()
            if not unit or column.unit is None:
                continue
            self.units += 1
            if not same_unit(unit, column.unit):
                return f"column {column.name}: the unit {unit}, astropy {column.unit}"
        return None

    def same(self, ours, theirs):
        if self.trims and isinstance(ours, str):
            ours, theirs = ours.strip() or None, theirs and str(theirs).strip()
        if self.has_zeros and ours is None and theirs == 0 and type(theirs) is int:
            self.zeros += 1
            return True
        return same(ours, theirs)


def as_float(cell):
    if isinstance(cell, list):
        return [as_float(value) for value in cell]
    return cell if cell is None else float(numpy.float32(cell))


def same(left, right):
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) != isinstance(right, float):
        return False
    return left == right


def same_unit(ours, theirs):
    """By astropy's rules for the units of any format."""
    spellings = [units.Unit(ours, format=format, parse_strict="silent") for format in (None, "vounit", "cds", "ogip")]
    return ours == str(theirs) or theirs in spellings


def cell_of_astropy(cell, hidden):
    if numpy.ndim(hidden) == 0 and bool(hidden):
        return None
    if isinstance(cell, (list, tuple)):
        cell = numpy.array(cell, dtype=object)
    if isinstance(cell, numpy.ndarray):
        hidden = numpy.broadcast_to(hidden, cell.shape) | numpy.ma.getmaskarray(cell)
        values = numpy.ma.getdata(cell).reshape(-1).tolist()
        flat = []
        for value, null in zip(values, hidden.reshape(-1).tolist()):
            flat += parts(None if null else value)
        return array(flat)
    value = cell.item() if isinstance(cell, numpy.generic) else cell
    return array(parts(value)) if isinstance(value, complex) else scalar(value)


def parts(value):
    """A complex number is two numbers."""
    return [value.real, value.imag] if isinstance(value, complex) else [value]


def array(values):
    values = [scalar(value) for value in values]
    return None if all(value is None for value in values) else values


def scalar(value):
    if isinstance(value, bytes):
        value = value.decode()
    if value is None or value == "" or value != value or value is numpy.ma.masked:
        return None
    if isinstance(value, str):
        return value.rstrip(" ") or None
    return value


def one_line(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


main(sys.argv[1])
