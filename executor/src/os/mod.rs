//! What differs by operating system, and nothing else: each file has a fallback for those that it does
//! not know.

pub(crate) mod fork;
pub(crate) mod thread;
pub(crate) mod timer_slack;
