use std::cell::Cell;
use std::collections::BTreeSet;
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;
use std::thread;

use futures::executor::block_on;
use parking_lot::Mutex;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::*;
use crate::clock::ManualClock;
use crate::driver::{Entered, ShardSet};
use crate::testing::{Call, Count, Notes, Random, watchdog};

assert_impl_all!(DelayQueue<u32>: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(DelayQueue<Cell<u32>>: Send, Unpin);
assert_impl_all!(DelayQueue<PhantomPinned>: Unpin);
assert_not_impl_any!(DelayQueue<Cell<u32>>: Sync);
assert_not_impl_any!(DelayQueue<Rc<u32>>: Send, Sync);
assert_impl_all!(Next<'static, u32>: Send, Sync, Unpin);
assert_impl_all!(Next<'static, PhantomPinned>: Unpin);
assert_not_impl_any!(Next<'static, Rc<u32>>: Send, Sync);
assert_impl_all!(Expired<u32>: Send, Sync, Unpin, UnwindSafe, Clone);
assert_not_impl_any!(Expired<Rc<u32>>: Send, Sync);

const HOUR: Duration = Duration::from_secs(3600);
/// Longer than a tick of the shards, which wake-ups may be late by.
const TICK: Duration = Duration::from_micros(20);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A queue on a thread whose timers go by a clock set by hand, and the waker it is polled with.
struct World<T> {
    queue: DelayQueue<T>,
    set: ShardSet,
    hand: ManualClock,
    count: Arc<Count>,
    waker: Waker,
    _entered: Entered,
}

impl<T> World<T> {
    fn new() -> Self {
        let hand = ManualClock::new();
        let set = ShardSet::new(hand.clone().into(), 1, 1, Notes::new());
        let (count, waker) = Count::new();
        World {
            queue: DelayQueue::new(),
            _entered: set.enter(0),
            set,
            hand,
            count,
            waker,
        }
    }

    /// Moves time on by steps of what is armed, and fires; how many wake-ups that made.
    fn advance(&self, by: Duration) -> usize {
        let before = self.count.get();
        let end = self.hand.now() + by;
        loop {
            let next = clock::instant(self.set.next_deadline()).unwrap_or(end);
            self.hand.advance_to(next.min(end));
            while self.set.fire(0, self.set.now(), 1000).more {}
            if next >= end {
                return self.count.get() - before;
            }
        }
    }

    fn poll_once(&mut self) -> Poll<Option<Expired<T>>> {
        let mut cx = Context::from_waker(&self.waker);
        self.queue.poll_expired(&mut cx)
    }

    /// Polls until it doesn't merely yield.
    fn poll(&mut self) -> Poll<Option<Expired<T>>> {
        loop {
            let before = self.count.get();
            let poll = self.poll_once();
            if poll.is_ready() || self.count.get() == before {
                return poll;
            }
        }
    }

    /// What is due now.
    fn take(&mut self) -> T {
        match self.poll() {
            Poll::Ready(Some(expired)) => {
                assert!(expired.deadline() <= self.hand.now(), "never early");
                expired.into_inner()
            }
            Poll::Ready(None) => panic!("the queue is empty"),
            Poll::Pending => panic!("nothing is due"),
        }
    }

    #[track_caller]
    fn assert_waits(&mut self) {
        assert!(self.poll().is_pending());
    }

    #[track_caller]
    fn assert_empty(&mut self) {
        assert!(matches!(self.poll(), Poll::Ready(None)));
        assert!(self.queue.is_empty() && self.set.is_empty());
    }

    /// How often the waker was called while `change` was made.
    fn woken(&mut self, change: impl FnOnce(&mut DelayQueue<T>)) -> usize {
        let before = self.count.get();
        change(&mut self.queue);
        self.count.get() - before
    }
}

#[test]
fn what_is_due_at_once_comes_at_once() {
    let mut world = World::new();
    world.assert_empty();
    let now = world.hand.now();
    world.queue.insert_at(1, now);
    world.queue.insert_at(2, now - HOUR);
    world.queue.insert(3, Duration::ZERO);
    let mut values = [world.take(), world.take(), world.take()];
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3]);
    world.assert_empty();
}

#[test]
fn a_value_comes_when_its_time_has_come_and_not_before() {
    let mut world = World::new();
    let key = world.queue.insert("tea", ms(5));
    world.assert_waits();
    assert_eq!(world.advance(ms(5) - Duration::from_nanos(1)), 0);
    world.assert_waits();
    assert_eq!(world.advance(TICK), 1);
    let Poll::Ready(Some(expired)) = world.poll() else {
        panic!("nothing came")
    };
    assert_eq!(expired.key(), key);
    assert!(expired.deadline() <= world.hand.now());
    assert_eq!(expired.into_inner(), "tea");
    world.assert_empty();
}

#[test]
fn one_nanosecond_makes_an_order() {
    let mut world = World::new();
    let start = world.hand.now() + ms(7);
    let mut random = Random(1);
    let mut expected = Vec::new();
    for _ in 0..500 {
        let nanos = random.below(40_000);
        world
            .queue
            .insert_at(nanos, start + Duration::from_nanos(nanos));
        expected.push(nanos);
    }
    expected.sort_unstable();
    world.assert_waits();
    world.advance(HOUR);
    let values: Vec<u64> = (0..500).map(|_| world.take()).collect();
    assert_eq!(values, expected);
}

#[test]
fn each_of_many_wakes_at_its_time() {
    let mut world = World::new();
    let delays = [1000, 2, 234, 299_008, 60, 10];
    for delay in delays {
        world.queue.insert(delay, ms(delay));
    }
    let mut sorted = delays;
    sorted.sort_unstable();
    let mut passed = 0;
    for delay in sorted {
        world.assert_waits();
        assert_eq!(world.advance(ms(delay - passed - 1)), 0, "before {delay}");
        assert_eq!(world.advance(ms(1) + TICK), 1, "at {delay}");
        assert_eq!(world.take(), delay);
        world.hand.advance(ms(1) - TICK);
        passed = delay + 1;
    }
    world.assert_empty();
}

#[test]
fn a_single_far_value_wakes_once() {
    for length in [ms(300), HOUR, HOUR * 24 * 400] {
        let mut world = World::new();
        world.queue.insert((), length);
        world.assert_waits();
        assert_eq!(world.advance(length + TICK), 1);
        world.take();
    }
}

#[test]
fn many_values_in_one_slot_cost_few_wake_ups_more() {
    let mut world = World::new();
    const MANY: u64 = 1000;
    for n in 0..MANY {
        world.queue.insert(n, HOUR + ms(n));
    }
    let (mut wakes, mut taken) = (0, 0);
    while !world.queue.is_empty() {
        while let Poll::Ready(Some(_)) = world.poll() {
            taken += 1;
        }
        if world.queue.is_empty() {
            break;
        }
        let next = clock::instant(world.set.next_deadline()).unwrap();
        wakes += world.advance(next - world.hand.now());
    }
    assert_eq!(taken, MANY);
    assert!(wakes <= MANY as usize * 11 / 10, "{wakes} wake-ups");
}

#[test]
fn the_waiting_task_is_woken_when_the_queue_becomes_empty() {
    let mut world = World::new();
    for clear in [false, true] {
        let key = world.queue.insert((), HOUR);
        world.assert_waits();
        assert_eq!(world.set.len(), 1);
        let woken = world.woken(|queue| match clear {
            true => queue.clear(),
            false => assert_eq!(queue.remove(&key), Some(())),
        });
        assert_eq!(woken, 1);
        assert!(world.set.is_empty(), "its timer is gone");
        world.assert_empty();
        assert_eq!(world.advance(HOUR * 2), 0, "nothing is left behind");
    }
}

#[test]
fn the_waiting_task_is_woken_when_a_value_comes_into_an_empty_queue() {
    let mut world = World::new();
    world.assert_empty();
    let woken = world.woken(|queue| {
        queue.insert((), HOUR);
        queue.insert((), HOUR);
    });
    assert_eq!(woken, 1);
}

#[test]
fn removing_one_of_several_leaves_the_others() {
    let mut world = World::new();
    let keys = [1, 2, 3].map(|n| world.queue.insert(n, ms(n)));
    world.assert_waits();
    assert_eq!(world.queue.remove(&keys[0]), Some(1));
    world.advance(ms(1) + TICK);
    world.assert_waits();
    assert_eq!(world.advance(ms(1)), 1);
    assert_eq!(world.take(), 2);
    assert_eq!(world.queue.remove(&keys[2]), Some(3));
    world.assert_empty();
}

#[test]
fn an_earlier_value_inserted_while_waiting_wakes_in_time() {
    let mut world = World::new();
    world.queue.insert("late", ms(10_000));
    world.assert_waits();
    let woken = world.woken(|queue| {
        queue.insert("early", ms(600));
    });
    assert_eq!(woken, 0, "not before its time");
    assert_eq!(world.advance(ms(600) + TICK), 1);
    assert_eq!(world.take(), "early");
    world.assert_waits();
    assert_eq!(world.advance(ms(9400)), 1);
    assert_eq!(world.take(), "late");
}

#[test]
fn a_value_inserted_after_one_came_postpones_no_other() {
    let mut world = World::new();
    for n in [1, 2, 3] {
        world.queue.insert(n, ms(n * 100));
    }
    for n in [1, 2, 3] {
        world.assert_waits();
        assert_eq!(world.advance(ms(100) + TICK), 1, "{n}");
        assert_eq!(world.take(), n);
        world.queue.insert(100 + n, HOUR);
    }
    assert_eq!(world.queue.len(), 3);
}

#[test]
fn what_is_inserted_or_reset_into_the_past_wakes_at_once() {
    let mut world = World::new();
    let past = world.hand.now() - ms(1);
    world.advance(ms(80));
    let one = world.queue.insert(1, ms(200));
    world.assert_waits();
    let before = world.count.get();
    world.queue.insert_at(2, past + ms(40));
    world.advance(Duration::ZERO);
    assert_eq!(world.count.get() - before, 1);
    assert_eq!(world.take(), 2);
    world.assert_waits();
    let before = world.count.get();
    assert!(world.queue.reset_at(&one, past));
    world.advance(Duration::ZERO);
    assert_eq!(world.count.get() - before, 1);
    assert_eq!(world.take(), 1);
    world.assert_empty();
}

#[test]
fn a_reset_to_earlier_wakes_at_the_new_time() {
    for times in 1..4 {
        let mut world = World::new();
        let one = world.queue.insert(1, ms(200));
        let two = world.queue.insert(2, ms(250));
        world.assert_waits();
        world.advance(ms(3));
        // Neither the one that is waited for nor the other, step by step.
        for step in 0..times {
            let key = if times == 2 { two } else { one };
            assert!(world.queue.reset(&key, ms(50 - 10 * step)));
        }
        let left = ms(50 - 10 * (times - 1));
        assert_eq!(world.advance(left - TICK), 0);
        assert_eq!(world.advance(TICK * 2), 1);
        assert_eq!(world.take(), if times == 2 { 2 } else { 1 });
        assert_eq!(world.queue.len(), 1);
    }
}

#[test]
fn a_reset_to_later_comes_at_the_new_time_only() {
    let mut world = World::new();
    let one = world.queue.insert(1, ms(200));
    let two = world.queue.insert(2, ms(250));
    world.assert_waits();
    let woken = world.woken(|queue| {
        assert!(queue.reset(&one, ms(300)));
        assert!(queue.reset(&two, ms(350)));
        assert!(queue.reset(&one, ms(400)));
    });
    assert_eq!(woken, 0);
    world.advance(ms(310));
    world.assert_waits();
    assert_eq!(world.advance(ms(50)), 1);
    assert_eq!(world.take(), 2);
    world.assert_waits();
    assert_eq!(world.advance(ms(50)), 1);
    assert_eq!(world.take(), 1);
}

#[test]
fn what_was_due_when_inserted_can_be_reset_again_and_again_and_removed() {
    let mut world = World::new();
    let past = world.hand.now() - ms(100);
    let key = world.queue.insert_at("tea", past);
    let other = world.queue.insert_at("eggs", past);
    assert!(world.queue.reset(&key, ms(100)));
    assert!(world.queue.reset(&key, ms(50)));
    assert_eq!(world.queue.remove(&other), Some("eggs"));
    world.assert_waits();
    assert_eq!(world.advance(ms(50) + TICK), 1);
    assert!(world.queue.reset_at(&key, past));
    assert!(world.queue.reset(&key, ms(1)));
    world.assert_waits();
    assert_eq!(world.queue.len(), 1);
    world.advance(ms(1));
    assert_eq!(world.take(), "tea");
    world.assert_empty();
}

#[test]
fn what_is_due_but_has_not_come_out_can_be_removed_reset_and_looked_at() {
    for delay in [ms(0), ms(64), ms(4096), HOUR] {
        let mut world = World::new();
        let deadline = world.hand.now() + delay;
        let keys: Vec<_> = (0..4).map(|n| world.queue.insert_at(n, deadline)).collect();
        world.hand.advance(delay * 2 + TICK);
        let first = world.take() as usize;
        assert_eq!(world.queue.get(&keys[first]), None);
        let rest: Vec<usize> = (0..4).filter(|n| *n != first).collect();
        assert_eq!(world.queue.get(&keys[rest[0]]), Some(&(rest[0] as i32)));
        assert_eq!(world.queue.deadline(&keys[rest[0]]), Some(deadline));
        assert_eq!(world.queue.remove(&keys[rest[0]]), Some(rest[0] as i32));
        assert!(world.queue.reset(&keys[rest[1]], HOUR));
        assert_eq!(world.take() as usize, rest[2]);
        world.assert_waits();
        world.advance(HOUR);
        assert_eq!(world.take() as usize, rest[1]);
        world.assert_empty();
    }
}

#[test]
fn keys_of_what_is_gone_name_nothing() {
    let mut world = World::new();
    let mut gone = vec![world.queue.insert(0, ms(0))];
    world.take();
    gone.push(world.queue.insert(1, ms(1)));
    assert_eq!(world.queue.remove(&gone[1]), Some(1));
    gone.push(world.queue.insert(2, ms(2)));
    world.queue.clear();
    let here = world.queue.insert(3, HOUR);
    for key in gone {
        assert_ne!(key, here);
        assert_eq!(world.queue.remove(&key), None);
        assert_eq!(world.queue.get(&key), None);
        assert_eq!(world.queue.get_mut(&key), None);
        assert_eq!(world.queue.deadline(&key), None);
        assert!(!world.queue.reset(&key, ms(0)));
        assert!(!world.queue.reset_at(&key, world.hand.now()));
    }
    assert_eq!(world.queue.len(), 1);
    world.assert_waits();
}

#[test]
fn after_years_and_with_far_values_the_near_ones_come_in_time() {
    let mut world = World::new();
    world.queue.insert("never", Duration::MAX);
    world.queue.insert("late", HOUR * 24 * 365 * 20);
    world.assert_waits();
    // More than 2^36 ms, and again.
    for _ in 0..3 {
        world.hand.advance(HOUR * 24 * 365 * 3);
        world.assert_waits();
        let key = world.queue.insert("near", ms(10_000));
        assert_eq!(world.queue.peek(), Some(key));
        world.assert_waits();
        world.advance(ms(9999));
        world.assert_waits();
        world.advance(ms(2));
        assert_eq!(world.take(), "near");
    }
    world.hand.advance(HOUR * 24 * 365 * 20);
    assert_eq!(world.take(), "late");
    world.assert_waits();
    assert_eq!((world.queue.len(), world.queue.peek()), (1, None));
}

#[test]
fn what_never_comes_waits_until_it_is_reset_or_removed() {
    let mut world = World::new();
    let key = world.queue.insert((), Duration::MAX);
    assert_eq!(world.queue.deadline(&key), None);
    world.assert_waits();
    assert!(world.set.is_empty(), "no timer is needed");
    assert_eq!(world.woken(|queue| assert!(queue.reset(&key, ms(1)))), 1);
    world.assert_waits();
    assert_eq!(world.advance(ms(1) + TICK), 1);
    world.take();
    let key = world.queue.insert((), Duration::MAX);
    world.assert_waits();
    assert_eq!(world.woken(|queue| queue.remove(&key).unwrap()), 1);
    world.assert_empty();
}

#[test]
fn the_last_that_polled_is_woken() {
    let mut world = World::new();
    let key = world.queue.insert((), ms(5));
    world.assert_waits();
    let (other, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    assert!(world.queue.poll_expired(&mut cx).is_pending());
    assert_eq!(world.advance(ms(5) + TICK), 0);
    assert_eq!(other.get(), 1);
    world.queue.reset(&key, HOUR);
    assert!(world.queue.poll_expired(&mut cx).is_pending());
    assert_eq!(world.woken(|queue| queue.clear()), 0);
    assert_eq!(other.get(), 2);
}

#[test]
fn a_dropped_next_loses_nothing_and_a_dropped_queue_leaves_nothing() {
    let mut world = World::new();
    let value = Arc::new(());
    world.queue.insert(value.clone(), ms(1));
    world.queue.insert(value.clone(), ms(2));
    let waker = world.waker.clone();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..2 {
        assert!(Pin::new(&mut world.queue.next()).poll(&mut cx).is_pending());
    }
    world.advance(ms(1) + TICK);
    drop(world.queue.next());
    let Poll::Ready(Some(expired)) = Pin::new(&mut world.queue.next()).poll(&mut cx) else {
        panic!("nothing came")
    };
    assert_eq!(Arc::strong_count(&value), 3);
    drop(expired);
    world.assert_waits();
    assert_eq!((world.set.len(), Arc::strong_count(&value)), (1, 2));
    drop(waker);
    world.queue = DelayQueue::new();
    assert_eq!((world.set.len(), Arc::strong_count(&value)), (0, 1));
    assert_eq!(Arc::strong_count(&world.count), 2, "the waker is let go");
}

#[test]
fn a_poll_that_has_much_to_move_yields() {
    const MANY: u64 = 20_000;
    let mut world = World::new();
    for n in 0..MANY {
        world.queue.insert(n, HOUR + Duration::from_nanos(n));
    }
    world.hand.advance(HOUR * 2);
    let (mut yields, mut taken) = (0, 0);
    while !world.queue.is_empty() {
        let before = world.count.get();
        match world.poll_once() {
            Poll::Ready(expired) => {
                assert_eq!(expired.unwrap().into_inner(), taken);
                taken += 1;
            }
            Poll::Pending => {
                assert_eq!(world.count.get(), before + 1, "it wakes itself");
                let first = world.queue.peek().unwrap();
                assert_eq!(world.queue.get(&first), Some(&taken));
                yields += 1;
            }
        }
    }
    assert_eq!(taken, MANY);
    assert!(yields >= MANY as usize / CASCADES, "{yields} yields");
}

#[test]
fn it_spends_the_tasks_budget_and_loses_nothing_when_that_is_spent() {
    let mut world = World::new();
    for n in 0..1000 {
        world.queue.insert(n, Duration::ZERO);
    }
    let mut taken = 0;
    budget::refill();
    while let Poll::Ready(Some(_)) = world.poll_once() {
        taken += 1;
    }
    assert!((1..1000).contains(&taken), "{taken} in one poll of a task");
    assert_eq!((world.queue.len(), world.count.get()), (1000 - taken, 1));
    world.queue.clear();
    budget::refill();
    assert!(
        (0..1000).any(|_| world.poll_once().is_pending()),
        "nor when empty"
    );
}

#[test]
fn it_moves_on_when_the_runtime_that_it_was_armed_in_ends() {
    watchdog(|| {
        let world = World::<&str>::new();
        let mut queue = DelayQueue::new();
        queue.insert_at("tea", Instant::now() + ms(5));
        let mut cx = Context::from_waker(&world.waker);
        assert!(queue.poll_expired(&mut cx).is_pending());
        let count = world.count.clone();
        drop(world);
        assert_eq!(count.get(), 1, "it is to poll again");
        assert_eq!(block_on(queue.next()).unwrap().into_inner(), "tea");
    });
}

#[test]
fn it_goes_by_the_clock_that_it_was_armed_by_wherever_it_is_polled() {
    watchdog(|| {
        let mut world = World::new();
        world.queue.insert("tea", HOUR);
        world.assert_waits();
        world.advance(HOUR + TICK);
        let queue = &mut world.queue;
        let poll = |cx: &mut Context<'_>| queue.poll_expired(cx);
        let poll = std::future::poll_fn(poll);
        let expired = thread::scope(|scope| scope.spawn(|| block_on(poll)).join());
        assert_eq!(expired.unwrap().unwrap().into_inner(), "tea");
    });
}

#[test]
fn one_thread_waits_while_another_changes_what_it_waits_for() {
    watchdog(|| {
        let queue = Arc::new(Mutex::new(DelayQueue::new()));
        let keep = queue.lock().insert(0, HOUR);
        let waiting = queue.clone();
        let thread = thread::spawn(move || {
            let poll = |cx: &mut Context<'_>| waiting.lock().poll_expired(cx);
            let mut values = Vec::new();
            while let Some(expired) = block_on(std::future::poll_fn(poll)) {
                assert!(expired.deadline() <= Instant::now());
                values.push(expired.into_inner());
            }
            values
        });
        for n in 1..=300 {
            let key = queue.lock().insert(n, HOUR);
            queue.lock().reset(&key, Duration::from_micros(n));
        }
        while queue.lock().len() > 1 {
            thread::yield_now();
        }
        assert_eq!(queue.lock().remove(&keep), Some(0));
        let mut values = thread.join().unwrap();
        values.sort_unstable();
        assert!(values.into_iter().eq(1..=300));
    });
}

/// A queue, and what it should hold.
struct Checked {
    world: World<(Instant, u64)>,
    model: BTreeSet<(Instant, u64)>,
    keys: Vec<(Key, Instant, u64)>,
    random: Random,
}

impl Checked {
    fn some_time(&mut self) -> Instant {
        self.world.hand.now() + Duration::from_nanos(1 + self.random.of_any_size(40))
    }

    fn insert(&mut self, number: u64) {
        let at = self.some_time();
        let key = self.world.queue.insert_at((at, number), at);
        self.keys.push((key, at, number));
        self.model.insert((at, number));
    }

    /// Of any value ever inserted.
    fn reset_or_remove(&mut self) {
        let which = self.random.below(self.keys.len() as u64) as usize;
        let (key, before, number) = self.keys[which];
        let here = self.model.remove(&(before, number));
        if self.random.below(2) == 0 {
            let value = self.world.queue.remove(&key);
            assert_eq!(value, here.then_some((before, number)));
            return;
        }
        let at = self.some_time();
        assert_eq!(self.world.queue.reset_at(&key, at), here);
        if here {
            self.world.queue.get_mut(&key).unwrap().0 = at;
            self.keys[which].1 = at;
            self.model.insert((at, number));
        }
    }

    /// Lets time pass, and takes what is due then.
    fn pass(&mut self) {
        let by = Duration::from_nanos(self.random.of_any_size(36));
        self.world.advance(by);
        let now = self.world.hand.now();
        loop {
            let due = self.model.first().filter(|(at, _)| *at <= now).copied();
            match self.world.poll() {
                Poll::Ready(Some(expired)) => {
                    let (at, _) = due.expect("nothing comes early");
                    assert_eq!(expired.deadline(), at, "in order");
                    assert!(self.model.remove(expired.get_ref()));
                }
                Poll::Ready(None) => break assert!(self.model.is_empty()),
                Poll::Pending => break assert_eq!(due, None),
            }
        }
    }

    fn check(&self) {
        let (queue, model) = (&self.world.queue, &self.model);
        assert_eq!(queue.len(), model.len());
        let first = queue.peek().and_then(|key| queue.deadline(&key));
        assert_eq!(first, model.first().map(|(at, _)| *at));
    }
}

#[test]
fn random_operations_agree_with_a_sorted_set() {
    for seed in 0..20 {
        let mut checked = Checked {
            world: World::new(),
            model: BTreeSet::new(),
            keys: Vec::new(),
            random: Random(seed),
        };
        let start = checked.world.hand.now();
        for number in 0..3000 {
            match checked.random.below(10) {
                0..4 => checked.insert(number),
                4..6 if !checked.keys.is_empty() => checked.reset_or_remove(),
                _ => checked.pass(),
            }
            checked.check();
        }
        assert!(checked.world.hand.now() > start);
    }
}

#[test]
fn who_waits_is_told_when_another_takes_the_last_value() {
    let mut world = World::new();
    world.queue.insert((), ms(5));
    world.assert_waits();
    world.hand.advance(ms(5));
    let (other, waker) = Count::new();
    let taken = world.queue.poll_expired(&mut Context::from_waker(&waker));
    assert!(matches!(taken, Poll::Ready(Some(_))));
    assert_eq!((world.count.get(), other.get()), (1, 0));
    world.assert_empty();
}

#[test]
fn who_waits_goes_on_waiting_when_another_takes_a_value() {
    for late in [ms(0), ms(1)] {
        let mut world = World::new();
        world.queue.insert(1, ms(5));
        world.queue.insert(2, ms(50));
        world.assert_waits();
        world.hand.advance(ms(5) + late);
        let (other, waker) = Count::new();
        let taken = world.queue.poll_expired(&mut Context::from_waker(&waker));
        assert!(matches!(taken, Poll::Ready(Some(_))));
        assert_eq!(world.count.take(), 1, "it looks for itself");
        world.assert_waits();
        assert_eq!(world.advance(ms(45)), 1);
        assert_eq!((world.take(), other.get()), (2, 0));
    }
}

#[test]
fn a_task_that_got_a_value_is_let_go() {
    for fired in [false, true] {
        let mut world = World::new();
        world.queue.insert(1, ms(5));
        world.queue.insert(2, HOUR);
        world.assert_waits();
        world.hand.advance(ms(5));
        if fired {
            world.set.fire(0, world.set.now(), 10);
        }
        world.take();
        let before = world.count.get();
        assert_eq!(Arc::strong_count(&world.count), 2, "its and the waker's");
        world.queue.insert(3, ms(1));
        assert_eq!(world.queue.len(), 2);
        world.queue.clear();
        assert_eq!(world.advance(HOUR), 0);
        assert_eq!(world.count.get(), before, "not woken in vain");
    }
}

#[test]
fn a_waker_that_panics_leaves_the_queue_as_good_as_before() {
    watchdog(|| {
        let mut world = World::new();
        let panics = Call::waker(|| std::panic::resume_unwind(Box::new("on purpose")));
        let wait = |queue: &mut DelayQueue<u32>| {
            let poll = queue.poll_expired(&mut Context::from_waker(&panics));
            assert!(!matches!(poll, Poll::Ready(Some(_))));
        };
        wait(&mut world.queue);
        world.queue.insert(1, HOUR);
        wait(&mut world.queue);
        world.queue.clear();
        world.assert_empty();
    });
}

#[test]
fn a_value_whose_destructor_panics_is_cleared_with_all_others() {
    struct Bomb(bool, Arc<Count>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.1.clone().wake();
            if self.0 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }
    let (dropped, _) = Count::new();
    let mut world = World::new();
    let keys: Vec<Key> = (0..10)
        .map(|n| world.queue.insert(Bomb(n == 5, dropped.clone()), ms(n)))
        .collect();
    world
        .queue
        .insert(Bomb(false, dropped.clone()), Duration::MAX);
    while let Poll::Ready(Some(expired)) = world.poll() {
        drop(expired);
    }
    let (before, queue) = (world.count.get(), &mut world.queue);
    let cleared = catch_unwind(AssertUnwindSafe(|| queue.clear()));
    assert!(cleared.is_err());
    assert_eq!((dropped.get(), world.queue.len()), (11, 0));
    assert_eq!(world.count.get() - before, 1, "who waits is told");
    assert!(keys.iter().all(|key| world.queue.get(key).is_none()));
    world.assert_empty();
}
