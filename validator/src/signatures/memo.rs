//! Verifies each signature once in a judgement, and no more than a chain's share of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use sha2::{Digest as _, Sha256};

use super::question::{Kind, Question, Refusal};
use super::recover::recover;
use super::{ALGORITHMS, SignerKind, Spki, TlsSignatureError, backend, find, signer_kind, tls_kind};

/// How many answers are remembered at most.
const MAX_REMEMBERED: usize = 65_536;
/// How many keys are kept read at most: those of issuers and logs come up again with every host.
const MAX_KEYS: usize = 256;

/// The signatures of one judgement: what was verified is remembered, and each chain has a budget.
///
/// Hosts share their issuers, so most signatures above the end-entity come up again and again. An
/// answer is found again by SHA-256 over algorithm, key, message and signature, so nobody can
/// make one signature pass for another.
///
/// A malformed key or signature costs nothing: it is refused before anything is counted.
#[derive(Debug, Default)]
pub struct Signatures {
    shared: Arc<Shared>,
    algorithms: Vec<Remembering>,
}

/// What the signatures of a judgement cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Signatures verified by public-key arithmetic.
    pub verified: u64,
    /// Signatures whose answer was remembered.
    pub remembered: u64,
    /// Signatures left unverified because the chain's budget was used up.
    pub refused: u64,
}

impl Signatures {
    /// Remembers nothing yet; the budget is unlimited until [`Signatures::start_chain`].
    pub fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let algorithms = ALGORITHMS
            .iter()
            .map(|row| Remembering { kind: row.kind, key_id: row.key_id, signature_id: row.signature_id, shared: Arc::clone(&shared) })
            .collect();
        Self { shared, algorithms }
    }

    /// [`algorithms`](super::algorithms), in the form a path builder takes, remembering and counting.
    ///
    /// With the budget used up they answer [`InvalidSignature`]; ask [`Signatures::exhausted`] then.
    pub fn algorithms(&self) -> Vec<&dyn SignatureVerificationAlgorithm> {
        self.algorithms.iter().map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm).collect()
    }

    /// Allows `budget` verifications from now on; what is remembered stays, and costs nothing.
    pub fn start_chain(&self, budget: u64) {
        let mut state = self.shared.lock();
        state.budget = Some(budget);
        state.exhausted = false;
    }

    /// Whether a signature was left unverified since [`Signatures::start_chain`].
    pub fn exhausted(&self) -> bool {
        self.shared.lock().exhausted
    }

    /// What all signatures since [`Signatures::new`] cost.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Verifies the signature on a certificate or the like.
    ///
    /// `signature_algorithm` is the inside of the `AlgorithmIdentifier` SEQUENCE, `spki` the signer's
    /// whole `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`InvalidSignature`] when it is not by this key over this message, or of an algorithm that is
    /// not accepted, or when the budget is used up.
    pub fn verify(&self, signature_algorithm: &[u8], spki: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let spki = Spki::parse(spki).ok_or(InvalidSignature)?;
        let row = find(signature_algorithm, spki.algorithm).ok_or(InvalidSignature)?;
        self.shared.ask(row.kind, spki.key, message, signature).map_err(|_| InvalidSignature)
    }

    /// Returns the keys that an ECDSA signature fits, each as a SubjectPublicKeyInfo in DER.
    ///
    /// None when it is of another algorithm, malformed, or when the budget is used up, which this costs as
    /// much as two verifications. Every signature fits some key: only one that is known otherwise proves anything.
    pub fn recover(&self, signature_algorithm: &[u8], message: &[u8], signature: &[u8]) -> Option<Vec<Vec<u8>>> {
        if signer_kind(signature_algorithm) != Some(SignerKind::Ecdsa) || !self.shared.lock().spend(2) {
            return None;
        }
        recover(signature_algorithm, message, signature)
    }

    /// Verifies as [`verify_tls`](super::verify_tls) does, remembering and counting.
    ///
    /// # Errors
    /// Those of [`verify_tls`](super::verify_tls), and [`TlsSignatureError::Exhausted`].
    pub fn verify_tls(&self, scheme: u16, spki: &[u8], message: &[u8], signature: &[u8]) -> Result<(), TlsSignatureError> {
        let (kind, key) = tls_kind(scheme, spki)?;
        Ok(self.shared.ask(kind, key, message, signature)?)
    }
}

/// Why there is no good signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Refused(Refusal),
    Invalid,
    Exhausted,
}

