//! Generates random tables with columns and cells that a variant can hold.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use taploom::{Datatype, Extent, VoType};
use taploom_testkit::SHAPES;
use taploom_tests::Variant;
use taploom_votable::xml_characters;

use super::option;
use super::sample::{Element, Sample, SampleColumn, vo_type};

/// Tables whose columns and cells a variant can hold.
pub(crate) fn tables(variant: &'static Variant) -> impl Strategy<Value = Sample> {
    let (before, rows, behind) = (0..3_usize, 0..=20_usize, 0..3_usize);
    let most = variant.most_columns.map_or(8, |most| most.min(8));
    (before, rows, behind, vec(any::<Index>(), 0..4)).prop_flat_map(
        move |(before, rows, behind, cuts)| {
            let columns = vec(column(variant, before + rows + behind), 1..=most);
            (columns, Just(before..before + rows), Just(cuts))
                .prop_map(|(columns, rows, cuts)| Sample { columns, rows, cuts })
        },
    )
}

fn column(variant: &'static Variant, rows: usize) -> impl Strategy<Value = SampleColumn> {
    let types = SHAPES
        .iter()
        .flat_map(|(datatype, shapes)| shapes.iter().map(move |shape| (*datatype, *shape)));
    let types = types.filter(|(datatype, shape)| !(variant.refuses)(&vo_type(*datatype, *shape)));
    let is_float = |datatype: Datatype| datatype.element().is_floating();
    (name(variant), select(types.collect::<Vec<_>>()), any::<bool>(), 0..6_u32).prop_flat_map(
        move |(name, (datatype, arraysize), nullable, odd)| {
            let vo_type = vo_type(datatype, arraysize);
            let has_null = nullable && (variant.has_null)(&vo_type);
            // VOTable writes NaN for a null float, and has nothing for other null elements. A
            // complex number is null as a whole.
            let null_elements =
                !datatype.is_complex() && (odd == 0 || is_float(datatype) || datatype.is_text());
            vec(cell(variant, &vo_type, has_null, null_elements), rows).prop_map(move |cells| {
                SampleColumn { name: name.clone(), datatype, arraysize, nullable, cells }
            })
        },
    )
}

fn name(variant: &'static Variant) -> impl Strategy<Value = String> {
    let known = ["", "ra", "ra", "Ra", "ra_2", "a b", "<a & \"b\">", "x'y,z", "#", "]]>", "null"];
    let any = vec(character(), 1..10).prop_map(String::from_iter);
    prop_oneof![select(known.to_vec()).prop_map(str::to_owned), any]
        .prop_map(move |name| readable_name(variant, name))
}

/// Avoids a quote before a slash: astropy takes it as the end of a string in a FITS header,
/// although it is doubled.
fn readable_name(variant: &Variant, name: String) -> String {
    match variant.id {
        "fits" => name.replace("'/", "'-"),
        _ => without_nul(variant, name),
    }
}

/// Avoids NUL: in the header, it makes pyarrow skip more than the header if values may have line
/// breaks.
fn without_nul(variant: &Variant, text: String) -> String {
    if matches!(variant.id, "csv" | "tsv") { text.replace('\0', "0") } else { text }
}

type Cell = Option<Vec<Option<Element>>>;

fn cell(
    variant: &'static Variant,
    vo_type: &VoType,
    has_null: bool,
    null_elements: bool,
) -> BoxedStrategy<Cell> {
    let element = element(variant, vo_type);
    let whole = if vo_type.is_list() {
        let odd = if null_elements { 1 } else { 0 };
        let element = prop_oneof![6 => element.prop_map(Some), odd => Just(None)];
        lengths(vo_type).prop_flat_map(move |length| vec(element.clone(), length)).boxed()
    } else {
        element.prop_map(|element| vec![Some(element)]).boxed()
    };
    let nulls = if has_null { 1 } else { 0 };
    prop_oneof![4 => whole.prop_map(Some), nulls => Just(None)].boxed()
}

