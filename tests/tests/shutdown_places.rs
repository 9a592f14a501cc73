//! A runtime is shut down from everywhere: from its own threads and another's, in hooks, in jobs, from
//! several threads at once. Who may wait does; who may not comes back.

use std::cell::RefCell;
use std::future::pending;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;
use wheelhouse::{Builder, Handle, Runtime, block_in_place, spawn};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, WORKERS, catch, on_workers, wait_until_closed};

/// How a runtime is shut down; true if it said that everything has ended.
type Ends = fn(Runtime) -> bool;

const ENDS: [Ends; 3] = [
    |runtime| {
        drop(runtime);
        true
    },
    |runtime| runtime.shutdown_timeout(LIMIT * 2).is_complete(),
    |runtime| {
        runtime.handle().shutdown_background();
        runtime.handle().shutdown_background();
        drop(runtime);
        true
    },
];

/// A runtime with a task that waits, and one task and one job that are stuck at the gate.
struct Busy {
    runtime: Runtime,
    gate: Gate,
    drops: DropCounter,
}

fn busy(workers: usize) -> Busy {
    let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
    let (gate, drops) = (Gate::new(), DropCounter::new());
    let (block, token) = (gate.clone(), drops.token());
    drop(runtime.spawn(async move {
        let _token = token;
        block.block();
        pending::<()>().await
    }));
    let (block, token) = (gate.clone(), drops.token());
    drop(runtime.spawn_blocking(move || {
        let _token = token;
        block.block();
    }));
    gate.wait_for(2, LIMIT);
    let token = drops.token();
    drop(runtime.spawn(async move {
        let _token = token;
        pending::<()>().await
    }));
    Busy {
        runtime,
        gate,
        drops,
    }
}

impl Busy {
    /// Shuts it down where it may not wait: it comes back though the gate is closed.
    fn end_here_at_once(self, ends: Ends) {
        assert!(!self.gate.is_open());
        let _ = ends(self.runtime);
        self.gate.open();
        self.drops.wait_for(3, LIMIT);
        self.drops.assert_each_dropped_once();
    }

    /// Shuts it down where it waits: nothing of it is left afterwards.
    fn end_here(self, ends: Ends) {
        let (handle, gate) = (self.runtime.handle().clone(), self.gate.clone());
        let opener = thread::spawn(move || {
            wait_until_closed(&handle);
            gate.open();
        });
        assert!(ends(self.runtime));
        self.drops.assert_each_dropped_once();
        opener.join().unwrap();
    }
}

#[test]
fn from_outside() {
    on_workers(WORKERS, |_, workers| {
        ENDS.into_iter()
            .for_each(|ends| busy(workers).end_here(ends));
    });
}

#[test]
fn in_a_task_of_another_runtime() {
    on_workers(WORKERS, |runtime, workers| {
        for ends in ENDS {
            let busy = busy(workers);
            runtime
                .spawn(async move { busy.end_here_at_once(ends) })
                .join()
                .unwrap();
        }
    });
}

#[test]
fn in_place_in_a_task_of_another_runtime() {
    on_workers(WORKERS, |runtime, workers| {
        for ends in ENDS {
            let busy = busy(workers);
            let task = runtime.spawn(async move { block_in_place(|| busy.end_here_at_once(ends)) });
            task.join().unwrap();
        }
    });
}

#[test]
fn in_a_job_of_another_runtime() {
    on_workers(WORKERS, |runtime, workers| {
        for ends in ENDS {
            let busy = busy(workers);
            runtime
                .spawn_blocking(move || busy.end_here(ends))
                .join()
                .unwrap();
        }
    });
}

#[test]
fn in_a_block_on_of_its_own_and_of_another_runtime() {
    on_workers(WORKERS, |runtime, workers| {
        for ends in ENDS {
            let busy = busy(workers);
            runtime.block_on(async { busy.end_here(ends) });
        }
        for ends in ENDS {
            let busy = busy(workers);
            let handle = busy.runtime.handle().clone();
            handle.block_on(async {
                busy.end_here(ends);
                assert!(spawn(async {}).await.unwrap_err().is_cancelled());
            });
        }
    });
}

