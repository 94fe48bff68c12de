//! Certificates from files: one chain a file, nobody's handshake.

use std::io::Read;
use std::ops::ControlFlow;

use mintwatch_validator::evidence::{Bytes, Chain as EvidenceChain, ChainForm, Host, Observation, Seen};

use super::gathered::{File, Gathered};
use crate::certificates::{Encoding, Found, decode, read_stream};
use crate::cli::DEFAULT_PORT;
use crate::observe::over_tcp;

/// How many bytes the certificates of all files together may have.
pub(super) const MOST_BYTES: usize = 256 * 1024 * 1024;

/// What a certificate takes besides its bytes, about.
const ENTRY_BYTES: usize = 32;

/// The certificates of one file, in order.
#[derive(Debug)]
pub(super) struct Chain {
    /// The file.
    pub(super) file: File,
    /// What it holds.
    pub(super) certificates: Vec<Bytes>,
}

/// Reads a file of certificates, PEM or DER, as long as there is room for them, in bytes. One with a certificate that cannot be read is no chain: what is missing
/// could be what matters.
pub(super) fn read(file: &File, input: impl Read, room: &mut usize, gathered: &mut Gathered) -> Option<Chain> {
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
            Ok(der) if der.len() + ENTRY_BYTES > *room => {
                refuse(place.record, "more certificates than are kept");
                return ControlFlow::Break(());
            }
            Ok(der) => {
                *room -= der.len() + ENTRY_BYTES;
                certificates.push(der.into());
            }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_chain_is_whole_or_none_and_never_longer_than_there_is_room() {
        let file = File::from(Path::new("chain.der"));
        let der = [&[0x30, 0x82, 0, 100][..], &[5; 100]].concat();
        let three = der.repeat(3);
        let mut gathered = Gathered::new(None);
        let mut read = |input: &[u8], room| read(&file, input, &mut { room }, &mut gathered).map(|chain| chain.certificates.len());
        assert_eq!(read(&three, MOST_BYTES), Some(3));
        assert_eq!(read(&three, 300), None);
        assert_eq!(read(&three[..250], MOST_BYTES), None);
        assert_eq!(gathered.tally.bad, 2);
        assert!(gathered.tally.named.concat().contains("more certificates than are kept"), "{:?}", gathered.tally.named);
    }
}
