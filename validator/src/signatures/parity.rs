//! Both back ends must give one answer to everything: Project Wycheproof's vectors, and mutations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use data_encoding::BASE64;
use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;
use rustls_pki_types::alg_id;
use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::question::{Curve, Hash, Kind, Padding, Question, Refusal};
use super::{ALGORITHMS, Spki, Strength, TlsSignatureError, algorithms, key_bits, native, portable, strength, verify_tls};
use crate::der;

/// A P-256 key that signs, the same at every run.
pub(crate) struct Signer {
    key: p256::ecdsa::SigningKey,
    /// Its `SubjectPublicKeyInfo`.
    pub(crate) spki: Vec<u8>,
}

impl Signer {
    pub(crate) fn p256() -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let spki = spki(&alg_id::ECDSA_P256, point.as_bytes());
        Self { key, spki }
    }

    /// An ECDSA signature with SHA-256, in DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::DerSignature = self.key.sign(message);
        signature.as_bytes().to_vec()
    }
}

/// A `SubjectPublicKeyInfo` of these two halves.
fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = der::write(der::SEQUENCE, algorithm);
    let key = der::write(der::BIT_STRING, &[&[0], key].concat());
    der::write(der::SEQUENCE, &[algorithm, key].concat())
}

/// A key, a signature and the message it is said to be over.
#[derive(Debug, Clone)]
struct Vector {
    kind: Kind,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Vector {
    /// The one answer of both back ends.
    fn ask(&self) -> bool {
        let Ok(question) = Question::new(self.kind, &self.key, &self.signature) else {
            return false;
        };
        let native = native::verify(&question, &self.message);
        let portable = portable::verify(&question, &self.message);
        assert_eq!(native, portable, "aws-lc, RustCrypto: {self:x?}");
        native
    }

    fn refusal(&self) -> Option<Refusal> {
        Question::new(self.kind, &self.key, &self.signature).err()
    }
}

/// Asks all vectors; `Acceptable` ones may go either way, but one way.
fn check(vectors: &[(Vector, Option<bool>)]) {
    for (vector, expected) in vectors {
        let answer = vector.ask();
        if let Some(expected) = *expected {
            assert_eq!(answer, expected, "{vector:x?}");
        }
    }
}

fn verdict(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

fn hash(function: HashFunction) -> Option<Hash> {
    match function {
        HashFunction::Sha1 => Some(Hash::Sha1),
        HashFunction::Sha2_256 => Some(Hash::Sha256),
        HashFunction::Sha2_384 => Some(Hash::Sha384),
        HashFunction::Sha2_512 => Some(Hash::Sha512),
        _ => None,
    }
}

fn ecdsa_vectors() -> Vec<(Vector, Option<bool>)> {
    use ecdsa::TestName;
    let sets = [
        (TestName::EcdsaSecp256r1Sha256, Curve::P256),
        (TestName::EcdsaSecp256r1Sha512, Curve::P256),
        (TestName::EcdsaSecp384r1Sha256, Curve::P384),
        (TestName::EcdsaSecp384r1Sha384, Curve::P384),
        (TestName::EcdsaSecp384r1Sha512, Curve::P384),
        (TestName::EcdsaSecp521r1Sha512, Curve::P521),
    ];
    let mut vectors = Vec::new();
    for (name, curve) in sets {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let kind = Kind::Ecdsa(curve, hash(group.hash).unwrap());
            for test in group.tests {
                let vector = Vector { kind, key: group.key.key.to_vec(), message: test.msg.to_vec(), signature: test.sig.to_vec() };
                vectors.push((vector, verdict(test.result)));
            }
        }
    }
    vectors
}

fn ed25519_vectors() -> Vec<(Vector, Option<bool>)> {
    let mut vectors = Vec::new();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        for test in group.tests {
            let vector =
                Vector { kind: Kind::Ed25519, key: group.key.pk.to_vec(), message: test.msg.to_vec(), signature: test.sig.to_vec() };
            vectors.push((vector, verdict(test.result)));
        }
    }
    vectors
}