/// Shuts down a busy runtime in a task or a job of its own, to which it is sent.
fn in_its_own(place: fn(&Runtime, Box<dyn FnOnce() + Send>)) {
    on_workers(WORKERS, move |_, workers| {
        for ends in ENDS {
            let busy = busy(workers);
            let ((send, receive), (tell, told)) = (mpsc::channel::<Busy>(), mpsc::channel());
            place(
                &busy.runtime,
                Box::new(move || {
                    receive.recv().unwrap().end_here_at_once(ends);
                    tell.send(()).unwrap();
                }),
            );
            send.send(busy).unwrap();
            told.recv().expect("it came back");
        }
    });
}

#[test]
fn in_its_own_task() {
    in_its_own(|runtime, end| drop(runtime.spawn(async move { end() })));
}

#[test]
fn in_its_own_task_in_place() {
    in_its_own(|runtime, end| drop(runtime.spawn(async move { block_in_place(end) })));
}

#[test]
fn in_its_own_job() {
    in_its_own(|runtime, end| drop(runtime.spawn_blocking(end)));
}

#[test]
fn the_report_in_a_task_names_its_own_thread() {
    on_workers(WORKERS, |runtime, _| {
        let (send, receive) = mpsc::channel::<Runtime>();
        let task = runtime.spawn(async move {
            let report = receive.recv().unwrap().shutdown_timeout(LIMIT);
            let name = thread::current().name().map(String::from).unwrap();
            let own = report.stuck().iter().find(|thread| thread.name() == name);
            own.expect("its own thread runs").spawn_site()
        });
        let site = task.spawn_site();
        send.send(runtime).unwrap();
        assert_eq!(task.join().unwrap(), Some(site));
    });
}

/// Sets a hook.
type Set = fn(Builder, Box<dyn Fn() + Send + Sync>) -> Builder;

/// Has a hook called.
type Call = fn(&Handle);

/// Every hook, whether it may wait for another runtime, and how to have it called.
const HOOKS: [(Set, bool, Call); 4] = [
    (
        |builder, hook| builder.on_thread_start(hook),
        true,
        |handle| drop(handle.spawn_blocking(|| ())),
    ),
    (
        |builder, hook| builder.on_thread_stop(hook),
        true,
        Handle::shutdown_background,
    ),
    (
        |builder, hook| builder.on_blocked(move |_| hook()),
        true,
        // Long enough to be noticed.
        |handle| drop(handle.spawn(async { thread::sleep(Duration::from_millis(50)) })),
    ),
    (
        |builder, hook| builder.on_unhandled_panic(move |_| hook()),
        false,
        |handle| {
            let gate = Gate::new();
            let wait = gate.wait();
            drop(handle.spawn(async move {
                wait.await;
                panic!("on purpose")
            }));
            // Now nobody but the worker can find the panic.
            gate.open();
        },
    ),
];

/// What a hook finds there the first time that it is called.
type Slot<T> = Arc<Mutex<Option<T>>>;

/// A runtime with a hook that ends what is in the slot, and then opens the gate.
fn hooked<T: Send + 'static>(set: Set, workers: usize, end: fn(T)) -> (Runtime, Slot<T>, Gate) {
    let (slot, ended) = (Slot::<T>::default(), Gate::new());
    let (taken, gate) = (Arc::clone(&slot), ended.clone());
    let hook = move || {
        let runtime = taken.lock().unwrap().take();
        if let Some(runtime) = runtime {
            end(runtime);
            gate.open();
        }
    };
    let builder = Runtime::builder().worker_threads(workers);
    (set(builder, Box::new(hook)).build().unwrap(), slot, ended)
}

#[test]
fn in_its_own_hooks() {
    on_workers(WORKERS, |_, workers| {
        for (set, _, call) in HOOKS {
            for end in [drop as fn(Runtime), |runtime| {
                drop(runtime.shutdown_timeout(LIMIT))
            }] {
                let drops = DropCounter::new();
                let (runtime, slot, ended) = hooked(set, workers, end);
                let token = drops.token();
                drop(runtime.spawn(async move {
                    let _token = token;
                    pending::<()>().await
                }));
                let handle = runtime.handle().clone();
                *slot.lock().unwrap() = Some(runtime);
                call(&handle);
                futures::executor::block_on(ended.wait());
                drops.wait_for(1, LIMIT);
            }
        }
    });
}

