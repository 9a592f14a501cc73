//! Wakers that panic.

use crate::panics::ON_PURPOSE;
use std::ptr;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

/// What panics of a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// To wake it.
    Wake,
    /// The drop of its last clone.
    Drop,
}

/// A waker that panics [on purpose](ON_PURPOSE), with the text "a waker's wake" or "a waker's drop". It
/// holds `held`.
pub fn bad_waker(bad: Bad, held: impl Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(BadWaker { bad, _held: held }))
}

struct BadWaker<H> {
    bad: Bad,
    _held: H,
}

impl<H: Send + Sync + 'static> Wake for BadWaker<H> {
    fn wake(self: Arc<Self>) {
        if self.bad == Bad::Wake {
            panic!("{ON_PURPOSE}: a waker's wake");
        }
    }
}

impl<H> Drop for BadWaker<H> {
    fn drop(&mut self) {
        if self.bad == Bad::Drop {
            panic!("{ON_PURPOSE}: a waker's drop");
        }
    }
}

/// A waker whose clone panics, with the text "a waker's clone".
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::{catch, stubborn_waker};
///
/// let caught = catch(|| stubborn_waker().clone());
/// assert_eq!(caught.text, "on purpose: a waker's clone");
/// ```
pub fn stubborn_waker() -> Waker {
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| panic!("{ON_PURPOSE}: a waker's clone"),
        |_| (),
        |_| (),
        |_| (),
    );
    // SAFETY: the functions do nothing with the pointer, and may be called from any thread.
    unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &VTABLE)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drops::DropCounter;
    use crate::panics::catch;

    #[test]
    fn each_panics_where_it_says() {
        let drops = DropCounter::new();
        let (wakes, drop_panics) = (
            bad_waker(Bad::Wake, drops.token()),
            bad_waker(Bad::Drop, drops.token()),
        );
        drop_panics.wake_by_ref();
        assert_eq!(
            catch(|| drop(drop_panics)).text,
            "on purpose: a waker's drop"
        );
        assert_eq!(catch(|| wakes.wake()).text, "on purpose: a waker's wake");
        drops.assert_each_dropped_once();
    }
}
