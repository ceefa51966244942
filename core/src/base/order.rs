//! Sorting where a small program counts for more than speed.
//!
//! The standard library's sort, which it also uses to collect into a map or a set, is 5 kB of code
//! for each type that is sorted. These are a tenth of that.

use alloc::vec::Vec;
use core::{cmp::Ordering, mem};

/// Sorts as [`slice::sort_by`] does: what is equal keeps its order.
pub fn sort_by<T>(items: &mut Vec<T>, order: impl Fn(&T, &T) -> Ordering) {
    let places = places(items.len(), &|one, other| {
        let pair = items.get(one).zip(items.get(other));
        pair.map_or(Ordering::Equal, |(one, other)| order(one, other))
    });
    let mut taken: Vec<_> = mem::take(items).into_iter().map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| taken.get_mut(place)?.take()));
}

/// Sorts as [`slice::sort_by_key`] does.
pub fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    sort_by(items, |one, other| key(one).cmp(&key(other)));
}

/// Collects into a map or a set, one insertion after the other.
pub fn collect<C: Default + Extend<T>, T>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}

/// In which order so many items come, by their places.
fn places(len: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<_> = (0..len).collect();
    places.sort_by(|one, other| order(*one, *other));
    places
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn sorts_and_keeps_what_is_equal_in_order() {
        let mut items = Vec::from([(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')]);
        sort_by_key(&mut items, |(key, _)| *key);
        assert_eq!(items, [(0, 'd'), (1, 'b'), (1, 'e'), (2, 'a'), (2, 'c')]);
        assert_eq!(collect::<BTreeSet<_>, _>([3, 1, 3]), BTreeSet::from([1, 3]));
    }
}
