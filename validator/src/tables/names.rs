//! What is the same in two names that people would take for one another.
//!
//! A copy of an authority's name may use another string type, case, spacing or punctuation and
//! still read the same. What is compared is organisation and common name, folded.

use sha2::{Digest as _, Sha256};

use crate::names;

/// The first 40 bits of a SHA-256 over a folded name.
///
/// Whoever makes two names collide gains an accusation and nothing else, so that 40 bits are enough.
pub type NameKey = [u8; 5];

/// What a Name reads like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    /// Equal for names that read alike.
    pub key: NameKey,
    /// Whether the name says whose it is. Many private CAs are just `Root CA`.
    pub has_organisation: bool,
}

impl Likeness {
    /// Folds a Name, DER with its header; none when it is unreadable or holds nothing that people read.
    ///
    /// Organisations and common names count, letters and digits alone, lower case; where there is no
    /// common name the organisational units stand for it.
    pub fn of(name: &[u8]) -> Option<Self> {
        let attributes = attributes(name);
        let of_kind = |kind: [u8; 3]| attributes.iter().filter(move |(oid, _)| *oid == kind).map(|(_, text)| text.as_str());
        let has_organisation = of_kind(ORGANISATION).next().is_some();
        let own = if of_kind(COMMON_NAME).next().is_some() { COMMON_NAME } else { UNIT };
        let mut hash = Sha256::new();
        let mut empty = true;
        for kind in [ORGANISATION, own] {
            for text in of_kind(kind) {
                hash.update(kind);
                hash.update(text);
                hash.update([0]);
                empty = false;
            }
        }
        let key = *hash.finalize().first_chunk()?;
        (!empty).then_some(Self { key, has_organisation })
    }
}

/// id-at-organizationName, id-at-commonName and id-at-organizationalUnitName (RFC 5280 appendix A.1).
const ORGANISATION: [u8; 3] = [0x55, 4, 10];
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const UNIT: [u8; 3] = [0x55, 4, 11];

/// The attributes that count, folded; those that fold to nothing are as if they were not there.
fn attributes(name: &[u8]) -> Vec<([u8; 3], String)> {
    let counts = |oid: &[u8]| [ORGANISATION, COMMON_NAME, UNIT].into_iter().find(|kind| kind == oid);
    let folded = names::each(name).filter_map(|(oid, value)| Some((counts(oid)?, fold(&names::text(value)))));
    folded.filter(|(_, text)| !text.is_empty()).collect()
}

fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::der;
    use crate::names::{BMP_STRING, UNIVERSAL_STRING};

    fn attribute(kind: [u8; 3], tag: u8, content: &[u8]) -> Vec<u8> {
        let inside = [der::write(der::OBJECT_IDENTIFIER, &kind), der::write(tag, content)].concat();
        der::write(der::SET, &der::write(der::SEQUENCE, &inside))
    }

    fn name(organisation: (u8, &[u8]), common_name: (u8, &[u8])) -> Vec<u8> {
        let inside =
            [attribute(ORGANISATION, organisation.0, organisation.1), attribute(COMMON_NAME, common_name.0, common_name.1)].concat();
        der::write(der::SEQUENCE, &inside)
    }

    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;

    #[test]
    fn a_copy_in_another_string_type_case_or_spacing_reads_alike() {
        let original = Likeness::of(&name((PRINTABLE, b"Lab Trust, Inc."), (PRINTABLE, b"Lab Root CA"))).unwrap();
        let wide: Vec<u8> = "LAB ROOT CA".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let wider: Vec<u8> = "Lab Root CA".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        for copy in [
            name((UTF8, b"Lab  Trust Inc"), (UTF8, b" lab root ca ")),
            name((TELETEX, b"lab trust inc"), (BMP_STRING, &wide)),
            name((UTF8, b"Lab Trust, Inc."), (UNIVERSAL_STRING, &wider)),
        ] {
            assert_eq!(Likeness::of(&copy), Some(original));
        }
    }

    #[test]
    fn another_number_or_organisation_reads_otherwise() {
        let original = Likeness::of(&name((UTF8, b"Lab Trust"), (UTF8, b"Lab Root 1")));
        assert_ne!(Likeness::of(&name((UTF8, b"Lab Trust"), (UTF8, b"Lab Root 2"))), original);
        assert_ne!(Likeness::of(&name((UTF8, b"Lab Trust Two"), (UTF8, b"Lab Root 1"))), original);
        // Where one attribute ends and the next begins is part of what is read.
        assert_ne!(Likeness::of(&name((UTF8, b"Lab TrustL"), (UTF8, b"ab Root 1"))), original);
    }

    #[test]
    fn units_stand_for_a_common_name_that_is_not_there() {
        let with = |unit: &[u8]| {
            let inside = [attribute(ORGANISATION, UTF8, b"Lab"), attribute(UNIT, UTF8, unit)].concat();
            Likeness::of(&der::write(der::SEQUENCE, &inside)).unwrap()
        };
        assert_ne!(with(b"Class 1"), with(b"Class 2"));
        assert!(with(b"Class 1").has_organisation);
    }

    #[test]
    fn a_name_that_says_nothing_is_like_no_other() {
        assert_eq!(Likeness::of(&[]), None);
        assert_eq!(Likeness::of(&[0x30, 0]), None);
        assert_eq!(Likeness::of(&name((UTF8, b"--"), (UTF8, b""))), None);
        let whole = name((UTF8, b"Lab"), (UTF8, b"Root"));
        assert!((0..whole.len()).all(|length| Likeness::of(whole.get(..length).unwrap()).is_none()));
        let lone = der::write(der::SEQUENCE, &attribute(COMMON_NAME, UTF8, b"Root CA"));
        assert!(!Likeness::of(&lone).unwrap().has_organisation);
    }
}
