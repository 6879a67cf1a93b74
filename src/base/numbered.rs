//! Values by number.

/// A few values, numbered in the order in which they were added.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    values: Vec<(u64, T)>,
    next: u64,
}

impl<T> Numbered<T> {
    /// Adds a value, and returns its number.
    pub(crate) fn add(&mut self, value: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.values.push((number, value));
        number
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.values.get(self.place(number)?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.values.get_mut(place).map(|(_, value)| value)
    }

    /// Removes a value. Those that were added later are moved.
    pub(crate) fn remove(&mut self, number: u64) {
        if let Some(place) = self.place(number) {
            self.values.remove(place);
        }
    }

    /// Returns the values and their numbers, in the order of the numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.values.iter().map(|(number, value)| (*number, value))
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.values.binary_search_by_key(&number, |(number, _)| *number).ok()
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: Vec::new(), next: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_used_again() {
        let mut values = Numbered::default();
        let numbers = ["a", "b", "c"].map(|value| values.add(value));
        values.remove(numbers[1]);
        values.remove(numbers[1]);
        let d = values.add("d");
        assert_eq!(values.get(numbers[1]), None);
        assert_eq!(values.get_mut(numbers[2]), Some(&mut "c"));
        assert_eq!(values.iter().collect::<Vec<_>>(), [(numbers[0], &"a"), (numbers[2], &"c"), (d, &"d")]);
        values.remove(d);
        assert_ne!(values.add("e"), d);
        assert_eq!((values.len(), values.is_empty()), (3, false));
    }
}
