//! Bytes in order out of segments, for one direction of one connection.

/// One direction of a connection: what came is handed on in order, what is early waits, within bounds.
#[derive(Debug, Default)]
pub(super) struct Order {
    first: Option<u32>,
    next: Option<u32>,
    waiting: Vec<(u32, Vec<u8>)>,
    held: usize,
    end: Option<u32>,
    stuck: Option<Stuck>,
}

/// Why a direction does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuck {
    /// A packet was cut short when it was captured.
    Cut,
    /// A packet is missing, and more came after it than may wait.
    Gap,
}

impl Order {
    /// States which byte is first, where that is not known yet.
    pub(super) fn begin_at(&mut self, sequence: u32) {
        self.first.get_or_insert(sequence);
        self.next.get_or_insert(sequence);
    }

    /// Says whether it is known which byte is first.
    pub(super) fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Says whether a SYN with this number opens the connection that is read, not another one after it.
    pub(super) fn is_opened_by(&self, sequence: u32) -> bool {
        self.first.is_none_or(|first| first == sequence.wrapping_add(1))
    }

    /// Takes a segment's data and hands on what is in order now.
    pub(super) fn take(&mut self, sequence: u32, data: &[u8], is_cut: bool, hand_on: &mut dyn FnMut(&[u8])) {
        if self.stuck.is_some() || (data.is_empty() && !is_cut) {
            return;
        }
        self.begin_at(sequence);
        let next = self.next.unwrap_or(sequence);
        if distance(next, sequence) > 0 {
            self.keep(sequence, data, is_cut);
            return;
        }
        self.hand_on_from(sequence, data, hand_on);
        while self.stuck.is_none()
            && let Some((sequence, data)) = self.take_due()
        {
            self.hand_on_from(sequence, &data, hand_on);
        }
        if is_cut && self.stuck.is_none() {
            self.stuck = Some(Stuck::Cut);
        }
        if self.stuck.is_some() {
            self.forget();
        }
    }

    /// Notes that the direction ends before this byte.
    pub(super) fn end_at(&mut self, sequence: u32) {
        self.end.get_or_insert(sequence);
    }

    /// Says whether everything up to its end was handed on.
    pub(super) fn is_over(&self) -> bool {
        self.end.zip(self.next).is_some_and(|(end, next)| distance(end, next) >= 0)
    }

    /// Says whether and why it does not go on.
    pub(super) fn stuck(&self) -> Option<Stuck> {
        self.stuck
    }

    /// Says whether something waits for a packet that did not come yet.
    pub(super) fn has_gap(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns how many bytes wait.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Lets go of what waits.
    pub(super) fn forget(&mut self) {
        self.waiting = Vec::new();
        self.held = 0;
    }

    /// Hands on what of these bytes is new; of bytes that came twice the first ones count.
    fn hand_on_from(&mut self, sequence: u32, data: &[u8], hand_on: &mut dyn FnMut(&[u8])) {
        let Some(next) = self.next else { return };
        let known = usize::try_from(distance(sequence, next)).unwrap_or(0);
        let Some(fresh) = data.get(known..).filter(|fresh| !fresh.is_empty()) else { return };
        self.next = Some(next.wrapping_add(u32::try_from(fresh.len()).unwrap_or(u32::MAX)));
        hand_on(fresh);
    }

    fn keep(&mut self, sequence: u32, data: &[u8], is_cut: bool) {
        // What follows a cut packet would never come into order.
        if is_cut || self.waiting.len() >= MOST_WAITING || self.held + data.len() > MOST_HELD {
            self.stuck = Some(if is_cut { Stuck::Cut } else { Stuck::Gap });
            self.forget();
            return;
        }
        if self.waiting.iter().any(|(known, kept)| *known == sequence && kept.len() >= data.len()) {
            return;
        }
        self.held += data.len();
        self.waiting.push((sequence, data.to_vec()));
    }

    /// Returns a waiting segment whose turn it is.
    fn take_due(&mut self) -> Option<(u32, Vec<u8>)> {
        let next = self.next?;
        let due = self.waiting.iter().position(|(sequence, _)| distance(next, *sequence) <= 0)?;
        let (sequence, data) = self.waiting.swap_remove(due);
        self.held -= data.len();
        Some((sequence, data))
    }
}

/// Returns how far it is from one sequence number to another, over the wrap (RFC 9293 §3.4).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// How many segments may wait for one before them, and how many bytes they may have in all.
const MOST_WAITING: usize = 256;
const MOST_HELD: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn through(first: u32, segments: &[(u32, &str)]) -> (String, Order) {
        let (mut order, mut seen) = (Order::default(), String::new());
        order.begin_at(first);
        for (sequence, data) in segments {
            order.take(*sequence, data.as_bytes(), false, &mut |fresh| seen.push_str(&String::from_utf8_lossy(fresh)));
        }
        (seen, order)
    }

    #[test]
    fn segments_out_of_order_twice_and_overlapping_are_one_stream() {
        assert_eq!(through(10, &[(10, "abc"), (13, "def")]).0, "abcdef");
        assert_eq!(through(10, &[(13, "def"), (10, "abc"), (13, "def")]).0, "abcdef");
        assert_eq!(through(10, &[(16, "g"), (13, "def"), (16, "g"), (10, "abc")]).0, "abcdefg");
        assert_eq!(through(10, &[(10, "abc"), (11, "BCd"), (14, "e")]).0, "abcde");
        assert_eq!(through(10, &[(8, "xxabc"), (13, "d")]).0, "abcd");
    }

    #[test]
    fn numbers_wrap_around() {
        assert_eq!(through(u32::MAX - 1, &[(1, "def"), (u32::MAX - 1, "abc")]).0, "abcdef");
    }

    #[test]
    fn a_gap_holds_back_what_comes_after_it_but_not_without_bound() {
        let (seen, order) = through(10, &[(10, "abc"), (20, "later")]);
        assert_eq!((seen.as_str(), order.has_gap(), order.held(), order.stuck()), ("abc", true, 5, None));
        let many: Vec<(u32, &str)> = (0..300).map(|number| (20 + number * 2, "x")).collect();
        let (_, order) = through(10, &many);
        assert_eq!((order.stuck(), order.held()), (Some(Stuck::Gap), 0));
    }

    #[test]
    fn nothing_is_handed_on_after_a_packet_that_was_cut_short() {
        let (mut order, mut seen) = (Order::default(), Vec::new());
        order.take(1, b"abc", true, &mut |fresh| seen.extend_from_slice(fresh));
        order.take(4, b"def", false, &mut |fresh| seen.extend_from_slice(fresh));
        assert_eq!((seen.as_slice(), order.stuck()), (&b"abc"[..], Some(Stuck::Cut)));
    }

    #[test]
    fn it_is_over_when_all_before_its_end_came() {
        let (_, mut order) = through(10, &[(13, "def")]);
        order.end_at(16);
        assert!(!order.is_over());
        order.take(10, b"abc", false, &mut |_| {});
        assert!(order.is_over());
    }
}
