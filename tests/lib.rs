//! What the tests of the whole share: replay folders, and a small PKI to mint chains with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    missing_docs,
    reason = "tests"
)]

pub mod lab;

use std::path::PathBuf;

use mintwatch_validator::evidence::{
    Bytes, Chain, ChainForm, ClockCheck, Collector, EVIDENCE_VERSION, Evidence, EvidenceFormat, Host, Observation, Seen, Surroundings,
    Target, Vantage,
};
use mintwatch_validator::tables::Overlay;
use mintwatch_validator::{Report, Tables, judge};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber};
use time::OffsetDateTime;

/// 2026-11-24T00:00:00Z.
pub const NOW: i64 = 1_795_478_400;
pub const DAY: i64 = 86_400;

/// What a replay rests on, read.
pub struct Replay {
    pub name: String,
    pub folder: PathBuf,
    pub evidence: Evidence,
    pub tables: Tables,
    committed: String,
    said: String,
}

impl Replay {
    /// Every replay of one kind, `incidents` or `benign`, by name.
    pub fn all(kind: &str) -> Vec<Self> {
        let root = xtask::workspace::root().unwrap();
        let all = xtask::replays::replays(&root).unwrap();
        all.iter().filter(|replay| replay.is_of(kind)).map(Self::read).collect()
    }

    pub fn named(kind: &str, name: &str) -> Self {
        Self::all(kind).into_iter().find(|replay| replay.name == name).unwrap_or_else(|| panic!("no replay {kind}/{name}"))
    }

    fn read(replay: &xtask::replays::Replay) -> Self {
        let overlay = replay.overlay().unwrap().map(|text| Overlay::from_json(text.as_bytes()).unwrap());
        let tables = Tables::compiled();
        Self {
            name: replay.name(),
            folder: replay.folder.clone(),
            evidence: Evidence::from_json(replay.evidence().unwrap().as_bytes()).unwrap(),
            tables: overlay.iter().fold(tables, |tables, overlay| tables.with_overlay(overlay).unwrap()),
            committed: std::fs::read_to_string(replay.folder.join("report.json")).unwrap_or_default(),
            said: replay.report().unwrap(),
        }
    }

    /// What we say of it today, which must be what a person read and committed.
    pub fn report(&self) -> Report {
        assert!(self.said == self.committed, "{}: run `cargo xtask bless {}`, then read what changed", self.name, self.name);
        judge(&self.evidence, &self.tables)
    }
}

/// A CA and its key.
pub struct Ca {
    pub der: Vec<u8>,
    params: CertificateParams,
    key: KeyPair,
}

/// What varies from one certificate to the next.
#[derive(Clone)]
pub struct Profile {
    pub name: String,
    pub organisation: String,
    pub serial: Vec<u8>,
    pub not_before: i64,
    pub not_after: i64,
}

impl Profile {
    pub fn new(name: &str, not_before: i64, days: i64) -> Self {
        let serial = name.bytes().cycle().take(12).map(|byte| byte & 0x7f | 1).collect();
        Self { name: name.to_owned(), organisation: "Lab".to_owned(), serial, not_before, not_after: not_before + days * DAY }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, self.organisation.clone());
        params.distinguished_name.push(DnType::CommonName, self.name.clone());
        params.serial_number = Some(SerialNumber::from_slice(&self.serial));
        params.not_before = OffsetDateTime::from_unix_timestamp(self.not_before).unwrap();
        params.not_after = OffsetDateTime::from_unix_timestamp(self.not_after).unwrap();
        params.use_authority_key_identifier_extension = true;
        params
    }
}

impl Ca {
    pub fn root(profile: &Profile) -> Self {
        Self::make(profile.params(), KeyPair::generate().unwrap(), None)
    }

    pub fn below(&self, profile: &Profile) -> Self {
        Self::make(profile.params(), KeyPair::generate().unwrap(), Some(self))
    }

    /// Another certificate for the key of `self`, by `issuer`.
    pub fn cross_signed_by(&self, issuer: &Self, profile: &Profile) -> Self {
        self.certified_anew_by(issuer, profile, |_| {})
    }

    /// … with something changed in it.
    pub fn certified_anew_by(&self, issuer: &Self, profile: &Profile, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        let mut params = profile.params();
        change(&mut params);
        Self::make(params, key, Some(issuer))
    }

    fn make(mut params: CertificateParams, key: KeyPair, issuer: Option<&Self>) -> Self {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = match issuer {
            Some(issuer) => params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)),
            None => params.self_signed(&key),
        };
        Self { der: der.unwrap().der().to_vec(), params, key }
    }

    /// A certificate for one host.
    pub fn leaf(&self, host: &str, profile: &Profile) -> Vec<u8> {
        self.leaf_for(&[host.to_owned()], profile)
    }

    /// A certificate for many.
    pub fn leaf_for(&self, hosts: &[String], profile: &Profile) -> Vec<u8> {
        let mut params = profile.params();
        params.subject_alt_names = CertificateParams::new(hosts).unwrap().subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec()
    }
}

/// One observation of a chain at a moment, in UNIX seconds.
pub fn observation(host: &str, at: i64, certificates: Vec<Vec<u8>>) -> Observation {
    let host = Host::parse(host).unwrap();
    Observation {
        chain: Seen::Yes(Chain { form: ChainForm::Presented, certificates: certificates.into_iter().map(Bytes::from).collect() }),
        ..Observation::unseen(
            Target { server_name: Seen::Yes(host.clone()), ..Target::over_tcp(host, 443) },
            u64::try_from(at).unwrap() * 1000,
        )
    }
}

/// Evidence of some observations, with a clock that somebody vouches for and no anchor added.
pub fn evidence(observations: Vec<Observation>) -> Evidence {
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector { name: "lab".to_owned(), version: "1".to_owned(), vantage: Vantage::NativeProbe },
        collected_at: observations.iter().map(|observation| observation.at / 1000).max().unwrap_or_default(),
        observations,
        surroundings: Surroundings {
            anchors: Seen::Yes(Vec::new()),
            clock: Seen::Yes(ClockCheck { ahead_seconds: 0, witness: "stated".to_owned() }),
            ..Surroundings::unseen()
        },
    }
}

/// The compiled tables, with one more public root.
pub fn tables_with_public(root: &Ca) -> Tables {
    let overlay =
        Overlay { public_anchors: vec![root.der.clone().into()], ..Overlay::new("lab root of the tests", u64::try_from(NOW).unwrap()) };
    Tables::compiled().with_overlay(&overlay).unwrap()
}

/// A fixed sequence (xorshift64), so that a failure comes back.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).unwrap()
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u32::try_from(length).unwrap())).unwrap()
    }

    pub fn days(&mut self, limit: u32) -> i64 {
        i64::from(self.below(limit)) * DAY
    }
}
