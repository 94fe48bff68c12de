//! The case before the judge: the evidence, read once, and the tables it is held against.

use std::collections::BTreeSet;

use rustls_pki_types::ServerName;

use crate::chain::Certificate;
use crate::der;
use crate::evidence::{ChainForm, Evidence, MachineAnchor, Observation, Sha256};
use crate::finding::{Facet, Place};
use crate::paths::{self, Issuer, MAX_CERTIFICATES, Path, Refusal, Validation};
use crate::profile::Rules;
use crate::report::{AnchorKind, AnchorReport, PossessionReport};
use crate::scts::{self, Sct};
use crate::signatures::{Signatures, TlsSignatureError};
use crate::tables::{Disclosure, KeyKind, Standing, Tables};

/// How many log operators are enough to stop verifying SCTs; Chrome's CT policy asks for two.
pub(crate) const ENOUGH_OPERATORS: usize = 2;
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
    /// SCTs, as far as they were seen.
    pub(crate) scts: Scts,
    /// Whether the peer proved that it holds the end-entity key.
    pub(crate) possession: PossessionReport,
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

/// The SCTs of one handshake, counted by what they are worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scts {
    /// Embedded in the certificate.
    pub(crate) embedded: usize,
    /// From the TLS extension; none when this vantage does not show it.
    pub(crate) in_handshake: Option<usize>,
    /// Operators of logs whose signature verifies, sorted; no more than it takes to be enough.
    pub(crate) operators: Vec<String>,
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

    /// Returns what the report says of it.
    pub(crate) fn report(&self) -> AnchorReport {
        AnchorReport { sha256: self.sha256, spki_sha256: self.spki_sha256, name: self.name.clone(), kind: self.kind.clone() }
    }
}

impl<'e> Case<'e> {
    /// Reads the evidence; every signature that is checked is checked here.
    pub(crate) fn read(evidence: &'e Evidence, tables: &'e Tables) -> Self {
        let machine = evidence.surroundings.anchors.yes();
        let local_anchors: Vec<Anchor<'e>> = machine.into_iter().flatten().filter_map(|anchor| local_anchor(anchor, tables)).collect();
        let signatures = Signatures::new();
        let views = evidence
            .observations
            .iter()
            .enumerate()
            .map(|(index, observation)| View::read(index, observation, tables, &local_anchors, &signatures))
            .collect();
        Self { tables, views, local_anchors, machine_anchors_seen: machine.is_some() }
    }

    /// Returns whether a view shows what a detector needs.
    pub(crate) fn shows(&self, view: &View<'_>, facet: Facet) -> bool {
        let host = &view.observation.target.host;
        match facet {
            Facet::EndEntity => view.end_entity_readable,
            Facet::Chain => view.end_entity_readable && view.whole_chain,
            Facet::Paths => view.end_entity_readable && view.paths_complete,
            Facet::PublicPath => view.public_paths().next().is_some(),
            Facet::MachineAnchors => self.machine_anchors_seen,
            Facet::SeveralObservations => self.views.iter().filter(|view| view.end_entity_readable).count() > 1,
            Facet::Pins => self.tables.pins(host).is_some(),
            Facet::Expectation => !self.tables.expected_owners(host).is_empty(),
        }
    }
}

fn local_anchor<'e>(anchor: &'e MachineAnchor, tables: &Tables) -> Option<Anchor<'e>> {
    let certificate = Certificate::read(anchor.certificate.yes()?.as_slice()).ok()?;
    if tables.anchor(&certificate.sha256).is_some() {
        return None;
    }
    Some(Anchor {
        sha256: certificate.sha256,
        spki_sha256: certificate.spki_sha256,
        name: certificate.subject_text(),
        owner: String::new(),
        kind: AnchorKind::Local(anchor.origin.clone()),
        issuer: Issuer::of(&certificate, Rules::Pkix),
    })
}

impl<'e> View<'e> {
    fn read(index: usize, observation: &'e Observation, tables: &'e Tables, local_anchors: &[Anchor<'e>], signatures: &Signatures) -> Self {
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
            scts: Scts::default(),
            possession: PossessionReport::NotVisible,
        };
        let Some(chain) = observation.chain.yes() else { return view };
        view.whole_chain = chain.form != ChainForm::EndEntityOnly;
        for (position, der) in chain.certificates.iter().take(MAX_CERTIFICATES).enumerate() {
            if let Ok(certificate) = Certificate::read(der.as_slice()) {
                view.end_entity_readable |= position == 0;
                view.certificates.push(certificate);
                view.positions.push(position);
            }
        }
        if view.end_entity_readable {
            view.find_paths(tables, local_anchors, signatures);
            view.paths_complete &= chain.certificates.len() <= MAX_CERTIFICATES;
            view.check_scts(tables, signatures);
            view.check_possession(signatures);
        }
        view
    }

