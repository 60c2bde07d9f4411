"""Columns of numpy, masked or not, as Arrow arrays."""

import numpy
import pyarrow as pa

from .core import Rejected, is_list, is_text


def column_of(column, type_, name):
    """Of any shape: arrays are flattened, with the first dimension of VOTable fastest."""
    data = numpy.asarray(numpy.ma.getdata(column))
    mask = numpy.ma.getmaskarray(column)
    if is_list(type_):
        cells = [list_cell(cell, hidden, type_) for cell, hidden in zip(data, mask)]
        return pa.array(cells, type_)
    if data.ndim != 1:
        raise Rejected(f"column {name}: the reader has arrays, expected is {type_}")
    mask = mask.astype(bool)
    if is_text(type_):
        cells = [None if null else text(value) for value, null in zip(data, mask)]
        return pa.array(cells, pa.utf8())
    return pa.array(data.astype(data.dtype.newbyteorder("=")), mask=mask)


def text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def list_cell(cell, hidden, type_):
    """None where the whole is masked."""
    if numpy.ndim(hidden) == 0 and bool(hidden):
        return None
    if cell is None or cell is numpy.ma.masked:
        return None
    hidden = numpy.broadcast_to(numpy.asarray(hidden) | numpy.ma.getmaskarray(cell), numpy.shape(cell))
    values = numpy.asarray(numpy.ma.getdata(cell)).reshape(-1)
    hidden = numpy.asarray(hidden).reshape(-1)
    if len(values) and hidden.all():
        return None
    if is_text(type_.value_type):
        return [None if null else text(value) for value, null in zip(values, hidden)]
    if numpy.iscomplexobj(values):
        hidden = hidden.repeat(2)
        values = numpy.stack([values.real, values.imag], axis=-1).reshape(-1)
    check_kind(values, type_.value_type)
    return [None if null else value.item() for value, null in zip(values, hidden)]


def check_kind(values, type_):
    kinds = "b" if pa.types.is_boolean(type_) else "iu" if pa.types.is_integer(type_) else "f"
    if len(values) and values.dtype.kind not in kinds:
        raise Rejected(f"the reader has elements of {values.dtype}, expected are {type_}")
