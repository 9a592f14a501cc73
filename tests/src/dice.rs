//! Numbers for tests that do many different things.

/// Numbers that look random and are the same in each run (xorshift), from a seed that is not 0.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse_tests::Dice;
    ///
    /// let (mut dice, mut same) = (Dice(7), Dice(7));
    /// let rolls: Vec<u64> = (0..100).map(|_| dice.roll(6)).collect();
    /// assert!((0..6).all(|side| rolls.contains(&side)));
    /// assert!(rolls.into_iter().all(|side| side == same.roll(6)));
    /// ```
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
