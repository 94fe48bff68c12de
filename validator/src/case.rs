//! The case before the judge: the evidence, read once, and the tables it is held against.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use rustls_pki_types::ServerName;

use crate::chain::Certificate;
use crate::days::day;
use crate::der;
use crate::evidence::{
    Bytes, ChainForm, ClientAnchor, DnsAnswer, Ending, Evidence, Host, MachineAnchor, Observation, PLATFORM, Remembered, Sha256,
};
use crate::finding::{Facet, Place};
use crate::names::are_one;
use crate::paths::{self, Issuer, MAX_CERTIFICATES, Path, Refusal, Validation};
use crate::profile::Rules;
use crate::programs::Stands;
use crate::report::{AnchorKind, AnchorReport, PossessionReport};
use crate::scts::{self, Sct, SctError};
use crate::signatures::{Signatures, TlsSignatureError};
use crate::tables::{Disclosure, KeyKind, KeyStanding, Revocation, Since, Standing, Tables};
use crate::unseen::{self, KnownKey, Signer, UnseenIssuer, Untold};

/// How many different anchors that clients tell of are taken; who inspects TLS adds one, or a few.
const MOST_OF_CLIENTS: usize = 64;
/// The origin of an anchor that only the client that accepted it tells of.
const CLIENT: &str = "client";
/// How many handshakes, answers or memories of one host are held against each other.
const MOST_OF_A_HOST: usize = 64;
/// How many log operators are enough to stop verifying SCTs; Chrome's CT policy asks for two.
pub(crate) const ENOUGH_OPERATORS: usize = 2;
/// How far, in seconds, an SCT may lie ahead of the handshake: clocks differ, and a log does not sign tomorrow.
pub(crate) const SCT_AHEAD: i64 = 24 * 60 * 60;
/// How many SCT signatures are verified for one end-entity.
const MAX_SCT_SIGNATURES: u64 = 8;

/// Everything a detector may look at.
#[derive(Debug)]
pub(crate) struct Case<'e> {
    /// The knowledge of the world.
    pub(crate) tables: &'e Tables,
    /// One view for each observation, in order.
    pub(crate) views: Vec<View<'e>>,
    /// Trust anchors of this machine that no public root program ever published.
    pub(crate) local_anchors: Vec<Anchor<'e>>,
    /// Whether the trust anchors of this machine were seen.
    pub(crate) machine_anchors_seen: bool,
    /// Whether logs signed some SCT for a later day than this clock showed.
    pub(crate) is_before_its_scts: bool,
    /// Indices of the views of each host.
    by_host: BTreeMap<&'e Host, Vec<usize>>,
    /// What resolvers answered, by host.
    answers: BTreeMap<&'e Host, Vec<&'e DnsAnswer>>,
    /// What is known from elsewhere, by host.
    remembered: BTreeMap<&'e Host, Vec<&'e Remembered>>,
}

/// One observation, read.
#[derive(Debug)]
pub(crate) struct View<'e> {
    /// Its index in the evidence.
    pub(crate) index: usize,
    /// The observation.
    pub(crate) observation: &'e Observation,
    /// When it was, in UNIX seconds.
    pub(crate) at: i64,
    /// The readable certificates; the end-entity first, when it is readable.
    pub(crate) certificates: Vec<Certificate<'e>>,
    /// Index in the chain as it came, for each of [`Self::certificates`].
    pub(crate) positions: Vec<usize>,
    /// Whether the first certificate is readable.
    pub(crate) end_entity_readable: bool,
    /// Whether more than the end-entity could have been seen.
    pub(crate) whole_chain: bool,
    /// Anchors that some certificate names as its issuer and that a path reaches.
    pub(crate) anchors: Vec<Anchor<'e>>,
    /// Every candidate path.
    pub(crate) paths: Vec<Path>,
    /// Whether the search for paths ended inside its budget.
    pub(crate) paths_complete: bool,
    /// Who signed the end of the chain, when neither a certificate nor an anchor that was seen did.
    pub(crate) unseen_issuer: Option<UnseenIssuer>,
    /// SCTs, as far as they were seen.
    pub(crate) scts: Scts,
    /// Whether the peer proved that it holds the end-entity key.
    pub(crate) possession: PossessionReport,
    /// What root programs make of it, once somebody has asked.
    stands: OnceCell<Stands>,
}

/// A trust anchor as the judge sees it.
#[derive(Debug, Clone)]
pub(crate) struct Anchor<'e> {
    /// SHA-256 of its certificate.
    pub(crate) sha256: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub(crate) spki_sha256: Sha256,
    /// Its name for people.
    pub(crate) name: String,
    /// The organisation behind it.
    pub(crate) owner: String,
    /// Whose it is.
    pub(crate) kind: AnchorKind,
    issuer: Issuer<'e>,
}