fn pkcs1_vectors() -> Vec<(Vector, Option<bool>)> {
    let mut vectors = Vec::new();
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some(hash) = hash(group.hash) else {
                continue;
            };
            for test in group.tests {
                let vector = Vector {
                    kind: Kind::Rsa(Padding::Pkcs1, hash),
                    key: group.asn_key.to_vec(),
                    message: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                };
                vectors.push((vector, verdict(test.result)));
            }
        }
    }
    vectors
}

fn pss_vectors() -> Vec<(Vector, Option<bool>)> {
    let mut vectors = Vec::new();
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let length = match hash(group.hash) {
                Some(Hash::Sha256) => 32,
                Some(Hash::Sha384) => 48,
                Some(Hash::Sha512) => 64,
                Some(Hash::Sha1) | None => continue,
            };
            let is_ours = group.salt_size == length && group.mgf_hash == Some(group.hash);
            for test in group.tests {
                let vector = Vector {
                    kind: Kind::Rsa(Padding::Pss, hash(group.hash).unwrap()),
                    key: group.asn_key.to_vec(),
                    message: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                };
                // Good with another salt length or mask is not good with ours; bad may be just that.
                let expected = match (is_ours, verdict(test.result)) {
                    (true, expected) => expected,
                    (false, Some(true)) => Some(false),
                    (false, _) => None,
                };
                vectors.push((vector, expected));
            }
        }
    }
    vectors
}

/// The key sizes Wycheproof has not: bits, and a good signature.
fn edge_vectors() -> Vec<(usize, Vector)> {
    include_str!("rsa_edges.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let padding = match columns[1] {
                "pkcs1" => Padding::Pkcs1,
                "pss" => Padding::Pss,
                other => panic!("{other}"),
            };
            let hash = match columns[2] {
                "sha1" => Hash::Sha1,
                "sha256" => Hash::Sha256,
                "sha384" => Hash::Sha384,
                "sha512" => Hash::Sha512,
                other => panic!("{other}"),
            };
            let vector = Vector {
                kind: Kind::Rsa(padding, hash),
                key: BASE64.decode(columns[3].as_bytes()).unwrap(),
                message: b"mintwatch".to_vec(),
                signature: BASE64.decode(columns[4].as_bytes()).unwrap(),
            };
            (columns[0].parse().unwrap(), vector)
        })
        .collect()
}

#[test]
fn wycheproof_ecdsa() {
    let vectors = ecdsa_vectors();
    assert!(vectors.len() > 2500, "{}", vectors.len());
    check(&vectors);
}

#[test]
fn wycheproof_ed25519() {
    let vectors = ed25519_vectors();
    assert!(vectors.len() > 100, "{}", vectors.len());
    check(&vectors);
}

#[test]
fn wycheproof_rsa_pkcs1() {
    let vectors = pkcs1_vectors();
    assert!(vectors.len() > 2500, "{}", vectors.len());
    check(&vectors);
}

#[test]
fn wycheproof_rsa_pss() {
    let vectors = pss_vectors();
    assert!(vectors.len() > 500, "{}", vectors.len());
    check(&vectors);
}

#[test]
fn rsa_at_the_edges_of_sizes_and_octets() {
    for (bits, vector) in edge_vectors() {
        let least = match vector.kind {
            Kind::Rsa(Padding::Pkcs1, Hash::Sha1 | Hash::Sha256 | Hash::Sha512) => 1024,
            _ => 2048,
        };
        assert_eq!(vector.ask(), bits >= least, "{bits} {:?}", vector.kind);
        if bits < least {
            assert_eq!(vector.refusal(), Some(Refusal::Key));
        }
    }
}