    fn find_paths(&mut self, tables: &'e Tables, local_anchors: &[Anchor<'e>], signatures: &Signatures) {
        let anchors = self.named_anchors(tables, local_anchors);
        let issuers: Vec<Issuer<'_>> = anchors.iter().map(|anchor| anchor.issuer).collect();
        let mut found = paths::search(&self.certificates, &issuers, signatures);
        let host = ServerName::try_from(self.observation.target.host.as_str());
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
                    },
                });
            }
        }
        // The same name and key as a public anchor is that anchor, whatever the local copy looks like.
        let is_public = |local: &Anchor<'_>| {
            anchors.iter().any(|public| public.issuer.subject == local.issuer.subject && public.issuer.spki == local.issuer.spki)
        };
        let added: Vec<Anchor<'e>> =
            local_anchors.iter().filter(|local| names.contains(&local.issuer.subject) && !is_public(local)).cloned().collect();
        anchors.extend(added);
        anchors
    }

    fn check_scts(&mut self, tables: &Tables, signatures: &Signatures) {
        let Some(end_entity) = self.certificates.first() else { return };
        let embedded: Vec<Sct> = scts::embedded(end_entity.der).into_iter().flatten().flatten().collect();
        let delivered: Option<Vec<Sct>> = self
            .observation
            .scts
            .yes()
            .map(|list| list.iter().take(scts::MAX_SCTS).filter_map(|sct| Sct::parse(sct.as_slice()).ok()).collect());
        let issuer = self.issuer_spki();
        let mut operators: BTreeSet<&str> = BTreeSet::new();
        signatures.start_chain(MAX_SCT_SIGNATURES);
        for (sct, is_embedded) in embedded.iter().map(|sct| (sct, true)).chain(delivered.iter().flatten().map(|sct| (sct, false))) {
            let Some(log) = tables.log(&sct.log_id).filter(|log| operators.len() < ENOUGH_OPERATORS && !operators.contains(log.operator))
            else {
                continue;
            };
            let verified = match (is_embedded, issuer) {
                (true, Some(issuer)) => sct.verify_embedded(signatures, end_entity.der, issuer, log.spki).is_ok(),
                (true, None) => false,
                (false, _) => sct.verify_delivered(signatures, end_entity.der, log.spki).is_ok(),
            };
            if verified {
                operators.insert(log.operator);
            }
        }
        let operators = operators.into_iter().map(str::to_owned).collect();
        self.scts = Scts { embedded: embedded.len(), in_handshake: delivered.map(|list| list.len()), operators };
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

    /// Returns the end-entity certificate.
    pub(crate) fn end_entity(&self) -> Option<&Certificate<'e>> {
        self.certificates.first().filter(|_| self.end_entity_readable)
    }

    /// Returns the SubjectPublicKeyInfo of whoever verifiably signed the end-entity.
    pub(crate) fn issuer_spki(&self) -> Option<&'e [u8]> {
        let path = self.paths.first()?;
        match path.certificates.get(1) {
            Some(&issuer) => self.certificates.get(issuer).map(|certificate| certificate.spki),
            None => path.anchor.and_then(|anchor| self.anchors.get(anchor)).map(|anchor| anchor.issuer.spki),
        }
    }

    /// Returns the paths that end at an anchor which was public at the time.
    pub(crate) fn public_paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(|path| self.anchor_of(path).is_some_and(Anchor::is_public))
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
    /// Whether it is the end-entity, or on some candidate path; otherwise the server merely sent it too.
    pub(crate) on_path: bool,
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
    /// Returns every certificate and every reached anchor that is listed by its key or its hash.
    pub(crate) fn listed_keys(&self, tables: &Tables) -> Vec<Listed> {
        let certificates = self.certificates.iter().enumerate().map(|(index, certificate)| {
            let on_path = index == 0 && self.end_entity_readable || self.paths.iter().any(|path| path.certificates.contains(&index));
            (self.place(index), certificate.sha256, certificate.spki_sha256, on_path)
        });
        let anchors =
            self.anchors.iter().enumerate().map(|(index, anchor)| (Place::Anchor(index), anchor.sha256, anchor.spki_sha256, true));
        certificates
            .chain(anchors)
            .filter_map(|(place, sha256, spki, on_path)| {
                let entry = tables.listed_key(&spki).or_else(|| tables.listed_certificate(&sha256))?;
                Some(Listed { place, kind: entry.kind, name: entry.name.to_owned(), on_path })
            })
            .collect()
    }

    /// Returns whether every path of the best kind (public before local before the rest) crosses one of these places.
    pub(crate) fn every_best_path_crosses(&self, places: &[Place]) -> bool {
        let grade = |path: &Path| match self.anchor_of(path) {
            Some(anchor) if anchor.is_public() => 0,
            Some(anchor) if anchor.is_local() => 1,
            _ => 2,
        };
        let crosses = |path: &Path| {
            let certificates = path.certificates.iter().map(|&index| self.place(index));
            certificates.chain(path.anchor.map(Place::Anchor)).any(|place| places.contains(&place))
        };
        let Some(best) = self.paths.iter().map(grade).min() else { return !places.is_empty() };
        self.paths.iter().filter(|path| grade(path) == best).all(crosses)
    }

    /// Returns the key of every certificate on a path and of every anchor reached.
    pub(crate) fn keys_on_paths(&self) -> impl Iterator<Item = Sha256> {
        let on_paths = self.paths.iter().flat_map(|path| path.certificates.iter());
        let certificates = on_paths.filter_map(|&index| self.certificates.get(index)).map(|certificate| certificate.spki_sha256);
        certificates.chain(self.anchors.iter().map(|anchor| anchor.spki_sha256))
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
            None => path.anchor.map(Place::Anchor),
        }
    }

    /// Returns whether a root program knows the CA that signed the end-entity: a public anchor, or a
    /// disclosed CA below one.
    pub(crate) fn issuer_is_disclosed(&self, tables: &Tables) -> bool {
        self.public_paths().any(|path| match path.certificates.get(1).and_then(|&index| self.certificates.get(index)) {
            Some(issuer) => tables.disclosure(&issuer.sha256, &issuer.spki_sha256) != Disclosure::Undisclosed,
            None => true,
        })
    }
}
