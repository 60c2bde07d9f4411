//! Computes minima, maxima and NaN counts for Parquet's statistics.

use arrow_buffer::ArrowNativeType;

/// Minimum, maximum and number of NaNs of some values.
pub(super) struct ValueStatistics<T> {
    /// Minimum and maximum; NaN only if every value is NaN. `None` without values.
    pub(super) extremes: Option<(T, T)>,
    /// Number of NaNs; `None` for types without NaN.
    pub(super) nans: Option<u64>,
}

impl<T> Default for ValueStatistics<T> {
    fn default() -> Self {
        Self { extremes: None, nans: None }
    }
}

impl<T: Ordered> ValueStatistics<T> {
    /// Adds the statistics of more values.
    pub(super) fn add(&mut self, other: &Self) {
        self.extremes = match (self.extremes, other.extremes) {
            (Some(one), Some(other)) => Some(match (one.0.is_nan(), other.0.is_nan()) {
                (false, true) => one,
                (true, false) => other,
                _ => {
                    let least = if one.0.is_greater(other.0) { other.0 } else { one.0 };
                    let greatest = if other.1.is_greater(one.1) { other.1 } else { one.1 };
                    (least, greatest)
                }
            }),
            (one, other) => one.or(other),
        };
        if let Some(nans) = other.nans {
            *self.nans.get_or_insert(0) += nans;
        }
    }
}

/// A type whose values have the order of Parquet's statistics, which is IEEE 754's total order for floats.
pub(super) trait Ordered: Copy {
    /// Whether the type has NaNs, which are counted.
    const HAS_NANS: bool;

    fn is_nan(self) -> bool;
    fn is_greater(self, than: Self) -> bool;

    /// The value as statistics store it.
    fn to_bytes(self) -> Vec<u8>;
}

/// A number type of Parquet.
pub(super) trait Number: Ordered + ArrowNativeType {
    /// The statistics of a slice. It is inlined into code for the instructions of a processor, so it is free of
    /// closures, which would be compiled for all processors.
    fn statistics(values: &[Self]) -> ValueStatistics<Self>;
}

macro_rules! integer {
    ($type:ty) => {
        impl Ordered for $type {
            const HAS_NANS: bool = false;

            fn is_nan(self) -> bool {
                false
            }

            fn is_greater(self, than: Self) -> bool {
                self > than
            }

            fn to_bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }

        impl Number for $type {
            #[inline(always)]
            fn statistics(values: &[Self]) -> ValueStatistics<Self> {
                let (mut least, mut greatest) = (<$type>::MAX, <$type>::MIN);
                for value in values {
                    least = least.min(*value);
                    greatest = greatest.max(*value);
                }
                let extremes = (!values.is_empty()).then_some((least, greatest));
                ValueStatistics { extremes, nans: None }
            }
        }
    };
}

integer!(i32);
integer!(i64);

macro_rules! float {
    ($type:ty, $count:ty, $lanes:literal) => {
        impl Ordered for $type {
            const HAS_NANS: bool = true;

            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }

            fn is_greater(self, than: Self) -> bool {
                self.total_cmp(&than).is_gt()
            }

            fn to_bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }

        impl Number for $type {
            #[inline(always)]
            fn statistics(values: &[Self]) -> ValueStatistics<Self> {
                type Lanes<N> = [N; $lanes];

                #[inline(always)]
                fn add(
                    values: &Lanes<$type>,
                    least: &mut Lanes<$type>,
                    greatest: &mut Lanes<$type>,
                    nans: &mut Lanes<$count>,
                ) {
                    for lane in 0..$lanes {
                        let value = values[lane];
                        // A NaN makes both comparisons false.
                        least[lane] = if value < least[lane] { value } else { least[lane] };
                        greatest[lane] =
                            if value > greatest[lane] { value } else { greatest[lane] };
                        nans[lane] += <$count>::from(value.is_nan());
                    }
                }

                #[inline(always)]
                fn contain(values: &[$type], wanted: $type) -> bool {
                    let mut any = false;
                    for value in values {
                        any |= value.to_bits() == wanted.to_bits();
                    }
                    any
                }

                let mut least = [<$type>::INFINITY; $lanes];
                let mut greatest = [<$type>::NEG_INFINITY; $lanes];
                let mut nans: [$count; $lanes] = [0; $lanes];
                let (blocks, rest) = values.as_chunks::<$lanes>();
                for block in blocks {
                    add(block, &mut least, &mut greatest, &mut nans);
                }
                let mut last = [<$type>::NAN; $lanes];
                last[..rest.len()].copy_from_slice(rest);
                add(&last, &mut least, &mut greatest, &mut nans);
                let nans: u64 = nans.into_iter().map(u64::from).sum();
                let nans = nans - ($lanes - rest.len()) as u64;
                let extremes = if nans == values.len() as u64 {
                    let all = values.iter().copied();
                    all.clone().min_by(<$type>::total_cmp).zip(all.max_by(<$type>::total_cmp))
                } else {
                    let least = least.into_iter().fold(<$type>::INFINITY, <$type>::min);
                    let greatest = greatest.into_iter().fold(<$type>::NEG_INFINITY, <$type>::max);
                    // Comparisons do not distinguish -0.0 from 0.0, so the code searches for each. Adding 0.0
                    // turns both into 0.0.
                    let negative = least == 0.0 && contain(values, -0.0);
                    let positive = greatest != 0.0 || contain(values, 0.0);
                    let least = if negative { -0.0 } else { least + 0.0 };
                    let greatest = if positive { greatest + 0.0 } else { -0.0 };
                    Some((least, greatest))
                };
                ValueStatistics { extremes, nans: (!values.is_empty()).then_some(nans) }
            }
        }
    };
}

float!(f32, u32, 16);
float!(f64, u64, 8);

impl Ordered for bool {
    const HAS_NANS: bool = false;

    fn is_nan(self) -> bool {
        false
    }

    fn is_greater(self, than: Self) -> bool {
        self & !than
    }

    fn to_bytes(self) -> Vec<u8> {
        vec![u8::from(self)]
    }
}
