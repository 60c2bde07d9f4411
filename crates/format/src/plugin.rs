//! What a plug-in says of its format, and how it is registered.

use arrow_array::RecordBatch;

use crate::encoder::{EncodeContext, EncodeSummary, ResultEncoder};
use taploom_model::Completion;

use crate::heap;
use crate::options::{FormatOptions, OptionInfo, Options};
use crate::sink::ByteSink;
use taploom_model::ResultSchema;
use taploom_model::{Error, ErrorKind, Result};

/// A format that rows can be written in; what a plug-in implements.
///
/// The type itself carries no value: it names the format. The `own-format` example in the
/// repository is a whole plug-in.
pub trait EncoderFormat: 'static {
    /// What the format is called and what it can do.
    const INFO: FormatInfo;

    /// Its options, each with a default.
    type Options: FormatOptions;

    /// Starts one result. Checks all that can be checked before it writes the first byte.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming a column that the format can't hold,
    /// [`ErrorKind::InvalidOption`] for options that contradict each other,
    /// [`ErrorKind::Sink`] where the header can't be written.
    fn start(
        options: &Self::Options,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>>;
}

/// A format's names and abilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatInfo {
    /// Its id: lower case, unique, the same for ever.
    pub id: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// Media types without parameters, the preferred one first.
    pub media_types: &'static [&'static str],
    /// Short names for RESPONSEFORMAT, each with the media type that it stands for, parameters
    /// (which are options) included; DALI 1.1, 3.4.3.
    pub short_names: &'static [(&'static str, &'static str)],
    /// Ids of TAPRegExt 1.0, 2.4.1, each with the media type that it stands for; may be none.
    pub output_ids: &'static [(&'static str, &'static str)],
    /// File name extensions without the dot, the preferred one first.
    pub extensions: &'static [&'static str],
    /// Whether the output is text that may be shown on a terminal.
    pub content: Content,
    /// How a reader learns that rows were left out.
    pub overflow: OverflowReport,
    /// How a reader learns that the result failed half-way.
    pub failure: FailureReport,
    /// What becomes of an [`Envelope`](crate::Envelope).
    pub envelope: EnvelopeUse,
}

/// Whether people can read the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// UTF-8.
    Text,
    /// Anything else.
    Binary,
}

/// How a reader learns that rows beyond MAXREC were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverflowReport {
    /// The document says so.
    InDocument,
    /// The format has no place for it; whoever sends the file has to say so beside it.
    None,
}

/// How a reader learns that the result failed after the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReport {
    /// The trailer says so; the document is well-formed.
    InDocument,
    /// The file ends early, so that it can't be read as a whole one.
    CutShort,
}

/// What a format makes of an [`Envelope`](crate::Envelope).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeUse {
    /// It is written as it is given.
    Written,
    /// There is no place for it: giving one is an error.
    Refused,
}

/// A registered format. Made by [`register_encoder!`](crate::register_encoder), kept in a
/// [`EncoderRegistry`](crate::EncoderRegistry).
#[derive(Debug, Clone, Copy)]
pub struct EncoderPlugin {
    info: &'static FormatInfo,
    check: fn(&Options) -> Result<()>,
    options: fn() -> Vec<OptionInfo>,
    start: StartFn,
}

type StartFn =
    fn(&Options, &ResultSchema, &EncodeContext, ByteSink) -> Result<Box<dyn ResultEncoder>>;

impl EncoderPlugin {
    /// The plug-in of a format.
    pub const fn of<F: EncoderFormat>() -> Self {
        Self {
            info: &F::INFO,
            check: |options| options.parse::<F::Options>().map(drop),
            options: Options::known::<F::Options>,
            start: |options, schema, context, sink| {
                F::start(&options.parse::<F::Options>()?, schema, context, sink)
            },
        }
    }

    /// What the format is called and what it can do.
    pub fn info(&self) -> &'static FormatInfo {
        self.info
    }

    /// The options of the format.
    pub fn options(&self) -> Vec<OptionInfo> {
        (self.options)()
    }

    /// Checks options without starting anything.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`] naming the option and what would be right.
    pub fn check(&self, options: &Options) -> Result<()> {
        (self.check)(options).map_err(|error| error.with_format(self.info.id))
    }

    /// Starts one result, in a guard that keeps the contract for the plug-in: errors name the
    /// format, and nothing follows an error but the report of a failure.
    ///
    /// # Errors
    /// As [`EncoderFormat::start`].
    pub fn start(
        &self,
        options: &Options,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Box<dyn ResultEncoder>> {
        let id = self.info.id;
        if context.envelope.is_some() && self.info.envelope == EnvelopeUse::Refused {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "an envelope can't be written; formats that hold a VOTable document take one",
            )
            .with_format(id));
        }
        heap::keep();
        let inner =
            (self.start)(options, schema, context, sink).map_err(|error| error.with_format(id))?;
        Ok(Box::new(Guard { id, inner, broken: false }))
    }
}

struct Guard {
    id: &'static str,
    inner: Box<dyn ResultEncoder>,
    broken: bool,
}

impl ResultEncoder for Guard {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.broken {
            return Err(after_an_error(self.id));
        }
        self.inner.write_batch(batch).map_err(|error| {
            self.broken = true;
            error.with_format(self.id)
        })
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<EncodeSummary> {
        if self.broken && !matches!(completion, Completion::Failed { .. }) {
            return Err(after_an_error(self.id));
        }
        let id = self.id;
        self.inner.finish(completion).map_err(|error| error.with_format(id))
    }

    fn buffered_bytes(&self) -> usize {
        self.inner.buffered_bytes()
    }
}

fn after_an_error(id: &str) -> Error {
    Error::new(
        ErrorKind::Misuse,
        "rows were given to an encoder after it had failed; only Completion::Failed may follow",
    )
    .with_format(id)
}

/// Registers a format: makes a `pub static` of type [`EncoderPlugin`] and hands it to every
/// [`EncoderRegistry::collected`](crate::EncoderRegistry::collected) of a program that links the
/// crate.
///
/// A program must name the crate, else the linker leaves it out, silently: `use my_format as _;`.
///
/// ```ignore
/// taploom_format::register_encoder!(
///     /// The plug-in of my format.
///     PLUGIN = MyFormat
/// );
/// ```
#[macro_export]
macro_rules! register_encoder {
    ($(#[$attribute:meta])* $name:ident = $format:ty) => {
        $(#[$attribute])*
        pub static $name: $crate::EncoderPlugin = $crate::EncoderPlugin::of::<$format>();
        $crate::__inventory::submit! { $crate::EncoderPlugin::of::<$format>() }
    };
}

inventory::collect!(EncoderPlugin);
