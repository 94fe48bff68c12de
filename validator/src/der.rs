//! Reads and writes strict DER (X.690 §10), as far as keys, signatures and SCTs need it.

/// Tag of INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// Tag of BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// Tag of OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// Tag of OBJECT IDENTIFIER.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Tag of SET.
pub(crate) const SET: u8 = 0x31;

/// One tag, length and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// The contents octets.
    pub(crate) content: &'a [u8],
    /// Identifier, length and contents.
    pub(crate) whole: &'a [u8],
}

/// Splits the first element off `input`; `None` when there is none in strict DER.
///
/// Tags of more than one octet and lengths of more than four do not occur in X.509 and are refused.
pub(crate) fn read(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, after_tag) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, after_first) = after_tag.split_first()?;
    let (length, body) = if first < 0x80 {
        (usize::from(first), after_first)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let (octets, body) = after_first.split_at_checked(count)?;
        let length = octets.iter().try_fold(0_usize, |sum, &octet| sum.checked_mul(256)?.checked_add(usize::from(octet)))?;
        // The shortest form is the only one: no leading zero, and no long form below 128.
        if octets.first() == Some(&0) || length < 0x80 {
            return None;
        }
        (length, body)
    };
    let (content, rest) = body.split_at_checked(length)?;
    let whole = input.get(..input.len().checked_sub(rest.len())?)?;
    Some((Element { tag, content, whole }, rest))
}

/// Splits an element of this tag off `input` and gives its contents and what follows.
pub(crate) fn expect(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (element, rest) = read(input)?;
    (element.tag == tag).then_some((element.content, rest))
}

/// The contents of `input`, when it is one element of this tag and nothing else.
pub(crate) fn only(input: &[u8], tag: u8) -> Option<&[u8]> {
    let (content, rest) = expect(input, tag)?;
    rest.is_empty().then_some(content)
}

/// Splits a positive, minimally encoded INTEGER off `input`; its magnitude has no leading zero.
pub(crate) fn positive_integer(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, rest) = expect(input, INTEGER)?;
    let magnitude = match *content {
        [0, next, ..] if next >= 0x80 => content.get(1..)?,
        [first, ..] if (1..0x80).contains(&first) => content,
        // Nothing, zero, negative, or a zero octet that the sign did not need.
        _ => return None,
    };
    Some((magnitude, rest))
}

/// Writes one element.
pub(crate) fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len().saturating_add(6));
    out.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(content.len()) {
        out.push(short);
    } else {
        let octets = content.len().to_be_bytes();
        let zeroes = octets.iter().take_while(|&&octet| octet == 0).count();
        let count = octets.len().saturating_sub(zeroes);
        // A usize has at most eight octets, so the count fits.
        out.push(0x80 | u8::try_from(count).unwrap_or(8));
        out.extend(octets.iter().skip(zeroes));
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_at_every_length_boundary() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let mut written = write(SEQUENCE, &content);
            assert_eq!(only(&written, SEQUENCE), Some(&content[..]), "{length}");
            written.push(0);
            assert_eq!(only(&written, SEQUENCE), None, "{length}");
            assert_eq!(read(&written).unwrap().1, [0]);
        }
    }

    #[test]
    fn refuses_what_is_ber_only() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81, 0x01, 0],
            &[0x30, 0x82, 0x00, 0x80],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x01, 0x00],
        ] {
            assert_eq!(read(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn takes_positive_minimal_integers_only() {
        assert_eq!(positive_integer(&[2, 1, 5]), Some((&[5][..], &[][..])));
        assert_eq!(positive_integer(&[2, 2, 0, 0x80, 9]), Some((&[0x80][..], &[9][..])));
        for bad in [&[2, 0][..], &[2, 1, 0], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 2, 0, 0], &[3, 1, 5]] {
            assert_eq!(positive_integer(bad), None, "{bad:x?}");
        }
    }
}