/// The SCTs of one handshake, by what they are worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scts {
    /// Embedded in the certificate, readable or not.
    pub(crate) embedded: usize,
    /// From the TLS extension and the stapled OCSP response; none when this vantage shows neither.
    pub(crate) in_handshake: Option<usize>,
    /// Operators of logs whose signature verifies, sorted; no more than it takes to be enough.
    pub(crate) operators: Vec<String>,
    /// Each one, in the order embedded, TLS extension, OCSP response.
    pub(crate) each: Vec<SctSeen>,
}

/// One SCT, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SctSeen {
    /// When the log promised to include the certificate, in UNIX seconds; none when the SCT cannot be read.
    pub(crate) at: Option<i64>,
    /// What it is worth.
    pub(crate) worth: SctWorth,
}

/// What an SCT is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SctWorth {
    /// The log's signature verifies, and the log counts.
    Good,
    /// The log's signature verifies, but the log does not count for this certificate and moment.
    LogDoesNotCount,
    /// A log we know, and its signature does not verify.
    Forged,
    /// A log that is not in our table.
    UnknownLog,
    /// It cannot be read, or is of an algorithm that no log may use.
    Unreadable,
    /// Others were enough, the issuer is not known, or the budget was spent.
    NotAsked,
}

/// Who vouches for an end-entity, the best kind of path only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VouchedBy<'v> {
    /// These organisations, in root programs at the time.
    Public(BTreeSet<&'v str>),
    /// An anchor added on this machine.
    Local,
    /// An authority that root programs know or knew, though no path to an anchor of today was seen: whose, is not told.
    Untold,
    /// Nobody who is trusted here.
    Nobody,
}

impl VouchedBy<'_> {
    /// Returns whether two handshakes lead to other authorities: public ones without a common owner, or of another kind.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Untold, _) | (_, Self::Untold) => false,
            (Self::Public(one), Self::Public(another)) => one.is_disjoint(another),
            (one, another) => one != another,
        }
    }

    /// Returns who it is, for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Public(owners) => owners.iter().copied().collect::<Vec<_>>().join(", "),
            Self::Local => "an anchor added on this machine".to_owned(),
            Self::Untold => "an authority that was not seen".to_owned(),
            Self::Nobody => "nobody who is trusted here".to_owned(),
        }
    }
}

impl Anchor<'_> {
    /// Returns whether some root program carried it when the handshake happened.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.kind, AnchorKind::Public(_))
    }

    /// Returns whether it was added on this machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.kind, AnchorKind::Local(_))
    }

    /// Returns whether it was public at another time only.
    pub(crate) fn is_retired(&self) -> bool {
        self.kind == AnchorKind::Retired
    }

    /// Returns its Name, with its header.
    pub(crate) fn subject(&self) -> &[u8] {
        self.issuer.subject
    }

    /// Returns its SubjectPublicKeyInfo, with its header.
    pub(crate) fn spki(&self) -> &[u8] {
        self.issuer.spki
    }

    /// Returns the start of its validity, in UNIX seconds.
    pub(crate) fn not_before(&self) -> i64 {
        self.issuer.not_before
    }

    /// Returns the last second of its own validity.
    pub(crate) fn not_after(&self) -> i64 {
        self.issuer.not_after
    }

    /// Returns what stands inside its own name constraints (RFC 5280 §4.2.1.10).
    pub(crate) fn name_constraints(&self) -> Option<&[u8]> {
        self.issuer.name_constraints
    }

    /// Returns what the report says of it.
    pub(crate) fn report(&self) -> AnchorReport {
        AnchorReport { sha256: self.sha256, spki_sha256: self.spki_sha256, name: self.name.clone(), kind: self.kind.clone() }
    }
}

impl<'e> Case<'e> {
    /// Reads the evidence; every signature that is checked is checked here.
    pub(crate) fn read(evidence: &'e Evidence, tables: &'e Tables) -> Self {
        let machine = evidence.surroundings.anchors.yes();
        let mut local_anchors = local_anchors(machine.into_iter().flatten(), tables);
        add_anchors_of_clients(&mut local_anchors, evidence, tables);
        let signatures = Signatures::new();
        let mut authorities = Authorities::new();
        let views: Vec<View<'e>> = evidence
            .observations
            .iter()
            .enumerate()
            .map(|(index, observation)| View::read(index, observation, tables, &local_anchors, &signatures, &mut authorities))
            .collect();
        let around = &evidence.surroundings;
        Self {
            tables,
            by_host: by_host(evidence.observations.iter().enumerate().map(|(index, seen)| (&seen.target.host, index))),
            answers: by_host(around.dns.yes().into_iter().flatten().map(|answer| (&answer.host, answer))),
            remembered: by_host(around.remembered.yes().into_iter().flatten().map(|memory| (&memory.host, memory))),
            is_before_its_scts: views.iter().any(View::is_before_its_scts),
            views,
            local_anchors,
            machine_anchors_seen: machine.is_some(),
        }
    }

