//! Every candidate path from the end-entity to every anchor, within a budget.
//!
//! Two steps. The search walks upwards over issuer names and keeps an edge only when the signature
//! verifies, so that a path is a fact whatever a validator thinks of it: a revoked, blocked or
//! badly profiled authority must still be seen. Then rustls-webpki validates each path by itself,
//! and our own checks add what it leaves out; in one thing they overrule it, in directory names under
//! name constraints, which it does not compare. The order bounds time: names are the forger's to
//! choose and make a search explode, verified signatures are not
//! (see `docs/adr/0002-search-by-signature-then-validate.md`).

use std::collections::BTreeMap;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, Der, ServerName, TrustAnchor, UnixTime};
use serde::{Deserialize, Serialize};
use webpki::{EndEntityCert, KeyUsage};

use crate::chain::Certificate;
use crate::profile::{self, Fault, Role, Rules};
use crate::signatures::{Signatures, Strength, key_bits, strength};
use crate::{der, name_constraints, names};

/// How many certificates of one handshake are read; the rest is named, not read.
pub(crate) const MAX_CERTIFICATES: usize = 64;
/// How many certificates above the end-entity are looked at.
pub(crate) const MAX_INTERMEDIATES: usize = 16;
/// How many signatures are verified for one chain.
pub(crate) const MAX_SIGNATURES: u64 = 32;
/// How many paths are kept for one chain.
pub(crate) const MAX_PATHS: usize = 20;
/// 2014-01-01T00:00:00Z: end of RSA keys below 2048 bits (BR 1.1 Appendix A; Mozilla).
const SHORT_RSA_REFUSED: i64 = 1_388_534_400;
/// 2017-01-01T00:00:00Z: Chrome 56, Firefox 51 and Microsoft stop taking SHA-1 (BR §7.1.3.2 had ended its issuing a year before).
const SHA1_REFUSED: i64 = 1_483_228_800;
/// How many certificates a path may have; rustls-webpki takes no more than six subordinate CAs.
const MAX_LENGTH: usize = 8;
/// How many steps the search takes for one chain.
const MAX_STEPS: usize = 2_000;

/// An anchor as the search needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Issuer<'a> {
    /// The Name, with its header.
    pub(crate) subject: &'a [u8],
    /// The SubjectPublicKeyInfo, with its header.
    pub(crate) spki: &'a [u8],
    /// Contents of the name constraints extension.
    pub(crate) name_constraints: Option<&'a [u8]>,
    /// Start of validity, UNIX seconds.
    pub(crate) not_before: i64,
    /// End of validity, UNIX seconds.
    pub(crate) not_after: i64,
    /// Whether it was trusted at the time; a path that only reaches a root of another time goes on to one that was.
    pub(crate) trusted: bool,
    /// Whose rules hold below it.
    pub(crate) rules: Rules,
    /// The first rule that its own certificate breaks, where it is known as a certificate.
    pub(crate) fault: Option<Fault>,
}

impl<'a> Issuer<'a> {
    /// The anchor that somebody trusts as this certificate.
    pub(crate) fn of(certificate: &Certificate<'a>, rules: Rules) -> Self {
        Self {
            subject: certificate.subject,
            spki: certificate.spki,
            name_constraints: certificate.name_constraints,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            trusted: true,
            rules,
            fault: first_fault(certificate, Role::Anchor, rules),
        }
    }
}

/// A candidate path; indices are those of the slices the search was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// From the end-entity upwards.
    pub certificates: Vec<usize>,
    /// The anchor; none when the path ends nowhere.
    pub anchor: Option<usize>,
    /// Why validation refuses it; none when it accepts it.
    pub refused: Option<Refusal>,
}

/// Why path validation refuses a path whose signatures are good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It reaches no trust anchor.
    NoAnchor,
    /// A certificate is past its notAfter.
    Expired,
    /// A certificate is before its notBefore.
    NotYetValid,
    /// The end-entity is not valid for this host.
    WrongName,
    /// A name lies outside a name constraint.
    OutsideNameConstraints,
    /// An issuer is no CA, or its path length or key usage forbids it.
    IssuerMayNotSign,
    /// The end-entity is a CA certificate.
    EndEntityIsCa,
    /// No extended key usage for TLS servers.
    WrongPurpose,
    /// The trust anchor itself is outside its validity.
    AnchorNotCurrent,
    /// A signature rests on SHA-1 or on RSA below 2048 bits.
    WeakSignature,
    /// rustls-webpki blocks this key outright.
    BlockedKey,
    /// A certificate breaks the profile of its role, which a verifier might still accept; the first rule that is broken.
    Misprofiled(Fault),
    /// An encoding, extension or host name that rustls-webpki does not take; its own word for it.
    Unsupported(String),
}

