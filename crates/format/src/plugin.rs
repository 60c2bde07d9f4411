//! The trait that a plug-in implements for its format, and how the format is registered.

use std::num::NonZeroU64;

use taploom_model::{Error, ErrorKind, Result, ResultSchema};

use crate::driver::Encoder;
use crate::encoder::{EncodeContext, ResultEncoder};
use crate::format_info::{EnvelopeUse, FormatInfo};
use crate::heap;
use crate::options::{FormatOptions, OptionInfo, Options};
use crate::sink::{ByteSink, Output};

/// A format in which rows can be written. Plug-ins implement this trait.
///
/// The type has no values; it only names the format. The `own-format` example in the repository is
/// a complete plug-in.
pub trait EncoderFormat: 'static {
    /// The names and abilities of the format.
    const INFO: FormatInfo;

    /// The options of the format, each with a default.
    type Options: FormatOptions;

    /// Starts one result. It makes all possible checks before it writes the first byte.
    ///
    /// `schema` is the schema of the result as it was given. The types of the batches depend on
    /// [`FormatInfo::rows`].
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedColumn`] naming a column that the format can't hold,
    /// [`ErrorKind::InvalidOption`] for options that contradict each other, [`ErrorKind::Sink`] if
    /// the header can't be written.
    fn start(
        options: &Self::Options,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Box<dyn ResultEncoder>>;

    /// The number of rows after which the output has a seam, such as the size of a row group. A table that
    /// is divided into several files is divided at seams, so that row groups stay complete. By
    /// default, `None`: a table can be divided after any row.
    fn seam_rows(options: &Self::Options) -> Option<NonZeroU64> {
        let _ = options;
        None
    }
}

/// A registered format. Made by [`register_encoder!`](crate::register_encoder), kept in a
/// [`EncoderRegistry`](crate::EncoderRegistry).
#[derive(Debug, Clone, Copy)]
pub struct EncoderPlugin {
    info: &'static FormatInfo,
    check: fn(&Options) -> Result<()>,
    options: fn() -> Vec<OptionInfo>,
    seam_rows: fn(&Options) -> Result<Option<NonZeroU64>>,
    start: StartFn,
}

type StartFn =
    fn(&Options, &ResultSchema, &EncodeContext, Output) -> Result<Box<dyn ResultEncoder>>;

impl EncoderPlugin {
    /// The plug-in of a format, whose [`FormatInfo`] is checked by the compiler:
    ///
    /// ```compile_fail
    /// # use taploom_format::*;
    /// struct Wrong;
    /// impl EncoderFormat for Wrong {
    ///     // An id is lower case.
    ///     const INFO: FormatInfo = FormatInfo::new("Wrong", "a wrong id", &["text/x-wrong"]);
    ///     type Options = NoOptions;
    ///     fn start(
    ///         _: &NoOptions,
    ///         _: &ResultSchema,
    ///         _: &EncodeContext,
    ///         _: Output,
    ///     ) -> Result<Box<dyn ResultEncoder>> {
    ///         Err(Error::new(ErrorKind::Internal, "never started"))
    ///     }
    /// }
    /// let plugin = EncoderPlugin::of::<Wrong>();
    /// ```
    pub const fn of<F: EncoderFormat>() -> Self {
        const { F::INFO.assert_sound() };
        Self {
            info: &F::INFO,
            check: |options| options.parse::<F::Options>().map(drop),
            options: Options::known::<F::Options>,
            seam_rows: |options| {
                options.parse::<F::Options>().map(|options| F::seam_rows(&options))
            },
            start: |options, schema, context, output| {
                F::start(&options.parse::<F::Options>()?, schema, context, output)
            },
        }
    }

    /// The names and abilities of the format.
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

    /// As [`EncoderFormat::seam_rows`].
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn seam_rows(&self, options: &Options) -> Result<Option<NonZeroU64>> {
        (self.seam_rows)(options).map_err(|error| error.with_format(self.info.id))
    }

    /// Starts one result, with the driver around the plug-in's encoder.
    ///
    /// # Errors
    /// As [`EncoderFormat::start`]; [`ErrorKind::InvalidOption`] for an envelope, if the format
    /// refuses one.
    pub fn start(
        &self,
        options: &Options,
        schema: &ResultSchema,
        context: &EncodeContext,
        sink: ByteSink,
    ) -> Result<Encoder> {
        if context.envelope.is_some() && self.info.envelope == EnvelopeUse::Refused {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "an envelope can't be written; formats that hold a VOTable document take one",
            )
            .with_format(self.info.id));
        }
        heap::keep();
        let start = |schema: &ResultSchema, output| (self.start)(options, schema, context, output);
        Encoder::start(self.info, schema, context, Output::new(sink), start)
    }
}

/// Registers a format: makes a `pub static` of type [`EncoderPlugin`] and hands it to every
/// [`EncoderRegistry::collected`](crate::EncoderRegistry::collected) of a program that links the
/// crate.
///
/// A program must name the crate (`use my_format as _;`); otherwise the linker leaves it out
/// without a message.
///
/// ```
/// # use taploom_format::*;
/// # pub struct MyFormat;
/// # impl EncoderFormat for MyFormat {
/// #     const INFO: FormatInfo = FormatInfo::new("my", "an example", &["text/x-my"]);
/// #     type Options = NoOptions;
/// #     fn start(
/// #         _: &NoOptions,
/// #         _: &ResultSchema,
/// #         _: &EncodeContext,
/// #         _: Output,
/// #     ) -> Result<Box<dyn ResultEncoder>> {
/// #         Err(Error::new(ErrorKind::Internal, "never started"))
/// #     }
/// # }
/// taploom_format::register_encoder!(
///     /// The plug-in of my format.
///     PLUGIN = MyFormat
/// );
/// assert!(EncoderRegistry::collected()?.plugin("my").is_some());
/// # Ok::<(), Error>(())
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