#[test]
fn refuses_keys_no_signature_counts_under() {
    let signer = Signer::p256();
    let point = Spki::parse(&signer.spki).unwrap().key;
    let mut compressed = point[..33].to_vec();
    compressed[0] = 2 + (point[64] & 1);
    let mut hybrid = point.to_vec();
    hybrid[0] = 6 + (point[64] & 1);
    let signature = signer.sign(b"m");
    for key in [&compressed[..], &hybrid, &[0], &[]] {
        let kind = Kind::Ecdsa(Curve::P256, Hash::Sha256);
        assert_eq!(Question::new(kind, key, &signature).err(), Some(Refusal::Key));
    }

    let modulus = [&[0, 0x80][..], &[0; 255], &[1]].concat();
    let rsa = |modulus: &[u8], exponent: &[u8]| {
        let integers = [der::write(der::INTEGER, modulus), der::write(der::INTEGER, exponent)];
        der::write(der::SEQUENCE, &integers.concat())
    };
    let kind = Kind::Rsa(Padding::Pkcs1, Hash::Sha256);
    let accepts = |key: &[u8]| Question::new(kind, key, &[0; 257]).err() != Some(Refusal::Key);
    assert!(accepts(&rsa(&modulus, &[3])));
    assert!(accepts(&rsa(&modulus, &[1, 0xff, 0xff, 0xff, 0xff])));
    assert!(!accepts(&rsa(&modulus, &[1])), "exponent 1");
    assert!(!accepts(&rsa(&modulus, &[4])), "even exponent");
    assert!(!accepts(&rsa(&modulus, &[2, 0, 0, 0, 1])), "2^33 + 1");
    assert!(!accepts(&rsa(&modulus, &[0, 3])), "padded exponent");
    assert!(!accepts(&rsa(&modulus, &[0x83])), "negative exponent");
    assert!(!accepts(&rsa(&modulus[1..], &[3])), "negative modulus of 2048 bits");
    let mut even = modulus.clone();
    *even.last_mut().unwrap() = 2;
    assert!(!accepts(&rsa(&even, &[3])), "even modulus");
    let mut trailing = rsa(&modulus, &[3]);
    trailing.push(0);
    assert!(!accepts(&trailing));
    let long = [&[1][..], &[0; 1023], &[1]].concat();
    assert!(!accepts(&rsa(&long, &[3])), "8193 bits");
}

#[test]
fn refuses_ed25519_keys_of_small_order_and_unreduced_ones() {
    // A signature of zeroes holds under a key of small order for one message in eight, and more.
    let refused = |key: [u8; 32]| {
        let refusal = Question::new(Kind::Ed25519, &key, &[0; 64]).err();
        refusal == Some(Refusal::Key)
    };
    for y in curve25519_small_order() {
        for sign in [0, 0x80] {
            let mut key = y;
            key[31] |= sign;
            assert!(refused(key), "{key:x?}");
        }
    }
    // p + 2: y = 2 in an encoding that is not the shortest.
    let mut unreduced = [0xff; 32];
    unreduced[0] = 0xef;
    unreduced[31] = 0x7f;
    assert!(refused(unreduced));
    let mut good = [0; 32];
    good[0] = 2;
    assert!(!refused(good));
}

/// Derived from the group itself, not from the table under test: multiples of a point of order eight.
fn curve25519_small_order() -> Vec<[u8; 32]> {
    use ed25519_dalek::VerifyingKey;
    let mut found = Vec::new();
    let mut candidates: Vec<[u8; 32]> = Vec::new();
    for low in 0..=255_u8 {
        let mut key = [0; 32];
        key[0] = low;
        candidates.push(key);
        let mut key = [0xff; 32];
        key[0] = low;
        key[31] = 0x7f;
        candidates.push(key);
    }
    candidates.extend(super::question::ED25519_SMALL_ORDER);
    for key in candidates {
        if VerifyingKey::from_bytes(&key).is_ok_and(|key| key.is_weak()) {
            found.push(key);
        }
    }
    // 0, 1 and -1; two of order eight; p and p + 1, which are 0 and 1 again.
    assert!(found.len() >= 7, "{}", found.len());
    found
}

#[test]
fn ed25519_holds_s_below_the_order() {
    let mut vectors = ed25519_vectors();
    vectors.retain(|(_, expected)| *expected == Some(true));
    for (mut vector, _) in vectors {
        // L, the order of the base point (RFC 8032 §5.1), little-endian.
        let order = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\
            \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10";
        let mut carry = 0;
        for (octet, more) in vector.signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*octet) + u16::from(more) + carry;
            *octet = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        assert!(!vector.ask());
    }
}

