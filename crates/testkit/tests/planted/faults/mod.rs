//! The faults, grouped by the promise that they break.
//!
//! Each is one line of a list: the switch, a description, the case that has to fail, and words that
//! its message has to contain.

pub(crate) mod endings;
pub(crate) mod memory;
pub(crate) mod metadata;
pub(crate) mod rows;
pub(crate) mod sinks;
pub(crate) mod starts;
pub(crate) mod state;
pub(crate) mod summary;
pub(crate) mod threads;
pub(crate) mod values;

use crate::format::Shape;

/// A fault with the case that catches it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planted {
    pub(crate) fault: Fault,
    /// A description of the fault.
    pub(crate) what: &'static str,
    /// The name of the case that fails.
    pub(crate) caught_by: &'static str,
    /// Words in the message of that case.
    pub(crate) says: &'static str,
    /// The shape of the format that has the fault.
    pub(crate) shape: Shape,
}

impl Planted {
    pub(crate) const fn in_shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }
}

pub(crate) const fn planted(
    fault: Fault,
    what: &'static str,
    caught_by: &'static str,
    says: &'static str,
) -> Planted {
    Planted { fault, what, caught_by, says, shape: Shape::Reporting }
}

/// All faults, group by group.
pub(crate) const GROUPS: &[(&str, &[Planted])] = &[
    ("rows", rows::FAULTS),
    ("values", values::FAULTS),
    ("sinks", sinks::FAULTS),
    ("threads", threads::FAULTS),
    ("state", state::FAULTS),
    ("starts", starts::FAULTS),
    ("endings", endings::FAULTS),
    ("summary", summary::FAULTS),
    ("metadata", metadata::FAULTS),
    ("memory", memory::FAULTS),
];

/// Faults that the driver makes harmless.
pub(crate) const HARMLESS: &[Planted] = sinks::HARMLESS;

macro_rules! switches {
    ($($name:ident,)*) => {
        /// The fault of an encoder; `None` is a correct encoder.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub(crate) enum Fault {
            #[default]
            None,
            $($name,)*
        }

        impl Fault {
            /// The fault with this name, which is also the name of the switch.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    "" | "None" => Some(Self::None),
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// All switches.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

switches! {
    // Rows.
    RowsAfter65000Lost, BatchesOver65536Dropped, LargeBatchesCutAt65536, LastRowOfBlockLost,
    FirstRowOfBatchTwice, BatchesOfOneRowDropped, LastRowLost, HeaderOnlyWithRows,
    ListSlicesMisread, TextSlicesMisread, BooleanSlicesMisread, NullSlicesMisread,
    ColumnsSorted, ColumnsBeyond255Lost, SameNamesMerged, NullableIgnored, NotNullableFlagged,
    BatchesOutOfStep,
    // Values.
    TextsCutAt65535, ListCountsOf16Bits, EmptyTextIsNull, NullTextIsEmpty, NanIsNull, NullIsNan,
    MinusZeroIsZero, InfinityIsLargest, SmallestLongIsClipped, NulEndsText, QuotesLost,
    LineBreaksAreSpaces, BeyondBmpReplaced, TextTrimmed, NullListIsEmpty, EmptyListIsNull,
    ValuesBeneathNulls, NullElementsLost, FloatsOfSixDigits, LongsAsDoubles, BooleansInverted,
    // Sinks.
    ShortWritesIgnored, InterruptionsAreErrors, WritesTwiceWhatIsLarge, SinkErrorsPassedOver,
    SinkErrorsMisnamed, ClosedSinksPassedOver, SinkNeverFlushed, WritesInDrop, PanicsInDrop,
    TakesRowsAfterAnError,
    // Threads.
    ThreadsReorder, ThreadsLoseTheLast, ThreadsRepeat, ThreadsOddNeverFlushed,
    ErrorsOnThreadsLost,
    // State.
    SharedBuffer, ThreadLocalBuffer, SecondStartDiffers, BufferLeftFull, RowsCountedInPlan,
    BatchesInPlan,
    // Starts.
    StartFails, OptionIgnored, WritesBeforeRefusal, RefusedTypeTaken, RefusedTypeUnnamed,
    TooManyColumnsTaken, ReservedValueTaken, NullTaken, RowOfTheBatch, EnvelopeIgnored,
    // Endings.
    PanicsAfterAnError, RubbishAfterAnError, RefusesToReportAfterAnError, MessageDropped,
    MessageCutAtMarkup, FailureSaysOk, OverflowSaysOk, CompleteSaysOverflow, RowsOfFailureLost,
    WholeWithoutFinish, PanicsInFinish, ReadsWholeWhenCut, PanicsOnWideRows,
    // Summary.
    DataBytesNothing, DataBytesAll, DataBytesOfLastBatch, DataBytesTooMany, AlteredNotCounted,
    AlteredCharactersCounted, TruncatedNotCounted, TruncatedTwice, LossesInNextColumn,
    CutSilentlyBelowSize,
    // Metadata.
    UnitsDropped, UcdsDropped, UtypesDropped, DescriptionsDropped, DescriptionsCutAtLineBreak,
    IdsDropped, RefsDropped, XtypesDropped, ArraysizesDropped, DatatypesWrong, WidthsDropped,
    PrecisionsDropped, ValuesDropped, OptionsOfValuesDropped, LinksDropped, MetadataShifted,
    NamesInLowerCase, TableNameDropped, TableDescriptionDropped, TableInfosDropped,
    TableParamsDropped, TableGroupsDropped, NestedGroupsDropped, TableLinksDropped,
    CoosysDropped, TimesysDropped, ServicesDropped, ResourceInfosDropped, DocumentDropped,
    UndeclaredKept,
    // Memory.
    NothingSaid, AllHeldNothingSaid, AllHeldAndSaid, TwiceSaid, BatchesKept, MemoryLeaked,
    MemoryLeakedOnFailure, PanicsWhenAsked, ScratchLeft, ScratchLeftOnDrop, ScratchHeld,
    ScratchLeftOnFailure,
}
