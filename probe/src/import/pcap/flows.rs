//! Connections: which segment belongs to which, and when one is over. Their number and what they hold is bounded.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

use super::handshake::{End, Handshake, Side};
use super::link::Segment;
use super::order::{Order, Stuck};
use super::records::Records;
use crate::import::gathered::{Gathered, Passed};

/// Both ends of a connection, the smaller address first.
type Key = [SocketAddr; 2];

/// All connections that are read at the moment.
#[derive(Debug)]
pub(super) struct Flows {
    table: HashMap<Key, Flow>,
    /// How many segments there were: the clock by which connections grow old.
    now: u64,
    held: usize,
}

#[derive(Debug)]
struct Flow {
    born: u64,
    touched: u64,
    /// None when all that can be seen of it was seen; the rest of its packets is passed over.
    open: Option<Box<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    order: [Order; 2],
    records: [Records; 2],
    handshake: Handshake,
    has_syn: bool,
    held: usize,
}

impl Flows {
    /// Returns no connection.
    pub(super) fn new() -> Self {
        Self { table: HashMap::new(), now: 0, held: 0 }
    }

    /// Takes a segment, captured at a time in UNIX milliseconds.
    pub(super) fn take(&mut self, segment: &Segment<'_>, at: u64, gathered: &mut Gathered) {
        self.now += 1;
        let side: Side = usize::from(segment.from > segment.to);
        let key: Key = if side == 0 { [segment.from, segment.to] } else { [segment.to, segment.from] };
        let begins = segment.syn && segment.acknowledges.is_none();
        let flow = match self.table.entry(key) {
            Entry::Occupied(found) => found.into_mut(),
            // A segment without data tells nothing of a connection nobody has seen.
            Entry::Vacant(_) if !segment.syn && segment.payload.is_empty() => return,
            Entry::Vacant(place) => place.insert(Flow { born: self.now, touched: 0, open: Some(Box::default()) }),
        };
        flow.touched = self.now;
        if begins && flow.is_followed_by(segment, side) {
            let before = std::mem::replace(flow, Flow { born: self.now, touched: self.now, open: Some(Box::default()) });
            self.held -= before.held();
            before.conclude(&key, End::NoMore, gathered);
        }
        let held = flow.held();
        let end = flow.open.as_mut().and_then(|open| open.take(segment, side, at));
        if let Some(end) = end {
            let over = Flow { open: flow.open.take(), ..*flow };
            over.conclude(&key, end, gathered);
        }
        self.held = (self.held + flow.held()).saturating_sub(held);
        if self.table.len() > MOST_FLOWS || self.held > MOST_HELD {
            self.make_room(gathered);
        }
    }

    /// Ends: what is open now is told as far as it came.
    pub(super) fn close(mut self, gathered: &mut Gathered) {
        let mut rest: Vec<(Key, Flow)> = self.table.drain().collect();
        rest.sort_by_key(|(_, flow)| flow.born);
        for (key, flow) in rest {
            flow.conclude(&key, End::NoMore, gathered);
        }
    }

    /// Gives up the quarter of all connections that was silent for the longest time.
    fn make_room(&mut self, gathered: &mut Gathered) {
        let mut ages: Vec<(u64, Key)> = self.table.iter().map(|(key, flow)| (flow.touched, *key)).collect();
        ages.sort_unstable();
        let count = ages.len().div_ceil(4);
        for (_, key) in ages.into_iter().take(count) {
            if let Some(flow) = self.table.remove(&key) {
                self.held -= flow.held();
                flow.conclude(&key, End::NoMore, gathered);
            }
        }
    }
}

impl Flow {
    /// Says whether this opening belongs to a new connection between the same ends.
    fn is_followed_by(&self, segment: &Segment<'_>, side: Side) -> bool {
        match &self.open {
            None => true,
            Some(open) => open.order.get(side).is_some_and(|order| !order.is_opened_by(segment.sequence)),
        }
    }

