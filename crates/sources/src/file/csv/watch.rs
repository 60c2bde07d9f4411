//! Detects what csv-core does not report: the lines before a record, and whether a value was quoted.

/// Skips everything before a record: empty lines and comments.
pub(super) struct LineBeginning {
    comment: Option<u8>,
    pub(super) empty_lines: u64,
    in_comment: bool,
    /// Whether the last byte was a carriage return: a line feed after it belongs to the same line break.
    after_cr: bool,
    is_over: bool,
}

impl LineBeginning {
    pub(super) fn new(comment: Option<u8>, after_cr: bool) -> Self {
        Self { comment, empty_lines: 0, in_comment: false, after_cr, is_over: false }
    }

    /// How many of these bytes precede the record.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().copied().enumerate() {
            if self.is_over {
                return at;
            }
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                _ if self.in_comment => {
                    self.in_comment = byte != b'\n';
                    self.after_cr = false;
                }
                b'\n' if after_cr => {}
                b'\r' | b'\n' => self.empty_lines += 1,
                _ if Some(byte) == self.comment => self.in_comment = true,
                _ => {
                    self.is_over = true;
                    return at;
                }
            }
        }
        bytes.len()
    }
}

/// Watches the bytes of one value for quotes.
pub(super) struct QuoteTracker {
    quote: Option<u8>,
    first: Option<u8>,
    quotes: usize,
}

impl QuoteTracker {
    pub(super) fn new(quote: Option<u8>) -> Self {
        Self { quote, first: None, quotes: 0 }
    }

    /// Takes the next bytes of the value.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.first = self.first.or(bytes.first().copied());
        if self.is_quoted() {
            self.quotes += bytes.iter().filter(|byte| Some(**byte) == self.quote).count();
        }
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.quote.is_some() && self.first == self.quote
    }

    /// Whether a quote is open, that is, the number of quotes so far is odd.
    pub(super) fn is_open(&self) -> bool {
        self.quotes % 2 == 1
    }
}
