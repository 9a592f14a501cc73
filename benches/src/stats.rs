//! The arithmetic of results: percentiles, medians, ratios with their spread.

/// The value below or at which `percent` of the sorted values lie (nearest rank).
///
/// # Panics
///
/// When there are no values.
#[must_use]
pub fn percentile<T: Copy>(sorted: &[T], percent: f64) -> T {
    assert!(!sorted.is_empty(), "no percentile of nothing");
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The middle value, or the mean of the two in the middle; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// A figure taken in several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of these values; `None` of nothing.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Spread> {
        Some(Spread {
            min: values.iter().copied().reduce(f64::min)?,
            median: median(values)?,
            max: values.iter().copied().reduce(f64::max)?,
        })
    }
}

/// Ours over the best (smallest) rival, round by round: noise that a whole round shares cancels.
///
/// `rivals` holds one list per rival, each as long as `ours`.
#[must_use]
pub fn ratios_to_best(ours: &[f64], rivals: &[Vec<f64>]) -> Vec<f64> {
    let best_of = |round: usize| {
        rivals
            .iter()
            .filter_map(|rival| rival.get(round).copied())
            .reduce(f64::min)
    };
    ours.iter()
        .enumerate()
        .filter_map(|(round, own)| Some(own / best_of(round)?))
        .filter(|ratio| ratio.is_finite())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50.0), 50);
        assert_eq!(percentile(&hundred, 99.0), 99);
        assert_eq!(percentile(&hundred, 100.0), 100);
        assert_eq!(percentile(&hundred, 0.0), 1);
        assert_eq!(percentile(&[7], 99.0), 7);
        assert_eq!(percentile(&[1, 2, 3], 50.0), 2);
    }

    #[test]
    #[should_panic(expected = "no percentile of nothing")]
    fn nothing_has_no_percentile() {
        let _ = percentile::<u32>(&[], 50.0);
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_spread_keeps_its_ends() {
        let spread = Spread::of(&[0.5, 0.3, 0.4]).expect("three values");
        assert_eq!(
            spread,
            Spread {
                min: 0.3,
                median: 0.4,
                max: 0.5
            }
        );
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_best_rival_is_chosen_in_each_round() {
        let ratios = ratios_to_best(&[10.0, 30.0], &[vec![20.0, 100.0], vec![40.0, 60.0]]);
        assert_eq!(ratios, [0.5, 0.5]);
    }

    #[test]
    fn a_best_rival_of_zero_gives_no_ratio() {
        assert!(ratios_to_best(&[1.0], &[vec![0.0]]).is_empty());
        assert!(ratios_to_best(&[1.0], &[]).is_empty());
    }
}