    /// Returns the other views of a view's host, the first [`MOST_OF_A_HOST`]: who asks more often compares no more.
    pub(crate) fn others_of_host(&self, view: &View<'e>) -> impl Iterator<Item = &View<'e>> {
        let (index, host) = (view.index, &view.observation.target.host);
        let of_host = self.by_host.get(host).into_iter().flatten().filter_map(|&index| self.views.get(index));
        of_host.filter(move |other| other.index != index && other.end_entity_readable).take(MOST_OF_A_HOST)
    }

    /// Returns what resolvers answered for a host, the first [`MOST_OF_A_HOST`].
    pub(crate) fn answers(&self, host: &Host) -> impl Iterator<Item = &'e DnsAnswer> {
        self.answers.get(host).into_iter().flatten().copied().take(MOST_OF_A_HOST)
    }

    /// Returns what is known of a view's host from elsewhere, and was seen before its handshake; likewise.
    pub(crate) fn remembered(&self, view: &View<'e>) -> impl Iterator<Item = &'e Remembered> {
        let (target, at) = (&view.observation.target, view.observation.at / 1000);
        let memories = self.remembered.get(view.named()).into_iter().flatten().copied();
        memories.filter(move |memory| memory.port == target.port && memory.at <= at).take(MOST_OF_A_HOST)
    }

    /// Returns whether a view shows what a detector needs.
    pub(crate) fn shows(&self, view: &View<'e>, facet: Facet) -> bool {
        let host = view.named();
        match facet {
            Facet::EndEntity => view.end_entity_readable,
            Facet::Chain => view.end_entity_readable && view.whole_chain,
            Facet::Paths => view.end_entity_readable && view.paths_complete,
            Facet::PublicPath => view.public_paths().next().is_some(),
            Facet::IssuerTable => !view.is_untold(Untold::NotLoaded),
            Facet::IssuerKeys => !view.is_untold(Untold::NoKey) && !view.is_untold(Untold::Budget),
            Facet::MachineAnchors => self.machine_anchors_seen || accepted_anchor(view.observation).is_some(),
            Facet::SeveralObservations => self.views.iter().filter(|view| view.end_entity_readable).nth(1).is_some(),
            Facet::Scts => !view.scts.each.is_empty(),
            Facet::Negotiated => view.observation.tls.yes().is_some() && view.observation.offer.yes().is_some(),
            Facet::SeveralAnswers => {
                let mut resolvers = self.answers(&view.observation.target.host).map(|answer| &answer.resolver);
                resolvers.next().is_some_and(|first| resolvers.any(|other| other != first))
            }
            Facet::Control => self.remembered(view).next().is_some(),
            Facet::KnownFault => view.observation.target.known_fault.is_some(),
            Facet::Pins => self.tables.pins(host).is_some(),
            Facet::Expectation => !self.tables.expected_owners(host).is_empty(),
        }
    }
}

/// The certificates above end-entities, read once for all the hosts that send them; none for what cannot be read.
type Authorities<'e> = BTreeMap<&'e [u8], Option<Certificate<'e>>>;

fn by_host<'e, T>(all: impl Iterator<Item = (&'e Host, T)>) -> BTreeMap<&'e Host, Vec<T>> {
    let mut grouped: BTreeMap<&Host, Vec<T>> = BTreeMap::new();
    for (host, one) in all {
        grouped.entry(host).or_default().push(one);
    }
    grouped
}

/// Returns each certificate once that was added on the machine. Of several entries with its bytes that of the platform's own
/// store is named, which most programs heed; else the first.
fn local_anchors<'e>(machine: impl Iterator<Item = &'e MachineAnchor>, tables: &Tables) -> Vec<Anchor<'e>> {
    let mut anchors: Vec<Anchor<'e>> = Vec::new();
    let mut known = BTreeMap::new();
    for entry in machine {
        let Some(anchor) = local_anchor(entry, tables) else { continue };
        let at = *known.entry(anchor.sha256).or_insert(anchors.len());
        match anchors.get_mut(at) {
            Some(known) if entry.origin == PLATFORM => known.kind = anchor.kind,
            Some(_) => {}
            None => anchors.push(anchor),
        }
    }
    anchors
}

/// Adds what a client tells was added to its store: it need not be in any store that somebody read.
fn add_anchors_of_clients<'e>(anchors: &mut Vec<Anchor<'e>>, evidence: &'e Evidence, tables: &Tables) {
    let mut known: BTreeSet<Sha256> = anchors.iter().map(|anchor| anchor.sha256).collect();
    let accepted = evidence.observations.iter().filter_map(accepted_anchor);
    let added: BTreeSet<&Bytes> = accepted.filter(|(whose, _)| *whose == ClientAnchor::Added).map(|(_, der)| der).collect();
    // Every chain is held against all of them, and anybody may write a document.
    for der in added.into_iter().take(MOST_OF_CLIENTS) {
        anchors.extend(added_anchor(der, CLIENT, tables).filter(|anchor| known.insert(anchor.sha256)));
    }
}

