//! The table of auto traits in the crate's documentation, checked at compile time.

use crate::{
    AbortHandle, BlockedReport, Builder, ConsumeBudget, EnterGuard, GroupError, Handle, JoinError,
    JoinHandle, Metrics, Runtime, Scope, ScopedJoinHandle, ShutdownReport, Spawner, StuckKind,
    StuckPoll, StuckThread, TaskGroup, UnhandledPanic, YieldNow,
    gather::{Gather, Settle, TryGather},
    group::{Failure, Next, Shutdown},
    task::{self, Scoped, Task, TaskInfo, TaskLocal, TaskState},
    time::{
        self, Advance, Advancing, Clock, DelayQueue, Drain, Elapsed, Expired, Hold, Interval, Key,
        ManualClock, MissedTickBehavior, Sleep, Tick, Timeout, Wheel,
    },
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::{
    cell::Cell,
    marker::PhantomPinned,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
};

assert_impl_all!(JoinHandle<Cell<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(JoinHandle<PhantomPinned>: Unpin);
assert_not_impl_any!(JoinHandle<Rc<()>>: Send, Sync);
assert_impl_all!(AbortHandle: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(JoinError: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Runtime: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Handle: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Builder: Send, Sync, Unpin);
assert_not_impl_any!(Builder: UnwindSafe);
assert_impl_all!(Task: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(task::Builder: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(task::Id: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(TaskInfo: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(TaskState: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(TaskLocal<Rc<PhantomPinned>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Scoped<PhantomPinned, YieldNow>: Send, Sync, Unpin);
assert_not_impl_any!(Scoped<u8, Rc<()>>: Send, Sync);
assert_impl_all!(Scoped<u8, Cell<u8>>: Send);
assert_not_impl_any!(Scoped<u8, Cell<u8>>: Sync);
assert_not_impl_any!(Scoped<u8, PhantomPinned>: Unpin);
assert_not_impl_any!(Scoped<u8, YieldNow>: UnwindSafe);
assert_impl_all!(Scope<'static, 'static>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(
    ScopedJoinHandle<'static, Cell<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe
);
assert_impl_all!(ScopedJoinHandle<'static, PhantomPinned>: Unpin);
assert_not_impl_any!(ScopedJoinHandle<'static, Rc<()>>: Send, Sync);
assert_impl_all!(BlockedReport: Send, Sync, Unpin);
assert_not_impl_any!(BlockedReport: UnwindSafe);
assert_impl_all!(UnhandledPanic<'static>: Unpin);
assert_not_impl_any!(UnhandledPanic<'static>: Send, Sync, UnwindSafe);
assert_impl_all!(ShutdownReport: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(StuckThread: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(StuckKind: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(StuckPoll: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Metrics: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(EnterGuard<'static>: Unpin);
assert_not_impl_any!(EnterGuard<'static>: Send, Sync, UnwindSafe);
assert_impl_all!(YieldNow: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ConsumeBudget: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Gather<(u8, u8)>: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(Settle<(u8, u8)>: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(TryGather<(u8, u8), u8>: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(Gather<(Cell<u8>, PhantomPinned)>: Send, Unpin, UnwindSafe);
assert_not_impl_any!(Gather<(Cell<u8>, u8)>: Sync);
assert_not_impl_any!(Settle<(Cell<u8>, u8)>: Sync);
assert_not_impl_any!(TryGather<(Cell<u8>, u8), u8>: Sync);
assert_impl_all!(TaskGroup<Cell<u8>, Cell<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Spawner<Cell<u8>, Cell<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Next<'static, Cell<u8>, Cell<u8>>: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(Shutdown<'static, Cell<u8>, Cell<u8>>: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(TaskGroup<PhantomPinned, PhantomPinned>: Unpin);
assert_not_impl_any!(TaskGroup<Rc<()>, u8>: Send, Sync);
assert_not_impl_any!(TaskGroup<u8, Rc<()>>: Send, Sync);
assert_not_impl_any!(Spawner<Rc<()>, u8>: Send, Sync);
assert_not_impl_any!(Next<'static, Rc<()>, u8>: Send, Sync);
assert_not_impl_any!(Shutdown<'static, Rc<()>, u8>: Send, Sync);
assert_impl_all!(Failure<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(GroupError<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Failure<Rc<()>>: Send, Sync);
assert_not_impl_any!(GroupError<Rc<()>>: Send, Sync);
assert_not_impl_any!(GroupError<Cell<u8>>: Sync);
assert_not_impl_any!(Failure<PhantomPinned>: Unpin);
assert_not_impl_any!(Failure<&'static mut u8>: UnwindSafe);
assert_impl_all!(Sleep: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Interval: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Tick<'static>: Send, Sync, Unpin);
assert_not_impl_any!(Tick<'static>: UnwindSafe);
assert_impl_all!(Elapsed: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(MissedTickBehavior: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Clock: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ManualClock: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(DelayQueue<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(DelayQueue<PhantomPinned>: Unpin);
assert_not_impl_any!(DelayQueue<Rc<()>>: Send, Sync);
assert_not_impl_any!(DelayQueue<Cell<u8>>: Sync);
assert_not_impl_any!(DelayQueue<&'static mut u8>: UnwindSafe);
assert_impl_all!(Expired<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Expired<Rc<()>>: Send, Sync);
assert_not_impl_any!(Expired<PhantomPinned>: Unpin);
assert_not_impl_any!(Expired<&'static mut u8>: UnwindSafe);
assert_impl_all!(time::Next<'static, u8>: Send, Sync, Unpin);
assert_impl_all!(time::Next<'static, PhantomPinned>: Unpin);
assert_not_impl_any!(time::Next<'static, Rc<()>>: Send, Sync);
assert_not_impl_any!(time::Next<'static, u8>: UnwindSafe);
assert_impl_all!(Advancing: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Hold: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Timeout<YieldNow>: Send, Sync, Unpin, UnwindSafe);
assert_not_impl_any!(Timeout<Rc<()>>: Send, Sync);
assert_not_impl_any!(Timeout<PhantomPinned>: Unpin);
assert_not_impl_any!(Timeout<&'static mut u8>: UnwindSafe);
assert_impl_all!(Wheel<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Wheel<Rc<()>>: Send, Sync);
assert_not_impl_any!(Wheel<Cell<u8>>: Sync);
assert_not_impl_any!(Wheel<PhantomPinned>: Unpin);
assert_not_impl_any!(Wheel<&'static mut u8>: UnwindSafe);
assert_impl_all!(Key: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Advance: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Drain<'static, PhantomPinned>: Send, Sync, Unpin);
assert_not_impl_any!(Drain<'static, Rc<()>>: Send, Sync);
assert_not_impl_any!(Drain<'static, Cell<u8>>: Sync);
assert_not_impl_any!(Drain<'static, u8>: UnwindSafe);

/// Sizes that are promised.
const _: () = assert!(size_of::<JoinHandle<[u8; 100]>>() == size_of::<usize>());
const _: () = assert!(size_of::<JoinError>() == size_of::<usize>());
const _: () = assert!(size_of::<Sleep>() <= 40);