impl From<Failure> for TlsSignatureError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Invalid => Self::Invalid,
            Failure::Exhausted => Self::Exhausted,
        }
    }
}

/// An algorithm that asks the memo first.
#[derive(Debug)]
struct Remembering {
    kind: Kind,
    key_id: AlgorithmIdentifier,
    signature_id: AlgorithmIdentifier,
    shared: Arc<Shared>,
}

impl SignatureVerificationAlgorithm for Remembering {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.shared.ask(self.kind, public_key, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key_id
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature_id
    }
}

/// The memo, shared by a judgement's algorithms.
#[derive(Default)]
struct Shared(Mutex<State>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Shared").field("counts", &state.counts).field("budget", &state.budget).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, kind: Kind, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Failure> {
        let question = Question::new(kind, key, signature).map_err(Failure::Refused)?;
        let name = name(kind, key, message, signature);
        let remembered = self.lock().look_up(&name)?;
        let good = remembered.unwrap_or_else(|| {
            let good = self.key(kind, key, &question).is_some_and(|key| key.signed(&question, message));
            self.lock().answers.put(name, good);
            good
        });
        if good { Ok(()) } else { Err(Failure::Invalid) }
    }

    /// Returns the key of a question, read; none when it is no key.
    fn key(&self, kind: Kind, key: &[u8], question: &Question<'_>) -> Option<backend::Key> {
        let name = (kind.code(), Box::from(key));
        let known = self.lock().keys.get(&name);
        known.unwrap_or_else(|| {
            let read = backend::Key::read(question);
            self.lock().keys.put(name, read.clone());
            read
        })
    }
}

/// What a key is for, and its bytes.
type KeyName = ([u8; 2], Box<[u8]>);

struct State {
    answers: Memo<Name, bool>,
    keys: Memo<KeyName, Option<backend::Key>>,
    /// Verifications left to this chain; `None` before the first chain.
    budget: Option<u64>,
    exhausted: bool,
    counts: Counts,
}

impl Default for State {
    fn default() -> Self {
        Self { answers: Memo::of(MAX_REMEMBERED), keys: Memo::of(MAX_KEYS), budget: None, exhausted: false, counts: Counts::default() }
    }
}

impl State {
    /// A remembered answer, or leave to go and verify.
    fn look_up(&mut self, name: &Name) -> Result<Option<bool>, Failure> {
        if let Some(good) = self.answers.get(name) {
            self.counts.remembered += 1;
            return Ok(Some(good));
        }
        if self.spend(1) { Ok(None) } else { Err(Failure::Exhausted) }
    }

    /// Takes the cost of so many verifications from the budget; whether they may be made.
    fn spend(&mut self, cost: u64) -> bool {
        if let Some(left) = &mut self.budget {
            let Some(less) = left.checked_sub(cost) else {
                self.exhausted = true;
                self.counts.refused += cost;
                return false;
            };
            *left = less;
        }
        self.counts.verified += cost;
        true
    }
}

/// SHA-256 over all that decides an answer.
type Name = [u8; 32];

/// What was found out, in two generations: when the younger is full, the older is forgotten.
///
/// Whatever is asked again moves to the younger, so the signatures of common issuers stay. Ordered
/// maps, as a hash map of the standard library would want random numbers.
struct Memo<K, V> {
    younger: BTreeMap<K, V>,
    older: BTreeMap<K, V>,
    most: usize,
}

impl<K: Ord, V: Clone> Memo<K, V> {
    /// Remembers so much at most.
    fn of(most: usize) -> Self {
        Self { younger: BTreeMap::new(), older: BTreeMap::new(), most }
    }

    fn get(&mut self, name: &K) -> Option<V> {
        if let Some(known) = self.younger.get(name) {
            return Some(known.clone());
        }
        let (name, known) = self.older.remove_entry(name)?;
        self.put(name, known.clone());
        Some(known)
    }

