//! Limits the memory of a document's values.

use crate::go::json::problem::JsonProblem;

const MIB: usize = 1024 * 1024;

/// The memory left for a document's values.
pub(crate) struct Memory {
    limit: usize,
    left: usize,
}

impl Memory {
    /// Returns the limit for a document of `size` bytes.
    pub(super) fn of_document(size: usize) -> Self {
        let limit = limit(size);
        Self { limit, left: limit }
    }

    /// Counts the memory of a value.
    ///
    /// # Errors
    /// If it exceeds the limit.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), JsonProblem> {
        self.left = self.left.checked_sub(bytes).ok_or(JsonProblem::Memory(self.limit))?;
        Ok(())
    }

    /// Returns what is left, to be restored when a value is dropped.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Gives back what was taken since `left` was returned.
    pub(crate) fn restore(&mut self, left: usize) {
        self.left = left;
    }
}

/// The limit for document and values together: eight times the document and 20 MiB, up to 107 MiB; or a little less
/// than four times the document, if that is more. Documents written by Go need about twice their size.
fn limit(size: usize) -> usize {
    let small = (size.saturating_mul(7) + 20 * MIB).min((107 * MIB).saturating_sub(size));
    small.max(size / 4 * 11)
}

/// Returns the memory of an allocation of this many bytes: plus 8 for the allocator, in units of 16, at least 32.
pub(super) fn allocation(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes.saturating_add(8 + 15) & !15).max(32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_with_the_document() {
        for (size, most) in [(0, 20), (1, 27), (10, 90), (15, 92), (30, 82), (256, 704)] {
            assert_eq!(limit(size * MIB) / MIB, most, "{size} MiB");
        }
        assert_eq!([0, 1, 24, 25, 40, 41].map(allocation), [0, 32, 32, 48, 48, 64]);
    }
}