impl Refusal {
    /// Returns why, as one clause in lower case. Holds no certificate text.
    pub fn says(&self) -> String {
        match self {
            Self::NoAnchor => "it reaches no trust anchor",
            Self::Expired => "a certificate is past its last day",
            Self::NotYetValid => "a certificate is before its first day",
            Self::WrongName => "it is for other hosts",
            Self::OutsideNameConstraints => "a name lies outside what a CA above it may vouch for",
            Self::IssuerMayNotSign => "an issuer is no CA, or may not have signed this",
            Self::EndEntityIsCa => "a CA's certificate stands in the server's place",
            Self::WrongPurpose => "it is not for TLS servers",
            Self::AnchorNotCurrent => "the trust anchor is past its own dates",
            Self::WeakSignature => "a signature rests on SHA-1 or on a short RSA key",
            Self::BlockedKey => "a key in it is blocked outright",
            Self::Misprofiled(fault) => fault.says(),
            Self::Unsupported(what) => return format!("an encoding or name in it is not taken ({what})"),
        }
        .to_owned()
    }
}

/// Returns why an end-entity would be refused whoever signed it: other hosts, another moment, another purpose, its own profile.
pub(crate) fn unfitness(end_entity: &Certificate<'_>, host: &ServerName<'_>, at: i64) -> Option<Refusal> {
    let der = end_entity.to_pki();
    if at < end_entity.not_before {
        return Some(Refusal::NotYetValid);
    }
    if at > end_entity.not_after {
        return Some(Refusal::Expired);
    }
    if end_entity.is_ca {
        return Some(Refusal::EndEntityIsCa);
    }
    if end_entity.purposes.is_some_and(|purposes| !purposes.server && !purposes.any) {
        return Some(Refusal::WrongPurpose);
    }
    match EndEntityCert::try_from(&der).and_then(|leaf| leaf.verify_is_valid_for_subject_name(host)) {
        Ok(()) => first_fault(end_entity, Role::EndEntity, Rules::WebPki { at }).map(Refusal::Misprofiled),
        Err(error) => Some(refusal_of(&error)),
    }
}

/// What the search found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The paths; those that reach an anchor first.
    pub(crate) paths: Vec<Path>,
    /// Whether the search ended by itself, inside its budget.
    pub(crate) complete: bool,
}

/// Keeps what the end-entity can reach by issuer names, without duplicates, at most
/// [`MAX_INTERMEDIATES`]; and tells whether that was all of it.
///
/// `certificates` begins with the end-entity; the answer holds indices, its own among them.
pub(crate) fn reachable(certificates: &[Certificate<'_>]) -> (Vec<usize>, bool) {
    let mut kept = vec![0];
    let mut next = 0;
    while let Some(child) = kept.get(next).and_then(|&index| certificates.get(index)) {
        for (index, candidate) in certificates.iter().enumerate().skip(1) {
            let known = |&other: &usize| certificates.get(other).is_some_and(|other| other.sha256 == candidate.sha256);
            if !names::are_one(candidate.subject, child.issuer) || kept.iter().any(known) {
                continue;
            }
            if kept.len() > MAX_INTERMEDIATES {
                return (kept, false);
            }
            kept.push(index);
        }
        next += 1;
    }
    (kept, true)
}

/// Finds every candidate path of one chain.
///
/// `certificates` begins with the end-entity; `anchors` are all that any of them names as issuer.
pub(crate) fn search(certificates: &[Certificate<'_>], anchors: &[Issuer<'_>], signatures: &Signatures) -> Found {
    signatures.start_chain(MAX_SIGNATURES);
    let (reachable, all_kept) = reachable(certificates);
    let mut search = Search { certificates, reachable, anchors, signatures, found: Found::default(), dead_ends: Vec::new(), steps: 0 };
    search.found.complete = all_kept;
    search.walk(&mut vec![0]);
    if search.found.paths.is_empty() {
        let dead_ends = std::mem::take(&mut search.dead_ends);
        search.found.paths =
            dead_ends.into_iter().map(|certificates| Path { certificates, anchor: None, refused: Some(Refusal::NoAnchor) }).collect();
    }
    search.found.complete &= !signatures.exhausted();
    search.found
}

struct Search<'a> {
    certificates: &'a [Certificate<'a>],
    reachable: Vec<usize>,
    anchors: &'a [Issuer<'a>],
    signatures: &'a Signatures,
    found: Found,
    dead_ends: Vec<Vec<usize>>,
    steps: usize,
}

