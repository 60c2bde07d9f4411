"""The VOTable documents of astropy's own tests, as astropy reads them.

    python votable_data.py FOLDER     prints where the documents are, and writes FOLDER/NAME.arrow with
                                      the rows of the first TABLE of each that astropy reads

Cells have the Arrow types in which Taploom carries them; a masked cell or element is null.
"""

import pathlib
import sys
import warnings

import numpy as np
import pyarrow as pa
from astropy.io import votable

ELEMENTS = {
    "boolean": pa.bool_(),
    "bit": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "floatComplex": pa.float32(),
    "doubleComplex": pa.float64(),
    "char": pa.string(),
    "unicodeChar": pa.string(),
}


def column(field, cells):
    """The cells of a FIELD as an Arrow array."""
    element = ELEMENTS[field.datatype]
    is_complex = field.datatype.endswith("Complex")
    is_text = element == pa.string()
    is_list = is_complex or (not is_text and field.arraysize not in (None, "1"))
    values = []
    for cell in cells:
        if is_list:
            values.append(elements(cell, is_complex))
        elif cell is np.ma.masked or (not is_text and np.ma.getmaskarray(cell).any()):
            values.append(None)
        else:
            values.append(str(cell) if is_text else np.asarray(cell).item())
    return pa.array(values, pa.list_(element) if is_list else element)


def elements(cell, is_complex):
    """The elements of an array, flat; a complex number is two."""
    if cell is np.ma.masked:
        return None
    flat = np.ma.asarray(cell).ravel()
    values = []
    for value, is_masked in zip(np.ma.getdata(flat), np.ma.getmaskarray(flat)):
        if is_complex:
            values += [None, None] if is_masked else [value.real.item(), value.imag.item()]
        else:
            values.append(None if is_masked else value.item())
    return values


def main(folder):
    data = pathlib.Path(votable.__file__).parent / "tests" / "data"
    print(data)
    warnings.simplefilter("ignore")
    for path in sorted(data.glob("*.xml")):
        try:
            table = next(votable.parse(path).iter_tables())
        except Exception as error:  # whatever astropy says of a document that it refuses
            print(f"{path.name}: {error!r}", file=sys.stderr)
            continue
        arrays = [
            column(field, table.array[name])
            for field, name in zip(table.fields, table.array.dtype.names or ())
        ]
        names = [f"c{index}" for index in range(len(arrays))]
        batch = pa.RecordBatch.from_arrays(arrays, names=names)
        with pa.ipc.new_file(pathlib.Path(folder) / f"{path.stem}.arrow", batch.schema) as file:
            file.write_batch(batch)


main(sys.argv[1])
