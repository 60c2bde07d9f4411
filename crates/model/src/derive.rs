//! Derives the datatype, arraysize and xtype of a column from its Arrow type and the given metadata.

use arrow_schema::{DataType, Field};

use crate::arraysize::{Arraysize, Extent};
use crate::arrow_type::{Nesting, derive_element, unit_of};
use crate::column::Column;
use crate::datatype::Datatype;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::ColumnMetadata;
use crate::vo_type::VoType;

/// A column without given metadata.
pub(crate) fn derived(field: &Field) -> Column {
    let vo_type = derive(field.data_type());
    let unit = vo_type.as_ref().and_then(|vo_type| unit_of(field.data_type(), vo_type.datatype));
    Column {
        name: field.name().clone(),
        vo_type,
        data_type: field.data_type().clone(),
        metadata: ColumnMetadata { unit: unit.map(str::to_owned), ..Default::default() },
    }
}

/// A column with given metadata; what is not given is derived.
pub(crate) fn resolve(field: &Field, mut metadata: ColumnMetadata) -> Result<Column> {
    let nesting = Nesting::of(field.data_type());
    let vo_type = vo_type(&nesting, &metadata)?;
    if let Some(vo_type) = &vo_type {
        check_null_value(vo_type.datatype, metadata.null_value.as_deref())?;
        if metadata.unit.is_none() {
            let unit = unit_of(field.data_type(), vo_type.datatype);
            metadata.unit = unit.map(str::to_owned);
        }
    }
    let name = metadata.name.take().unwrap_or_else(|| field.name().clone());
    Ok(Column { name, vo_type, data_type: field.data_type().clone(), metadata })
}

fn vo_type(nesting: &Nesting<'_>, metadata: &ColumnMetadata) -> Result<Option<VoType>> {
    let element = derive_element(nesting.leaf);
    let datatype = match (metadata.datatype, &element) {
        (Some(datatype), _) => {
            check_leaf(nesting, datatype)?;
            datatype
        }
        (None, Some(element)) => element.datatype,
        (None, None) => return Ok(None),
    };
    let length = element.as_ref().and_then(|element| element.length);
    let is_list = !nesting.levels.is_empty();
    let arraysize = match &metadata.arraysize {
        // Many documents write arraysize 1 for a scalar.
        Some(shape)
            if (!is_list || datatype.is_complex()) && !datatype.is_text() && shape.is_one() =>
        {
            None
        }
        Some(shape) => Some(shape.clone()),
        None if is_list => {
            let derived = nesting.shape(if datatype.is_text() { length } else { None });
            match derived {
                Some(_) if datatype.is_text() && length.is_none() => return Ok(None),
                None => return Ok(None),
                Some(shape) if datatype.is_complex() => complex_shape(&shape)?,
                shape => shape,
            }
        }
        // A text with a given datatype and no arraysize is one character; VOTable 1.4, 2.2.
        None if metadata.datatype.is_none() && datatype.is_text() => Some(Arraysize::FREE),
        None => None,
    };
    // A timestamp keeps its xtype with both text datatypes.
    let xtype = element.filter(|_| datatype.is_text()).and_then(|element| element.xtype);
    let xtype = metadata.xtype.clone().or_else(|| xtype.map(str::to_owned));
    let vo_type = VoType { datatype, arraysize, xtype };
    check_shape(nesting, &vo_type)?;
    Ok(Some(vo_type))
}

