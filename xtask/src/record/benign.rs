//! Look-alikes out of recorded chains: what real servers sent, and what looks like an interceptor's and is not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mintwatch_validator::Certificate;
use mintwatch_validator::evidence::{Bytes, Chain, ChainForm, ClockCheck, Evidence, Host, Observation, Seen, Sha256, Vantage};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Index, Recorded, evidence, failed, observation, pem_certificates, write};
use crate::trouble::Trouble;

const DAY: i64 = 86_400;

/// Writes the evidence of every look-alike that is made of recorded chains.
///
/// # Errors
/// When a chain is missing or unreadable, or a folder cannot be written.
pub(super) fn recorded(data: &Path, benign: &Path) -> Result<(), Trouble> {
    let library = Library::read(data)?;
    for (folder, left_out) in
        [("ca-test-sites", &[][..]), ("zeek-traces", &NOT_FOR_US), ("webpki-tests", &[]), ("badssl", &UNDER_BAD_ROOTS)]
    {
        let wanted =
            |recorded: &&Recorded| recorded.file.split_once('/').is_some_and(|(group, file)| group == folder && !left_out.contains(&file));
        let observations =
            library.index.chains.iter().filter(wanted).map(|recorded| library.observe(recorded)).collect::<Result<_, _>>()?;
        write(&benign.join(folder), &evidence(observations), None)?;
    }
    let authorities = Authorities::read(data)?;
    for &(replay, chains) in &CROSS_SIGNED {
        let with_alternates = |&(file, at): &(&str, Option<i64>)| authorities.add_alternates(&library.named(file, at)?);
        write(&benign.join(replay), &evidence(chains.iter().map(with_alternates).collect::<Result<_, _>>()?), None)?;
    }
    let popular = library.popular()?;
    write(&benign.join("missing-intermediate"), &evidence(missing_intermediates(&library, &popular)?), None)?;
    write(
        &benign.join("end-entity-only"),
        &evidence(popular.iter().map(|seen| end_entity_of(seen, ChainForm::EndEntityOnly)).collect()),
        None,
    )?;
    write(&benign.join("extra-intermediates"), &evidence(extra_intermediates(&popular)), None)?;
    let rotated = ROTATED.iter().map(|&file| library.named(file, None)).collect::<Result<_, _>>()?;
    write(&benign.join("keys-over-the-months"), &evidence(rotated), None)?;
    let pair = RSA_AND_ECDSA.iter().map(|&(file, host)| library.named_as(file, host, MID_2020)).collect::<Result<_, _>>()?;
    write(&benign.join("rsa-and-ecdsa-pair"), &evidence(pair), None)?;
    let retired = RETIRED.iter().map(|&(file, at)| library.named(file, Some(at))).collect::<Result<_, _>>()?;
    write(&benign.join("root-left-the-programs"), &evidence(retired), None)?;
    for (replay, clock, vantage) in [
        (
            "wrong-clock",
            Seen::Yes(ClockCheck { ahead_seconds: MID_2020 - AUTUMN_2026, witness: "http-date".to_owned() }),
            Vantage::NativeProbe,
        ),
        ("wrong-clock-unwitnessed", Seen::NotVisible, Vantage::NativeProbe),
    ] {
        write(&benign.join(replay), &at_a_wrong_time(&popular, clock, vantage), None)?;
    }
    Ok(())
}

/// 2020-06-15T12:00:00Z: two weeks after AddTrust External CA Root expired.
const MID_2020: i64 = 1_592_222_400;
/// 2026-10-01T00:00:00Z.
const AUTUMN_2026: i64 = 1_790_812_800;

type Chains = &'static [(&'static str, Option<i64>)];

/// Chains whose authorities are cross-signed, and when to look at them.
const CROSS_SIGNED: [(&str, Chains); 4] = [
    (
        "cross-signed-by-addtrust",
        &[
            ("zeek-traces/www.heise.de.pem", Some(MID_2020)),
            ("ca-test-sites/usertrustrsacertificationauthority-ev.comodoca.com.pem", None),
            ("ca-test-sites/comodorsacertificationauthority-ev.comodoca.com.pem", None),
            ("ca-test-sites/comodoecccertificationauthority-ev.comodoca.com.pem", None),
        ],
    ),
    (
        "cross-signed-by-dst-root-x3",
        &[
            ("zeek-traces/heise.de.pem", None),
            ("zeek-traces/certauth.idrix.fr.pem", None),
            ("popular-sites/letsencrypt-org--platform-verifier.pem", None),
            ("popular-sites/www.rust-lang.org--rustls.pem", None),
        ],
    ),
    (
        "cross-signed-by-starfield",
        &[
            ("popular-sites/aws-amazon-com--platform-verifier.pem", None),
            ("popular-sites/arstechnica.com--rustls.pem", None),
            ("popular-sites/fastly.com.pem", None),
            ("ca-test-sites/revoked.sfig2.catest.starfieldtech.com.pem", None),
        ],
    ),
    (
        "cross-signed-alternates",
        &[
            ("popular-sites/www.google.com--rustls.pem", None),
            ("popular-sites/github.com--rustls.pem", None),
            ("popular-sites/microsoft.com.pem", None),
            ("popular-sites/docs.python.org.pem", None),
            ("ca-test-sites/revoked.r46.roots.globalsign.com.pem", None),
            ("ca-test-sites/revoked-ecc-dv.ssl.com.pem", None),
            ("zeek-traces/ocsp-stapling-twimg.pcap.pem", None),
            ("webpki-tests/netflix.pem", None),
        ],
    ),
];

