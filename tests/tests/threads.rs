//! The threads of a runtime: their names, their stacks, and the hooks at their start and end.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use wheelhouse::Runtime;
use wheelhouse_tests::{Gate, LIMIT, ON_PURPOSE, WORKERS, on_workers, quiet, watchdog};

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// The names of the threads that a hook was called on.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Names {
    fn hook(&self) -> impl Fn() + Send + Sync + 'static {
        let names = Arc::clone(&self.0);
        move || names.lock().unwrap().push(thread_name())
    }

    fn sorted(&self) -> Vec<String> {
        let mut names = self.0.lock().unwrap().clone();
        names.sort();
        names
    }
}

#[test]
fn hooks_are_called_on_every_thread() {
    for &workers in WORKERS {
        watchdog("hooks", LIMIT, move || {
            let (started, stopped) = (Names::default(), Names::default());
            let runtime = Runtime::builder()
                .thread_name("hooked")
                .worker_threads(workers)
                .on_thread_start(started.hook())
                .on_thread_stop(stopped.hook())
                .build()
                .unwrap();
            runtime.spawn_blocking(|| ()).join().unwrap();
            assert_eq!(stopped.sorted(), [""; 0]);
            drop(runtime);
            let mut wanted: Vec<_> = (0..workers).map(|i| format!("hooked-{i}")).collect();
            wanted.push("hooked-b0".to_owned());
            wanted.sort();
            assert_eq!(started.sorted(), wanted);
            assert_eq!(stopped.sorted(), wanted);
            assert_eq!(
                Arc::strong_count(&started.0),
                1,
                "the hooks are gone with the runtime"
            );
        });
    }
}

#[test]
fn a_panic_in_a_hook_is_contained() {
    quiet();
    watchdog("bad hooks", LIMIT, || {
        let calls = Arc::new(AtomicUsize::new(0));
        let bad = || {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, SeqCst);
                panic!("{ON_PURPOSE}: a hook");
            }
        };
        let runtime = Runtime::builder()
            .worker_threads(2)
            .on_thread_start(bad())
            .on_thread_stop(bad())
            .build()
            .unwrap();
        assert_eq!(runtime.run(async { 1 }), 1);
        assert_eq!(runtime.spawn_blocking(|| 2).join().unwrap(), 2);
        drop(runtime);
        assert_eq!(calls.load(SeqCst), 6);
    });
}

#[test]
fn every_worker_has_its_name_and_its_tasks() {
    on_workers(WORKERS, |runtime, workers| {
        let (inside, names) = (Gate::new(), Arc::new(Mutex::new(HashSet::new())));
        for count in 1..=workers {
            let (block, names) = (inside.clone(), Arc::clone(&names));
            drop(runtime.spawn(async move {
                names.lock().unwrap().insert(thread_name());
                block.block();
            }));
            inside.wait_for(count, LIMIT);
        }
        let wanted: HashSet<_> = (0..workers).map(|i| format!("wheelhouse-{i}")).collect();
        assert_eq!(*names.lock().unwrap(), wanted);
        inside.open();
    });
}

#[test]
fn the_stack_is_as_large_as_asked() {
    fn deep(levels: usize) -> usize {
        let ballast = std::hint::black_box([levels as u8; 1024]);
        match levels {
            0 => 0,
            _ => deep(levels - 1) + 1 + usize::from(ballast[0] != levels as u8),
        }
    }
    watchdog("stacks", LIMIT, || {
        let builder = Runtime::builder()
            .worker_threads(1)
            .thread_stack_size(64 << 20);
        let runtime = builder.build().unwrap();
        // Some 20 MiB: ten times the usual stack.
        assert_eq!(runtime.run(async { deep(20_000) }), 20_000);
        assert_eq!(
            runtime.spawn_blocking(|| deep(20_000)).join().unwrap(),
            20_000
        );
    });
}

#[test]
fn there_is_a_worker_for_each_core() {
    watchdog("default size", LIMIT, || {
        let names = Names::default();
        let builder = Runtime::builder().on_thread_start(names.hook());
        drop(builder.build().unwrap());
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(names.sorted().len(), cores);
    });
}