/// Returns the anchor of a chain that a client built and accepted without help, and whose it is by the client.
pub(crate) fn accepted_anchor(observation: &Observation) -> Option<(ClientAnchor, &Bytes)> {
    let (client, chain) = (observation.client.yes()?, observation.chain.yes()?);
    let accepted = observation.ending == Ending::Completed && client.overridden.is_none() && chain.form == ChainForm::Built;
    Some((*client.anchor.yes()?, chain.certificates.last().filter(|_| accepted)?))
}

fn local_anchor<'e>(anchor: &'e MachineAnchor, tables: &Tables) -> Option<Anchor<'e>> {
    added_anchor(anchor.certificate.yes()?, &anchor.origin, tables)
}

fn added_anchor<'e>(der: &'e Bytes, origin: &str, tables: &Tables) -> Option<Anchor<'e>> {
    let certificate = Certificate::read(der.as_slice()).ok()?;
    // The same name and key as a public anchor is that anchor, whatever the local copy looks like.
    let mut namesakes = tables.anchors_by_subject(certificate.subject);
    if tables.anchor(&certificate.sha256).is_some() || namesakes.any(|public| public.spki == certificate.spki) {
        return None;
    }
    Some(Anchor {
        sha256: certificate.sha256,
        spki_sha256: certificate.spki_sha256,
        name: certificate.subject_text(),
        owner: String::new(),
        kind: AnchorKind::Local(origin.to_owned()),
        issuer: Issuer::of(&certificate, Rules::Pkix),
    })
}

impl<'e> View<'e> {
    fn read(
        index: usize,
        observation: &'e Observation,
        tables: &'e Tables,
        local_anchors: &[Anchor<'e>],
        signatures: &Signatures,
        authorities: &mut Authorities<'e>,
    ) -> Self {
        let mut view = Self {
            index,
            observation,
            at: i64::try_from(observation.at / 1000).unwrap_or(i64::MAX),
            certificates: Vec::new(),
            positions: Vec::new(),
            end_entity_readable: false,
            whole_chain: false,
            anchors: Vec::new(),
            paths: Vec::new(),
            paths_complete: false,
            unseen_issuer: None,
            scts: Scts::default(),
            possession: PossessionReport::NotVisible,
            stands: OnceCell::new(),
        };
        let Some(chain) = observation.chain.yes() else { return view };
        view.whole_chain = chain.form != ChainForm::EndEntityOnly;
        for (position, der) in chain.certificates.iter().take(MAX_CERTIFICATES).enumerate() {
            let read = || Certificate::read(der.as_slice()).ok();
            let read = if position == 0 { read() } else { authorities.entry(der.as_slice()).or_insert_with(read).clone() };
            if let Some(certificate) = read {
                view.end_entity_readable |= position == 0;
                view.certificates.push(certificate);
                view.positions.push(position);
            }
        }
        if view.end_entity_readable {
            view.find_paths(tables, local_anchors, signatures);
            view.paths_complete &= chain.certificates.len() <= MAX_CERTIFICATES;
            view.unseen_issuer = unseen::ask(&view.certificates, &view.paths, tables, signatures);
            view.check_scts(tables, signatures);
            view.check_possession(signatures);
        }
        view
    }

    fn find_paths(&mut self, tables: &'e Tables, local_anchors: &[Anchor<'e>], signatures: &Signatures) {
        let anchors = self.named_anchors(tables, local_anchors);
        let issuers: Vec<Issuer<'_>> = anchors.iter().map(|anchor| anchor.issuer).collect();
        let mut found = paths::search(&self.certificates, &issuers, signatures);
        let host = ServerName::try_from(self.named().as_str());
        let mut validation = Validation::new(&self.certificates, host.as_ref().ok(), self.at, signatures);
        for path in &mut found.paths {
            let anchor = path.anchor.and_then(|index| issuers.get(index));
            path.refused = match (anchor, &host) {
                (None, _) => Some(Refusal::NoAnchor),
                (Some(_), Err(_)) => Some(Refusal::Unsupported("host name".to_owned())),
                (Some(anchor), Ok(_)) => validation.refusal(path, anchor),
            };
        }
        let mut kept: Vec<usize> = found.paths.iter().filter_map(|path| path.anchor).collect();
        kept.sort_unstable();
        kept.dedup();
        for path in &mut found.paths {
            path.anchor = path.anchor.and_then(|index| kept.iter().position(|&kept| kept == index));
        }
        self.anchors = kept.iter().filter_map(|&index| anchors.get(index).cloned()).collect();
        self.paths = found.paths;
        self.paths_complete = found.complete;
    }

