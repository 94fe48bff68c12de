//! Packet captures: from packets to connections to handshakes, in flat memory.
//!
//! Each step is a room of its own and knows only the one before it: frames out of the file, segments out of packets,
//! bytes in order out of segments, handshake messages out of bytes, one observation out of the messages.

mod flows;
mod frames;
mod handshake;
mod link;
mod order;
mod records;

use std::io::{self, Read};

use super::gathered::{File, Gathered, Passed};
use flows::Flows;
use frames::Frame;
use link::Sorted;

/// Reads a capture, pcap or pcapng; `at`, in UNIX seconds, is the time of packets that carry none.
///
/// # Errors
/// Those of the stream; whatever the bytes are, they are counted, not refused.
pub(super) fn read(file: &File, input: impl Read, at: Option<u64>, gathered: &mut Gathered) -> io::Result<()> {
    let mut flows = Flows::new();
    let read = frames::each(input, &mut |number, frame| match frame {
        Ok(frame) => {
            gathered.tally.records += 1;
            take(&frame, at, &mut flows, gathered);
        }
        Err(why) => gathered.tally.refuse(file, "block", number, why),
    });
    // What was seen before the stream broke is kept.
    flows.close(gathered);
    read
}

fn take(frame: &Frame<'_>, at: Option<u64>, flows: &mut Flows, gathered: &mut Gathered) {
    let passed = match link::sort(frame) {
        Sorted::Segment(segment) => match frame.at.or(at.map(|seconds| seconds.saturating_mul(1000))) {
            Some(at) => return flows.take(&segment, at, gathered),
            None => Passed::NoTime,
        },
        Sorted::Fragment => Passed::Fragment,
        Sorted::Quic => Passed::Quic,
        Sorted::Other => Passed::NotTcp,
        Sorted::UnknownLink => Passed::Link,
    };
    gathered.tally.pass(passed);
}
