//! Panics in scopes: of the closure, of tasks, of destructors.

use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, ScopedJoinHandle, sleep};
use wheelhouse_tests::{
    Gate, LIMIT, ON_PURPOSE, PanicOnDrop, WORKERS, catch, on_built, on_workers, quiet,
};

#[test]
fn a_panic_of_the_closure_waits_for_the_tasks() {
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle();
        let open = || {
            let (gate, mut ended) = (Gate::new(), false);
            let opener = gate.clone();
            let opener = thread::spawn(move || {
                opener.wait_for(1, LIMIT);
                opener.open();
            });
            let caught = catch(|| {
                handle.scope(|s| {
                    s.spawn(async {
                        gate.wait().await;
                        ended = true;
                    });
                    s.spawn(async { panic!("{ON_PURPOSE}: a task's") });
                    panic!("the closure's");
                })
            });
            assert_eq!(caught.text, "the closure's");
            assert!(ended, "the task was not waited for, or was aborted");
            opener.join().unwrap();
        };
        open();
        runtime.run(async { open() });
    });
}

/// A runtime that keeps what is told of panics that nobody collects.
fn told_of(workers: &[usize], test: impl Fn(&Runtime) -> usize + Send + Sync + 'static) {
    quiet();
    let texts: &Mutex<Vec<String>> = Box::leak(Box::default());
    let options = move |builder: wheelhouse::Builder| {
        builder.on_unhandled_panic(move |panic| texts.lock().unwrap().push(panic.to_string()))
    };
    on_built(workers, options, move |runtime, _| {
        let expected = test(&runtime);
        // Of a task without a handle it may be told a moment after the scope.
        drop(runtime);
        let told = std::mem::take(&mut *texts.lock().unwrap());
        assert_eq!(told.len(), expected, "{told:#?}");
    });
}

#[test]
fn a_panic_that_nobody_collects_goes_on_after_the_wait() {
    told_of(WORKERS, |runtime| {
        for dropped_late in [false, true] {
            let (mut ended, line) = (false, line!() + 3);
            let caught = catch(|| {
                runtime.scope(|s| {
                    let fails = s.spawn(async { panic!("{ON_PURPOSE}: 3 apples") });
                    while dropped_late && !fails.is_finished() {
                        thread::yield_now();
                    }
                    let fails: ScopedJoinHandle<'_, ()> = fails;
                    drop(fails);
                    s.spawn(async {
                        sleep(Duration::from_millis(1)).await;
                        ended = true;
                    });
                })
            });
            assert!(ended);
            assert!(caught.text.contains("3 apples"), "{caught:?}");
            assert!(
                caught.text.contains(&format!("{}:{line}", file!())),
                "{caught:?}"
            );
            assert!(caught.place.starts_with(file!()), "{caught:?}");
        }
        let caught = catch(|| {
            runtime.scope(|s| {
                for _ in 0..3 {
                    drop(s.spawn(async { panic!("{ON_PURPOSE}: 4 pears") }));
                }
            })
        });
        assert!(caught.text.contains("4 pears (and 2 more)"), "{caught:?}");
        5
    });
}

#[test]
fn a_panic_that_was_collected_is_over() {
    told_of(WORKERS, |runtime| {
        runtime.scope(|s| {
            let fails = s.spawn(async { panic!("{ON_PURPOSE}: joined") });
            let fails: ScopedJoinHandle<'_, ()> = fails;
            let (id, site) = (fails.id(), fails.spawn_site());
            let error = fails.join().unwrap_err();
            assert!(error.is_panic() && error.id() == id && error.spawn_site() == site);
            drop(error);
            let fails = s.spawn(async { panic!("{ON_PURPOSE}: awaited") });
            let fails: ScopedJoinHandle<'_, ()> = fails;
            s.spawn(async { assert!(fails.await.unwrap_err().is_panic()) });
            let job: ScopedJoinHandle<'_, ()> = s.spawn_blocking(|| panic!("{ON_PURPOSE}: a job"));
            assert!(job.join().unwrap_err().is_panic());
        });
        0
    });
}

/// Counts its drop in what it borrows.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// In a future's drop at its abort and at its end, and in an output's drop; with something behind it
/// that is dropped too before the scope returns.
#[test]
fn panics_of_destructors() {
    told_of(WORKERS, |runtime| {
        let drops = AtomicUsize::new(0);
        let stuck = || {
            let held = (PanicOnDrop("an aborted future's"), Counted(&drops));
            async {
                let _held = held;
                pending::<()>().await
            }
        };
        let ends = || {
            let (held, output) = (PanicOnDrop("an ended future's"), Counted(&drops));
            async {
                futures::future::poll_fn(move |_| {
                    let _held = &held;
                    std::task::Poll::Ready(())
                })
                .await;
                output
            }
        };
        let output = || {
            let output = (PanicOnDrop("an output's"), Counted(&drops));
            async { output }
        };
        let texts = [
            catch(|| runtime.scope(|s| s.spawn(stuck()).abort())),
            catch(|| runtime.scope(|s| drop(s.spawn(ends())))),
            catch(|| runtime.scope(|s| drop(s.spawn(output())))),
        ];
        for (caught, text) in texts.iter().zip(["an aborted", "an ended", "an output's"]) {
            assert!(caught.text.contains(text), "{caught:?}");
            assert!(caught.text.contains(file!()), "{caught:?}");
        }
        runtime.scope(|s| {
            let stuck = s.spawn(stuck());
            stuck.abort();
            assert!(stuck.join().unwrap_err().is_panic());
            assert!(s.spawn(ends()).join().err().unwrap().is_panic());
            let (bad, _counted) = s.spawn(output()).join().unwrap();
            std::mem::forget(bad);
        });
        assert_eq!(drops.into_inner(), 6);
        3
    });
}

/// The handle gives the first; the second has nobody.
#[test]
fn a_poll_and_then_its_futures_drop_panic() {
    struct Twice;
    impl Future for Twice {
        type Output = ();
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            panic!("{ON_PURPOSE}: the poll's")
        }
    }
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("{ON_PURPOSE}: the drop's")
        }
    }
    told_of(WORKERS, |runtime| {
        let caught = catch(|| {
            runtime.scope(|s| {
                let error = s.spawn(Twice).join().unwrap_err();
                assert!(error.to_string().contains("the poll's"), "{error}");
            })
        });
        assert!(caught.text.contains("the drop's"), "{caught:?}");
        assert!(!caught.text.contains("more"), "{caught:?}");
        1
    });
}

/// A scope whose caller is being unwound adds no second panic.
#[test]
fn in_a_destructor_while_a_panic_goes_on() {
    struct ScopeOnDrop<'a>(&'a Runtime);
    impl Drop for ScopeOnDrop<'_> {
        fn drop(&mut self) {
            self.0
                .scope(|s| _ = s.spawn(async { panic!("{ON_PURPOSE}: in the scope") }));
        }
    }
    told_of(WORKERS, |runtime| {
        let caught = catch(|| {
            let _scope = ScopeOnDrop(runtime);
            panic!("the first");
        });
        assert_eq!(caught.text, "the first");
        1
    });
}