    /// Anchors that a certificate of this chain names as its issuer: public ones first.
    fn named_anchors(&self, tables: &'e Tables, local_anchors: &[Anchor<'e>]) -> Vec<Anchor<'e>> {
        let (reachable, _) = paths::reachable(&self.certificates);
        let mut names: Vec<&[u8]> = Vec::new();
        for issuer in reachable.iter().filter_map(|&index| self.certificates.get(index)).map(|c| c.issuer) {
            if !names.contains(&issuer) {
                names.push(issuer);
            }
        }
        let mut anchors: Vec<Anchor<'e>> = Vec::new();
        for name in &names {
            for public in tables.anchors_by_subject(name) {
                let kind = match public.standing(self.at) {
                    Standing::Public(programs) => AnchorKind::Public(programs),
                    Standing::Retired(_) | Standing::NotYet => AnchorKind::Retired,
                };
                let trusted = matches!(kind, AnchorKind::Public(_));
                anchors.push(Anchor {
                    sha256: public.sha256,
                    spki_sha256: Sha256::of(public.spki),
                    name: public.name.to_owned(),
                    owner: public.owner.to_owned(),
                    kind,
                    issuer: Issuer {
                        subject: public.subject,
                        spki: public.spki,
                        name_constraints: public.name_constraints.map(|whole| der::only(whole, der::SEQUENCE).unwrap_or(whole)),
                        not_before: public.not_before,
                        not_after: public.not_after,
                        rules: Rules::WebPki { at: self.at },
                        fault: None,
                        trusted,
                    },
                });
            }
        }
        let is_named = |local: &&Anchor<'_>| names.iter().any(|name| are_one(name, local.issuer.subject));
        anchors.extend(local_anchors.iter().filter(is_named).cloned());
        anchors
    }

    fn check_scts(&mut self, tables: &Tables, signatures: &Signatures) {
        let Some(end_entity) = self.certificates.first() else { return };
        let embedded = match scts::embedded(end_entity.der) {
            Ok(list) => list,
            // The extension is there and cannot be read: that is one SCT worth nothing, not none.
            Err(error) => vec![Err(error)],
        };
        let delivered = self.delivered_scts();
        // What logs signed is the same for all of them, and put together when the first of them is asked.
        let put_together: OnceCell<Vec<Result<Vec<u8>, SctError>>> = OnceCell::new();
        let entries = || {
            let each = || self.fitting_issuers().into_iter().map(|issuer| scts::precert_entry(end_entity.der, issuer)).collect();
            put_together.get_or_init(each).iter()
        };
        let latest = self.at.saturating_add(SCT_AHEAD);
        let mut operators: BTreeSet<&str> = BTreeSet::new();
        signatures.start_chain(MAX_SCT_SIGNATURES);
        let mut ask = |sct: &Result<Sct, SctError>, is_embedded: bool| {
            let Ok(sct) = sct else { return SctWorth::Unreadable };
            let Some(log) = tables.log(&sct.log_id) else { return SctWorth::UnknownLog };
            if operators.len() >= ENOUGH_OPERATORS || operators.contains(log.operator) {
                return SctWorth::NotAsked;
            }
            let verified = if is_embedded {
                let of_entry =
                    |entry: &Result<Vec<u8>, SctError>| sct.verify(signatures, entry.as_ref().map_err(|error| *error)?, log.spki);
                let mut answers = entries().map(of_entry);
                let Some(first) = answers.next() else { return SctWorth::NotAsked };
                answers.fold(first, Result::or)
            } else {
                sct.verify_delivered(signatures, end_entity.der, log.spki)
            };
            match verified {
                Ok(()) if sct.at() <= latest && log.counts(sct.at(), end_entity.not_after) => {
                    operators.insert(log.operator);
                    SctWorth::Good
                }
                Ok(()) => SctWorth::LogDoesNotCount,
                Err(SctError::Signature(TlsSignatureError::Invalid)) => SctWorth::Forged,
                Err(SctError::Signature(TlsSignatureError::Exhausted)) => SctWorth::NotAsked,
                Err(_) => SctWorth::Unreadable,
            }
        };
        let mut seen =
            |sct: &Result<Sct, SctError>, is_embedded| SctSeen { at: sct.as_ref().ok().map(Sct::at), worth: ask(sct, is_embedded) };
        let mut each: Vec<SctSeen> = embedded.iter().map(|sct| seen(sct, true)).collect();
        each.extend(delivered.iter().flatten().map(|sct| seen(sct, false)));
        let operators = operators.into_iter().map(str::to_owned).collect();
        self.scts = Scts { embedded: embedded.len(), in_handshake: delivered.map(|list| list.len()), operators, each };
    }

    /// SCTs from the TLS extension and from the stapled OCSP response; none when this vantage shows neither.
    fn delivered_scts(&self) -> Option<Vec<Result<Sct, SctError>>> {
        let observation = self.observation;
        let in_tls = observation.scts.yes().map(|list| list.iter().map(|sct| Sct::parse(sct.as_slice())).take(scts::MAX_SCTS));
        let staple = observation.ocsp_staple.yes().filter(|staple| !staple.as_slice().is_empty());
        let in_staple = staple.map(|staple| scts::stapled(staple.as_slice()).unwrap_or_else(|error| vec![Err(error)]));
        // A staple without SCTs says nothing of the TLS extension.
        let in_staple = in_staple.filter(|list| in_tls.is_some() || !list.is_empty());
        match (in_tls, in_staple) {
            (None, None) => None,
            (in_tls, in_staple) => Some(in_tls.into_iter().flatten().chain(in_staple.into_iter().flatten()).collect()),
        }
    }

    fn is_untold(&self, why: Untold) -> bool {
        self.unseen_issuer.as_ref().is_some_and(|issuer| issuer.signer == Signer::Untold(why))
    }

    fn check_possession(&mut self, signatures: &Signatures) {
        let (Some(end_entity), Some(proof)) = (self.certificates.first(), self.observation.possession.yes()) else { return };
        signatures.start_chain(1);
        let verdict = signatures.verify_tls(proof.scheme, end_entity.spki, proof.message.as_slice(), proof.signature.as_slice());
        self.possession = match verdict {
            Ok(()) => PossessionReport::Proven,
            Err(TlsSignatureError::Invalid) => PossessionReport::Refuted,
            Err(_) => PossessionReport::Unsupported,
        };
    }

    /// Returns the host whose certificate this has to be: where another host was asked for at this address, and its certificate
    /// came, that one.
    pub(crate) fn named(&self) -> &'e Host {
        let target = &self.observation.target;
        let is_for = |name: &Host| self.end_entity().is_some_and(|certificate| certificate.names_host(name.as_str()));
        let other = target.server_name.yes().filter(|name| **name != target.host && is_for(name) && !is_for(&target.host));
        other.unwrap_or(&target.host)
    }

    /// Returns the end-entity certificate.
    pub(crate) fn end_entity(&self) -> Option<&Certificate<'e>> {
        self.certificates.first().filter(|_| self.end_entity_readable)
    }

    /// Returns the SubjectPublicKeyInfo of whoever verifiably signed the end-entity: a certificate or an anchor
    /// that was seen, or a key that is known.
    pub(crate) fn issuer_spki(&self) -> Option<&[u8]> {
        let path = self.paths.first();
        match path.and_then(|path| path.certificates.get(1)) {
            Some(&issuer) => self.certificates.get(issuer).map(|certificate| certificate.spki),
            None => match path.and_then(|path| path.anchor) {
                Some(anchor) => self.anchors.get(anchor).map(|anchor| anchor.issuer.spki),
                None => self.known_issuer().map(|key| key.spki.as_slice()),
            },
        }
    }

    /// Returns the SubjectPublicKeyInfo of whoever signed the end-entity; where nobody knows its key, of each that fits.
    ///
    /// A log that vouches for one of those says which it is.
    fn fitting_issuers(&self) -> Vec<&[u8]> {
        if let Some(issuer) = self.issuer_spki() {
            return vec![issuer];
        }
        match self.unseen_issuer.as_ref().filter(|issuer| issuer.of == 0).map(|issuer| &issuer.signer) {
            Some(Signer::Unknown { fitting, .. }) => fitting.iter().map(Vec::as_slice).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns whether the issuer that is missing at the end of the chain is a disclosed authority below a public root.
    pub(crate) fn ends_below_a_public_key(&self) -> bool {
        let signer = self.unseen_issuer.as_ref().map(|issuer| &issuer.signer);
        matches!(signer, Some(Signer::Known(KnownKey { standing: Some(KeyStanding::Public), .. })))
    }

    /// Returns the known key that signed the end-entity, when no certificate and no anchor that was seen did.
    ///
    /// For a clear verdict its standing must be [`KeyStanding::Public`](crate::tables::KeyStanding): a key
    /// that was disclosed at some time may be anybody's today.
    pub(crate) fn known_issuer(&self) -> Option<&KnownKey> {
        match self.unseen_issuer.as_ref().filter(|issuer| issuer.of == 0).map(|issuer| &issuer.signer) {
            Some(Signer::Known(key)) => Some(key),
            _ => None,
        }
    }

    /// Returns why the end-entity would be refused whoever signed it.
    pub(crate) fn unfitness(&self) -> Option<Refusal> {
        let Ok(host) = ServerName::try_from(self.named().as_str()) else {
            return Some(Refusal::Unsupported("host name".to_owned()));
        };
        paths::unfitness(self.end_entity()?, &host, self.at)
    }

    /// Returns the paths that end at an anchor which was public at the time.
    pub(crate) fn public_paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(|path| self.anchor_of(path).is_some_and(Anchor::is_public))
    }

    /// Returns who vouches for the end-entity: the organisations behind public anchors, else the keys of local ones, else nobody.
    pub(crate) fn vouched_by(&self) -> VouchedBy<'_> {
        let owners: BTreeSet<&str> =
            self.public_paths().filter_map(|path| self.anchor_of(path)).map(|anchor| anchor.owner.as_str()).collect();
        if !owners.is_empty() {
            return VouchedBy::Public(owners);
        }
        // A server that forgets its intermediate, or keeps to a root that left the programs, has changed nothing of who vouches.
        let signer = self.unseen_issuer.as_ref().map(|issuer| &issuer.signer);
        if self.anchors.iter().any(Anchor::is_local) {
            VouchedBy::Local
        } else if self.anchors.iter().any(Anchor::is_retired) || matches!(signer, Some(Signer::Known(_) | Signer::Untold(_))) {
            VouchedBy::Untold
        } else {
            VouchedBy::Nobody
        }
    }

    /// Returns the address the connection went to, without the port.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let peer = self.observation.peer.yes()?;
        peer.parse::<SocketAddr>().map(|peer| peer.ip()).or_else(|_| peer.parse()).ok()
    }

    /// Returns the anchor a path ends at.
    pub(crate) fn anchor_of(&self, path: &Path) -> Option<&Anchor<'e>> {
        self.anchors.get(path.anchor?)
    }

    /// Returns the place, in the chain as it came, of a readable certificate.
    pub(crate) fn place(&self, index: usize) -> Place {
        Place::Certificate(self.positions.get(index).copied().unwrap_or(index))
    }
}