impl Search<'_> {
    fn walk(&mut self, path: &mut Vec<usize>) {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.found.paths.len() >= MAX_PATHS || path.len() > MAX_LENGTH {
            self.found.complete = false;
            return;
        }
        let Some(child) = path.last().and_then(|&index| self.certificates.get(index)) else { return };
        let ends = self.anchors_of(child);
        for &anchor in &ends {
            if self.found.paths.len() >= MAX_PATHS {
                self.found.complete = false;
                return;
            }
            self.found.paths.push(Path { certificates: path.clone(), anchor: Some(anchor), refused: None });
        }
        let mut extended = !ends.is_empty();
        for issuer in self.reachable.clone() {
            if self.leads_on(path, &ends, child, issuer) {
                extended = true;
                path.push(issuer);
                self.walk(path);
                path.pop();
            }
        }
        if !extended && self.dead_ends.len() < MAX_PATHS {
            self.dead_ends.push(path.clone());
        }
    }

    fn anchors_of(&self, child: &Certificate<'_>) -> Vec<usize> {
        let signed =
            |anchor: &Issuer<'_>| names::are_one(anchor.subject, child.issuer) && is_signed_by(child, anchor.spki, self.signatures);
        self.anchors.iter().enumerate().filter(|(_, anchor)| signed(anchor)).map(|(index, _)| index).collect()
    }

    /// Whether the certificate at `issuer` signed `child` and goes beyond the path and the anchors already reached.
    fn leads_on(&self, path: &[usize], ends: &[usize], child: &Certificate<'_>, issuer: usize) -> bool {
        let Some(candidate) = self.certificates.get(issuer) else { return false };
        let same = |subject: &[u8], spki: &[u8]| subject == candidate.subject && spki == candidate.spki;
        // A loop is the same name with the same key (RFC 4158 §5.2).
        let on_path = path.iter().filter_map(|&index| self.certificates.get(index)).any(|seen| same(seen.subject, seen.spki));
        // A server may send the root as well: the anchor itself already ends that path. A root that is not trusted yet,
        // or no longer, is often cross-signed by one that is.
        let ends_here = |end: &Issuer<'_>| same(end.subject, end.spki) && (end.trusted || candidate.is_self_issued());
        let is_anchor = ends.iter().filter_map(|&index| self.anchors.get(index)).any(ends_here);
        !on_path && !is_anchor && names::are_one(candidate.subject, child.issuer) && is_signed_by(child, candidate.spki, self.signatures)
    }
}

/// Whether clients refused such a signature at a time, in UNIX seconds: short RSA keys from 2014 on, SHA-1 from 2017 on.
fn is_weak(algorithm: &[u8], key: &[u8], at: i64) -> bool {
    match strength(algorithm, key) {
        Some(Strength::Current) => false,
        Some(Strength::Legacy) => at >= SHA1_REFUSED || at >= SHORT_RSA_REFUSED && key_bits(key).is_some_and(|bits| bits < 2048),
        None => true,
    }
}

fn is_signed_by(child: &Certificate<'_>, issuer_spki: &[u8], signatures: &Signatures) -> bool {
    let parts = child.signed_parts();
    signatures.verify(parts.algorithm, issuer_spki, parts.tbs, parts.signature).is_ok()
}

