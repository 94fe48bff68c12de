//! Certificates out of files: whatever holds them, one after another, in flat memory.
//!
//! Files and folders, PEM with anything between, DER after DER, length-prefixed DER, CSV with PEM in some
//! column; gzip and zstd are unpacked on the way. A record is never longer than [`MAX_RECORD`] in memory; what
//! is broken is named and passed over, and the next one is read.

mod csv;
mod der;
mod open;
mod pem;
mod pipeline;
mod sniff;
mod walk;
mod window;

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

pub use open::{Opened, open};
pub use pem::decode;
pub use pipeline::{Stopped, process};
pub use walk::{Source, sources, total_bytes};
pub use window::Window;

/// The longest record that is read, in bytes of DER; a certificate of the public web has some 2,000.
pub const MAX_RECORD: usize = 1024 * 1024;
/// The longest record as text: base64 with line ends, and room for what else its row may hold.
pub const MAX_TEXT_RECORD: usize = 2 * MAX_RECORD;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named; `-` for standard input.
    pub file: Arc<Path>,
    /// Which record of the file, from 1; 0 for the file as a whole.
    pub record: u64,
    /// The first byte of the record, in the unpacked file.
    pub offset: u64,
}

/// What a reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The bytes of something that should be a certificate.
    Record(Place, Encoding, Vec<u8>),
    /// Something that should have been one.
    Bad(Place, Trouble),
    /// Something else that is well formed: a private key, a CRL, a row without a certificate.
    Other(Place),
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// DER.
    Der,
    /// What stands between two PEM lines, or in a field: base64.
    Base64,
}

/// Why a record, or a file, was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The file cannot be opened or read on.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Nothing in the file is a certificate.
    #[error("no certificate in it")]
    NoCertificate,
    /// The record is longer than [`MAX_RECORD`].
    #[error("longer than {MAX_RECORD} bytes")]
    TooLong,
    /// The file ends inside the record.
    #[error("cut short: the file ends before it does")]
    CutShort,
    /// A PEM block that another one begins in.
    #[error("cut short: another PEM block begins before its end")]
    Unclosed,
    /// Bytes that begin no record.
    #[error("{0} bytes that begin no DER record")]
    Junk(u64),
    /// Text between PEM lines that is no base64.
    #[error("not base64")]
    NotBase64,
    /// A field that stood for a certificate in other rows.
    #[error("column {0} holds no certificate here")]
    NotInColumn(usize),
    /// DER that is no certificate.
    #[error("{0}")]
    NotACertificate(String),
}

impl Trouble {
    /// Says whether a whole file, not a record, could not be read.
    pub fn is_of_file(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.record > 0 {
            write!(f, ", record {}, byte {}", self.record, self.offset)?;
        }
        Ok(())
    }
}

/// Whoever takes what is found; `Break` ends the reading.
pub type Taker<'t> = dyn FnMut(Found) -> ControlFlow<()> + 't;

/// Reads everything an unpacked stream holds.
///
/// # Errors
/// Never: what cannot be read is told to the taker. `Break` when the taker wants no more.
pub fn read_stream(file: &Arc<Path>, input: impl Read, take: &mut Taker<'_>) -> ControlFlow<()> {
    read_window(file, Window::new(input), take)
}

/// Reads everything some bytes hold, where they lie.
///
/// # Errors
/// As [`read_stream`].
pub fn read_bytes(file: &Arc<Path>, bytes: Vec<u8>, take: &mut Taker<'_>) -> ControlFlow<()> {
    read_window(file, Window::over(bytes), take)
}

fn read_window(file: &Arc<Path>, mut window: Window<impl Read>, take: &mut Taker<'_>) -> ControlFlow<()> {
    let mut records = Records { file, count: 0, others: 0, take };
    let ended = match sniff::form(&mut window) {
        Ok(sniff::Form::Der) => der::read(&mut window, &mut records, der::Framing::Bare),
        Ok(sniff::Form::Prefixed) => der::read(&mut window, &mut records, der::Framing::Prefixed),
        Ok(sniff::Form::Csv(delimiter)) => csv::read(&mut window, delimiter, &mut records),
        Ok(sniff::Form::Text) => pem::read(&mut window, &mut records),
        Err(error) => Err(error),
    };
    match ended {
        Err(Ended::ByTaker) => return ControlFlow::Break(()),
        Err(Ended::ByError(error)) => records.file_trouble(Trouble::Unreadable(error.to_string()))?,
        Ok(()) if records.count == records.others => records.file_trouble(Trouble::NoCertificate)?,
        Ok(()) => {}
    }
    ControlFlow::Continue(())
}

/// Why a reader ended before its input did.
#[derive(Debug)]
enum Ended {
    ByTaker,
    ByError(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::ByError(error)
    }
}

/// Numbers the records of a file and hands them on.
struct Records<'r, 't> {
    file: &'r Arc<Path>,
    count: u64,
    /// … of which so many are no certificates, and well formed.
    others: u64,
    take: &'r mut Taker<'t>,
}

impl Records<'_, '_> {
    fn certificate(&mut self, offset: u64, encoding: Encoding, bytes: &[u8]) -> Result<(), Ended> {
        let place = self.next_place(offset);
        self.hand_on(Found::Record(place, encoding, bytes.to_vec()))
    }

    fn bad(&mut self, offset: u64, trouble: Trouble) -> Result<(), Ended> {
        let place = self.next_place(offset);
        self.hand_on(Found::Bad(place, trouble))
    }

    fn other(&mut self, offset: u64) -> Result<(), Ended> {
        self.others += 1;
        let place = self.next_place(offset);
        self.hand_on(Found::Other(place))
    }

    fn file_trouble(&mut self, trouble: Trouble) -> ControlFlow<()> {
        (self.take)(Found::Bad(Place { file: Arc::clone(self.file), record: 0, offset: 0 }, trouble))
    }

    fn next_place(&mut self, offset: u64) -> Place {
        self.count += 1;
        Place { file: Arc::clone(self.file), record: self.count, offset }
    }

    fn hand_on(&mut self, found: Found) -> Result<(), Ended> {
        match (self.take)(found) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Ended::ByTaker),
        }
    }
}

#[cfg(test)]
mod tests;
