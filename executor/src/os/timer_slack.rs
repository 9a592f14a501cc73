//! Waking at the very moment.
//!
//! Linux lets a thread that waits for a moment wake up to 50 µs later than that, so that one interrupt
//! serves several: its *timer slack*. It is the thread's own, but what the thread starts, threads and
//! processes alike, begins with the same. So it is set down for the wait alone, in which nothing is
//! started: three system calls, 0.2 µs each, around one that costs some 30 µs.
//!
//! Elsewhere a wait is as exact as it is.

pub(crate) use platform::precisely;

#[cfg(target_os = "linux")]
mod platform {
    use std::ffi::c_ulong;

    /// Of all numbers 0 alone stands for something else: for what the thread began with.
    const NEXT_TO_NONE: c_ulong = 1;

    /// Calls `wait`, which is a wait for a moment and nothing else, and has it end there.
    pub(crate) fn precisely<R>(wait: impl FnOnce() -> R) -> R {
        // Asked for each time: a task may have changed it.
        let usual = current();
        set(NEXT_TO_NONE);
        let result = wait();
        set(usual);
        result
    }

    /// 0 if the system does not tell.
    fn current() -> c_ulong {
        // SAFETY: this request takes no further argument, and returns a number.
        let slack = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
        c_ulong::try_from(slack).unwrap_or(0)
    }

    /// A refusal leaves it as it is, which harms nobody.
    fn set(slack: c_ulong) {
        // SAFETY: this request takes a number, and concerns nothing but the calling thread's waits.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack) };
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    pub(crate) fn precisely<R>(wait: impl FnOnce() -> R) -> R {
        wait()
    }
}

#[cfg(all(test, target_os = "linux", not(wheelhouse_loom)))]
mod tests {
    use super::precisely;
    use std::thread;

    fn slack() -> i32 {
        // SAFETY: this request takes no further argument, and returns a number.
        unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }
    }

    /// In a thread of its own, since the slack is the thread's.
    fn in_a_thread(test: impl FnOnce() + Send + 'static) {
        thread::spawn(test).join().unwrap();
    }

    #[test]
    fn the_slack_is_next_to_none_in_the_wait_and_as_before_after_it() {
        in_a_thread(|| {
            let usual = slack();
            assert!(usual > 1, "{usual}");
            for _ in 0..2 {
                assert_eq!(precisely(slack), 1);
                assert_eq!(slack(), usual);
            }
        });
    }

    #[test]
    fn what_the_thread_has_set_for_itself_stays() {
        in_a_thread(|| {
            for usual in [7_000, 9_000] {
                // SAFETY: this request takes a number, and concerns nothing but the thread's waits.
                unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, usual) };
                assert_eq!(precisely(slack), 1);
                assert_eq!(slack(), usual);
            }
        });
    }
}
