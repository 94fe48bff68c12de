//! Certificates from files: one chain a file, nobody's handshake.

use std::io::Read;
use std::ops::ControlFlow;

use mintwatch_validator::evidence::{Bytes, Chain as EvidenceChain, ChainForm, Host, Observation, Seen};

use super::gathered::{File, Gathered};
use crate::certificates::{Encoding, Found, decode, read_stream};
use crate::cli::DEFAULT_PORT;
use crate::observe::over_tcp;

/// The most certificates of one file.
const MOST_CERTIFICATES: usize = 100_000;

/// The certificates of one file, in order.
#[derive(Debug)]
pub(super) struct Chain {
    /// The file.
    pub(super) file: File,
    /// What it holds.
    pub(super) certificates: Vec<Bytes>,
}

/// Reads a file of certificates, PEM or DER. One with a certificate that cannot be read is no chain: what is missing
/// could be what matters.
pub(super) fn read(file: &File, input: impl Read, gathered: &mut Gathered) -> Option<Chain> {
    let mut certificates: Vec<Bytes> = Vec::new();
    let mut is_whole = true;
    let mut refuse = |number: u64, why: &str| {
        gathered.tally.refuse(file, "certificate", number, why);
        is_whole = false;
    };
    let mut number = 0;
    let _ = read_stream(file, input, &mut |found| {
        let (place, read) = match found {
            Found::Record(place, Encoding::Der, der) => (place, Ok(der)),
            Found::Record(place, Encoding::Base64, text) => {
                let mut der = Vec::new();
                let decoded = decode(&text, &mut Vec::new(), &mut der);
                (place, decoded.map(|()| der))
            }
            Found::Bad(place, trouble) => (place, Err(trouble)),
            Found::Other(_) => return ControlFlow::Continue(()),
        };
        number += 1;
        match read {
            Ok(_) if certificates.len() >= MOST_CERTIFICATES => {
                refuse(place.record, "more certificates than one chain can have");
                return ControlFlow::Break(());
            }
            Ok(der) => certificates.push(der.into()),
            Err(trouble) => refuse(place.record, &trouble.to_string()),
        }
        ControlFlow::Continue(())
    });
    gathered.tally.records += number;
    (is_whole && !certificates.is_empty()).then(|| Chain { file: File::clone(file), certificates })
}

/// Returns what certificates from a file are: shown for a host, at a time in UNIX seconds, in nobody's handshake.
pub fn observation_of(host: Host, at: u64, certificates: Vec<Bytes>) -> Observation {
    Observation {
        chain: Seen::Yes(EvidenceChain { form: ChainForm::Presented, certificates }),
        ..Observation::unseen(over_tcp(host, DEFAULT_PORT), at.saturating_mul(1000))
    }
}