    fn held(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.held)
    }

    /// Tells what was seen of it.
    fn conclude(self, key: &Key, end: End, gathered: &mut Gathered) {
        let Some(open) = self.open else { return };
        if !open.handshake.has_begun() {
            gathered.tally.pass(open.passed());
            return;
        }
        let [low, high] = *key;
        let server = if open.handshake.client() == Some(0) { high } else { low };
        let end = open.order.iter().find_map(Order::stuck).map_or(end, |stuck| if end == End::Over { end } else { End::Stuck(stuck) });
        let has_gap = end != End::Over && open.order.iter().any(Order::has_gap);
        let end = if has_gap { End::Stuck(Stuck::Gap) } else { end };
        if let Some(observation) = open.handshake.observation(server, end) {
            gathered.push(observation);
        }
    }
}

impl Open {
    /// Takes a segment; returns why nothing more comes, when nothing does.
    fn take(&mut self, segment: &Segment<'_>, side: Side, at: u64) -> Option<End> {
        self.note_beginning(segment, side);
        let first = segment.sequence.wrapping_add(u32::from(segment.syn));
        let length = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        self.take_data(first, segment, side, at);
        if segment.fin
            && let Some(order) = self.order.get_mut(side)
        {
            order.end_at(first.wrapping_add(length));
        }
        self.held = self.order.iter().map(Order::held).sum::<usize>() + self.records.iter().map(Records::kept).sum::<usize>();
        self.end(segment, side)
    }

    fn note_beginning(&mut self, segment: &Segment<'_>, side: Side) {
        if segment.syn {
            self.has_syn = true;
            self.handshake.opened_by(if segment.acknowledges.is_some() { 1 - side } else { side });
            if let Some(order) = self.order.get_mut(side) {
                order.begin_at(segment.sequence.wrapping_add(1));
            }
        }
        // Where one opening is missing, what the other side awaits tells where this one begins.
        if let (true, Some(awaited), Some(order)) = (self.has_syn, segment.acknowledges, self.order.get_mut(1 - side))
            && !order.has_begun()
        {
            order.begin_at(awaited);
        }
    }

    fn take_data(&mut self, first: u32, segment: &Segment<'_>, side: Side, at: u64) {
        let handshake = &mut self.handshake;
        if let (Some(order), Some(records)) = (self.order.get_mut(side), self.records.get_mut(side))
            && !records.is_done()
        {
            order.take(first, segment.payload, segment.is_cut, &mut |bytes| {
                records.take(bytes, &mut |event| handshake.hear(side, &event, at));
            });
            if records.is_done() {
                order.forget();
            }
        }
    }

    fn end(&self, segment: &Segment<'_>, side: Side) -> Option<End> {
        if self.handshake.is_over() {
            return Some(End::Over);
        }
        if segment.rst {
            return Some(End::Reset);
        }
        // The connection that goes on in one direction alone shows nothing more either.
        let is_over = self.order.get(side).is_some_and(Order::is_over);
        if is_over && (self.handshake.client() != Some(side) || self.order.iter().all(Order::is_over)) {
            return Some(End::Closed);
        }
        let stuck = self.order.iter().zip(&self.records).find_map(|(order, records)| order.stuck().filter(|_| !records.is_done()));
        let is_lost = self.records.iter().all(|records| records.is_done() && !records.has_begun());
        stuck.map(End::Stuck).or(is_lost.then_some(End::Over))
    }

    /// Says what it was, when it was no handshake.
    fn passed(&self) -> Passed {
        match (self.records.iter().any(Records::has_data), self.has_syn) {
            (true, true) => Passed::NotTls,
            (true, false) => Passed::MidStream,
            (false, _) => Passed::NoData,
        }
    }
}

/// The most connections that are remembered at once, those included of which nothing more is to be seen.
const MOST_FLOWS: usize = 65_536;
/// The most bytes of all connections together that wait for more.
const MOST_HELD: usize = 128 * 1024 * 1024;