/// Verifies one chain by itself, outside of any evidence: the search and the validation that a judgement rests on.
///
/// `chain` begins with the end-entity, in DER, and may hold more than a path needs, in any order; `anchors` are
/// certificates in DER whose issuers are held to the Baseline Requirements, as public ones are. Without a `host`
/// any name will do. `at` is in UNIX seconds.
///
/// # Errors
/// Why the first path is refused, when all are; [`Refusal::NoAnchor`] when there is none.
pub fn verify(chain: &[&[u8]], anchors: &[&[u8]], host: Option<&str>, at: i64) -> Result<(), Refusal> {
    let unreadable = |error: crate::Unreadable| Refusal::Unsupported(error.to_string());
    let Some((end_entity, others)) = chain.split_first() else { return Err(Refusal::NoAnchor) };
    let mut certificates = vec![Certificate::read(end_entity).map_err(unreadable)?];
    certificates.extend(others.iter().take(MAX_CERTIFICATES - 1).filter_map(|der| Certificate::read(der).ok()));
    let anchors: Vec<Certificate<'_>> = anchors.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    let anchors: Vec<Issuer<'_>> = anchors.iter().map(|anchor| Issuer::of(anchor, Rules::WebPki { at })).collect();
    let host = host.map(ServerName::try_from).transpose().map_err(|_| Refusal::Unsupported("host name".to_owned()))?;
    let signatures = Signatures::new();
    let mut validation = Validation::new(&certificates, host.as_ref(), at, &signatures);
    let mut refused = Err(Refusal::NoAnchor);
    for path in search(&certificates, &anchors, &signatures).paths {
        let Some(anchor) = path.anchor.and_then(|index| anchors.get(index)) else { continue };
        match validation.refusal(&path, anchor) {
            None => return Ok(()),
            Some(refusal) if refused == Err(Refusal::NoAnchor) => refused = Err(refusal),
            Some(_) => {}
        }
    }
    refused
}

/// What every path of one chain is held against; each certificate's profile is read once, however many paths cross it.
pub(crate) struct Validation<'a, 'e> {
    certificates: &'a [Certificate<'e>],
    host: Option<&'a ServerName<'a>>,
    at: i64,
    signatures: &'a Signatures,
    faults: BTreeMap<(usize, bool), Option<Fault>>,
    comparisons: usize,
}

impl<'a, 'e> Validation<'a, 'e> {
    /// For a TLS server of this name, or of any, at this moment in UNIX seconds.
    pub(crate) fn new(certificates: &'a [Certificate<'e>], host: Option<&'a ServerName<'a>>, at: i64, signatures: &'a Signatures) -> Self {
        Self { certificates, host, at, signatures, faults: BTreeMap::new(), comparisons: name_constraints::MAX_COMPARISONS }
    }

    /// Returns why a path is refused; none when it is accepted.
    ///
    /// rustls-webpki first; then what it has no check for: keyCertSign of every issuer (RFC 5280
    /// §4.2.1.3), the anchor's own dates, signatures that rest on SHA-1 or short RSA keys, name
    /// constraints of other forms (§4.2.1.10), and the profile of each certificate in its role.
    pub(crate) fn refusal(&mut self, path: &Path, anchor: &Issuer<'_>) -> Option<Refusal> {
        let certificates = self.certificates;
        let on_path: Vec<&Certificate<'_>> = path.certificates.iter().filter_map(|&index| certificates.get(index)).collect();
        let (end_entity, issuers) = on_path.split_first()?;
        // First, as it counts what it costs for all paths together, where rustls-webpki counts for each anew.
        let breaches = name_constraints::breaches(&on_path, anchor.name_constraints, &mut self.comparisons);
        if self.comparisons == 0 {
            return Some(Refusal::Unsupported("too many names under constraints".to_owned()));
        }
        match self.validate_by_webpki(end_entity, issuers, anchor) {
            // It looks at them last, when all else is good.
            Ok(()) | Err(webpki::Error::NameConstraintViolation) => {}
            Err(error) => return Some(refusal_of(&error)),
        }
        if !breaches.is_empty() {
            return Some(Refusal::OutsideNameConstraints);
        }
        if let Some(host) = self.host
            && let Err(error) = EndEntityCert::try_from(&end_entity.to_pki()).and_then(|leaf| leaf.verify_is_valid_for_subject_name(host))
        {
            return Some(refusal_of(&error));
        }
        if issuers.iter().any(|issuer| issuer.may_sign_certificates == Some(false)) || !keeps_path_lengths(issuers) {
            return Some(Refusal::IssuerMayNotSign);
        }
        if !(anchor.not_before..=anchor.not_after).contains(&self.at) {
            return Some(Refusal::AnchorNotCurrent);
        }
        let keys = issuers.iter().map(|issuer| issuer.spki).chain([anchor.spki]);
        if on_path.iter().zip(keys).any(|(certificate, key)| is_weak(certificate.signed_parts().algorithm, key, self.at)) {
            return Some(Refusal::WeakSignature);
        }
        let fault = path.certificates.iter().find_map(|&index| self.fault(index, anchor.rules));
        fault.or(anchor.fault).map(Refusal::Misprofiled)
    }

    /// The first rule that a certificate breaks below an anchor of these rules.
    fn fault(&mut self, index: usize, rules: Rules) -> Option<Fault> {
        let certificate = self.certificates.get(index)?;
        let role = if index == 0 { Role::EndEntity } else { Role::Subordinate };
        *self.faults.entry((index, rules == Rules::Pkix)).or_insert_with(|| first_fault(certificate, role, rules))
    }

    fn validate_by_webpki(
        &self,
        end_entity: &Certificate<'_>,
        issuers: &[&Certificate<'_>],
        anchor: &Issuer<'_>,
    ) -> Result<(), webpki::Error> {
        let end_entity = end_entity.to_pki();
        let end_entity = EndEntityCert::try_from(&end_entity)?;
        let issuers: Vec<CertificateDer<'_>> = issuers.iter().map(|issuer| issuer.to_pki()).collect();
        let anchors = [TrustAnchor {
            subject: Der::from_slice(der::only(anchor.subject, der::SEQUENCE).unwrap_or_default()),
            subject_public_key_info: Der::from_slice(der::only(anchor.spki, der::SEQUENCE).unwrap_or_default()),
            name_constraints: anchor.name_constraints.map(Der::from_slice),
        }];
        let at = UnixTime::since_unix_epoch(Duration::from_secs(self.at.try_into().unwrap_or(0)));
        let algorithms = self.signatures.algorithms();
        end_entity.verify_for_usage(&algorithms, &anchors, &issuers, at, KeyUsage::server_auth(), None, None).map(|_| ())
    }
}

