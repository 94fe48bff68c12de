//! Frames: four octets of length in this machine's byte order, then so many octets of JSON.

use std::io::{self, Read, Write};

/// The longest request, in octets: a look takes some hundred.
pub const MAX_REQUEST: usize = 64 * 1024;
/// The longest answer, in octets: what browsers take from a host (Chrome and Firefox documentation of native messaging).
pub const MAX_ANSWER: usize = 1024 * 1024;

/// Why no further frame can be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The sender stopped inside a frame.
    #[error("the browser closed the port inside a message: {wanted} bytes were to come, and {got} came")]
    Truncated {
        /// How many were to come.
        wanted: usize,
        /// How many came.
        got: usize,
    },
    /// Longer than anything we read; where the next frame begins would have to be believed.
    #[error("the browser sent a message of {0} bytes; {MAX_REQUEST} is the most")]
    TooLong(usize),
    /// What the system said.
    #[error("cannot read from the browser: {0}")]
    Io(#[from] io::Error),
}

/// Reads one frame; none when the sender closed between two.
///
/// # Errors
/// [`FrameError`], after which nothing more can be read.
pub(super) fn read(input: &mut impl Read) -> Result<Option<Vec<u8>>, FrameError> {
    let length = up_to(input, 4)?;
    if length.is_empty() {
        return Ok(None);
    }
    let octets: [u8; 4] = length.as_slice().try_into().map_err(|_| FrameError::Truncated { wanted: 4, got: length.len() })?;
    let wanted = usize::try_from(u32::from_ne_bytes(octets)).unwrap_or(usize::MAX);
    if wanted > MAX_REQUEST {
        return Err(FrameError::TooLong(wanted));
    }
    let body = up_to(input, wanted)?;
    if body.len() == wanted { Ok(Some(body)) } else { Err(FrameError::Truncated { wanted, got: body.len() }) }
}

/// Writes one frame.
///
/// # Errors
/// What the system said; [`io::ErrorKind::InvalidInput`] for more than [`MAX_ANSWER`] octets, of which none is written.
pub(super) fn write(output: &mut impl Write, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_ANSWER);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "an answer is too long"))?;
    output.write_all(&length.to_ne_bytes())?;
    output.write_all(body)?;
    output.flush()
}

/// Reads so many octets, or fewer where the sender stops before.
fn up_to(input: &mut impl Read, wanted: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    input.take(wanted.try_into().unwrap_or(u64::MAX)).read_to_end(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        write(&mut frame, body).unwrap();
        frame
    }

    #[test]
    fn what_is_written_is_read_again_frame_by_frame() {
        let frames = [framed(b"{}"), framed(b""), framed(&vec![7; MAX_REQUEST])].concat();
        assert_eq!(frames[..4], 2_u32.to_ne_bytes());
        let mut input = frames.as_slice();
        assert_eq!(read(&mut input).unwrap().unwrap(), b"{}");
        assert_eq!(read(&mut input).unwrap().unwrap(), b"");
        assert_eq!(read(&mut input).unwrap().unwrap().len(), MAX_REQUEST);
        assert!(read(&mut input).unwrap().is_none(), "closed between two");
    }

    #[test]
    fn a_frame_that_is_cut_off_anywhere_is_told() {
        let whole = framed(br#"{"version":1,"id":1,"type":"hello"}"#);
        for length in 1..whole.len() {
            let told = read(&mut &whole[..length]);
            let (wanted, got) = if length < 4 { (4, length) } else { (whole.len() - 4, length - 4) };
            assert!(matches!(told, Err(FrameError::Truncated { wanted: w, got: g }) if (w, g) == (wanted, got)), "{length}: {told:?}");
        }
    }

    #[test]
    fn a_length_that_lies_costs_no_more_than_what_came() {
        for lie in [MAX_REQUEST + 1, 1 << 24, usize::try_from(u32::MAX).unwrap()] {
            let mut input = u32::try_from(lie).unwrap().to_ne_bytes().to_vec();
            input.extend(b"{}");
            assert!(matches!(read(&mut input.as_slice()), Err(FrameError::TooLong(length)) if length == lie));
        }
        let mut short = 3_u32.to_ne_bytes().to_vec();
        short.extend(b"{}");
        assert!(matches!(read(&mut short.as_slice()), Err(FrameError::Truncated { wanted: 3, got: 2 })));
    }

    #[test]
    fn an_answer_that_no_browser_takes_is_not_begun() {
        let mut output = Vec::new();
        assert_eq!(write(&mut output, &vec![b' '; MAX_ANSWER + 1]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(output.is_empty());
        write(&mut output, &vec![b' '; MAX_ANSWER]).unwrap();
        assert_eq!(output.len(), 4 + MAX_ANSWER);
    }
}
