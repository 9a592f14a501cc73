//! Panics on purpose: caught, with the place that they name, and without noise.

use crate::drops::DropCounter;
use crate::runtimes::{WORKERS, hold_workers, on_workers};
use crate::watchdog::LIMIT;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};
use std::sync::Once;
use wheelhouse::Runtime;

/// What the message of a panic on purpose begins with, so that nothing is printed about it.
pub const ON_PURPOSE: &str = "on purpose";

/// A panic that was caught: what it said, and where it was.
#[derive(Debug)]
pub struct Caught {
    /// Its message; empty if the payload is no text.
    pub text: String,
    /// The place that the panic hook was told of: of a `#[track_caller]` function, its caller's.
    pub place: String,
}

impl Caught {
    /// Checks that the message or the place names `line` of the caller's file.
    ///
    /// # Panics
    ///
    /// When neither does.
    #[track_caller]
    pub fn assert_names(&self, line: u32) {
        let wanted = format!("{}:{line}", Location::caller().file());
        assert!(
            self.place == wanted || self.text.contains(&wanted),
            "neither the message nor the place names {wanted}: {self:?}"
        );
    }
}

thread_local! {
    /// The place of the thread's last panic while it is in [`catch`]; outside it there is none.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Calls `f`, which has to panic.
///
/// # Panics
///
/// When `f` doesn't.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::catch;
///
/// let line = line!() + 1;
/// let caught = catch(|| panic!("3 apples"));
/// assert_eq!(caught.text, "3 apples");
/// caught.assert_names(line);
/// ```
#[track_caller]
pub fn catch<R>(f: impl FnOnce() -> R) -> Caught {
    quiet();
    PLACE.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let place = PLACE.take().unwrap_or_default();
    match result {
        Ok(_) => panic!("this had to panic, and did not"),
        Err(payload) => Caught {
            text: panic_text(&*payload),
            place,
        },
    }
}

/// Panics when it is dropped, with this text behind [`ON_PURPOSE`].
#[derive(Debug)]
pub struct PanicOnDrop(pub &'static str);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: {}", self.0);
    }
}

/// The text of a panic's payload; empty if it is something else.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&'static str>().copied());
    text.unwrap_or_default().to_owned()
}

/// From now on, the process prints nothing about panics inside [`catch`] and about those whose
/// message begins with [`ON_PURPOSE`]. About others it prints what it always did.
pub fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_expected(info) {
                before(info);
            }
        }));
    });
}

/// Runs `test` on pools of every size, and checks that nothing came of its panics: every worker
/// still runs tasks, every thread ends, and every token that `test` made is gone.
#[track_caller]
pub fn contained(test: impl Fn(&Runtime, DropCounter) + Send + Sync + 'static) {
    quiet();
    on_workers(WORKERS, move |runtime, workers| {
        let drops = DropCounter::new();
        test(&runtime, drops);
        hold_workers(&runtime, workers).open();
        assert_eq!(
            runtime.run(async { wheelhouse::spawn(async { 7 }).await.unwrap() }),
            7
        );
        let report = runtime.shutdown_timeout(LIMIT);
        assert!(report.is_complete(), "{report}");
        drops.assert_each_dropped_once();
    });
}

fn is_expected(info: &PanicHookInfo<'_>) -> bool {
    let caught = PLACE.with_borrow_mut(|place| {
        let at = info
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line()));
        place
            .as_mut()
            .zip(at)
            .map(|(place, at)| *place = at)
            .is_some()
    });
    caught
        || info
            .payload_as_str()
            .is_some_and(|text| text.starts_with(ON_PURPOSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fail() {
        panic!("no line here");
    }

    #[test]
    fn the_place_is_the_callers() {
        let line = line!() + 1;
        let caught = catch(|| fail());
        caught.assert_names(line);
    }

    #[test]
    #[should_panic(expected = "neither the message nor the place names")]
    fn another_line_is_told() {
        catch(|| fail()).assert_names(1);
    }

    #[test]
    #[should_panic(expected = "this had to panic")]
    fn no_panic_is_told() {
        catch(|| ());
    }
}
