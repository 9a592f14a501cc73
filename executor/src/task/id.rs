//! Task ids.

use std::{
    cell::Cell,
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// A task's number, unique in the process for the task's whole life and after it.
///
/// Numbers are handed to threads in batches, so their order says nothing about time.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let a = wheelhouse::spawn(async {});
///     let b = wheelhouse::spawn(async {});
///     assert_ne!(a.id(), b.id());
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(super) u64);

impl Id {
    /// How many ids a thread takes at once.
    const BATCH: u64 = 256;

    #[inline]
    pub(super) fn next() -> Id {
        thread_local!(static LAST: Cell<u64> = const { Cell::new(0) });
        static BATCHES: AtomicU64 = AtomicU64::new(0);

        let fresh = || Id::BATCH * BATCHES.fetch_add(1, Relaxed); // Relaxed: only uniqueness counts.
        Id(LAST.with(|last| {
            let id = last.get() + 1;
            let id = if id % Id::BATCH <= 1 { fresh() + 1 } else { id };
            last.set(id);
            id
        }))
    }

    /// The id that was this number.
    pub(crate) fn from_u64(number: u64) -> Id {
        Id(number)
    }

    /// The id as a number, for a log or a trace.
    ///
    /// # Examples
    ///
    /// ```
    /// let id = wheelhouse::run(async { wheelhouse::spawn(async {}).id() });
    /// assert_eq!(id.as_u64().to_string(), id.to_string());
    /// ```
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_as_its_number() {
        let id = Id::from_u64(1234);
        assert_eq!((id.as_u64(), id.to_string().as_str()), (1234, "1234"));
    }

    #[test]
    fn a_thread_uses_its_batch_up_before_it_takes_another() {
        let ids: Vec<u64> = std::thread::spawn(|| (0..1000).map(|_| Id::next().0).collect())
            .join()
            .unwrap();
        let others = std::thread::spawn(|| Id::next().0).join().unwrap();
        for batch in ids.chunks(Id::BATCH as usize - 1) {
            let first = batch[0];
            assert_eq!(first % Id::BATCH, 1, "no id is 0");
            assert!(batch.iter().copied().eq(first..first + batch.len() as u64));
            assert_ne!(first / Id::BATCH, others / Id::BATCH);
        }
    }
}