#[test]
fn lists_what_webpki_lists_and_the_legacy_ones() {
    for theirs in webpki::ALL_VERIFICATION_ALGS {
        let (key, signature) = (theirs.public_key_alg_id(), theirs.signature_alg_id());
        let is_ml_dsa = [alg_id::ML_DSA_44, alg_id::ML_DSA_65, alg_id::ML_DSA_87].contains(&key);
        let is_listed = algorithms().iter().any(|ours| ours.public_key_alg_id() == key && ours.signature_alg_id() == signature);
        assert_eq!(is_listed, !is_ml_dsa, "{theirs:?}");
    }
    assert_eq!(algorithms().len(), ALGORITHMS.len());
}

#[test]
fn marks_what_rests_on_sha_1_or_a_short_key() {
    for (bits, vector) in edge_vectors() {
        let Kind::Rsa(padding, hash) = vector.kind else { panic!("not RSA") };
        let row = ALGORITHMS.iter().find(|row| row.kind == vector.kind);
        let spki = spki(&alg_id::RSA_ENCRYPTION, &vector.key);
        assert_eq!(key_bits(&spki), Some(bits));
        let expected = match row {
            None => None,
            Some(_) if hash == Hash::Sha1 || bits < 2048 => Some(Strength::Legacy),
            Some(_) => Some(Strength::Current),
        };
        let signature_id = row.map_or(&b""[..], |row| row.signature_id.as_ref());
        assert_eq!(strength(signature_id, &spki), expected, "{bits} {padding:?}");
    }
    let signer = Signer::p256();
    assert_eq!(strength(&alg_id::ECDSA_SHA256, &signer.spki), Some(Strength::Current));
    assert_eq!(strength(&alg_id::RSA_PKCS1_SHA256, &signer.spki), None);
    assert_eq!(strength(&alg_id::ECDSA_SHA256, b"no key"), None);
}

#[test]
fn verifies_handshake_signatures_of_tls_1_2_and_1_3() {
    let scheme = |kind| match kind {
        Kind::Rsa(Padding::Pkcs1, Hash::Sha1) => 0x0201,
        Kind::Rsa(Padding::Pkcs1, Hash::Sha256) => 0x0401,
        Kind::Rsa(Padding::Pkcs1, Hash::Sha384) => 0x0501,
        Kind::Rsa(Padding::Pkcs1, Hash::Sha512) => 0x0601,
        Kind::Rsa(Padding::Pss, Hash::Sha256) => 0x0804,
        Kind::Rsa(Padding::Pss, Hash::Sha384) => 0x0805,
        Kind::Rsa(Padding::Pss, Hash::Sha512) => 0x0806,
        other => panic!("{other:?}"),
    };
    for (bits, vector) in edge_vectors().into_iter().filter(|(bits, _)| *bits >= 2047) {
        let spki = spki(&alg_id::RSA_ENCRYPTION, &vector.key);
        let ask = |message: &[u8]| verify_tls(scheme(vector.kind), &spki, message, &vector.signature);
        if vector.refusal().is_some() {
            assert_eq!(ask(b"mintwatch"), Err(TlsSignatureError::UnsupportedKey));
        } else {
            assert_eq!(ask(b"mintwatch"), Ok(()), "{bits}");
            assert_eq!(ask(b"Mintwatch"), Err(TlsSignatureError::Invalid));
        }
    }

    // P-384 with SHA-256 is no scheme of TLS 1.3, but `ecdsa_sha256` of 1.2 (RFC 8446 §4.2.3).
    let (vector, _) = ecdsa_vectors()
        .into_iter()
        .find(|(vector, expected)| *expected == Some(true) && vector.kind == Kind::Ecdsa(Curve::P384, Hash::Sha256))
        .unwrap();
    let p384 = spki(&alg_id::ECDSA_P384, &vector.key);
    let ask = |scheme, spki: &[u8]| verify_tls(scheme, spki, &vector.message, &vector.signature);
    assert_eq!(ask(0x0403, &p384), Ok(()));
    assert_eq!(ask(0x0503, &p384), Err(TlsSignatureError::Invalid));
    assert_eq!(ask(0x0804, &p384), Err(TlsSignatureError::WrongKind(0x0804)));
    assert_eq!(ask(0x0203, &p384), Err(TlsSignatureError::UnsupportedScheme(0x0203)));
    assert_eq!(ask(0x0403, b"no key"), Err(TlsSignatureError::UnreadableKey));

    let (vector, _) = ed25519_vectors().into_iter().find(|(_, expected)| *expected == Some(true)).unwrap();
    let key = spki(&alg_id::ED25519, &vector.key);
    assert_eq!(verify_tls(0x0807, &key, &vector.message, &vector.signature), Ok(()));
}