/// A certificate or anchor whose key or hash is on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it stands.
    pub(crate) place: Place,
    /// What it is listed as.
    pub(crate) kind: KeyKind,
    /// The list's name for it.
    pub(crate) name: String,
    /// Since when that is known; none for always.
    pub(crate) since: Option<Since>,
    /// Whether it is the end-entity, or on some candidate path; otherwise the server merely sent it too.
    pub(crate) on_path: bool,
}

impl Listed {
    /// Returns whether it became known only after a moment, in UNIX seconds.
    pub(crate) fn was_listed_later(&self, at: i64) -> bool {
        self.since.is_some_and(|since| at < since.day)
    }

    /// Returns since when it is known, as the end of a sentence. That a key is in other hands is true before anybody knows it.
    pub(crate) fn known_since(&self, at: i64) -> String {
        let Some(since) = self.since else { return String::new() };
        let later = if self.was_listed_later(at) { "listed later, " } else { "" };
        let when = if since.at_the_latest { "known at the latest by" } else { "known since" };
        format!(" ({later}{when} {})", day(since.day))
    }
}

/// Which key issued an end-entity: by the key itself where it is known, else by what the end-entity says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IssuingKey<'e> {
    /// The key that verifiably signed it.
    Key(Sha256),
    /// The issuer's Name and the authority key identifier. Claims, not proof.
    Claimed(&'e [u8], Option<&'e [u8]>),
}