/// Checks that lists, and only lists, have an arraysize of a list, and one that fits their lengths.
fn check_shape(nesting: &Nesting<'_>, vo_type: &VoType) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
    let is_list = !nesting.levels.is_empty();
    if is_list != vo_type.is_list() {
        return wrong(match (is_list, vo_type.datatype.is_text()) {
            (true, true) => format!(
                "{vo_type} is one string, and the cells are lists; give an arraysize such as 20x*"
            ),
            (true, false) => format!("{vo_type} is one value, and the cells are lists"),
            (false, _) => format!("{vo_type} needs a list column; this one holds single values"),
        });
    }
    let levels: Option<Vec<u32>> = nesting.levels.iter().copied().collect();
    let given = levels.map(|levels| {
        levels.iter().fold(1_u64, |product, length| product.saturating_mul(u64::from(*length)))
    });
    match given.filter(|given| is_list && !vo_type.takes(*given)) {
        Some(given) => wrong(format!("{vo_type} does not fit lists of {given} elements")),
        None => Ok(()),
    }
}

/// The arraysize of complex numbers in lists of floats: the first dimension is the pair, or the only
/// dimension counts both halves.
fn complex_shape(shape: &Arraysize) -> Result<Option<Arraysize>> {
    if shape.inner().first() == Some(&2) {
        return Ok(shape.without_first());
    }
    match shape.last() {
        Extent::Fixed(2) if shape.inner().is_empty() => Ok(None),
        Extent::Fixed(n) if shape.inner().is_empty() && n % 2 == 0 => {
            Ok(Some(Arraysize::of(Vec::new(), Extent::Fixed(n / 2))))
        }
        Extent::Free if shape.inner().is_empty() => Ok(Some(Arraysize::FREE)),
        _ => Err(Error::new(
            ErrorKind::InvalidRequest,
            format!("lists of arraysize {shape} are not pairs of floats, as complex numbers need"),
        )),
    }
}

/// The VOTable type of an Arrow type, or `None` if VOTable has no such type.
fn derive(data_type: &DataType) -> Option<VoType> {
    // Without metadata nothing can contradict the type.
    vo_type(&Nesting::of(data_type), &ColumnMetadata::default()).ok().flatten()
}

/// Checks that elements of an Arrow type can be converted to the given datatype. Numbers can be widened
/// and narrowed (each cell is checked later), and any scalar can become text.
fn check_leaf(nesting: &Nesting<'_>, to: Datatype) -> Result<()> {
    let from = nesting.leaf;
    let is_duration = matches!(from, DataType::Duration(_));
    let fits = match to {
        // Bytes do not become text, because their character set is unknown.
        Datatype::Char | Datatype::UnicodeChar => derive_element(from).is_some(),
        Datatype::Boolean | Datatype::Bit => *from == DataType::Boolean,
        Datatype::Long => from.is_integer() || is_duration,
        Datatype::UnsignedByte | Datatype::Short | Datatype::Int => from.is_integer(),
        Datatype::Float | Datatype::Double => from.is_integer() || from.is_floating(),
        Datatype::FloatComplex | Datatype::DoubleComplex => {
            from.is_floating() && !nesting.levels.is_empty()
        }
    };
    if fits || *from == DataType::Null {
        return Ok(());
    }
    let message = match to.is_complex() && from.is_floating() {
        true => format!("datatype {to} needs lists of floats, two for each number"),
        false => format!("datatype {to} does not fit Arrow type {from}"),
    };
    Err(Error::new(ErrorKind::InvalidRequest, message))
}