/// Elements of a list.
fn lengths(vo_type: &VoType) -> BoxedStrategy<usize> {
    let cell = vo_type.cell();
    let dimensions = cell.dimensions().unwrap();
    if let Some(fixed) = dimensions.fixed() {
        return Just(fixed as usize).boxed();
    }
    let stride = dimensions.stride() as usize;
    let most = match dimensions.last() {
        Extent::Fixed(most) | Extent::Bounded(most) => most as usize,
        Extent::Free => 5,
    };
    (0..=most).prop_map(move |extent| extent * stride).boxed()
}

fn element(variant: &'static Variant, vo_type: &VoType) -> BoxedStrategy<Element> {
    let datatype = vo_type.datatype;
    let reserved = (variant.reserves)(datatype);
    let integers = |least: i64, most: i64| {
        let edges = select(vec![least, least + 1, (-1_i64).max(least), 0, 1, most - 1, most]);
        prop_oneof![edges, least..=most]
            .prop_map(move |value| match Some(value) == reserved {
                true if value == most => Element::Integer(value - 1),
                true => Element::Integer(value + 1),
                false => Element::Integer(value),
            })
            .boxed()
    };
    match datatype {
        Datatype::Boolean | Datatype::Bit => any::<bool>().prop_map(Element::Boolean).boxed(),
        Datatype::UnsignedByte => integers(0, u8::MAX.into()),
        Datatype::Short => integers(i16::MIN.into(), i16::MAX.into()),
        Datatype::Int => integers(i32::MIN.into(), i32::MAX.into()),
        Datatype::Long => integers(i64::MIN, i64::MAX),
        Datatype::Float | Datatype::FloatComplex => {
            let any = any::<u32>().prop_map(|bits| f64::from(f32::from_bits(bits)));
            prop_oneof![odd_floats(), any].prop_map(float).boxed()
        }
        Datatype::Double | Datatype::DoubleComplex => {
            let any = any::<u64>().prop_map(f64::from_bits);
            prop_oneof![odd_floats(), any].prop_map(float).boxed()
        }
        Datatype::Char | Datatype::UnicodeChar => text(variant, vo_type).boxed(),
    }
}

fn odd_floats() -> impl Strategy<Value = f64> {
    select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        0.1,
        1e16,
        1e22,
        5e-324,
    ])
}

/// In text, all NaNs are the same.
fn float(value: f64) -> Element {
    Element::Float(if value.is_nan() { f64::NAN } else { value })
}

/// A text within the arraysize, which counts bytes for `char` and UTF-16 units for `unicodeChar`.
fn text(variant: &'static Variant, vo_type: &VoType) -> impl Strategy<Value = Element> + use<> {
    let room = match vo_type.cell().text_length().unwrap() {
        Extent::Fixed(length) | Extent::Bounded(length) => length as usize,
        Extent::Free => usize::MAX,
    };
    let is_char = vo_type.datatype == Datatype::Char;
    let is_table_data = option(variant, "serialization") == Some("TABLEDATA");
    let is_binary = variant.id == "votable" && !is_table_data;
    let known = ["", "null", "NaN", "true", "\\N", "\"", "a,b", "007", "=1+1", " ", "]]>", "&amp;"];
    let known = select(known.to_vec()).prop_map(str::to_owned);
    let any = vec(character(), 0..14).prop_map(String::from_iter);
    prop_oneof![1 => known, 3 => any].prop_map(move |text| {
        let mut left = room;
        let text = without_nul(variant, text);
        let text = if is_table_data { xml_characters(&text).into_owned() } else { text };
        // Strings in BINARY and BINARY2 end at the first NUL: VOTable 1.4, 6.
        let text =
            if is_binary { text.split('\0').next().unwrap_or_default().to_owned() } else { text };
        let fitting = text.chars().take_while(|c| {
            let units = if is_char { c.len_utf8() } else { c.len_utf16() };
            let fits = units <= left;
            left = left.saturating_sub(units);
            fits
        });
        Element::Text(fitting.collect())
    })
}

/// Any character, and often one with a meaning in some format.
fn character() -> impl Strategy<Value = char> {
    let odd: Vec<char> =
        "\"',;:#\\/<>&[]{}()|%=+-?*@ \t\n\r\0\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\u{fffe}ü😀"
            .chars()
            .collect();
    prop_oneof![2 => select(odd), 2 => proptest::char::range('a', 'z'), 1 => any::<char>()]
}