impl<'e> View<'e> {
    /// Returns every certificate, every reached anchor and every known key of an issuer that was not seen, which
    /// is listed by its key or its hash.
    pub(crate) fn listed_keys(&self, tables: &Tables) -> Vec<Listed> {
        let certificates = self.certificates.iter().enumerate().map(|(index, certificate)| {
            let on_path = index == 0 && self.end_entity_readable || self.paths.iter().any(|path| path.certificates.contains(&index));
            (self.place(index), certificate.sha256, certificate.spki_sha256, on_path)
        });
        let anchors =
            self.anchors.iter().enumerate().map(|(index, anchor)| (Place::Anchor(index), anchor.sha256, anchor.spki_sha256, true));
        let unseen = self.unseen_issuer.iter().filter_map(|issuer| match &issuer.signer {
            // A key is listed by itself: there is no certificate whose hash could be.
            Signer::Known(key) => Some((self.unseen_place(issuer.of), Sha256([0; 32]), key.spki_sha256, true)),
            Signer::Unknown { .. } | Signer::Untold(_) => None,
        });
        certificates
            .chain(anchors)
            .chain(unseen)
            .filter_map(|(place, sha256, spki, on_path)| {
                let entry = tables.listed_key(&spki).or_else(|| tables.listed_certificate(&sha256))?;
                Some(Listed { place, kind: entry.kind, name: entry.name.to_owned(), since: entry.since, on_path })
            })
            .collect()
    }

