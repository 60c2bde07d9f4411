//! What a result leaves for the next results of the same process.
//!
//! # The problem
//! A service answers thousands of small queries. To start a result of ten rows and a thousand columns, an encoder
//! chooses a writer for each column, writes a header with a FIELD for each, and allocates its buffers. Most of this
//! depends only on the options and on the schema, and services send results with the same schema again and again.
//!
//! # The idea
//! An [`EncodeContext`](crate::EncodeContext) keeps *plans*: values that are worked out once for a schema and options,
//! and that do not change while rows are written. A plan can hold a [`Spare`], in which an encoder leaves its buffers
//! at its end. Clones of the context share both, so all results of one [`EncoderSpec`](crate::EncoderSpec) do.
//!
//! # The limits
//! A context keeps the plans that were used last, [`MOST_PLANS`] of them, and buffers of at most a quarter of the
//! memory budget. Both are released with the last clone of the context.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_schema::SchemaRef;
use taploom_model::{Envelope, Resources, Result, ResultSchema};

/// The number of plans that a context keeps. A result uses one of the driver and one of its plug-in.
const MOST_PLANS: usize = 16;

/// The divisor of the memory budget that gives the buffers which may wait for further results.
const PART_OF_MEMORY: usize = 4;

/// Plans, and the bytes of all buffers that wait in a [`Spare`].
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The plan that was used last is at the end.
    plans: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    spare_bytes: Arc<AtomicUsize>,
}

/// A plan, and everything that it may depend on.
struct Planned<O, P> {
    options: O,
    schema: ResultSchema,
    envelope: Option<Envelope>,
    memory_budget: usize,
    threads: usize,
    plan: Arc<P>,
}

impl Kept {
    /// As [`EncodeContext::plan`](crate::EncodeContext::plan).
    pub(crate) fn plan<O, P>(
        &self,
        options: &O,
        schema: &ResultSchema,
        envelope: Option<&Envelope>,
        resources: &Resources,
        make: impl FnOnce() -> Result<P>,
    ) -> Result<Arc<P>>
    where
        O: PartialEq + Clone + Send + Sync + 'static,
        P: Send + Sync + 'static,
    {
        let find = || {
            // Schemas that are equal but not shared take some time to compare, so no lock is held meanwhile.
            let plans = lock(&self.0.plans).clone();
            plans.iter().rev().find_map(|any| {
                let planned = any.downcast_ref::<Planned<O, P>>()?;
                let is_same = planned.memory_budget == resources.memory_budget
                    && planned.threads == resources.threads
                    && planned.options == *options
                    && planned.envelope.as_ref() == envelope
                    && is_same_schema(&planned.schema, schema);
                is_same.then(|| (Arc::clone(any), Arc::clone(&planned.plan)))
            })
        };
        let (used, plan) = match find() {
            Some(found) => found,
            None => {
                let plan = Arc::new(make()?);
                // Another thread may have made it in the meantime.
                find().unwrap_or_else(|| {
                    let planned = Planned {
                        options: options.clone(),
                        schema: schema.clone(),
                        envelope: envelope.cloned(),
                        memory_budget: resources.memory_budget,
                        threads: resources.threads,
                        plan: Arc::clone(&plan),
                    };
                    (Arc::new(planned), plan)
                })
            }
        };
        // A plan that leaves may own much, so it is dropped without the lock.
        let _left = self.use_last(used);
        Ok(plan)
    }

    /// Puts a plan at the end; returns the one that has to leave for it.
    fn use_last(&self, used: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn Any + Send + Sync>> {
        let mut plans = lock(&self.0.plans);
        match plans.iter().position(|plan| Arc::ptr_eq(plan, &used)) {
            Some(place) => {
                plans[place..].rotate_left(1);
                None
            }
            None => {
                plans.push(used);
                (plans.len() > MOST_PLANS).then(|| plans.remove(0))
            }
        }
    }

    pub(crate) fn spare<T>(
        &self,
        resources: &Resources,
        bytes_of: impl Fn(&T) -> usize + Send + Sync + 'static,
    ) -> Spare<T> {
        Spare {
            waiting: Mutex::default(),
            bytes_of: Box::new(bytes_of),
            bytes_of_all: Arc::clone(&self.0.spare_bytes),
            most_bytes: resources.memory_budget / PART_OF_MEMORY,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("plans", &lock(&self.0.plans).len())
            .field("spare_bytes", &self.0.spare_bytes.load(Ordering::Relaxed))
            .finish()
    }
}

/// Buffers that finished results have left, and that later results use again; made by
/// [`EncodeContext::spare`](crate::EncodeContext::spare).
///
/// A buffer may contain bytes of the result that left it, so an encoder has to overwrite everything that it hands to
/// the sink. An encoder leaves no buffer after an error, because the state of the buffer is unknown then.
pub struct Spare<T> {
    waiting: Mutex<Vec<(T, usize)>>,
    bytes_of: Box<dyn Fn(&T) -> usize + Send + Sync>,
    bytes_of_all: Arc<AtomicUsize>,
    most_bytes: usize,
}

impl<T> Spare<T> {
    /// Takes a buffer that a finished result has left.
    pub fn take(&self) -> Option<T> {
        let (buffer, bytes) = lock(&self.waiting).pop()?;
        self.bytes_of_all.fetch_sub(bytes, Ordering::Relaxed);
        Some(buffer)
    }

    /// Leaves a buffer for later results, or drops it if enough are waiting.
    pub fn put(&self, buffer: T) {
        let bytes = (self.bytes_of)(&buffer);
        let room =
            |waiting: usize| waiting.checked_add(bytes).filter(|all| *all <= self.most_bytes);
        let order = Ordering::Relaxed;
        if self.bytes_of_all.fetch_update(order, order, room).is_ok() {
            lock(&self.waiting).push((buffer, bytes));
        }
    }
}

impl<T> Drop for Spare<T> {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

impl<T> fmt::Debug for Spare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").field("waiting", &lock(&self.waiting).len()).finish_non_exhaustive()
    }
}

/// Whether two schemas are the same for every format. Arrow's comparison passes over the order of dictionaries, which an
/// Arrow stream declares.
fn is_same_schema(one: &ResultSchema, other: &ResultSchema) -> bool {
    let (first, second) = (one.arrow(), other.arrow());
    let orders = |schema: &SchemaRef| -> Vec<Option<bool>> {
        schema.flattened_fields().iter().map(|field| field.dict_is_ordered()).collect()
    };
    one == other && (Arc::ptr_eq(first, second) || orders(first) == orders(second))
}

/// Every change is complete before the lock is given back, so a panic of another thread does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, Schema};
    use taploom_model::{Error, ErrorKind};

