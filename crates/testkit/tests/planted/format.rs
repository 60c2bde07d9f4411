//! A small, correct format with a switch for each fault.
//!
//! A file is the length of a header, the header in JSON, the rows, and a trailer. A row is the letter R
//! and its cells. A cell is a flag if its field is nullable, and then the value, in the number of bytes
//! of its type. Texts and lists begin with their length in four bytes. The trailer is the letter E, the
//! number of rows, and JSON that says how the result ended.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taploom_format::{
    ColumnMetadata, Datatype, EncodeContext, EncoderFormat, EncoderPlugin, EnvelopeUse, Error,
    ErrorKind, FailureReport, FormatInfo, Output, OverflowReport, Result, ResultEncoder,
    ResultSchema, VoType,
};

use crate::encoder::PlantedEncoder;
use crate::faults::{Fault, metadata, starts, state};

/// The abilities of the format besides writing rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Failures, overflows and all metadata are in the document.
    Reporting,
    /// A result that fails is cut short.
    CutShort,
    /// Accepts unknown options.
    Lenient,
    /// Like `Reporting`, without lists of texts, with at most 40 columns, nulls of integers as a value,
    /// and without nulls of bits.
    Narrow,
    /// Like `Reporting`, without metadata.
    Bare,
}

/// The largest number of columns of [`Shape::Narrow`].
pub(crate) const NARROW_COLUMNS: usize = 40;

/// The value of [`Shape::Narrow`] that stands for null.
pub(crate) fn reserved(datatype: Datatype) -> Option<i64> {
    (datatype == Datatype::Short).then_some(-32_768)
}

/// Whether [`Shape::Narrow`] refuses a type.
pub(crate) fn is_refused(vo_type: &VoType) -> bool {
    vo_type.datatype.is_text() && vo_type.is_list()
}

/// Whether cells of a type may be null in [`Shape::Narrow`].
pub(crate) fn has_null(vo_type: &VoType) -> bool {
    vo_type.datatype != Datatype::Bit
}

impl Shape {
    pub(crate) fn plugin(self) -> EncoderPlugin {
        match self {
            Self::CutShort => EncoderPlugin::of::<CutShort>(),
            Self::Lenient => EncoderPlugin::of::<Lenient>(),
            Self::Reporting | Self::Narrow | Self::Bare => EncoderPlugin::of::<Reporting>(),
        }
    }
}

/// The options of the format.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlantedOptions {
    /// The name of the fault; none by default.
    pub(crate) fault: String,
    /// The order of the bytes of a number.
    pub(crate) order: ByteOrder,
    /// Whether there is a limit to columns, types and nulls.
    pub(crate) narrow: bool,
    /// Whether the metadata are left out.
    pub(crate) bare: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ByteOrder {
    #[default]
    Little,
    Big,
}

/// The same without a limit to what is taken.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LenientOptions {
    pub(crate) fault: String,
    pub(crate) order: ByteOrder,
}

struct Reporting;
struct CutShort;
struct Lenient;

impl EncoderFormat for Reporting {
    const INFO: FormatInfo = FormatInfo::new("planted", "a test", &["application/x-planted"])
        .with_overflow(OverflowReport::InDocument)
        .with_failure(FailureReport::InDocument)
        .with_envelope(EnvelopeUse::Written);
    type Options = PlantedOptions;

    fn start(
        options: &PlantedOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        start(options, schema, context, output, true)
    }
}

impl EncoderFormat for CutShort {
    const INFO: FormatInfo = FormatInfo::new("planted-short", "a test", &["application/x-short"])
        .with_envelope(EnvelopeUse::Written);
    type Options = PlantedOptions;

    fn start(
        options: &PlantedOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        start(options, schema, context, output, false)
    }
}

impl EncoderFormat for Lenient {
    const INFO: FormatInfo = FormatInfo::new("planted-lenient", "a test", &["application/x-any"])
        .with_envelope(EnvelopeUse::Written);
    type Options = LenientOptions;

