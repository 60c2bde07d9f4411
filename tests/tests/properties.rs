//! Tables made up at random: what a reader makes of a file is what was written, but for the losses
//! that are declared; and what the readers of two formats make of one table is the same.
//!
//! Every run makes the same tables; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` make others, and more.
//! Those that failed once are kept in `properties.regressions`, and come first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, UInt8Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestError, TestRunner};
use taploom::{
    CanonicalRows, ColumnMetadata, Completion, Datatype, EncodeContext, EncodeSummary,
    EncoderPlugin, Error, ErrorKind, Extent, ResultSchema, VoType,
};
use taploom_testkit::{Oracle, SHAPES, SharedSink, Subject, Table, check_rows, nasty};
use taploom_tests::{
    Read, ReaderOracle, Readers, Request, VARIANTS, Variant, types_of, with_losses,
};
use taploom_votable::{CountOf, ReadOptions, VotableReader, xml_characters};

/// Of a variant that another program reads.
const CASES: u32 = 8;
/// Of a variant that is read in this process.
const OWN_CASES: u32 = 200;

#[test]
fn the_reader_of_every_variant_reads_what_was_written() {
    check_variants(VARIANTS.iter(), CASES, |variant, table, bytes| {
        let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
        let decoded = oracle.decode(bytes, &table.schema)?;
        let names = oracle.names(&renamed(&table.schema, |name| variant_name(variant, name)));
        check_names(&decoded.names, &names)?;
        check_rows(
            "the file",
            &oracle.comparable(decoded.rows),
            &oracle.comparable(table.expected.clone()),
        )
    });
}

#[test]
fn the_votable_reader_reads_what_was_written() {
    check_variants(Variant::of("votable"), OWN_CASES, |variant, table, bytes| {
        let count_of = match option(variant, "array_count") {
            Some("outer") => CountOf::Outer,
            _ => CountOf::Primitives,
        };
        let options = ReadOptions::default().with_count_of(count_of);
        let say = |error: Error| error.to_string();
        let mut reader = VotableReader::with_options(bytes, options).map_err(say)?;
        let mut batches = Vec::new();
        while let Some(batch) = reader.next_batch(5).map_err(say)? {
            batches.push(batch);
        }
        if let [first, ..] = reader.passed_over().as_slice() {
            return Err(format!("passed over: {first}"));
        }
        let types = types_of(&table.schema);
        if types_of(reader.schema()) != types {
            return Err(format!("read as {:?}", types_of(reader.schema())));
        }
        let names = renamed(&table.schema, |name| variant_name(variant, name));
        check_names(&names_of(reader.schema()), &names_of(&names))?;
        let rows = concat_batches(reader.schema().arrow(), &batches).map_err(|e| e.to_string())?;
        let losses = votable_losses(variant);
        check_rows(
            "the document",
            &with_losses(&rows, &types, losses),
            &with_losses(&table.expected, &types, losses),
        )
    });
}

#[test]
fn any_two_formats_hold_the_same_table() {
    let files: Vec<Held> = VARIANTS.iter().map(Held::of).collect();
    let mut compared = 0;
    for (index, one) in files.iter().enumerate() {
        for other in &files[index + 1..] {
            compared += one.check_same(other).unwrap_or_else(|why| {
                panic!("{} and {}: {why}", one.variant.name(), other.variant.name())
            });
        }
    }
    let pairs = files.len() * (files.len() - 1) / 2;
    let cells = files[0].expected.num_rows() * files[0].expected.num_columns();
    assert!(compared > pairs * cells * 3 / 4, "{compared} of {} cells compared", pairs * cells);
}

/// What VOTable itself has no mark for; in BINARY2 the least.
fn votable_losses(variant: &Variant) -> &'static [&'static str] {
    match option(variant, "serialization") {
        Some("TABLEDATA") => &[
            "null-element-is-nan",
            "null-element-is-empty",
            "trailing-spaces-in-lists-are-lost",
            "empty-list-is-null",
            "empty-string-is-null",
        ],
        Some("BINARY") => &[
            "null-element-is-nan",
            "null-element-is-empty",
            "null-is-nan",
            "null-is-empty-string",
            "null-list-is-empty",
            "null-list-is-nan",
            "null-list-is-empty-strings",
            "null-list-is-null-elements",
        ],
        _ => &["null-element-is-nan", "null-element-is-empty"],
    }
}

