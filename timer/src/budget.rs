//! The cooperative budget: how a task that never has to wait still lets others run.
//!
//! An executor gives each poll of a task a number of units. What is ready at once spends one, and
//! once there is none left, yields instead. Without it, `loop { sleep(Duration::ZERO).await }`
//! would hold its thread for ever: nobody could abort it, and no runtime could shut down.
//!
//! It lives in this crate, and not in the executor's, so that timers spend of it too.

use std::cell::Cell;
use std::task::Context;

/// Units for one poll of a task.
const PER_POLL: u8 = 128;

thread_local! {
    /// What is left of the current poll's budget; none if no executor gives any.
    static LEFT: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Starts the budget of a poll.
#[inline]
pub fn refill() {
    LEFT.set(Some(PER_POLL));
}

/// Spends one unit. False: none was left; the task has been woken, and must return `Pending`.
#[inline]
pub fn spend(cx: &Context<'_>) -> bool {
    match LEFT.get() {
        None => true,
        Some(0) => {
            cx.waker().wake_by_ref();
            // Whoever polls on regardless, as a combinator may, is not starved for ever.
            refill();
            false
        }
        Some(left) => {
            LEFT.set(Some(left - 1));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn without_an_executor_there_is_no_limit() {
        let cx = Context::from_waker(Waker::noop());
        assert!((0..1000).all(|_| spend(&cx)));
    }

    #[test]
    fn a_poll_has_so_many_units() {
        let cx = Context::from_waker(Waker::noop());
        refill();
        assert!((0..PER_POLL).all(|_| spend(&cx)));
        assert!(!spend(&cx), "none is left");
        assert!(spend(&cx), "but whoever goes on regardless has more");
        LEFT.set(None);
    }
}