/// One host, three months and two keys.
const ROTATED: [&str; 4] = [
    "popular-sites/stackoverflow.com--rustls.pem",
    "popular-sites/stackoverflow.com.pem",
    "popular-sites/aws.amazon.com.pem",
    "popular-sites/aws-amazon-com--platform-verifier.pem",
];

/// Both certificates name every host below badssl.com.
const RSA_AND_ECDSA: [(&str, &str); 2] =
    [("badssl/wildcard-rsa2048.pem", "www.badssl.com"), ("badssl/wildcard-ecc256.pem", "www.badssl.com")];

/// Sites that kept their certificate after its root had left the programs: 2019-03-01T12:00:00Z and 2019-06-01T12:00:00Z.
const RETIRED: [(&str, i64); 2] = [("zeek-traces/www.lilawelt.net.pem", 1_551_441_600), ("zeek-traces/xp.apple.com.pem", 1_559_390_400)];

/// Files of hosts of unrelated operators that send no more than their own certificate here; two of them under one issuer.
const INCOMPLETE: [&str; 2] = ["popular-sites/reddit.com--rustls.pem", "popular-sites/duckduckgo.com--rustls.pem"];

/// A run over many sites of which some forgot the intermediate.
fn missing_intermediates(library: &Library<'_>, popular: &[Observation]) -> Result<Vec<Observation>, Trouble> {
    let mut observations = vec![library.named("badssl/wildcard-incomplete-chain.pem", None)?];
    for file in INCOMPLETE {
        observations.push(end_entity_of(&library.named(file, None)?, ChainForm::Presented));
    }
    let incomplete: Vec<_> = observations.iter().map(|seen| seen.target.host.clone()).collect();
    observations.extend(popular.iter().filter(|seen| !incomplete.contains(&seen.target.host)).take(8).cloned());
    Ok(observations)
}

fn end_entity_of(seen: &Observation, form: ChainForm) -> Observation {
    with_chain(seen, form, |certificates| certificates.truncate(1))
}

/// Each way in which servers send more than they should, on a site of its own.
fn extra_intermediates(popular: &[Observation]) -> Vec<Observation> {
    let strangers: Vec<Bytes> =
        popular.iter().filter_map(|seen| seen.chain.yes()).flat_map(|chain| chain.certificates.iter().skip(1).take(1)).cloned().collect();
    let odd = |index: usize, certificates: &mut Vec<Bytes>| match index % 4 {
        0 => certificates.extend(strangers.iter().take(8).cloned()),
        1 => certificates.get_mut(1..).unwrap_or_default().reverse(),
        2 => certificates.extend(certificates.clone()),
        _ => {
            let strangers = strangers.iter().rev().take(3).cloned();
            certificates.splice(1..1, strangers);
        }
    };
    popular
        .iter()
        .enumerate()
        .take(8)
        .map(|(index, seen)| with_chain(seen, ChainForm::Presented, |certificates| odd(index, certificates)))
        .collect()
}

fn with_chain(seen: &Observation, form: ChainForm, change: impl FnOnce(&mut Vec<Bytes>)) -> Observation {
    let mut certificates = seen.chain.yes().map(|chain| chain.certificates.clone()).unwrap_or_default();
    change(&mut certificates);
    Observation { chain: Seen::Yes(Chain { form, certificates }), ..seen.clone() }
}

/// Chains of 2026 as a machine sees them whose clock says 2020.
fn at_a_wrong_time(popular: &[Observation], clock: Seen<ClockCheck>, vantage: Vantage) -> Evidence {
    let wrong = |seen: &Observation| Observation { at: MID_2020.unsigned_abs() * 1000, ..seen.clone() };
    let mut evidence = evidence(popular.iter().take(3).map(wrong).collect());
    evidence.surroundings.clock = clock;
    evidence.collector.vantage = vantage;
    evidence
}