#[test]
fn in_another_runtimes_hooks() {
    on_workers(&[1, 4], |_, workers| {
        for (set, waits, call) in HOOKS {
            let end: fn(Busy) = match waits {
                true => |busy| busy.end_here(ENDS[0]),
                false => |busy| busy.end_here_at_once(ENDS[0]),
            };
            let (runtime, slot, ended) = hooked(set, workers, end);
            *slot.lock().unwrap() = Some(busy(workers));
            call(runtime.handle());
            futures::executor::block_on(ended.wait());
        }
    });
}

#[test]
fn in_a_thread_locals_destructor() {
    struct Last(Option<(Busy, mpsc::Sender<()>)>);
    impl Drop for Last {
        fn drop(&mut self) {
            if let Some((busy, ended)) = self.0.take() {
                busy.end_here(ENDS[0]);
                ended.send(()).unwrap();
            }
        }
    }
    thread_local!(static LAST: RefCell<Last> = const { RefCell::new(Last(None)) });
    on_workers(WORKERS, |runtime, workers| {
        let (sender, ended) = mpsc::channel();
        let (on_worker, on_job) = (busy(workers), busy(workers));
        let (worker, job) = (sender.clone(), sender);
        let leave = |busy, ended| LAST.with(|last| last.borrow_mut().0 = Some((busy, ended)));
        runtime
            .spawn(async move { leave(on_worker, worker) })
            .join()
            .unwrap();
        runtime
            .spawn_blocking(move || leave(on_job, job))
            .join()
            .unwrap();
        drop(runtime);
        assert_eq!(ended.iter().count(), 2, "a drop waits for them too");
    });
}

#[test]
fn on_several_threads_at_once() {
    on_workers(WORKERS, |_, workers| {
        for ends in ENDS {
            let Busy {
                runtime,
                gate,
                drops,
            } = busy(workers);
            let start = Arc::new(Barrier::new(5));
            let others: Vec<_> = (0..4)
                .map(|_| {
                    let (handle, start) = (runtime.handle().clone(), Arc::clone(&start));
                    thread::spawn(move || {
                        start.wait();
                        handle.shutdown_background();
                        let late = handle.spawn(pending::<()>());
                        assert!(late.join().unwrap_err().is_cancelled());
                    })
                })
                .collect();
            start.wait();
            Busy {
                runtime,
                gate,
                drops,
            }
            .end_here(ends);
            others.into_iter().for_each(|thread| thread.join().unwrap());
        }
    });
}

#[test]
fn several_runtimes_end_one_another() {
    on_workers(WORKERS, |first, workers| {
        let second = Runtime::builder().worker_threads(workers).build().unwrap();
        let drops = DropCounter::new();
        let handles = [first.handle().clone(), second.handle().clone()];
        let both = Arc::new(Mutex::new(vec![first, second]));
        let start = Arc::new(Barrier::new(2));
        for handle in &handles {
            let (token, both) = (drops.token(), Arc::clone(&both));
            let start = Arc::clone(&start);
            drop(handle.spawn(async move {
                let _token = token;
                start.wait();
                let runtime = both.lock().unwrap().pop();
                drop(runtime);
                pending::<()>().await
            }));
        }
        drops.wait_for(2, LIMIT);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn while_another_thread_is_in_run() {
    on_workers(WORKERS, |runtime, _| {
        let (gate, drops, handle) = (Gate::new(), DropCounter::new(), runtime.handle().clone());
        let (inside, token) = (gate.clone(), drops.token());
        let runs = thread::spawn(move || {
            let caught = catch(|| {
                runtime.run(async move {
                    let _token = token;
                    inside.wait().await
                });
            });
            caught.text
        });
        gate.wait_for(1, LIMIT);
        handle.shutdown_background();
        let message = runs.join().unwrap();
        assert!(
            message.contains("was shut down while its main future ran"),
            "{message}"
        );
        drops.assert_each_dropped_once();
    });
}
