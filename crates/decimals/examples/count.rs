//! Writes the same columns with one kernel. `cargo xtask instructions` counts what it executes; the work is the same at
//! every run.
//!
//! ```text
//! cargo run --release -p taploom-decimals --example count [portable|avx2|avx512]
//! ```
//!
//! Without the name of a kernel, the columns are made but not written.

mod random;

use std::hint::black_box;
use std::process::ExitCode;

use random::Random;
use taploom_decimals::{Decimals, Kernel, Number, Rows, Values, Words};

/// Values of a column, each in its own row.
const VALUES: usize = 4096;
/// How often each column is written.
const TIMES: usize = 20;
const WORDS: Words<'_> = Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let named = |kernel: &Kernel| Some(format!("{kernel:?}").to_lowercase()) == name;
    let kernel = Kernel::available().find(named);
    if let (Some(name), None) = (&name, kernel) {
        eprintln!(
            "{name:?} is not a kernel of this processor: {:?}",
            Kernel::available().collect::<Vec<_>>()
        );
        return ExitCode::FAILURE;
    }
    let decimals = kernel.and_then(|kernel| Decimals::with_kernel(WORDS, kernel));
    let mut random = Random(1);
    write(decimals.as_ref(), &column(|| (random.unit() - 0.5) * 2e4));
    write(decimals.as_ref(), &column(|| (random.unit() as f32 - 0.5) * 2e4));
    write(decimals.as_ref(), &column(|| (random.bits() >> (random.bits() % 64)) as i32));
    write(decimals.as_ref(), &column(|| (random.bits() >> (random.bits() % 63)) as i64));
    ExitCode::SUCCESS
}

fn column<N>(value: impl FnMut() -> N) -> Vec<N> {
    std::iter::repeat_with(value).take(VALUES).collect()
}

fn write<N: Number>(decimals: Option<&Decimals<'_>>, column: &[N]) {
    let Some(decimals) = decimals else { return };
    let mut rows = Rows::default();
    for _ in 0..TIMES {
        rows.start(VALUES, 32);
        decimals.append_to_rows(Values::new(black_box(column)), b",", &mut rows);
        black_box(rows.last());
    }
}
