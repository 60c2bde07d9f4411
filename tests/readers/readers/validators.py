"""Programs that find fault with VOTables, units and UCDs."""

import io
import os
import re
import tempfile
import warnings

from .core import Rejected, one_line
from .stilts import run_stilts


def votlint(path):
    """The complaints of `stilts votlint`, which exits with 0 whatever it finds."""
    try:
        with tempfile.TemporaryDirectory() as directory:
            out = os.path.join(directory, "out.txt")
            _, stderr = run_stilts("votlint", f"votable={path}", f"out={out}")
            with open(out, encoding="utf-8", errors="replace") as source:
                lines = source.read().splitlines() + stderr.splitlines()
    except Rejected as error:
        return [one_line(error)]
    return [line for line in lines if re.match(r"(WARNING|ERROR|FATAL)\b", line)]


def astropy_validator(path):
    """The warnings and errors of astropy's parser, which its validator reports."""
    import astropy.io.votable

    with open(path, "rb") as source:
        data = source.read()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            astropy.io.votable.parse(io.BytesIO(data), verify="warn")
        except Exception as error:
            return [one_line(error)]
    return [one_line(warning.message) for warning in caught]


def xml_schema(path):
    """What `xmllint` says by the XML Schema of the document's version, which astropy has with it."""
    from astropy.io.votable import xmlutil

    with open(path, encoding="utf-8") as source:
        version = re.search(r'<VOTABLE[^>]*\bversion="([^"]*)"', source.read(4096)).group(1)
    code, _, messages = xmlutil.validate_schema(path, version)
    lines = messages.decode("utf-8", "replace").splitlines()
    return [line for line in lines if not line.endswith("validates")] if code else []


def vocabulary(columns):
    """Units that VOUnits does not have, and UCDs that are no words of UCD1+."""
    from astropy import units
    from astropy.io.votable.ucd import parse_ucd

    messages = []
    for column in columns:
        if column.get("unit"):
            try:
                units.Unit(column["unit"], format="vounit", parse_strict="raise")
            except Exception as error:
                messages.append(f"unit {column['unit']!r}: {one_line(error)}")
        if column.get("ucd"):
            try:
                parse_ucd(column["ucd"], check_controlled_vocabulary=True, has_colon=True)
            except Exception as error:
                messages.append(f"UCD {column['ucd']!r}: {one_line(error)}")
    return messages
