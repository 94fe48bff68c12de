//! Opens a file or standard input; gzip and zstd are unpacked on the way.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

/// An unpacked stream.
pub type Opened = Box<dyn Read + Send>;

/// The largest window of a zstd frame, as a power of two: 32 MiB. What `zstd` makes without `--long` or `--ultra` needs 8.
const MAX_ZSTD_WINDOW: u32 = 25;
/// How many wrappings are taken off: an archive of an archive is unusual, more is an attack.
const MAX_LAYERS: usize = 2;

/// Opens a file, or standard input for `-`; `read` counts the bytes that come from it, still packed.
///
/// # Errors
/// Those of the system, and of a wrapping that is none.
pub fn open(path: &Path, read: &Arc<AtomicU64>) -> io::Result<Opened> {
    let input: Opened = if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    unpack(Box::new(Counted { input, read: Arc::clone(read) }))
}

/// Takes the wrappings off a stream.
///
/// # Errors
/// Those of the stream, and of a wrapping that is none.
pub(super) fn unpack(mut input: Opened) -> io::Result<Opened> {
    for _ in 0..MAX_LAYERS {
        let mut start = Vec::new();
        input.by_ref().take(4).read_to_end(&mut start)?;
        let rest = Cursor::new(start.clone()).chain(input);
        input = match start.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(rest)),
            [0x28, 0xb5, 0x2f, 0xfd] => {
                let mut decoder = zstd::stream::read::Decoder::new(rest)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW)?;
                Box::new(decoder)
            }
            _ => return Ok(Box::new(rest)),
        };
    }
    Ok(input)
}

struct Counted {
    input: Opened,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
