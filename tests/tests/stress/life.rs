//! The random lives of tasks.

use crate::memory::Marker;
use crate::world::{Dice, PROGRESS, Token, World};
use futures::FutureExt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::task::{self, TaskLocal};
use wheelhouse::{
    Handle, JoinHandle, TaskGroup, block_in_place, gather, group::Failure, interval, join, scope,
    sleep, spawn, spawn_blocking, task_group, timeout, try_gather, yield_now,
};
use wheelhouse_tests::poll_once;

/// How many tasks there may be; then nobody spawns.
const MOST: usize = 1_000;

/// How deep spawns, gathers and so on nest.
const DEPTH: u32 = 5;

static GENERATION: TaskLocal<u32> = TaskLocal::new();

type Body = Pin<Box<dyn Future<Output = Token> + Send>>;

/// A task's future.
pub(crate) struct Life {
    body: Body,
    world: Arc<World>,
    panics_in_drop: bool,
    _token: Token,
    _marker: Marker,
}

impl Life {
    pub(crate) fn new(world: &Arc<World>, dice: &mut Dice, depth: u32) -> Self {
        world.population.fetch_add(1, SeqCst);
        Life {
            panics_in_drop: dice.roll(40) == 0,
            body: live(Arc::clone(world), dice.split(), depth),
            world: Arc::clone(world),
            _token: Token::new(),
            _marker: Marker,
        }
    }
}

