//! Everything at random, for as long as one likes: tasks and blocking jobs that spawn, gather, sleep, time
//! out, panic, block their workers and are aborted, on runtimes that are shut down in every way.
//!
//! Each round is a runtime, of 1, 2, 4 or 16 workers in turn. At its end every token was dropped once,
//! all tasks are freed, its threads have ended, and each panic was either collected or told of. At the
//! very end, the memory in use has not grown.
//!
//! | variable | is | else |
//! |---|---|---|
//! | `WHEELHOUSE_STRESS_SECONDS` | how long | a few seconds |
//! | `WHEELHOUSE_STRESS_SEED` | what the dice start from | the time |
//!
//! `.ci/stress` runs it for long. If nothing at all happens for a minute, it says what the tasks are doing and
//! aborts.

mod life;
mod memory;
mod round;
mod world;

use std::env;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use wheelhouse::Handle;
use wheelhouse_tests::{WORKERS, quiet, threads_named};
use world::{Dice, PROGRESS};

/// How long it takes if nobody says otherwise.
const SECONDS: u64 = 8;

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// By how many bytes the memory in use may have grown: see [`has_grown`]. From one round to another it
/// differs by up to a fifth of this. In an hour there are more than ten thousand rounds: a hundred bytes that
/// each of them leaks are noticed, and a task has more.
const TOLERANCE: isize = 512 * 1024;

/// The runtime that the watchdog asks.
static WATCHED: Mutex<Option<Handle>> = Mutex::new(None);

fn watch(handle: Option<Handle>) {
    let old = std::mem::replace(&mut *WATCHED.lock().unwrap(), handle);
    drop(old);
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let Ok(text) = env::var(name) else {
        return default;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{name} is {text:?}, which is no whole number"))
}

fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |now| now.as_nanos() as u64)
}

#[test]
fn everything_at_random() {
    quiet_about_what_follows();
    let seconds = setting("WHEELHOUSE_STRESS_SECONDS", SECONDS);
    let seed = setting("WHEELHOUSE_STRESS_SEED", seed_of_now());
    println!("WHEELHOUSE_STRESS_SECONDS={seconds} WHEELHOUSE_STRESS_SEED={seed}");
    static DONE: AtomicBool = AtomicBool::new(false);
    let watchdog = thread::spawn(move || keep_watch(&DONE, seed));
    let (mut dice, mut used) = (Dice::new(seed), Vec::new());
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end || used.is_empty() {
        for &workers in WORKERS {
            round::run(workers, dice.split());
        }
        used.push(memory::bytes());
    }
    DONE.store(true, SeqCst);
    watchdog.join().expect("the watchdog ends");
    println!(
        "{} rounds, {} events",
        used.len() * WORKERS.len(),
        PROGRESS.load(SeqCst)
    );
    println!("bytes in use after each turn: {:?}", extract(&used));
    let grown = has_grown(&used);
    assert!(
        grown < TOLERANCE,
        "the memory in use has grown by {grown} bytes: {used:?}"
    );
}

/// By how much the memory in use has grown from the second quarter of the time to the last, the least of
/// each. Queues and tables keep the size that they have had, which differs by the dice of each round,
/// and garbage is collected late; but what leaks raises the least of all later rounds.
fn has_grown(used: &[isize]) -> isize {
    let quarter = used.len() / 4;
    let least = |used: &[isize]| used.iter().copied().min().unwrap_or(0);
    least(&used[used.len() - quarter..]) - least(&used[quarter..2 * quarter])
}

/// Some of many.
fn extract(used: &[isize]) -> Vec<isize> {
    used.iter()
        .copied()
        .step_by(used.len().div_ceil(32))
        .collect()
}

/// What gathers and scopes say of tasks that were cancelled or have panicked is no news here.
fn quiet_about_what_follows() {
    quiet();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if !world::is_expected(text) {
            before(info);
        }
    }));
}

/// Says what is still there. (Not by `eprintln!`, whose output is kept back, and lost if the process ends.)
fn tell_state(handle: &Handle) {
    let mut text = format!("threads: {:?}\n", threads_named("st-"));
    text += &format!(
        "{} tasks in memory; {:?}\n",
        memory::tasks(),
        handle.metrics()
    );
    let tasks = handle.tasks();
    tasks
        .iter()
        .take(100)
        .for_each(|task| text += &format!("  {task}\n"));
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The body of a thread: a hang becomes a failure that says what hangs.
fn keep_watch(done: &AtomicBool, seed: u64) {
    let mut last = (PROGRESS.load(SeqCst), Instant::now());
    while !done.load(SeqCst) {
        thread::sleep(Duration::from_millis(100));
        let now = PROGRESS.load(SeqCst);
        if now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > PATIENCE {
            let text = format!("nothing has happened for {PATIENCE:?}; the seed is {seed}\n");
            let _ = io::stderr().write_all(text.as_bytes());
            let watched = WATCHED.lock().unwrap().clone();
            watched.iter().for_each(tell_state);
            std::process::abort();
        }
    }
}
