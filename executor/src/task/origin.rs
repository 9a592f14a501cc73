//! Where a task comes from: the line that spawned it, and what only some tasks have beyond that.
//!
//! One word of the header is either the line, or, with its lowest bit set, a box that holds the line
//! and more. So a task without a name pays nothing for names.

use super::local::Values;
use parking_lot::Mutex;
use std::{marker::PhantomData, num::NonZero, panic::Location, ptr::NonNull, sync::Arc};

pub(super) struct Origin {
    /// A `Location` that lives for ever, or a `Box<Extension>` with the lowest bit set. Both are at
    /// even addresses. It is freed by [`release`](Self::release), and not by a drop, which each spawn
    /// would have to prepare for.
    word: NonNull<()>,
    owned: PhantomData<Extension>,
}

/// What only some tasks have.
struct Extension {
    site: &'static Location<'static>,
    name: Option<Arc<str>>,
    /// The values of the task that spawned it, until it ends. Whoever runs the task takes them.
    values: Mutex<Option<Values>>,
}

const EXTENDED: usize = 1;

const _: () = assert!(align_of::<Location<'_>>() > EXTENDED && align_of::<Extension>() > EXTENDED);

// SAFETY: it is a shared reference or a box, of what is Send and Sync.
unsafe impl Send for Origin {}
// SAFETY: as above.
unsafe impl Sync for Origin {}

impl Origin {
    /// The origin of a task that is spawned here and now: it inherits the values around it.
    #[inline]
    pub(super) fn new(site: &'static Location<'static>, name: Option<Arc<str>>) -> Self {
        let values = Values::current();
        if name.is_none() && values.is_none() {
            return Origin::from_word(NonNull::from_ref(site).cast());
        }
        let values = Mutex::new(values);
        let extension = Box::new(Extension { site, name, values });
        let word = NonNull::from(Box::leak(extension)).cast::<()>();
        Origin::from_word(word.map_addr(|address| address | EXTENDED))
    }

    fn from_word(word: NonNull<()>) -> Self {
        Origin {
            word,
            owned: PhantomData,
        }
    }

    #[inline]
    pub(super) fn is_extended(&self) -> bool {
        self.word.addr().get() & EXTENDED != 0
    }

    #[inline]
    fn extension(&self) -> Option<&Extension> {
        let extension: *const Extension = self.boxed()?.as_ptr();
        // SAFETY: the bit says that it is the box from `new`, which lives as long as `self`, and
        // whose values alone change, under their lock.
        Some(unsafe { &*extension })
    }

    /// The box's pointer, if there is one.
    #[inline]
    fn boxed(&self) -> Option<NonNull<Extension>> {
        if !self.is_extended() {
            return None;
        }
        let address = NonZero::new(self.word.addr().get() & !EXTENDED)?;
        Some(self.word.with_addr(address).cast())
    }

    #[inline]
    pub(super) fn site(&self) -> &'static Location<'static> {
        if self.is_extended() {
            return self.extended_site();
        }
        let site: *const Location<'static> = self.word.as_ptr().cast_const().cast();
        // SAFETY: without the bit it is the reference from `new`, which is 'static.
        unsafe { &*site }
    }

    #[cold]
    fn extended_site(&self) -> &'static Location<'static> {
        match self.extension() {
            Some(extension) => extension.site,
            None => unreachable!("only extended origins get here"),
        }
    }

    /// The values that the task has inherited, for whoever runs it.
    pub(super) fn take_values(&self) -> Option<Values> {
        self.extension()?.values.lock().take()
    }

    /// Leaves the values for the next poll.
    pub(super) fn keep_values(&self, values: Option<Values>) {
        if let Some(extension) = self.extension() {
            *extension.values.lock() = values;
        }
    }

    pub(super) fn name(&self) -> Option<&Arc<str>> {
        self.extension()?.name.as_ref()
    }

    /// Frees the box, if there is one; its values may run anybody's destructors.
    ///
    /// # Safety
    /// It is not used afterwards.
    #[inline]
    pub(super) unsafe fn release(&self) {
        if let Some(extension) = self.boxed() {
            // SAFETY: `new` leaked this box, and by the caller's promise nobody has it any more.
            drop(unsafe { Box::from_raw(extension.as_ptr()) });
        }
    }
}