impl Future for Life {
    type Output = Token;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Token> {
        self.body.as_mut().poll(cx)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.world.population.fetch_sub(1, SeqCst);
        if self.panics_in_drop {
            self.world.panic();
        }
    }
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// A few random acts, and perhaps a panic.
pub(crate) fn live(world: Arc<World>, mut dice: Dice, depth: u32) -> Body {
    Box::pin(async move {
        for _ in 0..1 + dice.roll(4) {
            PROGRESS.fetch_add(1, SeqCst);
            match dice.roll(100) {
                0..30 => wait(&world, &mut dice).await,
                30..34 => meddle(&world, &mut dice).await,
                34..36 => hold_up(&mut dice),
                36 if depth < DEPTH => borrow(&world, &mut dice, depth + 1),
                // These nest.
                _ if depth == DEPTH || world.population.load(SeqCst) > MOST => yield_now().await,
                37..75 => have_child(&world, &mut dice, depth + 1).await,
                75..85 => have_job(&world, &mut dice, depth + 1).await,
                85..92 => gather_some(&world, &mut dice, depth + 1).await,
                92..96 => group_some(&world, &mut dice, depth + 1).await,
                _ => {
                    let lives = [0; 2].map(|_| live(Arc::clone(&world), dice.split(), depth + 1));
                    let [one, other] = lives;
                    drop(join!(one, other));
                }
            }
        }
        if dice.roll(25) == 0 {
            world.panic();
        }
        Token::new()
    })
}

async fn wait(world: &World, dice: &mut Dice) {
    match dice.roll(20) {
        0..8 => yield_now().await,
        8..13 => {
            let nap = micros(dice.roll(3000));
            never_early(nap, || sleep(nap)).await;
        }
        13..15 => {
            let (limit, nap) = (micros(dice.roll(2000)), micros(dice.roll(4000)));
            _ = never_early(limit.min(nap), || timeout(limit, sleep(nap))).await;
        }
        15..17 => {
            let mut ticks = interval(micros(100 + dice.roll(900)));
            for _ in 0..3 {
                ticks.tick().await;
            }
        }
        17..19 => {
            // Until somebody calls the waker.
            let mut left = false;
            let once = poll_fn(|cx| {
                if std::mem::replace(&mut left, true) {
                    return Poll::Ready(());
                }
                world.leave(&world.wakers, cx.waker().clone(), dice);
                Poll::Pending
            });
            once.await;
        }
        // Until it is cancelled.
        _ => sleep(Duration::from_secs(3600)).await,
    }
}

/// Awaits what takes so long. (Should it panic, the figures of panics don't agree at the end.)
async fn never_early<F: Future>(at_least: Duration, wait: impl FnOnce() -> F) -> F::Output {
    let start = Instant::now();
    let output = wait().await;
    let took = start.elapsed();
    assert!(took >= at_least, "{took:?} instead of {at_least:?}: early");
    output
}

/// Does something to what others have left.
async fn meddle(world: &World, dice: &mut Dice) {
    match dice.roll(8) {
        0..2 => stir(world, dice),
        2..4 => {
            if let Some(mut handle) = world.find(&world.handles, dice) {
                match timeout(micros(dice.roll(2000)), &mut handle).await {
                    Ok(result) => world.take(result),
                    Err(_) => world.leave(&world.handles, handle, dice),
                }
            }
        }
        4..6 => drop(world.find(&world.handles, dice)),
        6 => assert!(Handle::current().tasks().len() < 100 * MOST),
        _ => assert!(Handle::current().metrics().workers > 0),
    }
}

/// Wakes and aborts at random. From threads outside as well.
pub(crate) fn stir(world: &World, dice: &mut Dice) {
    if let Some(waker) = world.find(&world.wakers, dice) {
        match dice.roll(4) {
            0 => waker.wake_by_ref(),
            1 => drop(waker.clone()),
            _ => {}
        }
        waker.wake();
    }
    if let Some(victim) = world.find(&world.aborts, dice)
        && dice.roll(3) > 0
    {
        victim.abort();
    }
}

/// Keeps its worker.
fn hold_up(dice: &mut Dice) {
    let duration = micros(dice.roll(6000));
    match dice.roll(3) {
        0 => thread::sleep(duration),
        1 => block_in_place(|| thread::sleep(duration)),
        _ => {
            let start = Instant::now();
            while start.elapsed() < duration {
                std::hint::spin_loop();
            }
        }
    }
}

async fn have_child(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let life = Life::new(world, dice, depth);
    let child = match dice.roll(8) {
        0 => task::Builder::new()
            .name("somebody")
            .spawn(GENERATION.scope(depth, life)),
        _ => spawn(life),
    };
    dispose(world, dice, child).await;
}

async fn have_job(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let (world_too, mut dice_too) = (Arc::clone(world), dice.split());
    let (token, marker) = (Token::new(), Marker);
    let job = spawn_blocking(move || {
        let _held = (token, marker);
        work(&world_too, &mut dice_too, depth)
    });
    dispose(world, dice, job).await;
}

fn work(world: &Arc<World>, dice: &mut Dice, depth: u32) -> Token {
    match dice.roll(6) {
        0 => world.panic(),
        1..3 => thread::sleep(micros(dice.roll(2000))),
        3 => {
            // For a while: nobody aborts a job that runs.
            let life = live(Arc::clone(world), dice.split(), depth);
            let limit = micros(dice.roll(3000));
            drop(Handle::current().block_on(async move { timeout(limit, life).await }));
        }
        4 => borrow(world, dice, depth),
        _ => {
            let child = spawn(Life::new(world, dice, depth));
            world.leave(&world.handles, child, dice);
        }
    }
    Token::new()
}

/// Blocks on tasks that borrow from here.
fn borrow(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let ended = AtomicUsize::new(0);
    let scoped = || {
        scope(|s| {
            let life = || Life::new(world, dice, depth).map(|token| (&ended, token));
            let lives: Vec<_> = std::iter::repeat_with(life).take(2).collect();
            let children = lives.into_iter().map(|life| s.spawn(life));
            let children: Vec<_> = children.collect();
            thread::sleep(micros(dice.roll(1500)));
            for child in children {
                // Else it might go on for ever.
                child.abort();
                if dice.roll(4) > 0 {
                    let result = child.join();
                    world.take(result.map(|(ended, token)| {
                        ended.fetch_add(1, SeqCst);
                        token
                    }));
                }
            }
        });
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(scoped)) {
        world.caught(payload);
    }
    assert!(ended.into_inner() <= 2);
}

/// What becomes of a handle.
async fn dispose(world: &World, dice: &mut Dice, mut handle: JoinHandle<Token>) {
    if dice.roll(2) == 0 {
        world.leave(&world.aborts, handle.abort_handle(), dice);
    }
    match dice.roll(10) {
        0..3 => drop(handle),
        3..5 => world.leave(&world.handles, handle, dice),
        5 => {
            handle.abort();
            world.take(handle.await);
        }
        6 => match timeout(micros(dice.roll(1000)), &mut handle).await {
            Ok(result) => world.take(result),
            Err(_) => handle.abort(),
        },
        7 => {
            if let Poll::Ready(result) = poll_once(&mut handle, Waker::noop()) {
                world.take(result);
            }
        }
        _ => world.take(handle.await),
    }
}

async fn group_some(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let (count, how, fails) = (dice.roll(4), dice.roll(4), dice.roll(3) == 0);
    let life = || {
        Life::new(world, dice, depth).map(move |token| if fails { Err(token) } else { Ok(token) })
    };
    let lives: Vec<_> = std::iter::repeat_with(life).take(count as usize).collect();
    if how == 0 {
        let group = TaskGroup::new();
        for life in lives {
            world.leave(&world.aborts, group.spawn(life), dice);
        }
        if let Ok(Some(Err(failure))) = timeout(micros(dice.roll(2000)), group.next()).await {
            take_failure(world, failure);
        }
        return;
    }
    let bound = task_group(async |group| {
        for life in lives {
            group.spawn(life);
        }
        if how == 1 { Err(Token::new()) } else { Ok(()) }
    });
    let limit = if how == 2 {
        micros(dice.roll(2000))
    } else {
        Duration::MAX
    };
    if let Ok(Err(error)) = timeout(limit, bound).await {
        for failure in error.into_failures() {
            take_failure(world, failure);
        }
    }
}

fn take_failure(world: &World, failure: Failure<Token>) {
    if let Ok(error) = failure.into_join_error() {
        world.take(Err(error));
    }
}

async fn gather_some(world: &Arc<World>, dice: &mut Dice, depth: u32) {
    let count = dice.roll(5);
    let how = dice.roll(5);
    let mut life = || Life::new(world, dice, depth);
    let ended = if how == 0 {
        let (first, second) = (life(), life());
        let both = gather!(first, spawn(second));
        AssertUnwindSafe(both).catch_unwind().await.map(drop)
    } else {
        let lives: Vec<_> = std::iter::repeat_with(life).take(count as usize).collect();
        gather_all(world, dice, lives, how).await
    };
    if let Err(payload) = ended {
        world.caught(payload);
    }
}

async fn gather_all(
    world: &World,
    dice: &mut Dice,
    lives: Vec<Life>,
    how: u64,
) -> thread::Result<()> {
    match how {
        1 => {
            let all = gather!(..lives).settle().await;
            all.into_iter().for_each(|result| world.take(result));
            Ok(())
        }
        2 => {
            // (An async block whose locals panic as they go would leak its output.)
            let tried = lives.into_iter().map(|life| life.map(Err::<Token, Token>));
            AssertUnwindSafe(try_gather!(..tried))
                .catch_unwind()
                .await
                .map(drop)
        }
        3 => {
            let limited = timeout(micros(dice.roll(2000)), gather!(..lives));
            AssertUnwindSafe(limited).catch_unwind().await.map(drop)
        }
        _ => AssertUnwindSafe(gather!(..lives))
            .catch_unwind()
            .await
            .map(drop),
    }
}