    fn put(&mut self, name: K, known: V) {
        if self.younger.len() >= self.most / 2 {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(name, known);
    }
}

/// Names a question; lengths go in too, so that no two questions have the same bytes.
fn name(kind: Kind, key: &[u8], message: &[u8], signature: &[u8]) -> Name {
    let mut hasher = Sha256::new();
    hasher.update(kind.code());
    for part in [key, message, signature] {
        // A usize is never longer than 64 bits here; were it, the digest would differ, not clash.
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    }
    hasher.update(key);
    hasher.update(message);
    hasher.update(signature);
    hasher.finalize().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
mod tests {
    use rustls_pki_types::alg_id;

    use super::*;
    use crate::signatures::parity::Signer;

    #[test]
    fn verifies_once_and_remembers_good_and_bad_alike() {
        let signer = Signer::p256();
        let (good, bad) = (signer.sign(b"one"), signer.sign(b"two"));
        let signatures = Signatures::new();
        for _ in 0..3 {
            assert!(ask(&signatures, &signer, b"one", &good).is_ok());
            assert!(ask(&signatures, &signer, b"one", &bad).is_err());
        }
        let expected = Counts { verified: 2, remembered: 4, refused: 0 };
        assert_eq!(signatures.counts(), expected);
        assert!(!signatures.exhausted());
    }

    #[test]
    fn shares_answers_between_all_its_doors() {
        let signer = Signer::p256();
        let signature = signer.sign(b"one");
        let signatures = Signatures::new();
        let algorithms = signatures.algorithms();
        let point = Spki::parse(&signer.spki).unwrap().key.to_vec();
        let first = algorithms[0];
        assert_eq!(first.public_key_alg_id(), alg_id::ECDSA_P256);
        assert!(first.verify_signature(&point, b"one", &signature).is_ok());
        assert!(ask(&signatures, &signer, b"one", &signature).is_ok());
        let tls = signatures.verify_tls(0x0403, &signer.spki, b"one", &signature);
        assert_eq!(tls, Ok(()));
        assert_eq!(signatures.counts().verified, 1);
        assert_eq!(signatures.counts().remembered, 2);
    }

    #[test]
    fn stops_when_the_budget_of_a_chain_is_used_up() {
        let signer = Signer::p256();
        let pairs: Vec<_> = (0_u8..3).map(|n| ([n], signer.sign(&[n]))).collect();
        let signatures = Signatures::new();
        signatures.start_chain(2);
        let answers: Vec<_> = pairs.iter().map(|(message, signature)| ask(&signatures, &signer, message, signature).is_ok()).collect();
        assert_eq!(answers, [true, true, false]);
        assert!(signatures.exhausted());
        // What is remembered is free, and to have stopped is not remembered as an answer.
        assert!(ask(&signatures, &signer, &pairs[0].0, &pairs[0].1).is_ok());
        let tls = signatures.verify_tls(0x0403, &signer.spki, &pairs[2].0, &pairs[2].1);
        assert_eq!(tls, Err(TlsSignatureError::Exhausted));
        signatures.start_chain(1);
        assert!(!signatures.exhausted());
        assert!(ask(&signatures, &signer, &pairs[2].0, &pairs[2].1).is_ok());
        assert_eq!(signatures.counts().refused, 2);
    }

    #[test]
    fn malformed_input_costs_nothing() {
        let signer = Signer::p256();
        let signatures = Signatures::new();
        signatures.start_chain(0);
        assert!(ask(&signatures, &signer, b"one", b"not der").is_err());
        assert!(!signatures.exhausted());
        assert_eq!(signatures.counts(), Counts::default());
    }

    #[test]
    fn tells_apart_what_only_the_cut_tells_apart() {
        let ecdsa = ALGORITHMS[0].kind;
        let a = name(ecdsa, b"ab", b"c", b"d");
        assert_ne!(a, name(ecdsa, b"a", b"bc", b"d"));
        assert_ne!(a, name(ecdsa, b"ab", b"cd", b""));
        let mut names: Vec<_> = ALGORITHMS.iter().map(|row| row.kind.code()).collect();
        names.sort_unstable();
        names.dedup();
        // Absent parameters are another spelling of the same three algorithms.
        assert_eq!(names.len(), ALGORITHMS.len() - 3);
    }

    #[test]
    fn forgets_the_oldest_when_full_and_keeps_what_is_asked_for() {
        let mut memo = Memo::of(MAX_REMEMBERED);
        let numbered = |n: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&n.to_le_bytes());
            name
        };
        for n in 0..3 * MAX_REMEMBERED {
            memo.put(numbered(n), true);
            assert_eq!(memo.get(&numbered(0)), Some(true), "{n}");
            assert!(memo.younger.len() + memo.older.len() <= MAX_REMEMBERED);
        }
        assert_eq!(memo.get(&numbered(1)), None);
    }

    fn ask(signatures: &Signatures, signer: &Signer, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        signatures.verify(&alg_id::ECDSA_SHA256, &signer.spki, message, signature)
    }
}