/// Every certificate that CAs disclosed, to find the alternates of one.
struct Authorities {
    ders: Vec<Vec<u8>>,
    by_key: BTreeMap<Sha256, Vec<usize>>,
}

/// How many alternates are put beside one chain: with those of the chain itself, what the judge looks at.
const MOST_ALTERNATES: usize = 12;

impl Authorities {
    fn read(data: &Path) -> Result<Self, Trouble> {
        let ders = crate::tables::ccadb(&data.join("disclosure/ccadb-2026-08-21-der.bin.zst")).map_err(failed)?;
        let mut by_key: BTreeMap<Sha256, Vec<usize>> = BTreeMap::new();
        for (index, der) in ders.iter().enumerate() {
            if let Ok(certificate) = Certificate::read(der) {
                by_key.entry(certificate.spki_sha256).or_default().push(index);
            }
        }
        Ok(Self { ders, by_key })
    }

    /// Puts beside a chain the other certificates of its authorities, nearest first, as a server with all bundles would.
    fn add_alternates(&self, seen: &Observation) -> Result<Observation, Trouble> {
        let sent: Vec<Bytes> = seen.chain.yes().map(|chain| chain.certificates.clone()).unwrap_or_default();
        let mut keys = Vec::new();
        for der in sent.iter().skip(1) {
            keys.push(Certificate::read(der.as_slice()).map_err(failed)?.spki_sha256);
        }
        let top = sent.last().map(|der| Certificate::read(der.as_slice())).transpose().map_err(failed)?;
        let top = top.map(|top| top.issuer).unwrap_or_default();
        let roots = self.ders.iter().filter_map(|der| Certificate::read(der).ok());
        keys.extend(roots.filter(|root| root.is_self_issued() && root.subject == top).map(|root| root.spki_sha256));
        let mut alternates: Vec<Bytes> = Vec::new();
        for &index in keys.iter().filter_map(|key| self.by_key.get(key)).flatten() {
            let Some(der) = self.ders.get(index) else { continue };
            let known = sent.iter().chain(&alternates).any(|known| known.as_slice() == der);
            let self_issued = Certificate::read(der).is_ok_and(|certificate| certificate.is_self_issued());
            if !known && !self_issued && alternates.len() < MOST_ALTERNATES {
                alternates.push(der.clone().into());
            }
        }
        Ok(with_chain(seen, ChainForm::Presented, |certificates| certificates.extend(alternates)))
    }
}

/// Traces that name a private person, and those that have a replay of their own.
const NOT_FOR_US: [&str; 8] = [
    "client-certificate.pcap.pem",
    "dhe.pcap.pem",
    "jeffbryner.com.pem",
    "ritter.vg.pem",
    "ritter.vg-4c3fbf.pem",
    "google.de.pem",
    "imap-starttls.pcap.pem",
    "www.lilawelt.net.pem",
];

/// Chains of badssl.com that show an interceptor's root, and the roots themselves: no look-alikes, the thing itself.
const UNDER_BAD_ROOTS: [&str; 9] = [
    "ca-dsdtestprovider.pem",
    "ca-edellroot.pem",
    "ca-mitm-software.pem",
    "ca-preact-cli.pem",
    "ca-superfish.pem",
    "ca-webpack-dev-server.pem",
    "subdomain-dsdtestprovider.pem",
    "subdomain-edellroot.pem",
    "subdomain-superfish.pem",
];

/// Hosts that are not in the index and that a wildcard does not tell.
const HOSTS: [(&str, &str); 16] = [
    ("badssl/fallback.pem", "badssl.com"),
    ("badssl/subdomain-captive-portal.pem", "captive-portal.badssl.com"),
    ("badssl/subdomain-extended-validation.pem", "extended-validation.badssl.com"),
    ("badssl/subdomain-invalid-expected-sct.pem", "invalid-expected-sct.badssl.com"),
    ("badssl/subdomain-no-sct.pem", "no-sct.badssl.com"),
    ("badssl/subdomain-revoked.pem", "revoked.badssl.com"),
    ("badssl/wildcard-ecc256.pem", "ecc256.badssl.com"),
    ("badssl/wildcard-expired.pem", "expired.badssl.com"),
    ("badssl/wildcard-incomplete-chain.pem", "incomplete-chain.badssl.com"),
    ("badssl/wildcard-rsa2048.pem", "rsa2048.badssl.com"),
    ("badssl/wildcard-self-signed.pem", "self-signed.badssl.com"),
    ("webpki-tests/netflix.pem", "www.netflix.com"),
    ("webpki-tests/sanofi.pem", "irelease-uat.sanofi.com"),
    ("zeek-traces/ocsp-stapling.pcap.pem", "login.live.com"),
    ("zeek-traces/xmpp-dialback-starttls.pcap.pem", "hosted.im"),
    ("zeek-traces/xp.apple.com.pem", "xp.apple.com"),
];

