//! Unit tests of alarms, and of how threads share their slots.

use super::*;
use std::{
    collections::BTreeSet,
    ptr,
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

/// Runs `test` on a thread of its own that leaves no slot at hand, and one test at a time: they share
/// the slots.
fn alone(test: impl FnOnce() + Send + 'static) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    if let Err(panic) = thread::spawn(test).join() {
        std::panic::resume_unwind(panic);
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// An alarm with a waker, and how often that was woken.
fn heard_by(alarm: &Alarm) -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    assert_eq!(listen(alarm, &waker), []);
    (count, waker)
}

fn listen(alarm: &Alarm, waker: &Waker) -> Vec<u32> {
    let mut rung = VecDeque::new();
    alarm.listen(waker, &mut rung);
    rung.into()
}

#[test]
fn who_rings_is_heard_in_the_order_of_time() {
    alone(|| {
        let alarm = Alarm::new();
        let (count, waker) = heard_by(&alarm);
        alarm.bell(7).ring();
        alarm.bell(0).ring();
        alarm.bell(0x7fff_ffff).ring();
        assert_eq!(
            count.0.load(Relaxed),
            1,
            "woken once, until it listens again"
        );
        assert_eq!(listen(&alarm, &waker), [7, 0, 0x7fff_ffff]);
        assert_eq!(listen(&alarm, &waker), []);
        alarm.bell(1).ring();
        assert_eq!(count.0.load(Relaxed), 2);
        // Another waker takes the first one's place.
        let other = Arc::new(Count::default());
        assert_eq!(listen(&alarm, &Waker::from(Arc::clone(&other))), [1]);
        alarm.bell(2).ring();
        assert_eq!((count.0.load(Relaxed), other.0.load(Relaxed)), (2, 1));
    });
}

#[test]
fn a_bells_waker_rings() {
    alone(|| {
        let alarm = Alarm::new();
        let (count, waker) = heard_by(&alarm);
        alarm.bell(3).waker().wake_by_ref();
        alarm.bell(4).waker().wake();
        assert_eq!(count.0.load(Relaxed), 1);
        assert_eq!(listen(&alarm, &waker), [3, 4]);
    });
}

#[test]
fn a_muted_bell_is_muted_and_can_be_rung() {
    alone(|| {
        let alarm = Alarm::new();
        let (_, waker) = heard_by(&alarm);
        let mut bell = alarm.bell(5);
        assert!(!bell.is_muted());
        bell.mute();
        assert!(bell.is_muted());
        bell.mute();
        assert!(bell.is_muted());
        bell.ring();
        assert_eq!(listen(&alarm, &waker), [5]);
    });
}

#[test]
fn a_bell_of_an_earlier_use_is_not_heard() {
    alone(|| {
        let earlier = Alarm::new();
        let (count, _) = heard_by(&earlier);
        let (old, unheard) = (earlier.bell(1), earlier.bell(2));
        unheard.ring();
        drop(earlier);
        old.ring();
        let alarm = Alarm::new();
        assert!(ptr::eq(alarm.0.slot, old.slot), "the slot is used again");
        let (later, waker) = heard_by(&alarm);
        old.ring();
        assert_eq!(listen(&alarm, &waker), []);
        assert_eq!((count.0.load(Relaxed), later.0.load(Relaxed)), (1, 0));
        assert_eq!(Arc::strong_count(&count), 1, "its waker is gone");
    });
}

#[test]
#[should_panic(expected = "a gather has fewer than 2^31 arguments")]
fn more_children_than_can_be_numbered_are_refused() {
    alone(|| {
        Alarm::new().bell(1 << 31);
    });
}

fn alarms(count: usize) -> Vec<Alarm> {
    (0..count).map(|_| Alarm::new()).collect()
}

fn slots(alarms: &[Alarm]) -> BTreeSet<usize> {
    let slots = alarms
        .iter()
        .map(|alarm| ptr::from_ref(alarm.0.slot).addr());
    slots.collect()
}

/// Makes this many alarms on another thread, which lives as long as what is returned, and holds them
/// until `let_go` is dropped.
fn elsewhere(count: usize) -> (BTreeSet<usize>, impl Sized) {
    struct LetGo(Option<mpsc::Sender<()>>, Option<thread::JoinHandle<()>>);
    impl Drop for LetGo {
        fn drop(&mut self) {
            self.0 = None;
            self.1.take().map(thread::JoinHandle::join);
        }
    }
    let (tell, told) = mpsc::channel();
    let (let_go, held) = mpsc::channel();
    let thread = thread::spawn(move || {
        let alarms = alarms(count);
        tell.send(slots(&alarms)).unwrap();
        let _ = held.recv();
    });
    (told.recv().unwrap(), LetGo(Some(let_go), Some(thread)))
}

#[test]
fn slots_are_used_again_by_this_thread_and_by_others() {
    alone(|| {
        let first = alarms(100);
        let known = slots(&first);
        assert_eq!(known.len(), 100, "no two have the same");
        drop(first);
        // At most 32 stay at hand, and a thread that wants one takes no more than 16 to itself.
        let (one, _let_go) = elsewhere(1);
        let (fifty, _let_go_too) = elsewhere(100 - 32 - 16);
        assert!(known.is_superset(&one) && known.is_superset(&fifty));
        // At least 16 stay at hand, whatever others take.
        let (_, _let_go_as_well) = elsewhere(100);
        assert!(known.is_superset(&slots(&alarms(16))));
    });
}

#[test]
fn a_thread_that_ends_gives_its_slots_back() {
    alone(|| {
        let (known, let_go) = elsewhere(20);
        drop(let_go);
        assert!(slots(&alarms(60)).is_superset(&known));
    });
}
