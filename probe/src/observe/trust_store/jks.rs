//! JKS, the key store of Java up to 8: read as far as trusted certificates go. Keys are passed over, never opened.
//!
//! The form is that of `sun.security.provider.JavaKeyStore`: numbers highest octet first, texts with their length in two octets
//! before them, and at the end a SHA-1 over the password, a constant and all before it.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use super::java::KeyStore;

/// Reads a store's trusted certificates.
///
/// # Errors
/// Why it cannot be read to its end.
pub(super) fn read(bytes: &[u8]) -> Result<KeyStore, &'static str> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(CUT_SHORT)?;
    let mut entries = Entries { rest: body };
    let certificates = entries.read().ok_or(CUT_SHORT)??;
    if !entries.rest.is_empty() {
        return Err("JKS with bytes behind its last entry");
    }
    Ok(KeyStore { certificates, intact: Some(checksum_of(body, "changeit") == *checksum) })
}

fn checksum_of(body: &[u8], password: &str) -> [u8; CHECKSUM_BYTES] {
    let mut sha1 = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for unit in password.encode_utf16() {
        sha1.update(&unit.to_be_bytes());
    }
    sha1.update(b"Mighty Aphrodite");
    sha1.update(body);
    sha1.finish().as_ref().try_into().unwrap_or_default()
}

struct Entries<'b> {
    rest: &'b [u8],
}

/// `None`: the bytes end too early.
impl<'b> Entries<'b> {
    fn read(&mut self) -> Option<Result<Vec<Vec<u8>>, &'static str>> {
        let _magic = self.number()?;
        let version = self.number()?;
        if !(1..=2).contains(&version) {
            return Some(Err("JKS of a version that is not known"));
        }
        let mut certificates = Vec::new();
        for _ in 0..self.number()? {
            let kind = self.number()?;
            let _alias = self.text()?;
            let _created = self.take(8)?;
            match kind {
                KEY => {
                    let _key = self.counted()?;
                    for _ in 0..self.number()? {
                        self.certificate(version)?;
                    }
                }
                TRUSTED => certificates.push(self.certificate(version)?.to_vec()),
                _ => return Some(Err("JKS with an entry of an unknown kind")),
            }
        }
        Some(Ok(certificates))
    }

    fn certificate(&mut self, version: u32) -> Option<&'b [u8]> {
        if version == 2 {
            let _kind = self.text()?;
        }
        self.counted()
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let length = self.take(2)?.try_into().ok().map(u16::from_be_bytes)?;
        self.take(usize::from(length))
    }

    fn counted(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

const KEY: u32 = 1;
const TRUSTED: u32 = 2;
const CHECKSUM_BYTES: usize = 20;
const CUT_SHORT: &str = "JKS, cut short";

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use super::*;
    use crate::observe::trust_store::testing::{certificate, fixture, names_of};

    /// Writes a store with trusted certificates, and a key entry before them.
    pub(crate) fn store(trusted: &[&[u8]], password: &str) -> Vec<u8> {
        let counted = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
        let head = |kind: u32, alias: &str| [&kind.to_be_bytes()[..], &text(alias), &[0; 8]].concat();
        let certified = |der: &[u8]| [text("X.509"), counted(der)].concat();
        let count = u32::try_from(trusted.len() + 1).unwrap();
        let mut body = [0xfeed_feed_u32, 2, count].map(u32::to_be_bytes).concat();
        body.extend([head(KEY, "a key"), counted(b"sealed"), 1_u32.to_be_bytes().to_vec(), certified(&certificate("of a key"))].concat());
        for der in trusted {
            body.extend([head(TRUSTED, "trusted"), certified(der)].concat());
        }
        let checksum = checksum_of(&body, password);
        body.extend(checksum);
        body
    }

    #[test]
    fn trusted_certificates_are_read_and_keys_with_theirs_are_passed_over() {
        let (one, two) = (certificate("one"), certificate("two"));
        let read = read(&store(&[&one, &two], "changeit")).unwrap();
        assert_eq!(read, KeyStore { certificates: vec![one, two], intact: Some(true) });
    }

    #[test]
    fn what_keytool_writes_is_read() {
        let read = read(&fs::read(fixture("java/keytool.jks")).unwrap()).unwrap();
        assert_eq!(names_of(&read.certificates), ["CN=Fixture Trusted for Servers"]);
        assert_eq!(read.intact, Some(true));
    }

    #[test]
    fn another_password_or_a_changed_byte_is_told() {
        let one = certificate("one");
        assert_eq!(read(&store(&[&one], "secret")).unwrap().intact, Some(false));
        let mut changed = store(&[&one], "changeit");
        let at = changed.len() - CHECKSUM_BYTES - 1;
        changed[at] ^= 1;
        assert_eq!(read(&changed).unwrap().intact, Some(false));
    }

    #[test]
    fn no_cut_and_no_number_makes_it_read_past_its_end() {
        let whole = store(&[&certificate("one")], "changeit");
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        for at in 0..40 {
            let mut changed = whole.clone();
            changed[at] = 0xff;
            let _ = read(&changed);
        }
        let endless = [0xfeed_feed_u32, 2, u32::MAX].map(u32::to_be_bytes).concat();
        assert_eq!(read(&[endless, vec![0; CHECKSUM_BYTES]].concat()), Err(CUT_SHORT));
    }
}
