//! The tokens that pay for retries. When many calls fail, a client stops retrying instead of adding load.

const CAPACITY: u32 = 500;
const RETRY_COST: u32 = 5;
/// A timeout costs more, because it has occupied a connection for a long time.
const TIMEOUT_COST: u32 = 10;
/// The tokens gained by a call that succeeds at the first attempt.
const FIRST_TRY_GAIN: u32 = 1;

/// A bucket of tokens that starts full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    left: u32,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { left: CAPACITY }
    }
}

impl Tokens {
    /// Pays for a retry. Returns its cost, or `None` if too few tokens are left.
    pub(super) fn take(&mut self, timed_out: bool) -> Option<u32> {
        let cost = if timed_out { TIMEOUT_COST } else { RETRY_COST };
        self.left = self.left.checked_sub(cost)?;
        Some(cost)
    }

    /// Records a successful call: after a retry that cost `cost`, or at the first attempt.
    pub(super) fn succeeded(&mut self, cost: Option<u32>) {
        self.left = CAPACITY.min(self.left + cost.unwrap_or(FIRST_TRY_GAIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_take_tokens_and_successes_return_them() {
        let mut tokens = Tokens::default();
        assert_eq!(tokens.take(false), Some(5));
        assert_eq!(tokens.take(true), Some(10));
        assert_eq!(tokens.left, 485);
        tokens.succeeded(Some(10));
        assert_eq!(tokens.left, 495);
        tokens.succeeded(None);
        assert_eq!(tokens.left, 496);
        for _ in 0..10 {
            tokens.succeeded(None);
        }
        assert_eq!(tokens.left, CAPACITY);
    }

    #[test]
    fn an_empty_bucket_pays_for_nothing_until_a_call_succeeds() {
        let mut tokens = Tokens::default();
        assert_eq!((0..).take_while(|_| tokens.take(false).is_some()).count(), 100);
        assert_eq!(tokens.take(false), None);
        tokens.succeeded(None);
        assert_eq!(tokens.take(false), None);
        tokens.succeeded(Some(5));
        assert_eq!((tokens.left, tokens.take(true)), (6, None));
        assert_eq!(tokens.take(false), Some(5));
    }
}