/// The first rule that a certificate breaks and that refuses its path.
fn first_fault(certificate: &Certificate<'_>, role: Role, rules: Rules) -> Option<Fault> {
    profile::faults(certificate, role, rules).into_iter().find(|fault| fault.refuses())
}

/// Whether every issuer has as few CAs below it, those not self-issued, as it allows (RFC 5280 §4.2.1.9).
fn keeps_path_lengths(issuers: &[&Certificate<'_>]) -> bool {
    let below = |index: usize| issuers.iter().take(index).filter(|issuer| !issuer.is_self_issued()).count();
    let keeps = |(index, issuer): (usize, &&Certificate<'_>)| issuer.path_len.is_none_or(|most| below(index) as u64 <= u64::from(most));
    issuers.iter().enumerate().all(keeps)
}

fn refusal_of(error: &webpki::Error) -> Refusal {
    use webpki::Error as E;
    match error {
        E::CertDistrusted => Refusal::BlockedKey,
        E::CertExpired { .. } => Refusal::Expired,
        E::CertNotValidYet { .. } => Refusal::NotYetValid,
        E::CertNotValidForName(_) => Refusal::WrongName,
        E::NameConstraintViolation => Refusal::OutsideNameConstraints,
        E::EndEntityUsedAsCa | E::PathLenConstraintViolated => Refusal::IssuerMayNotSign,
        E::CaUsedAsEndEntity => Refusal::EndEntityIsCa,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Refusal::WrongPurpose,
        other => Refusal::Unsupported(format!("{other:?}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, GeneralSubtree, IsCa, KeyUsagePurpose,
        NameConstraints,
    };

    use super::*;
    use crate::evidence::Seen;
    use crate::report::PathReport;
    use crate::testing::{Authority, Lab, NOW, Site, below, root_for};

    const DAY: i64 = 86_400;

    fn paths(lab: &Lab, site: Site<'_>, added: &[&Authority]) -> Vec<PathReport> {
        let mut evidence = lab.evidence(&[site]);
        if let Seen::Yes(anchors) = &mut evidence.surroundings.anchors {
            anchors.extend(added.iter().map(|authority| authority.as_machine_anchor()));
        }
        crate::judge(&evidence, &lab.tables()).hosts.remove(0).paths
    }

    fn refusal(lab: &Lab, issuer: &Authority) -> Option<Refusal> {
        let mut paths = paths(lab, lab.site("www.bank.example").issued_by(issuer), &[]);
        assert_eq!(paths.len(), 1);
        paths.remove(0).refused
    }

    #[test]
    fn an_issuer_without_key_cert_sign_may_not_sign() {
        let lab = Lab::new();
        let odd =
            below(&lab.local, "No keyCertSign", NOW - 90 * DAY, 900, |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
        assert_eq!(refusal(&lab, &odd), Some(Refusal::IssuerMayNotSign));
    }

    #[test]
    fn an_end_entity_may_not_sign_and_its_path_is_seen_all_the_same() {
        let lab = Lab::new();
        let odd = below(&lab.local, "Not a CA", NOW - 90 * DAY, 900, |params| params.is_ca = IsCa::ExplicitNoCa);
        assert_eq!(refusal(&lab, &odd), Some(Refusal::IssuerMayNotSign));
        let odd = below(&lab.local, "One above the last", NOW - 90 * DAY, 900, |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        });
        let second = below(&odd, "One too many", NOW - 90 * DAY, 900, |_| {});
        let site = lab.site("www.bank.example").issued_by(&second).with_extra(&odd);
        assert_eq!(paths(&lab, site, &[]).remove(0).refused, Some(Refusal::IssuerMayNotSign));
    }

    #[test]
    fn an_issuer_spelt_in_other_strings_is_found_all_the_same() {
        let lab = Lab::new();
        let spelt_anew = lab.local.spelt_anew();
        let paths_of = |issuer| paths(&lab, lab.site("www.bank.example").issued_by(issuer), &[]);
        let [path] = &paths_of(&spelt_anew)[..] else { panic!("one path") };
        assert!(path.anchor.is_some(), "{path:?}");
        // Another name that the same key signs under leads nowhere.
        let renamed = lab.local.renamed("Lab Somebody Else", "Lab");
        assert!(paths_of(&renamed).iter().all(|path| path.anchor.is_none()));
    }

    #[test]
    fn an_anchor_past_its_dates_is_refused() {
        let lab = Lab::new();
        let old = root_for("Old Root", "Old", 10 * 365);
        let issuer = below(&old, "Still Valid", NOW - 90 * DAY, 900, |_| {});
        let found = paths(&lab, lab.site("www.bank.example").issued_by(&issuer), &[&old]);
        assert_eq!(found[0].refused, Some(Refusal::AnchorNotCurrent));
    }

    #[test]
    fn a_subordinate_past_its_dates_is_refused_and_its_path_is_seen_all_the_same() {
        let lab = Lab::new();
        let issuer = below(&lab.local, "Expired", NOW - 900 * DAY, 100, |_| {});
        assert_eq!(refusal(&lab, &issuer), Some(Refusal::Expired));
    }

    #[test]
    fn a_certificate_for_another_host_is_refused() {
        let lab = Lab::new();
        let site = lab.site("www.bank.example").naming(&["www.other.example"]).issued_by(&lab.local);
        assert_eq!(paths(&lab, site, &[]).remove(0).refused, Some(Refusal::WrongName));
    }

    #[test]
    fn the_same_name_without_the_signature_is_no_path() {
        let lab = Lab::new();
        let (one, other) = (root_for("Twin", "Twin", 40 * 365), root_for("Twin", "Twin", 40 * 365));
        let found = paths(&lab, lab.site("www.bank.example").issued_by(&one), &[&other]);
        assert_eq!((found[0].anchor, &found[0].refused), (None, &Some(Refusal::NoAnchor)));
    }

    #[test]
    fn every_path_to_every_anchor_is_seen() {
        let lab = Lab::new();
        let (one, other) = (root_for("One", "One", 40 * 365), root_for("Other", "Other", 40 * 365));
        let issuer = below(&one, "Cross-signed", NOW - 90 * DAY, 900, |_| {});
        let twin = issuer.cross_signed_by(&other);
        let site = lab.site("www.bank.example").issued_by(&issuer).with_extra(&twin);
        let found = paths(&lab, site, &[&one, &other]);
        assert_eq!(found.iter().map(|path| path.anchor).collect::<Vec<_>>(), [Some(0), Some(1)]);
    }

    fn constrained_to(permitted: GeneralSubtree) -> impl FnOnce(&mut CertificateParams) {
        move |params| {
            params.name_constraints = Some(NameConstraints { permitted_subtrees: vec![permitted], excluded_subtrees: Vec::new() });
        }
    }

    #[test]
    fn a_ca_constrained_by_directory_names_is_held_against_them() {
        let lab = Lab::new();
        let named = |name: &str| {
            let mut directory = DistinguishedName::new();
            directory.push(DnType::CommonName, name);
            constrained_to(GeneralSubtree::DirectoryName(directory))
        };
        let fitting = below(&lab.local, "Constrained", NOW - 90 * DAY, 900, named("WWW.bank.example"));
        assert_eq!(refusal(&lab, &fitting), None);
        let other = below(&lab.local, "Constrained", NOW - 90 * DAY, 900, named("www.other.example"));
        assert_eq!(refusal(&lab, &other), Some(Refusal::OutsideNameConstraints));
    }

    #[test]
    fn a_public_root_with_constraints_of_its_own_is_held_against_them() {
        let mut lab = Lab::new();
        let root = root_for("Constrained Root", "Constrained", 40 * 365);
        let root = root.changed_by(&root, constrained_to(GeneralSubtree::DnsName(".example".to_owned())));
        lab.overlay.public_anchors.push(root.der.clone().into());
        let issuer = below(&root, "Below It", NOW - 90 * DAY, 900, |_| {});
        assert_eq!(refusal(&lab, &issuer), None);
        let outside = lab.site("www.bank.example").naming(&["www.bank.example", "www.bank.test"]).issued_by(&issuer);
        assert_eq!(paths(&lab, outside, &[]).remove(0).refused, Some(Refusal::OutsideNameConstraints));
    }

    #[test]
    fn a_broken_profile_has_its_own_reason_and_is_no_interception() {
        let lab = Lab::new();
        // policyConstraints, requireExplicitPolicy 0: must be critical.
        let policy = CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 3, 0x80, 1, 0]);
        let odd = lab.disclosed.changed_by(&lab.one, |params| params.custom_extensions = vec![policy]);
        let mut lab = lab;
        lab.overlay.disclosed.push(odd.der.clone().into());
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&odd).logged()]);
        assert_eq!(report.hosts[0].paths[0].refused, Some(Refusal::Misprofiled(Fault::NotCritical)));
        assert_eq!(report.verdict.cause, crate::verdict::Cause::Inconclusive);
    }

    #[test]
    fn a_chain_is_verified_by_itself() {
        let lab = Lab::new();
        let evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.disclosed)]);
        let chain: Vec<&[u8]> =
            evidence.observations[0].chain.yes().unwrap().certificates.iter().map(crate::evidence::Bytes::as_slice).collect();
        let anchors = [lab.one.der.as_slice()];
        assert_eq!(verify(&chain, &anchors, Some("www.bank.example"), NOW), Ok(()));
        assert_eq!(verify(&chain, &anchors, None, NOW), Ok(()));
        assert_eq!(verify(&chain, &anchors, Some("www.news.example"), NOW), Err(Refusal::WrongName));
        assert_eq!(verify(&chain, &anchors, Some("www.bank.example"), NOW + 900 * DAY), Err(Refusal::Expired));
        assert_eq!(verify(&chain, &[lab.local.der.as_slice()], None, NOW), Err(Refusal::NoAnchor));
        assert_eq!(verify(&[], &anchors, None, NOW), Err(Refusal::NoAnchor));
    }

    #[test]
    fn an_anchor_that_is_no_ca_is_refused_and_one_of_ones_own_without_identifiers_is_not() {
        let lab = Lab::new();
        let own = root_for("Home-made", "Home", 40 * 365);
        let odd = own.changed_by(&own, |params| params.is_ca = IsCa::ExplicitNoCa);
        let found = paths(&lab, lab.site("www.bank.example").issued_by(&odd), &[&odd]);
        assert_eq!(found[0].refused, Some(Refusal::Misprofiled(Fault::NotACa)));
        let plain = own.changed_by(&own, |params| params.use_authority_key_identifier_extension = false);
        assert_eq!(paths(&lab, lab.site("www.bank.example").issued_by(&plain), &[&plain]).remove(0).refused, None);
    }

    #[test]
    fn a_root_of_another_time_does_not_end_the_search() {
        let mut lab = Lab::new();
        let old = root_for("Old Root", "Old", 10 * 365);
        lab.overlay.public_anchors.push(old.der.clone().into());
        let issuer = below(&old, "Below The Old", NOW - 90 * DAY, 900, |_| {});
        let current = root_for("Current Root", "Current", 40 * 365);
        lab.overlay.public_anchors.push(current.der.clone().into());
        let cross = old.cross_signed_by(&current);
        let report = lab.judge(&[lab.site("www.bank.example").issued_by(&issuer).with_extra(&cross).logged()]);
        let kinds: Vec<bool> = report.hosts[0].anchors.iter().map(|anchor| anchor.kind == crate::report::AnchorKind::Retired).collect();
        assert_eq!((kinds.len(), kinds.iter().filter(|&&retired| retired).count()), (2, 1), "{:?}", report.hosts[0].paths);
    }

    #[test]
    fn however_many_anchors_share_a_name_and_a_key_paths_stay_few() {
        let lab = Lab::new();
        let mut evidence = lab.evidence(&[lab.site("www.bank.example").issued_by(&lab.local)]);
        let Seen::Yes(anchors) = &mut evidence.surroundings.anchors else { panic!("the lab sees its anchors") };
        let renewed: Vec<_> = (1..100).map(|years| root_for("Many", "Many", years * 365)).collect();
        anchors.extend(std::iter::repeat_n(lab.local.as_machine_anchor(), 200));
        anchors.extend(renewed.iter().map(Authority::as_machine_anchor));
        let report = crate::judge(&evidence, &lab.tables());
        assert!(report.hosts[0].paths.len() <= MAX_PATHS);
        assert_eq!(report.hosts[0].anchors.len(), 1, "one anchor is one, however often it is in the store");
    }

    mod tangles {
        use std::sync::LazyLock;

        use proptest::prelude::*;

        use super::super::*;
        use super::{Authority, DAY, NOW, below, root_for};

        /// An end-entity, cross-signed CAs above it, and roots.
        type Tangle = (Vec<u8>, Vec<Vec<u8>>, Vec<Vec<u8>>);
        /// A leaf below six keys of two names, each certified by each, and three of them as anchors.
        static TANGLE: LazyLock<Tangle> = LazyLock::new(|| {
            let roots: Vec<Authority> = (0..6).map(|number| root_for(["Knot", "Twist"][number % 2], "Tangle", 40 * 365)).collect();
            let crossed = roots.iter().flat_map(|one| roots.iter().map(|other| one.cross_signed_by(other).der)).collect();
            let leaf = below(&roots[5], "host.example", NOW - 10 * DAY, 90, |_| {}).der;
            (leaf, crossed, roots.iter().take(3).map(|root| root.der.clone()).collect())
        });

        proptest! {
            #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

            #[test]
            fn the_budgets_hold_and_what_was_cut_is_told(picks in proptest::collection::vec(0..36_usize, 0..60), anchors in 0..4_usize) {
                let (leaf, crossed, roots) = &*TANGLE;
                let ders: Vec<&[u8]> = std::iter::once(leaf).chain(picks.iter().map(|&pick| &crossed[pick])).map(Vec::as_slice).collect();
                let certificates: Vec<Certificate<'_>> = ders.iter().map(|der| Certificate::read(der).unwrap()).collect();
                let roots: Vec<Certificate<'_>> = roots.iter().take(anchors).map(|der| Certificate::read(der).unwrap()).collect();
                let issuers: Vec<Issuer<'_>> = roots.iter().map(|root| Issuer {
                    subject: root.subject,
                    spki: root.spki,
                    name_constraints: None,
                    not_before: root.not_before,
                    not_after: root.not_after,
                    rules: Rules::Pkix,
                    fault: None,
                    trusted: true,
                }).collect();
                let signatures = Signatures::new();
                let found = search(&certificates, &issuers, &signatures);
                let counts = signatures.counts();
                prop_assert!(counts.verified <= MAX_SIGNATURES, "{counts:?}");
                prop_assert!(found.paths.len() <= MAX_PATHS);
                prop_assert!(found.paths.iter().all(|path| path.certificates.len() <= MAX_LENGTH && path.certificates.first() == Some(&0)));
                if found.complete {
                    prop_assert!(!signatures.exhausted() && reachable(&certificates).1);
                }
                for path in &found.paths {
                    for pair in path.certificates.windows(2) {
                        prop_assert!(is_signed_by(&certificates[pair[0]], certificates[pair[1]].spki, &Signatures::new()), "a path is proven");
                    }
                }
            }
        }
    }
}
