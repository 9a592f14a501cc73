//! Seventeen.

use std::future::ready;
use wheelhouse::{gather, try_gather};

fn main() {
    wheelhouse::run(async {
        let r = ready::<u8>;
        gather!(
            r(1), r(2), r(3), r(4), r(5), r(6), r(7), r(8), r(9), r(10), r(11), r(12), r(13), r(14),
            r(15), r(16), r(17),
        )
        .await;
        let t = ready::<Result<u8, ()>>;
        let _ = try_gather!(
            t(Ok(1)), t(Ok(2)), t(Ok(3)), t(Ok(4)), t(Ok(5)), t(Ok(6)), t(Ok(7)), t(Ok(8)), t(Ok(9)),
            t(Ok(10)), t(Ok(11)), t(Ok(12)), t(Ok(13)), t(Ok(14)), t(Ok(15)), t(Ok(16)), t(Ok(17))
        )
        .await;
    });
}
