//! A list that mostly has one value, which then needs no memory of its own.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::slice;

/// A list of few values, as answers have them a thousand times: the algorithms of an object's checksums for instance. None and one are kept in
/// place, more go into a `Vec`.
///
/// It is a slice to everybody who reads it, and is made, filled and iterated as a `Vec` is.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::Few;
///
/// let mut few = Few::from(["a"]);
/// assert_eq!(few.first(), Some(&"a"));
/// few.push("b");
/// few.extend(["c"]);
/// assert_eq!(few, ["a", "b", "c"]);
/// assert_eq!(few.len(), 3);
/// assert!(few.contains(&"b"));
/// assert_eq!(few.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
/// ```
#[derive(Clone)]
pub struct Few<T>(Held<T>);

#[derive(Clone)]
enum Held<T> {
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// A list without values.
    pub const fn new() -> Self {
        Self(Held::None)
    }

    /// Appends a value. The second one is the first that takes memory.
    pub fn push(&mut self, value: T) {
        self.0 = match std::mem::replace(&mut self.0, Held::None) {
            Held::None => Held::One(value),
            Held::One(first) => Held::Many(vec![first, value]),
            Held::Many(mut values) => {
                values.push(value);
                Held::Many(values)
            }
        };
    }

    /// The values as a slice, in their order.
    pub fn as_slice(&self) -> &[T] {
        self
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Held::None => &[],
            Held::One(one) => slice::from_ref(one),
            Held::Many(values) => values,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Held::None => &mut [],
            Held::One(one) => slice::from_mut(one),
            Held::Many(values) => values,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: PartialEq> PartialEq<Vec<T>> for Few<T> {
    fn eq(&self, other: &Vec<T>) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: PartialEq, const N: usize> PartialEq<[T; N]> for Few<T> {
    fn eq(&self, other: &[T; N]) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T> AsRef<[T]> for Few<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(mut values: Vec<T>) -> Self {
        match values.len() {
            0 | 1 => values.pop().into_iter().collect(),
            _ => Self(Held::Many(values)),
        }
    }
}

impl<T, const N: usize> From<[T; N]> for Few<T> {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<T> From<Few<T>> for Vec<T> {
    fn from(few: Few<T>) -> Self {
        match few.0 {
            Held::None => Vec::new(),
            Held::One(one) => vec![one],
            Held::Many(values) => values,
        }
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut few = Self::new();
        few.extend(values);
        few
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        let (one, many) = match self.0 {
            Held::None => (None, Vec::new()),
            Held::One(one) => (Some(one), Vec::new()),
            Held::Many(values) => (None, values),
        };
        IntoIter(one.into_iter().chain(many))
    }
}

/// The values of a [`Few`], one after the other.
#[derive(Clone, Debug)]
pub struct IntoIter<T>(std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::Few;

    #[test]
    fn is_the_list_that_a_vec_would_be() {
        for values in [vec![], vec![1], vec![1, 2], vec![1, 2, 3]] {
            let mut pushed = Few::new();
            values.iter().for_each(|value| pushed.push(*value));
            let collected: Few<i32> = values.iter().copied().collect();
            assert_eq!(pushed, values);
            assert_eq!(pushed, collected);
            assert_eq!(Few::from(values.clone()), pushed);
            assert_eq!(Vec::from(pushed.clone()), values);
            assert_eq!(pushed.clone().into_iter().collect::<Vec<_>>(), values);
            assert_eq!((&pushed).into_iter().copied().collect::<Vec<_>>(), values);
            assert_eq!(format!("{pushed:?}"), format!("{values:?}"));
            pushed.iter_mut().for_each(|value| *value += 1);
            assert_eq!(pushed, values.iter().map(|value| value + 1).collect::<Vec<_>>());
        }
        let one = Few::from([1]);
        assert!(one != [2] && one != [1, 1]);
    }

    #[test]
    fn an_empty_list_and_one_value_take_no_memory() {
        assert!(matches!(Few::<u8>::new().0, super::Held::None));
        assert!(matches!(Few::from(vec![1]).0, super::Held::One(1)));
    }
}