/// Checks that VALUES null is a value of the datatype; VOTable 1.4, 4.7.
fn check_null_value(datatype: Datatype, null: Option<&str>) -> Result<()> {
    let Some(null) = null else { return Ok(()) };
    let fits = match datatype {
        Datatype::UnsignedByte => null.parse::<u8>().is_ok(),
        Datatype::Short => null.parse::<i16>().is_ok(),
        Datatype::Int => null.parse::<i32>().is_ok(),
        Datatype::Long => null.parse::<i64>().is_ok(),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let message = format!("the null value {null:?} is not of type {datatype}");
    Err(Error::new(ErrorKind::InvalidRequest, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::TimeUnit;

    use crate::vo_type::list_item;

    fn list(item: DataType) -> DataType {
        DataType::List(list_item(item))
    }

    fn fixed(item: DataType, length: i32) -> DataType {
        DataType::FixedSizeList(list_item(item), length)
    }

    fn shown(data_type: &DataType) -> Option<String> {
        derive(data_type).map(|vo_type| vo_type.to_string())
    }

    #[test]
    fn shapes_are_those_of_the_lists() {
        use DataType::{Binary, FixedSizeBinary, Float64, Int32, UInt64, Utf8};
        for (data_type, expected) in [
            (list(Int32), Some("int of arraysize *")),
            (fixed(Int32, 3), Some("int of arraysize 3")),
            (list(fixed(Float64, 3)), Some("double of arraysize 3x*")),
            (fixed(fixed(Float64, 3), 4), Some("double of arraysize 3x4")),
            (Binary, Some("unsignedByte of arraysize *")),
            (list(FixedSizeBinary(16)), Some("unsignedByte of arraysize 16x*")),
            (list(UInt64), Some("char of arraysize 20x*")),
            (
                list(DataType::Timestamp(TimeUnit::Microsecond, None)),
                Some("char of arraysize 26x*"),
            ),
            (list(list(Int32)), None),
            (list(Utf8), None),
            (DataType::Struct(vec![Field::new("a", Int32, true)].into()), None),
            (DataType::Dictionary(Int32.into(), Utf8.into()), Some("unicodeChar of arraysize *")),
        ] {
            assert_eq!(shown(&data_type).as_deref(), expected, "{data_type}");
        }
    }

    #[test]
    fn what_is_given_decides_where_it_fits() {
        use DataType::{Boolean, Float32, Float64, Int32, Utf8};
        let case = |data_type: &DataType, datatype: &str, arraysize: Option<&str>| {
            let json = serde_json::json!({"datatype": datatype, "arraysize": arraysize});
            let metadata = serde_json::from_value(json).unwrap();
            let column = resolve(&Field::new("x", data_type.clone(), true), metadata);
            column.and_then(|column| column.vo_type().map(ToString::to_string))
        };
        for (data_type, datatype, arraysize, expected) in [
            (list(Utf8), "char", Some("8x*"), "char of arraysize 8x*"),
            (list(list(Float64)), "double", Some("3x*"), "double of arraysize 3x*"),
            (fixed(Float32, 2), "floatComplex", None, "floatComplex"),
            (list(Float32), "floatComplex", Some("1"), "floatComplex"),
            (list(Float32), "doubleComplex", None, "doubleComplex of arraysize *"),
            (fixed(fixed(Float64, 2), 5), "doubleComplex", None, "doubleComplex of arraysize 5"),
            (fixed(Float64, 12), "doubleComplex", Some("2x3"), "doubleComplex of arraysize 2x3"),
            (list(Float64), "doubleComplex", Some("1"), "doubleComplex"),
            (list(Boolean), "bit", Some("9"), "bit of arraysize 9"),
            (Boolean, "bit", None, "bit"),
            (Int32, "int", Some("1"), "int"),
        ] {
            assert_eq!(case(&data_type, datatype, arraysize).unwrap(), expected, "{data_type}");
        }
        for (data_type, datatype, arraysize) in [
            (list(Utf8), "char", Some("8")),
            (Utf8, "char", Some("8x3")),
            (Int32, "int", Some("3")),
            (Float32, "floatComplex", None),
            (fixed(Float32, 3), "floatComplex", None),
            (fixed(Int32, 3), "int", Some("4")),
            (DataType::Binary, "char", Some("*")),
        ] {
            let error = case(&data_type, datatype, arraysize).unwrap_err();
            let known =
                matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::UnsupportedColumn);
            assert!(known, "{data_type}: {error}");
        }
    }

    #[test]
    fn a_duration_has_the_unit_of_its_type() {
        let column = derived(&Field::new("d", DataType::Duration(TimeUnit::Microsecond), true));
        assert_eq!(column.metadata().unit.as_deref(), Some("us"));
        assert_eq!(column.vo_type().unwrap().datatype, Datatype::Long);
    }
}
