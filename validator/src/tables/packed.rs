//! Reads packed tables where they lie: rows of fields, and sets of 128-bit prefixes.

/// Rows of fields, sorted by their first field.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    bytes: &'static [u8],
}

impl Rows {
    pub(super) const fn new(bytes: &'static [u8]) -> Self {
        Self { bytes }
    }

    /// How many rows there are.
    pub(super) fn len(self) -> usize {
        self.number(0)
    }

    /// Returns the fields of a row; fields that are not there are empty.
    pub(super) fn row<const N: usize>(self, at: usize) -> [&'static [u8]; N] {
        let mut rest = self.raw(at);
        std::array::from_fn(|_| {
            let (field, tail) = split_field(rest).unwrap_or_default();
            rest = tail;
            field
        })
    }

    /// Returns all rows.
    pub(super) fn rows<const N: usize>(self) -> impl Iterator<Item = [&'static [u8]; N]> {
        (0..self.len()).map(move |at| self.row(at))
    }

    /// Returns the rows whose first field is `key`.
    pub(super) fn find<const N: usize>(self, key: &[u8]) -> impl Iterator<Item = [&'static [u8]; N]> + use<N> {
        let first = |at: usize| self.row::<1>(at)[0];
        let start = partition(self.len(), |at| first(at) < key);
        let end = partition(self.len(), |at| first(at) <= key);
        (start..end).map(move |at| self.row(at))
    }

    fn raw(self, at: usize) -> &'static [u8] {
        let heap = 4 * (self.len() + 2);
        let (start, end) = (self.number(1 + at), self.number(2 + at));
        if at < self.len() { self.bytes.get(heap + start..heap + end).unwrap_or_default() } else { &[] }
    }

    fn number(self, at: usize) -> usize {
        let (numbers, _) = self.bytes.as_chunks::<4>();
        numbers.get(at).map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize)
    }
}

/// The first number below `len` for which `before` no longer holds.
pub(super) fn partition(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

fn split_field(bytes: &'static [u8]) -> Option<(&'static [u8], &'static [u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// Text of a packed field.
pub(super) fn text(field: &'static [u8]) -> &'static str {
    std::str::from_utf8(field).unwrap_or_default()
}

/// UNIX seconds of a packed field.
pub(super) fn time(field: &[u8]) -> Option<i64> {
    field.try_into().ok().map(i64::from_le_bytes)
}

/// UNIX seconds of a packed day.
pub(super) fn day_of(days: [u8; 2]) -> i64 {
    i64::from(u16::from_le_bytes(days)) * 86_400
}

/// A sorted set of 128-bit prefixes behind 4096 buckets; a number may be kept for each.
#[derive(Clone, Copy)]
pub(super) struct Prefixes {
    ends: &'static [[u8; 2]],
    sorted: &'static [[u8; 16]],
    numbers: &'static [[u8; 4]],
}

impl Prefixes {
    /// Reads a set without numbers.
    pub(super) fn new(bytes: &'static [u8]) -> Self {
        let (ends, rest) = bytes.split_at_checked(2 * 4097).unwrap_or_default();
        let (ends, _) = ends.as_chunks::<2>();
        let count = ends.last().map_or(0, |end| usize::from(u16::from_le_bytes(*end)));
        let (sorted, numbers) = rest.split_at_checked(16 * count).unwrap_or_default();
        Self { ends, sorted: sorted.as_chunks::<16>().0, numbers: numbers.as_chunks::<4>().0 }
    }

    /// Says whether the set holds a prefix.
    #[inline]
    pub(super) fn contains(self, prefix: &[u8; 16]) -> bool {
        self.position(prefix).is_some()
    }

    /// Returns the number kept at a position.
    pub(super) fn number(self, at: usize) -> Option<u32> {
        self.numbers.get(at).map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Returns where a prefix stands in the order of all.
    #[inline]
    pub(super) fn position(self, prefix: &[u8; 16]) -> Option<usize> {
        let [a, b, ..] = *prefix;
        let bucket = usize::from(a) << 4 | usize::from(b) >> 4;
        let end = |at: usize| self.ends.get(at).map(|end| usize::from(u16::from_le_bytes(*end)));
        let (start, end) = (end(bucket)?, end(bucket + 1)?);
        // A bucket of ten thousand holds two or three: nothing is gained by halving them.
        self.sorted.get(start..end)?.iter().position(|entry| entry == prefix).map(|at| start + at)
    }
}

/// The 128-bit prefix of a hash.
#[inline]
pub(super) fn prefix(hash: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