    /// Returns OneCRL's revocation, by name and key, of an issuer that was not seen and whose key is known.
    pub(crate) fn revoked_unseen_issuer<'t>(&self, tables: &'t Tables) -> Option<(Place, Revocation<'t>)> {
        let issuer = self.unseen_issuer.as_ref()?;
        let Signer::Known(key) = &issuer.signer else { return None };
        let entry = tables.revoked(&[], &[], self.certificates.get(issuer.of)?.issuer, &key.spki_sha256)?;
        Some((self.unseen_place(issuer.of), entry))
    }

    /// Returns what each root program makes of the best paths; several detectors ask, and it is read off once.
    pub(crate) fn stands(&self, tables: &Tables) -> &Stands {
        self.stands.get_or_init(|| Stands::of(self, tables))
    }

    /// Returns the paths of the best kind: public before local before the rest, and of these the valid ones where there are any.
    pub(crate) fn best_paths(&self) -> Vec<&Path> {
        let Some(best) = self.paths.iter().map(|path| self.grade(path)).min() else { return Vec::new() };
        let of_kind = || self.paths.iter().filter(|path| self.grade(path) == best);
        let valid: Vec<&Path> = of_kind().filter(|path| path.refused.is_none()).collect();
        if valid.is_empty() { of_kind().collect() } else { valid }
    }

    fn grade(&self, path: &Path) -> u8 {
        match self.anchor_of(path) {
            Some(anchor) if anchor.is_public() => 0,
            Some(anchor) if anchor.is_local() => 1,
            _ => 2,
        }
    }

    /// Returns whether every path of the best kind (public before local before the rest) crosses one of these places.
    pub(crate) fn every_best_path_crosses(&self, places: &[Place]) -> bool {
        let crosses = |path: &Path| {
            let certificates = path.certificates.iter().map(|&index| self.place(index));
            let unseen = path.certificates.last().filter(|_| path.anchor.is_none()).map(|&last| self.unseen_place(last));
            certificates.chain(path.anchor.map(Place::Anchor)).chain(unseen).any(|place| places.contains(&place))
        };
        let Some(best) = self.paths.iter().map(|path| self.grade(path)).min() else { return !places.is_empty() };
        self.paths.iter().filter(|path| self.grade(path) == best).all(crosses)
    }

    /// Returns the key of every certificate on a path and of every anchor reached.
    pub(crate) fn keys_on_paths(&self) -> impl Iterator<Item = Sha256> {
        let on_paths = self.paths.iter().flat_map(|path| path.certificates.iter());
        let certificates = on_paths.filter_map(|&index| self.certificates.get(index)).map(|certificate| certificate.spki_sha256);
        certificates.chain(self.anchors.iter().map(|anchor| anchor.spki_sha256))
    }

    /// Returns the key of every CA on a path and of every anchor reached: all but the end-entity's.
    pub(crate) fn authorities_on_paths(&self) -> impl Iterator<Item = Sha256> {
        let above = self.paths.iter().flat_map(|path| path.certificates.iter().skip(1));
        let certificates = above.filter_map(|&index| self.certificates.get(index)).map(|certificate| certificate.spki_sha256);
        certificates.chain(self.anchors.iter().map(|anchor| anchor.spki_sha256))
    }

    /// Returns whether a log signed an SCT for a later day than this clock showed: the log keeps time for a living.
    fn is_before_its_scts(&self) -> bool {
        let signed = |sct: &SctSeen| matches!(sct.worth, SctWorth::Good | SctWorth::LogDoesNotCount);
        self.scts.each.iter().filter(|sct| signed(sct)).filter_map(|sct| sct.at).any(|at| at > self.at.saturating_add(SCT_AHEAD))
    }

    /// Returns whether logs of enough operators vouch for the end-entity.
    pub(crate) fn is_logged(&self) -> bool {
        self.scts.operators.len() >= ENOUGH_OPERATORS
    }

    /// Returns which key issued the end-entity.
    pub(crate) fn issuing_key(&self) -> Option<IssuingKey<'e>> {
        let end_entity = self.end_entity()?;
        Some(match self.issuer_spki() {
            Some(spki) => IssuingKey::Key(Sha256::of(spki)),
            None => IssuingKey::Claimed(end_entity.issuer, end_entity.authority_key_id),
        })
    }

    /// Returns where the certificate that signed the end-entity stands.
    pub(crate) fn issuer_place(&self) -> Option<Place> {
        let path = self.paths.first()?;
        match path.certificates.get(1) {
            Some(&issuer) => Some(self.place(issuer)),
            None => path.anchor.map(Place::Anchor).or_else(|| self.known_issuer().map(|_| self.unseen_place(0))),
        }
    }

    /// Returns the place of the issuer, not seen itself, of a readable certificate.
    pub(crate) fn unseen_place(&self, of: usize) -> Place {
        Place::IssuerOf(self.positions.get(of).copied().unwrap_or(of))
    }

    /// Returns whether a root program knows the CA that signed the end-entity: a public anchor, a disclosed CA
    /// below one, or a key that was disclosed.
    pub(crate) fn issuer_is_disclosed(&self, tables: &Tables) -> bool {
        self.public_paths().any(|path| match path.certificates.get(1).and_then(|&index| self.certificates.get(index)) {
            Some(issuer) => tables.disclosure(&issuer.sha256, &issuer.spki_sha256) != Disclosure::Undisclosed,
            None => true,
        }) || self.known_issuer().is_some_and(|key| key.standing.is_some())
    }
}