    use super::*;
    use crate::encoder::EncodeContext;

    fn schema(name: &str) -> ResultSchema {
        let field = Field::new(name, DataType::Int32, true);
        ResultSchema::derived(Arc::new(Schema::new(vec![field])))
    }

    /// The plan for some options and a schema; `made` counts the plans that were made.
    fn plan(context: &EncodeContext, options: u8, name: &str, made: &AtomicUsize) -> usize {
        let make = || Ok(made.fetch_add(1, Ordering::Relaxed));
        *context.plan(&options, &schema(name), make).unwrap()
    }

    #[test]
    fn a_plan_is_made_once_for_everything_that_it_may_depend_on() {
        let made = AtomicUsize::new(0);
        let context = EncodeContext::default();
        assert_eq!(plan(&context, 1, "a", &made), 0);
        assert_eq!(plan(&context, 1, "a", &made), 0);
        assert_eq!(plan(&context.clone(), 1, "a", &made), 0, "clones share it");
        assert_eq!(plan(&context, 2, "a", &made), 1, "other options");
        assert_eq!(plan(&context, 1, "b", &made), 2, "another schema");
        let mut other = context.clone();
        other.resources.threads = 2;
        assert_eq!(plan(&other, 1, "a", &made), 3, "other resources");
        other.resources.memory_budget = 1 << 20;
        assert_eq!(plan(&other, 1, "a", &made), 4);
        let envelope = Envelope {
            header: "<VOTABLE>".into(),
            footer: "</VOTABLE>".into(),
            footer_overflow: "</VOTABLE>".into(),
        };
        assert_eq!(plan(&context.clone().with_envelope(envelope), 1, "a", &made), 5);
        assert_eq!(plan(&context, 1, "a", &made), 0);
        assert_eq!(plan(&EncodeContext::default(), 1, "a", &made), 6, "nothing is shared");
        let text = context.plan(&1_u8, &schema("a"), || Ok("another type")).unwrap();
        assert_eq!(*text, "another type");
    }

    #[test]
    fn an_ordered_dictionary_is_another_schema() {
        let context = EncodeContext::default();
        let made = AtomicUsize::new(0);
        let plan = |is_ordered| {
            let words = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
            let field = Field::new("a", words, true).with_dict_is_ordered(is_ordered);
            let list = Field::new("list", DataType::List(Arc::new(field)), true);
            let schema = ResultSchema::derived(Arc::new(Schema::new(vec![list])));
            *context.plan(&(), &schema, || Ok(made.fetch_add(1, Ordering::Relaxed))).unwrap()
        };
        assert_eq!([plan(false), plan(true), plan(false), plan(true)], [0, 1, 0, 1]);
    }

    #[test]
    fn a_plan_that_was_made_twice_is_kept_once() {
        let context = EncodeContext::default();
        let outer = context.plan(&(), &schema("a"), || {
            // Another thread is faster.
            assert_eq!(*context.plan(&(), &schema("a"), || Ok(1_u8)).unwrap(), 1);
            Ok(2_u8)
        });
        assert_eq!(*outer.unwrap(), 1);
    }

    #[test]
    fn an_error_is_not_kept() {
        let context = EncodeContext::default();
        let failed =
            context.plan(&(), &schema("a"), || Err::<u8, _>(Error::new(ErrorKind::Internal, "no")));
        assert!(failed.is_err());
        assert_eq!(*context.plan(&(), &schema("a"), || Ok(7_u8)).unwrap(), 7);
    }

    #[test]
    fn the_plans_that_were_used_last_are_kept() {
        let made = AtomicUsize::new(0);
        let context = EncodeContext::default();
        for number in 0..MOST_PLANS as u8 {
            plan(&context, number, "a", &made);
        }
        assert_eq!(plan(&context, 0, "a", &made), 0, "it was used again");
        plan(&context, 100, "a", &made);
        assert_eq!(plan(&context, 0, "a", &made), 0);
        assert_eq!(plan(&context, 1, "a", &made), MOST_PLANS + 1, "it had to leave");
    }

    #[test]
    fn buffers_wait_up_to_a_quarter_of_the_memory() {
        let resources = Resources::default().with_memory_budget(400);
        let context = EncodeContext::from(resources);
        let [one, other] = [(); 2].map(|()| context.spare(Vec::<u8>::capacity));
        one.put(Vec::with_capacity(60));
        other.put(Vec::with_capacity(60));
        assert!(other.take().is_none(), "both have one limit");
        other.put(Vec::with_capacity(40));
        assert_eq!(other.take().unwrap().capacity(), 40);
        drop(one);
        other.put(Vec::with_capacity(100));
        assert!(other.take().is_some(), "what is dropped makes room");
    }
}
