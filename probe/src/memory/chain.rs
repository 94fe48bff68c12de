//! The chain: each entry of the history is bound to all entries before it.
//!
//! A link is `SHA-256(hash before || finding || SHA-256(canonical content))`, `finding` one byte, 0 or 1. The digest stands
//! apart from the content so that the chain can still be followed where a content has left: see docs/adr/0009.

use mintwatch_validator::evidence::Sha256;

/// What stands before the first link.
pub const BEGINNING: Sha256 = Sha256([0; 32]);

/// One link: what the chain knows of an entry, whether its content is still there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whether the entry is a finding; those never leave.
    pub finding: bool,
    /// SHA-256 of the entry's canonical content.
    pub digest: Sha256,
    /// The hash that binds it to all before.
    pub hash: Sha256,
}

impl Link {
    /// Returns the link that binds a content to the hash before it.
    pub fn after(previous: &Sha256, finding: bool, content: &str) -> Self {
        let digest = Sha256::of(content.as_bytes());
        Self { finding, digest, hash: bind(previous, finding, &digest) }
    }

    /// Says whether this link follows that hash.
    pub fn follows(&self, previous: &Sha256) -> bool {
        self.hash == bind(previous, self.finding, &self.digest)
    }
}

fn bind(previous: &Sha256, finding: bool, digest: &Sha256) -> Sha256 {
    let parts = [previous.0.as_slice(), &[u8::from(finding)], &digest.0];
    Sha256::of(&parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_follows_one_hash_only_and_binds_what_it_says() {
        let first = Link::after(&BEGINNING, false, "one");
        let second = Link::after(&first.hash, true, "two");
        assert!(first.follows(&BEGINNING) && second.follows(&first.hash));
        assert!(!second.follows(&BEGINNING));
        for changed in [Link { finding: false, ..second }, Link { digest: first.digest, ..second }, Link { hash: first.hash, ..second }] {
            assert!(!changed.follows(&first.hash), "{changed:?}");
        }
    }

    #[test]
    fn the_hash_is_the_one_of_the_documents() {
        // printf '%064d00%s' 0 "$(printf one | sha256sum | cut -c-64)" | xxd -r -p | sha256sum
        let link = Link::after(&BEGINNING, false, "one");
        assert_eq!(link.hash.to_string(), "7660f97d0426a2e64d56b60d40c6f6358fbfcc3a5106bbd72e64617c1825d4bc");
    }
}