/// Writes tables as every variant, and reports all variants that fail.
fn check_variants(
    variants: impl Iterator<Item = &'static Variant>,
    cases: u32,
    check: impl Fn(&'static Variant, &Table, &[u8]) -> Result<(), String>,
) {
    let mut failures = Vec::new();
    for variant in variants {
        let plugin = plugin_of(variant);
        let result = runner(cases).run(&tables(variant), |sample| {
            let table = sample.table();
            match write(variant, plugin, &table, &sample.batches(&table)) {
                Ok((bytes, _)) => check(variant, &table, &bytes).map_err(TestCaseError::fail),
                Err(error) => named_null_element(&table, &error).map_err(TestCaseError::fail),
            }
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(why, sample)) => {
                failures.push(format!("{}: {why}\nof {sample:?}", variant.name()));
            }
            Err(TestError::Abort(why)) => failures.push(format!("{}: {why}", variant.name())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn runner(cases: u32) -> TestRunner {
    let persistence = FileFailurePersistence::Direct("tests/properties.regressions");
    let mut config =
        Config { failure_persistence: Some(Box::new(persistence)), ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(0);
    }
    config.max_shrink_iters = 300;
    TestRunner::new(config)
}

fn plugin_of(variant: &Variant) -> EncoderPlugin {
    let registry = taploom::registry().expect("formats of different names");
    let plugin = registry.plugins().iter().find(|plugin| plugin.info().id == variant.id);
    *plugin.unwrap_or_else(|| panic!("{} is not registered", variant.id))
}

fn option(variant: &Variant, name: &str) -> Option<&'static str> {
    variant.options.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn write(
    variant: &Variant,
    plugin: EncoderPlugin,
    table: &Table,
    batches: &[RecordBatch],
) -> taploom::Result<(Vec<u8>, EncodeSummary)> {
    let sink = SharedSink::default();
    let context = EncodeContext::default();
    let options = variant.parsed_options()?;
    let mut encoder = plugin.start(&options, &table.schema, &context, Box::new(sink.clone()))?;
    for batch in batches {
        encoder.write_batch(batch)?;
    }
    let summary = encoder.finish(Completion::Complete)?;
    Ok((sink.bytes(), summary))
}

/// A format may refuse an element that is null, where it has no mark for one, but then it has to
/// name a cell that has one; no other error is expected.
fn named_null_element(table: &Table, error: &Error) -> Result<(), String> {
    let has_null_element = || {
        let row = usize::try_from(error.row()?).ok()?.checked_sub(1)?;
        let columns = table.schema.columns().iter().zip(table.expected.columns());
        let mut columns = columns.filter(|(column, _)| Some(column.name()) == error.column());
        Some(columns.any(|(_, array)| null_elements_at(array, row)))
    };
    match error.kind() == ErrorKind::InvalidValue && has_null_element() == Some(true) {
        true => Ok(()),
        false => Err(format!("not written: {error:?}")),
    }
}

fn null_elements_at(array: &ArrayRef, row: usize) -> bool {
    array.as_list_opt::<i32>().is_some_and(|lists| {
        row < lists.len() && lists.is_valid(row) && lists.value(row).null_count() > 0
    })
}

/// The name that a column gets in a format.
fn variant_name(variant: &Variant, name: &str) -> String {
    match variant.id {
        "votable" | "voparquet" => xml_characters(name).into_owned(),
        "tsv" => name.replace(['\t', '\n', '\r'], " "),
        "ecsv" => name.replace(['\n', '\r'], " "),
        _ => name.to_owned(),
    }
}

fn renamed(schema: &ResultSchema, name: impl Fn(&str) -> String) -> ResultSchema {
    let metadata = schema
        .columns()
        .iter()
        .map(|column| ColumnMetadata { name: Some(name(column.name())), ..column.resolved() });
    ResultSchema::new(Arc::clone(schema.arrow()), metadata.collect()).expect("the same types")
}

fn names_of(schema: &ResultSchema) -> Vec<String> {
    schema.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn check_names(read: &[String], expected: &[String]) -> Result<(), String> {
    if read == expected { Ok(()) } else { Err(format!("names {read:?}, expected {expected:?}")) }
}

/// The nasty table as the first reader of a variant reads it.
struct Held {
    variant: &'static Variant,
    /// Of the columns, in the nasty table.
    positions: Vec<usize>,
    types: Vec<VoType>,
    expected: RecordBatch,
    read: Read,
}

impl Held {
    fn of(variant: &'static Variant) -> Self {
        let whole = nasty();
        let types = types_of(&whole.schema);
        let positions = (0..types.len()).filter(|index| !(variant.refuses)(&types[*index]));
        let positions: Vec<usize> = positions.collect();
        let plugin = plugin_of(variant);
        let mut oracle = ReaderOracle::new(variant, variant.readers[0]);
        let subject: Subject<'_> = variant.subject(plugin, &mut oracle).unwrap();
        let table = subject.adapt(whole).unwrap();
        assert_eq!(table.expected.num_columns(), positions.len(), "columns of {}", variant.name());
        let batch = std::slice::from_ref(&table.given);
        let (bytes, _) = write(variant, plugin, &table, batch).unwrap();
        let types = types_of(&table.schema);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let canonical = CanonicalRows::new(&table.schema).unwrap();
        let request = Request {
            reader: variant.readers[0],
            format: variant.id,
            options: variant.options,
            path: file.path(),
            schema: canonical.schema().arrow(),
            types: &types,
        };
        let read = Readers::with(|readers| readers.read(&request))
            .unwrap_or_else(|why| panic!("{}: {why}", variant.name()));
        Self { variant, positions, types, expected: table.expected, read }
    }

    /// Compares the cells that are the same in both, after what either loses; answers how many.
    fn check_same(&self, other: &Self) -> Result<usize, String> {
        let losses: Vec<&String> = self.read.losses.iter().chain(&other.read.losses).collect();
        // Twice, since what one makes a null may be one that the other makes a value.
        let lost = |held: &Self, rows: &RecordBatch| {
            let once = with_losses(rows, &held.types, &losses);
            with_losses(&once, &held.types, &losses)
        };
        let (ours, theirs) = (lost(self, &self.read.rows), lost(other, &other.read.rows));
        // A tab that is a space to one and a question mark to the other is the same to nobody.
        let told =
            |held: &Self| lost(held, &with_losses(&held.expected, &held.types, &held.read.losses));
        let (we_told, they_told) = (told(self), told(other));
        let mut compared = 0;
        for (index, position) in self.positions.iter().enumerate() {
            let Ok(place) = other.positions.binary_search(position) else { continue };
            let given = same_cells(we_told.column(index), they_told.column(place));
            compared += given.true_count();
            let name = self.expected.schema_ref().field(index).name().clone();
            let cells = |rows: &RecordBatch, index: usize| {
                let cells = filter(rows.column(index), &given).unwrap();
                RecordBatch::try_from_iter_with_nullable([(name.as_str(), cells, true)]).unwrap()
            };
            check_rows("the nasty table", &cells(&ours, index), &cells(&theirs, place))?;
        }
        Ok(compared)
    }
}

/// Where two columns have the same cell.
fn same_cells(one: &ArrayRef, other: &ArrayRef) -> BooleanArray {
    let same = |row: usize| one.slice(row, 1).to_data() == other.slice(row, 1).to_data();
    (0..one.len()).map(|row| Some(same(row))).collect()
}

/// A table with rows before and behind it, so that it is a slice of its arrays.
#[derive(Debug, Clone)]
struct Sample {
    columns: Vec<SampleColumn>,
    rows: Range<usize>,
    cuts: Vec<Index>,
}

#[derive(Debug, Clone)]
struct SampleColumn {
    name: String,
    datatype: Datatype,
    arraysize: Option<&'static str>,
    nullable: bool,
    cells: Vec<Option<Vec<Option<Element>>>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Element {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Sample {
    fn table(&self) -> Table {
        let fields = self
            .columns
            .iter()
            .map(|column| Field::new(&column.name, column.vo_type().carrier(), column.nullable));
        let arrow = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = self.columns.iter().map(SampleColumn::array).collect();
        let all = RecordBatch::try_new(Arc::clone(&arrow), arrays).unwrap();
        let given = all.slice(self.rows.start, self.rows.len());
        let metadata = self.columns.iter().map(|column| ColumnMetadata {
            datatype: Some(column.datatype),
            arraysize: column.arraysize.map(|text| text.parse().unwrap()),
            ..Default::default()
        });
        let schema = ResultSchema::new(arrow, metadata.collect()).unwrap();
        // Where no cell may be null, readers may take one for null.
        let columns = given.schema_ref().fields().iter().zip(given.columns());
        let columns = columns.map(|(field, cells)| (field.name(), Arc::clone(cells), true));
        let expected = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        Table { name: "a table made up", schema, expected, given }
    }

    fn batches(&self, table: &Table) -> Vec<RecordBatch> {
        let rows = self.rows.len();
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(rows + 1)).collect();
        cuts.extend([0, rows]);
        cuts.sort_unstable();
        cuts.windows(2).map(|cut| table.given.slice(cut[0], cut[1] - cut[0])).collect()
    }
}

impl SampleColumn {
    fn vo_type(&self) -> VoType {
        vo_type(self.datatype, self.arraysize)
    }

    fn array(&self) -> ArrayRef {
        let vo_type = self.vo_type();
        let elements = elements_of(
            self.cells.iter().flatten().flatten().map(Option::as_ref),
            &vo_type.datatype.element(),
        );
        let nulls: NullBuffer = self.cells.iter().map(Option::is_some).collect();
        if vo_type.is_list() {
            let lengths = self.cells.iter().map(|cell| cell.as_ref().map_or(0, Vec::len));
            let offsets = OffsetBuffer::from_lengths(lengths);
            let DataType::List(item) = vo_type.carrier() else { unreachable!() };
            return Arc::new(ListArray::new(item, offsets, elements, Some(nulls)));
        }
        let cells = self.cells.iter().map(|cell| cell.as_ref()?[0].as_ref());
        elements_of(cells, &vo_type.datatype.element())
    }
}

fn elements_of<'a>(
    elements: impl Iterator<Item = Option<&'a Element>>,
    data_type: &DataType,
) -> ArrayRef {
    macro_rules! array {
        ($array:ty, $variant:ident($value:ident) => $cell:expr) => {{
            let cells = elements.map(|element| match element {
                Some(Element::$variant($value)) => Some($cell),
                None => None,
                Some(other) => panic!("{other:?} among {data_type}"),
            });
            Arc::new(cells.collect::<$array>())
        }};
    }
    match data_type {
        DataType::Boolean => array!(BooleanArray, Boolean(value) => *value),
        DataType::UInt8 => array!(UInt8Array, Integer(value) => *value as u8),
        DataType::Int16 => array!(Int16Array, Integer(value) => *value as i16),
        DataType::Int32 => array!(Int32Array, Integer(value) => *value as i32),
        DataType::Int64 => array!(Int64Array, Integer(value) => *value),
        DataType::Float32 => array!(Float32Array, Float(value) => *value as f32),
        DataType::Float64 => array!(Float64Array, Float(value) => *value),
        DataType::Utf8 => array!(StringArray, Text(value) => value.as_str()),
        other => panic!("{other} carries no datatype"),
    }
}

fn vo_type(datatype: Datatype, arraysize: Option<&str>) -> VoType {
    let arraysize = arraysize.map(|text| text.parse().unwrap());
    VoType { datatype, arraysize, xtype: None }
}

/// Tables of which a variant has a place for every column and cell.
fn tables(variant: &'static Variant) -> impl Strategy<Value = Sample> {
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
            // VOTable has NaN for a null float, and nothing for others; complex numbers are whole.
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

/// A quote before a slash ends a string in a FITS header for astropy, though it is doubled.
fn readable_name(variant: &Variant, name: String) -> String {
    match variant.id {
        "fits" => name.replace("'/", "'-"),
        _ => without_nul(variant, name),
    }
}

/// A NUL in the header makes pyarrow skip more than the header, where values may have line breaks.
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

/// There is one NaN in text.
fn float(value: f64) -> Element {
    Element::Float(if value.is_nan() { f64::NAN } else { value })
}

/// As long as the arraysize takes: `char` counts bytes, `unicodeChar` units of UTF-16.
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

/// Any character, and those that mean something in some format.
fn character() -> impl Strategy<Value = char> {
    let odd: Vec<char> =
        "\"',;:#\\/<>&[]{}()|%=+-?*@ \t\n\r\0\u{1b}\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\u{fffe}ü😀"
            .chars()
            .collect();
    prop_oneof![2 => select(odd), 2 => proptest::char::range('a', 'z'), 1 => any::<char>()]
}