/// One change to one of the four parts of a vector.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Part, prop::sample::Index, u8),
    Set(Part, prop::sample::Index, u8),
    Cut(Part, prop::sample::Index),
    Push(Part, u8),
    Insert(Part, prop::sample::Index, u8),
    Become(prop::sample::Index),
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Key,
    Message,
    Signature,
}

impl Mutation {
    fn apply(&self, vector: &mut Vector) {
        match self {
            Self::Flip(part, at, bit) => change(part.of(vector), *at, |octet| octet ^ (1 << bit)),
            Self::Set(part, at, new) => change(part.of(vector), *at, |_| *new),
            Self::Cut(part, at) => {
                let part = part.of(vector);
                let length = at.index(part.len() + 1);
                part.truncate(length);
            }
            Self::Push(part, octet) => part.of(vector).push(*octet),
            Self::Insert(part, at, octet) => {
                let part = part.of(vector);
                let at = at.index(part.len() + 1);
                part.insert(at, *octet);
            }
            Self::Become(which) => vector.kind = which.get(&ALGORITHMS).kind,
        }
    }
}

fn change(part: &mut [u8], at: prop::sample::Index, new: impl Fn(u8) -> u8) {
    if !part.is_empty() {
        let at = at.index(part.len());
        part[at] = new(part[at]);
    }
}

impl Part {
    fn of(self, vector: &mut Vector) -> &mut Vec<u8> {
        match self {
            Self::Key => &mut vector.key,
            Self::Message => &mut vector.message,
            Self::Signature => &mut vector.signature,
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let part = || prop::sample::select(&[Part::Key, Part::Message, Part::Signature][..]);
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => (part(), at(), 0..8_u8).prop_map(|(part, at, bit)| Mutation::Flip(part, at, bit)),
        3 => (part(), at(), prop::sample::select(&[0, 1, 0x7f, 0x80, 0xff][..]))
            .prop_map(|(part, at, new)| Mutation::Set(part, at, new)),
        1 => (part(), at()).prop_map(|(part, at)| Mutation::Cut(part, at)),
        1 => (part(), any::<u8>()).prop_map(|(part, octet)| Mutation::Push(part, octet)),
        1 => (part(), at(), any::<u8>()).prop_map(|(part, at, octet)| Mutation::Insert(part, at, octet)),
        1 => at().prop_map(Mutation::Become),
    ]
}

#[test]
fn agree_about_mutated_keys_messages_and_signatures() {
    let mut seeds: Vec<Vector> = Vec::new();
    for vectors in [ecdsa_vectors(), ed25519_vectors(), pss_vectors()] {
        seeds.extend(vectors.into_iter().map(|(vector, _)| vector).step_by(7));
    }
    seeds.extend(edge_vectors().into_iter().map(|(_, vector)| vector));
    let strategy = (any::<prop::sample::Index>(), prop::collection::vec(mutation(), 0..3));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) };
    proptest!(config, |((seed, mutations) in strategy)| {
        let mut vector = seed.get(&seeds).clone();
        for mutation in &mutations {
            mutation.apply(&mut vector);
        }
        vector.ask();
    });
}