/// Chains that were past their end when they were met, as their names say: 2014-04-15T12:00:00Z, and 2016-07-03T12:00:00Z.
const PAST_THEIR_END: [(&str, i64); 3] = [
    ("zeek-traces/tls-expired-cert.pcap.pem", 1_397_563_200),
    ("zeek-traces/tls-expired-cert.pcap-5ae785.pem", 1_397_563_200),
    ("badssl/wildcard-expired.pem", 1_467_547_200),
];

/// The recorded chains and their index.
struct Library<'d> {
    data: &'d Path,
    index: Index,
}

impl<'d> Library<'d> {
    fn read(data: &'d Path) -> Result<Self, Trouble> {
        let index = fs::read(data.join("chains/chains.json")).map_err(failed)?;
        Ok(Self { data, index: serde_json::from_slice(&index).map_err(failed)? })
    }

    /// One chain by its file, at its own moment or another.
    fn named(&self, file: &str, at: Option<i64>) -> Result<Observation, Trouble> {
        let recorded = self.index.chains.iter().find(|recorded| recorded.file == file);
        let mut seen = self.observe(recorded.ok_or_else(|| Trouble::new(format!("no chain `{file}`")))?)?;
        seen.at = at.map_or(seen.at, |at| at.unsigned_abs() * 1000);
        Ok(seen)
    }

    fn named_as(&self, file: &str, host: &str, at: i64) -> Result<Observation, Trouble> {
        let mut seen = self.named(file, Some(at))?;
        seen.target.host = Host::parse(host).map_err(failed)?;
        Ok(seen)
    }

    /// The popular sites, each once, but for the one whose certificate is revoked.
    fn popular(&self) -> Result<Vec<Observation>, Trouble> {
        let mut popular: Vec<Observation> = Vec::new();
        for recorded in self.index.chains.iter().filter(|recorded| recorded.file.starts_with("popular-sites/")) {
            let seen = self.observe(recorded)?;
            let known = popular.iter().any(|other| other.target.host == seen.target.host);
            if !known && !recorded.file.contains("revoked") {
                popular.push(seen);
            }
        }
        Ok(popular)
    }

    fn observe(&self, recorded: &Recorded) -> Result<Observation, Trouble> {
        let certificates = pem_certificates(&self.data.join("chains").join(&recorded.file))?;
        let end_entity = certificates.first().ok_or_else(|| Trouble::new(format!("`{}` is empty", recorded.file)))?;
        let end_entity = Certificate::read(end_entity).map_err(|error| Trouble::new(format!("`{}`: {error}", recorded.file)))?;
        let (host, port) = host_of(recorded, &end_entity)?;
        let at = moment_of(recorded, &end_entity);
        let mut observed = observation(&host, at, certificates.clone())?;
        observed.target.port = port;
        Ok(observed)
    }
}

/// The host asked for: as recorded, else the first name in the certificate; and its port.
fn host_of(recorded: &Recorded, end_entity: &Certificate<'_>) -> Result<(String, u16), Trouble> {
    let known = HOSTS.iter().find(|(file, _)| *file == recorded.file).map(|&(_, host)| host);
    if let Some(host) = known.or(recorded.host.as_deref()) {
        return Ok(match host.split_once(':') {
            Some((host, port)) => (host.to_owned(), port.parse().map_err(failed)?),
            None => (host.to_owned(), 443),
        });
    }
    let name = end_entity.dns_names.first().ok_or_else(|| Trouble::new(format!("`{}` names no host", recorded.file)))?;
    Ok((name.replace('*', "www"), 443))
}

/// Noon of the day of capture where that is known and the end-entity was valid then; the moment its source validates
/// it at; else a month into its validity.
fn moment_of(recorded: &Recorded, end_entity: &Certificate<'_>) -> i64 {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
    let past = PAST_THEIR_END.iter().find(|(file, _)| *file == recorded.file).map(|&(_, at)| at);
    let captured = recorded.captured.as_deref().and_then(|day| parse(&format!("{day}T12:00:00Z")));
    let captured = captured.filter(|at| (end_entity.not_before + DAY..=end_entity.not_after).contains(at));
    let stated = || recorded.validation_time.as_deref().and_then(parse);
    past.or(captured).or_else(stated).unwrap_or(end_entity.not_before + 30 * DAY)
}
