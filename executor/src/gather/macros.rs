//! `gather!` and `try_gather!` themselves. They check each argument, sort out the handles, and leave
//! the rest to functions.

/// Starts futures as tasks, now, and gives a future of all their values.
///
/// `gather!(a, b, c)` takes up to 16 futures, task handles and thread handles in any mixture, and
/// yields a tuple; `gather!(..iterator)` takes as many of one type as the iterator gives, and yields
/// a `Vec`. The [module](mod@crate::gather) says what happens when one fails, and what may be
/// given up when. The future is a [`Gather`](crate::gather::Gather).
///
/// # Panics
///
/// At the call: outside a runtime, naming the caller's line, if there is a future among the
/// arguments; and if there are thread handles and the thread that waits for them can't be started.
/// When it is awaited: if an argument panicked, or the task of a handle was aborted, or is a blocking
/// job that was [refused](crate::JoinError::is_refused), unless
/// [`settle`](crate::gather::Gather::settle)d.
///
/// # Cancel safety
///
/// It may be polled and taken up again later. Dropped, it aborts the tasks that still run and lets
/// go of the threads.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse::{gather, sleep};
///
/// async fn fetch(name: &str, milliseconds: u64) -> String {
///     sleep(Duration::from_millis(milliseconds)).await;
///     format!("{name} is here")
/// }
///
/// wheelhouse::run(async {
///     let (tea, milk) = gather!(fetch("tea", 20), fetch("milk", 10)).await;
///     assert_eq!((tea.as_str(), milk.as_str()), ("tea is here", "milk is here"));
/// });
/// ```
#[macro_export]
macro_rules! gather {
    () => {
        $crate::gather::expansion::gather(())
    };
    (.. $arguments:expr $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::gather::expansion::SortRest as _;
        let gather = $crate::gather::expansion::gather_all(
            $crate::gather::expansion::spread($arguments).sort(),
        );
        gather
    }};
    (
        $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $h:expr, $i:expr, $j:expr,
        $k:expr, $l:expr, $m:expr, $n:expr, $o:expr, $p:expr, $($more:expr),+ $(,)?
    ) => {
        ::core::compile_error!(
            "`gather!` takes up to 16 arguments; for more of one type write \
             `gather!(..[a, b, c])`, or gather some of them in a `gather!` of their own"
        )
    };
    ($($argument:expr),+ $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::gather::expansion::SortRest as _;
        let gather = $crate::gather::expansion::gather((
            $($crate::gather::expansion::argument($argument).sort(),)+
        ));
        gather
    }};
}

/// [`gather!`](crate::gather!) for what may fail: yields `Ok` of all values, or the first `Err`.
///
/// `try_gather!(a, b)` takes up to 16 futures, task handles and thread handles that yield `Result`s
/// with the same error type; `try_gather!(..iterator)` as many as the iterator gives. The first `Err`
/// in time, not in the order of the arguments, is what it yields, once the arguments that still ran
/// have been cancelled as the [module](mod@crate::gather) says. The future is a
/// [`TryGather`](crate::gather::TryGather).
///
/// # Panics
///
/// As [`gather!`](crate::gather!): a panic is not an `Err`.
///
/// # Errors
///
/// Yields the first `Err` that an argument yields.
///
/// # Cancel safety
///
/// As [`gather!`](crate::gather!).
///
/// # Examples
///
/// ```
/// use wheelhouse::try_gather;
///
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// wheelhouse::run(async {
///     assert_eq!(try_gather!(parse("1"), parse("2")).await, Ok((1, 2)));
///     assert!(try_gather!(parse("1"), parse("two")).await.is_err());
///     assert_eq!(try_gather!(..["1", "2", "3"].map(parse)).await, Ok(vec![1, 2, 3]));
/// });
/// ```
#[macro_export]
macro_rules! try_gather {
    () => {
        ::core::compile_error!(
            "`try_gather!` takes at least one argument: without any, nothing tells the type of its error"
        )
    };
    (.. $arguments:expr $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::gather::expansion::SortRest as _;
        let error = $crate::gather::expansion::ErrorType::new();
        let gather = $crate::gather::expansion::try_gather_all(error.spread($arguments, 0).sort());
        gather
    }};
    (
        $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $h:expr, $i:expr, $j:expr,
        $k:expr, $l:expr, $m:expr, $n:expr, $o:expr, $p:expr, $($more:expr),+ $(,)?
    ) => {
        ::core::compile_error!(
            "`try_gather!` takes up to 16 arguments; for more of one type write \
             `try_gather!(..[a, b, c])`, or gather some of them in a `try_gather!` of their own"
        )
    };
    ($($argument:expr),+ $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::gather::expansion::SortRest as _;
        let error = $crate::gather::expansion::ErrorType::new();
        let gather = $crate::gather::expansion::try_gather((
            $(error.argument($argument, 0).sort(),)+
        ));
        gather
    }};
}