    fn start(
        options: &LenientOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>> {
        let LenientOptions { fault, order } = options.clone();
        let options = PlantedOptions { fault, order, ..PlantedOptions::default() };
        start(&options, schema, context, output, false)
    }
}

/// The properties of a result.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) fault: Fault,
    pub(crate) order: ByteOrder,
    pub(crate) narrow: bool,
    /// Whether the trailer says how the result ended.
    pub(crate) reports: bool,
    pub(crate) columns: Vec<ColumnLayout>,
}

#[derive(Debug)]
pub(crate) struct ColumnLayout {
    pub(crate) name: String,
    pub(crate) vo_type: VoType,
    pub(crate) nullable: bool,
}

fn start(
    options: &PlantedOptions,
    schema: &ResultSchema,
    context: &EncodeContext,
    mut output: Output,
    reports: bool,
) -> Result<Box<dyn ResultEncoder>> {
    let fault = Fault::named(&options.fault)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOption, "no such fault"))?;
    starts::before(fault)?;
    let columns: Vec<ColumnLayout> = schema
        .columns()
        .iter()
        .zip(schema.arrow().fields())
        .map(|(column, field)| {
            Ok(ColumnLayout {
                name: column.name().to_owned(),
                vo_type: column.vo_type()?.clone(),
                nullable: field.is_nullable(),
            })
        })
        .collect::<Result<_>>()?;
    if options.narrow
        && let Err(refusal) = check_narrow(fault, &columns)
    {
        starts::before_refusal(fault, &mut output)?;
        return Err(refusal);
    }
    let order = starts::order(fault, options.order);
    let layout = Layout { fault, order, narrow: options.narrow, reports, columns };
    let header = header(&layout, options, schema, context)?;
    let layout = Arc::new(layout);
    let left = context.plan(&options.fault, schema, || Ok(state::Left::default()))?;
    Ok(Box::new(PlantedEncoder::start(layout, &header, left, context, output)?))
}

fn check_narrow(fault: Fault, columns: &[ColumnLayout]) -> Result<()> {
    let refused = |message: &str| Error::new(ErrorKind::UnsupportedColumn, message);
    if columns.len() > NARROW_COLUMNS && fault != Fault::TooManyColumnsTaken {
        return Err(refused("a table has at most 40 columns"));
    }
    for column in columns.iter().filter(|column| is_refused(&column.vo_type)) {
        match fault {
            Fault::RefusedTypeTaken => {}
            Fault::RefusedTypeUnnamed => return Err(refused("lists of texts can't be written")),
            _ => return Err(refused("lists of texts can't be written").with_column(&column.name)),
        }
    }
    Ok(())
}

/// The length of the header, and the header.
fn header(
    layout: &Layout,
    options: &PlantedOptions,
    schema: &ResultSchema,
    context: &EncodeContext,
) -> Result<Vec<u8>> {
    let fault = layout.fault;
    let bare = options.bare && fault != Fault::UndeclaredKept;
    let columns = schema.columns().iter().map(|column| {
        let known = column.resolved();
        let named = ColumnMetadata { name: known.name.clone(), ..ColumnMetadata::default() };
        serde_json::to_value(if bare { named } else { known })
    });
    let columns = columns.collect::<std::result::Result<Vec<_>, _>>().map_err(internal)?;
    let table = if bare { serde_json::json!({}) } else { json_of(schema.table())? };
    let nullable: Vec<bool> = layout.columns.iter().map(|column| column.nullable).collect();
    let mut document = serde_json::json!({
        "columns": columns, "table": table, "nullable": nullable,
        "big": layout.order == ByteOrder::Big,
        "envelope": starts::envelope(fault, context).map(|envelope| &envelope.header),
    });
    metadata::break_header(fault, &mut document);
    state::break_header(fault, &mut document);
    let text = serde_json::to_vec(&document).map_err(internal)?;
    let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&text);
    Ok(bytes)
}

fn json_of(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(internal)
}

pub(crate) fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "the test format is broken").with_source(cause)
}
