//! Chains of an interceptor whose names, serial numbers, dates and keys are anybody's choice (R-E6).

use mintwatch_validator::evidence::{MachineAnchor, Seen, Sha256};
use mintwatch_validator::judge;
use mintwatch_validator::tables::{Overlay, Tables};
use mintwatch_validator::verdict::Cause;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber};
use time::OffsetDateTime;

use super::Tried;
use crate::record::{evidence, observation};
use crate::trouble::Trouble;

/// How many of each kind.
const ROUNDS: u64 = 250;
/// 2026-11-24T00:00:00Z.
const NOW: i64 = 1_795_478_400;
const DAY: i64 = 86_400;
/// Names a forger would copy, and one that is odd.
const NAMES: [&str; 6] = [
    "DigiCert Global G2 TLS RSA SHA256 2020 CA1",
    "R13",
    "WE1",
    "Sectigo Public Server Authentication CA DV R36",
    "CNNIC SSL",
    "\u{202e}evil",
];

/// Where the interceptor's authority stands.
#[derive(Clone, Copy)]
enum Kind {
    /// Below a public root, told to nobody: MCS.
    Undisclosed,
    /// A root that was added on this machine.
    Added,
    /// A root that nobody trusts, for two hosts of unrelated operators.
    Untrusted,
}

struct Ca {
    der: Vec<u8>,
    params: CertificateParams,
    key: KeyPair,
}

/// Small, seeded and the same everywhere: SplitMix64.
struct Random(u64);

/// Judges every mutation without any list, pin or known name.
pub(super) fn tried() -> Result<Vec<Tried>, Trouble> {
    let mut random = Random(2015);
    let root = ca(&mut random, None)?;
    let at = u64::try_from(NOW).unwrap_or_default();
    let overlay = Overlay { public_anchors: vec![root.der.clone().into()], ..Overlay::new("root of the mutations", at) };
    let tables = Tables::compiled().without_lists().with_overlay(&overlay).map_err(wrong)?;
    let mut all = Vec::new();
    for kind in [Kind::Undisclosed, Kind::Added, Kind::Untrusted] {
        for round in 0..ROUNDS {
            all.extend(one(kind, round, &root, &tables, &mut random)?);
        }
    }
    Ok(all)
}

fn one(kind: Kind, round: u64, root: &Ca, tables: &Tables, random: &mut Random) -> Result<Vec<Tried>, Trouble> {
    let (of, was, above) = match kind {
        Kind::Undisclosed => ("mutation of MCS", Cause::PublicAuthorityInterception, Some(root)),
        Kind::Added => ("mutation of a root that was added", Cause::LocalInterception, None),
        Kind::Untrusted => ("mutation of a root that nobody trusts", Cause::UntrustedInterception, None),
    };
    let minting = ca(random, above)?;
    // Unrelated operators are known of two well-known hosts; everywhere else the names are nobody's.
    let hosts = match kind {
        Kind::Untrusted => vec!["www.wikipedia.org".to_owned(), "github.com".to_owned()],
        Kind::Undisclosed | Kind::Added => vec![format!("host{round}.unknown{}.invalid", random.below(1000))],
    };
    let mut observations = Vec::new();
    for host in &hosts {
        observations.push(observation(host, NOW, vec![leaf(random, &minting, host)?, minting.der.clone()])?);
    }
    let mut evidence = evidence(observations);
    if matches!(kind, Kind::Added) {
        let anchor = MachineAnchor {
            sha256: Sha256::of(&minting.der),
            origin: "platform".to_owned(),
            certificate: Seen::Yes(minting.der.clone().into()),
        };
        evidence.surroundings.anchors = Seen::Yes(vec![anchor]);
    }
    let report = judge(&evidence, tables);
    let tried = |host: &mintwatch_validator::report::HostReport| Tried {
        of: of.to_owned(),
        // The number of a round tells nobody anything.
        host: if hosts.len() > 1 { host.host.to_string() } else { "any".to_owned() },
        was: Some(was),
        said: host.verdict.cause,
        severity: host.verdict.severity,
    };
    Ok(report.hosts.iter().map(tried).collect())
}

fn ca(random: &mut Random, issuer: Option<&Ca>) -> Result<Ca, Trouble> {
    let key = KeyPair::generate().map_err(wrong)?;
    let mut params = named(random)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let made = match issuer {
        Some(issuer) => params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)),
        None => params.self_signed(&key),
    };
    Ok(Ca { der: made.map_err(wrong)?.der().to_vec(), params, key })
}

fn leaf(random: &mut Random, issuer: &Ca, host: &str) -> Result<Vec<u8>, Trouble> {
    let mut params = named(random)?;
    params.subject_alt_names = CertificateParams::new([host.to_owned()]).map_err(wrong)?.subject_alt_names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(wrong)?;
    let made = params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).map_err(wrong)?;
    Ok(made.der().to_vec())
}

/// Any name, any serial number, any dates around now that leave it current.
fn named(random: &mut Random) -> Result<CertificateParams, Trouble> {
    let mut params = CertificateParams::default();
    for kind in [DnType::OrganizationName, DnType::CommonName] {
        let name = usize::try_from(random.below(NAMES.len() as u64)).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or_default();
        params.distinguished_name.push(kind, name);
    }
    let serial: Vec<u8> = (0..=random.below(18)).map(|_| u8::try_from(1 + random.below(126)).unwrap_or(1)).collect();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let days = |days: u64| i64::try_from(days).unwrap_or_default() * DAY;
    params.not_before = OffsetDateTime::from_unix_timestamp(NOW - days(20 + random.below(1500))).map_err(wrong)?;
    params.not_after = OffsetDateTime::from_unix_timestamp(NOW + days(1 + random.below(3000))).map_err(wrong)?;
    Ok(params)
}

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

fn wrong(error: impl std::fmt::Display) -> Trouble {
    Trouble::new(error.to_string())
}
