//! How each way looks: the hue tells whose threads, the stroke tells how they sleep.

use super::way::Way;
use crate::runtime::Which;

/// The page's style sheet; every colour is a variable with a light and a dark value.
pub(super) const CSS: &str = include_str!("page.css");

/// The CSS class of a way's hue.
pub(super) fn hue(way: Way) -> &'static str {
    match way {
        Way::InTurn | Way::ThreadEach => "os",
        Way::Blocking(which) | Way::SpawnBlocking(which) | Way::Async(which) => hue_of(which),
    }
}

/// The CSS class of a runtime's hue.
pub(super) fn hue_of(which: Which) -> &'static str {
    match which {
        Which::Wheelhouse | Which::WheelhouseUnwatched => "wheelhouse",
        Which::Tokio => "tokio",
        Which::SmolStatic | Which::Smol => "smol",
    }
}

/// The CSS class of a way's stroke.
pub(super) fn stroke(way: Way) -> &'static str {
    match way {
        Way::ThreadEach | Way::Async(_) => "solid",
        Way::InTurn | Way::Blocking(_) => "dashed",
        Way::SpawnBlocking(_) => "dotted",
    }
}

/// The label at the end of a way's curve.
pub(super) fn label(way: Way) -> &'static str {
    match way {
        Way::InTurn => "in turn",
        Way::ThreadEach => "thread each",
        Way::SpawnBlocking(Which::Wheelhouse) => "wheelhouse, jobs",
        Way::SpawnBlocking(_) => "tokio, jobs",
        Way::Blocking(Which::Wheelhouse) => "wheelhouse, blocked",
        Way::Blocking(Which::Tokio) => "tokio, blocked",
        Way::Blocking(_) => "smol, blocked",
        Way::Async(Which::Wheelhouse) => "wheelhouse",
        Way::Async(Which::Tokio) => "tokio",
        Way::Async(_) => "smol",
    }
}

/// Text as it may stand in HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ways_look_alike() {
        let mut looks: Vec<_> = Way::ALL.map(|way| (hue(way), stroke(way))).to_vec();
        looks.sort_unstable();
        looks.dedup();
        assert_eq!(looks.len(), Way::ALL.len());
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }
}
