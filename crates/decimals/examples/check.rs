//! Compares the text of every kernel with that of zmij: for all 2^32 floats, and for random doubles.
//!
//! ```text
//! cargo run --release -p taploom-decimals --example check -- f32|f64 [MILLIONS] [PART PARTS]
//! ```
//!
//! `f64` takes MILLIONS of doubles (default: 1,000): a fifth each of random bits, uniform ±1e4, uniform 0 to 1, numbers
//! of two decimals, and integers of every length. To share the work, start one process for each PART from 0 to
//! PARTS - 1; without PART and PARTS, one process does all of it. The first difference ends the check with an error.

mod random;

use std::process::ExitCode;

use random::Random;
use taploom_decimals::{Decimals, Kernel, Number, Values, Words};

const BLOCK: usize = 8192;
const WORDS: Words<'_> = Words { null: "", nan: "NaN", infinity: "inf", negative_infinity: "-inf" };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| {
        arguments.get(at).and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let millions = number(1, 1000);
    let (part, parts) = (number(2, 0), number(3, 1).max(1));
    let floats = arguments.first().is_some_and(|word| word == "f32");
    let blocks = match arguments.first().map(String::as_str) {
        Some("f32") => (1_u64 << 32).div_ceil(BLOCK as u64),
        Some("f64") => (millions * 1_000_000).div_ceil(BLOCK as u64),
        _ => {
            eprintln!("check f32|f64 [MILLIONS] [PART PARTS]");
            return ExitCode::FAILURE;
        }
    };
    let mut checker = Checker::default();
    let mut values = 0;
    for block in (part..blocks).step_by(parts as usize) {
        let found = if floats {
            let first = block as u32 * BLOCK as u32;
            checker
                .check(&(0..BLOCK as u32).map(|at| f32::from_bits(first + at)).collect::<Vec<_>>())
        } else {
            checker.check(&f64s(block))
        };
        if let Err(difference) = found {
            eprintln!("{difference}");
            return ExitCode::FAILURE;
        }
        values += BLOCK as u64;
    }
    let kernels: Vec<Kernel> = Kernel::available().collect();
    println!("{values} values of {}: {kernels:?} write the text of zmij", arguments[0]);
    ExitCode::SUCCESS
}

/// Random doubles, the same ones for a block in every run.
fn f64s(block: u64) -> Vec<f64> {
    let mut random = Random(block.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let value = |random: &mut Random| match block % 5 {
        0 => f64::from_bits(random.bits()),
        1 => (random.unit() - 0.5) * 2e4,
        2 => random.unit(),
        3 => (random.unit() * 1e6).round() / 100.0,
        _ => (random.bits() >> (random.bits() % 64)) as f64,
    };
    (0..BLOCK).map(|_| value(&mut random)).collect()
}

#[derive(Default)]
struct Checker {
    expected: Vec<u8>,
    expected_ends: Vec<usize>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Checker {
    fn check<F: Number + zmij::Float>(&mut self, column: &[F]) -> Result<(), String> {
        self.expected.clear();
        self.expected_ends.clear();
        for value in column {
            let mut buffer = zmij::Buffer::new();
            self.expected.extend_from_slice(buffer.format(*value).as_bytes());
            self.expected_ends.push(self.expected.len());
        }
        // The portable kernel calls zmij.
        for kernel in Kernel::available().filter(|kernel| *kernel != Kernel::Portable) {
            let Some(decimals) = Decimals::with_kernel(WORDS, kernel) else { continue };
            self.text.clear();
            self.ends.clear();
            decimals.append(Values::new(column), &mut self.text, &mut self.ends);
            if self.text != self.expected || self.ends != self.expected_ends {
                return Err(format!("{kernel:?}: {}", self.difference()));
            }
        }
        Ok(())
    }

    /// The first value with a different text.
    fn difference(&self) -> String {
        let mut start = 0;
        for (at, (end, expected_end)) in self.ends.iter().zip(&self.expected_ends).enumerate() {
            let expected = String::from_utf8_lossy(&self.expected[start..*expected_end]);
            let text = self.text.get(start..*end).map(String::from_utf8_lossy);
            if text.as_ref() != Some(&expected) {
                return format!("value {at} is {expected}, but written as {text:?}");
            }
            start = *end;
        }
        format!("{} ends for {} values", self.ends.len(), self.expected_ends.len())
    }
}
