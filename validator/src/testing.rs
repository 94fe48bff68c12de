//! A small PKI for unit tests: authorities of every standing, and sites that answer under them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints, SerialNumber, SigningKey,
};
use sha1::Digest;
use time::OffsetDateTime;

use crate::evidence::{
    Bytes, Chain, ChainForm, ClockCheck, Collector, EVIDENCE_VERSION, Ending, Evidence, EvidenceFormat, Failure, FailureClass, Host,
    MachineAnchor, Observation, Seen, Sha256, Surroundings, Target, Vantage,
};
use crate::finding::Finding;
use crate::report::Report;
use crate::tables::{
    KeyKind, Overlay, OverlayConditions, OverlayConstraint, OverlayKey, OverlayLog, OverlayPin, OverlayPoolHost, Program, Tables,
};

/// 2026-11-24T00:00:00Z.
pub(crate) const NOW: i64 = 1_795_478_400;
/// 2015-03-20T00:00:00Z.
const IN_2015: i64 = 1_426_809_600;
const DAY: i64 = 86_400;

/// A host whose pin set holds the key of [`Lab::disclosed`] only.
pub(crate) const PINNED_HOST: &str = "login.pinned.example";
/// A host that is expected to use the owner of [`Lab::disclosed`].
pub(crate) const EXPECTING_HOST: &str = "www.expecting.example";

/// An authority: its certificate, its key and those above it that a server sends too.
pub(crate) struct Authority {
    pub(crate) der: Vec<u8>,
    params: CertificateParams,
    key: KeyPair,
    sent: Vec<Vec<u8>>,
}

/// All authorities, and the tables that know of them what the world would.
pub(crate) struct Lab {
    pub(crate) one: Authority,
    pub(crate) disclosed: Authority,
    pub(crate) sister: Authority,
    pub(crate) other_owner: Authority,
    pub(crate) undisclosed: Authority,
    pub(crate) constrained: Authority,
    pub(crate) newborn: Authority,
    pub(crate) leaked: Authority,
    pub(crate) revoked: Authority,
    pub(crate) product: Authority,
    pub(crate) local: Authority,
    pub(crate) unknown: Authority,
    shared_key: KeyPair,
    log_keys: [KeyPair; 2],
    pub(crate) overlay: Overlay,
}

/// One handshake to come.
pub(crate) struct Site<'l> {
    lab: &'l Lab,
    host: String,
    names: Vec<String>,
    issuer: Option<&'l Authority>,
    extra: Option<&'l Authority>,
    presents: Option<&'l Authority>,
    leaf_only: bool,
    logs: Logs,
    key: Key,
    at: i64,
    not_before: i64,
    silent: bool,
    changes: Vec<Change<'l>>,
    bare: bool,
    days: i64,
    organisation: Option<&'static str>,
}

/// Something else that is seen.
type Change<'l> = Box<dyn Fn(&mut Observation) + 'l>;

/// Who vouches for a certificate.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Logs {
    /// Nobody.
    None,
    /// Two logs of two operators.
    Two,
    /// One log.
    One,
    /// Two logs, over another certificate.
    Forged,
    /// Two logs that nobody knows.
    Unknown,
    /// Two logs, ten days after the handshake.
    Later,
    /// Two logs, each at its own time in UNIX seconds.
    At([i64; 2]),
}

enum Key {
    Own,
    Shared,
    Issuers,
    Listed,
}

fn ca_params(name: &str, organisation: &str, from: i64, days: i64, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::from_unix_timestamp(from).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(from + days * DAY).unwrap();
    params.key_identifier_method = KeyIdMethod::PreSpecified(sha1::Sha1::digest(key.public_key_raw()).to_vec());
    params.use_authority_key_identifier_extension = true;
    params
}

/// A root that is valid from 2010-01-01 on.
pub(crate) fn root(name: &str, organisation: &str) -> Authority {
    root_for(name, organisation, 40 * 365)
}

/// A root that is valid from 2010-01-01 on for this many days.
pub(crate) fn root_for(name: &str, organisation: &str, days: i64) -> Authority {
    let key = KeyPair::generate().unwrap();
    let params = ca_params(name, organisation, 1_262_304_000, days, &key);
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Authority { der, params, key, sent: Vec::new() }
}

/// A subordinate CA that a server sends.
pub(crate) fn below(parent: &Authority, name: &str, from: i64, days: i64, change: impl FnOnce(&mut CertificateParams)) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = ca_params(name, "Lab Sub", from, days, &key);
    change(&mut params);
    let der = params.signed_by(&key, &Issuer::from_params(&parent.params, &parent.key)).unwrap().der().to_vec();
    Authority { sent: vec![der.clone()], der, params, key }
}

impl Authority {
    /// The authority as this machine's trust store has it.
    pub(crate) fn as_machine_anchor(&self) -> MachineAnchor {
        MachineAnchor { sha256: Sha256::of(&self.der), origin: "platform".to_owned(), certificate: Seen::Yes(self.der.clone().into()) }
    }

    /// Another certificate for the same name and key, by another issuer.
    pub(crate) fn cross_signed_by(&self, issuer: &Self) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        let der = self.params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap().der().to_vec();
        Self { sent: vec![der.clone()], der, params: self.params.clone(), key }
    }

    /// A subordinate CA, with this key, that a server sends.
    pub(crate) fn below_with(&self, name: &str, key: KeyPair) -> Self {
        let params = ca_params(name, "Lab Sub", NOW - 900 * DAY, 3_000, &key);
        let der = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec();
        Self { sent: vec![der.clone()], der, params, key }
    }

    /// Somebody else's CA, with a key of its own, that bears this one's name.
    pub(crate) fn copied_by(&self, parent: &Self, key: KeyPair) -> Self {
        let mut params = self.params.clone();
        params.key_identifier_method = KeyIdMethod::PreSpecified(sha1::Sha1::digest(key.public_key_raw()).to_vec());
        let der = params.signed_by(&key, &Issuer::from_params(&parent.params, &parent.key)).unwrap().der().to_vec();
        Self { sent: vec![der.clone()], der, params, key }
    }

    /// The same CA under another name; only what is made from it bears that.
    pub(crate) fn renamed(&self, name: &str, organisation: &str) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        let mut params = self.params.clone();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.distinguished_name.push(DnType::CommonName, name);
        Self { sent: Vec::new(), der: self.der.clone(), params, key }
    }

    /// The same CA, which spells its name in capitals and other strings in what it signs.
    pub(crate) fn spelt_anew(&self) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        let mut params = self.params.clone();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in self.params.distinguished_name.iter() {
            let rcgen::DnValue::Utf8String(text) = value else { continue };
            params.distinguished_name.push(kind.clone(), rcgen::DnValue::PrintableString(text.to_uppercase().try_into().unwrap()));
        }
        Self { sent: self.sent.clone(), der: self.der.clone(), params, key }
    }

    /// The same CA, which says in what it signs that another's key did.
    pub(crate) fn claiming_the_key_of(mut self, other: &Self) -> Self {
        self.params.key_identifier_method = other.params.key_identifier_method.clone();
        self
    }

    /// Another certificate for the same key by `issuer`, with something changed.
    pub(crate) fn changed_by(&self, issuer: &Self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::try_from(self.key.serialize_der()).unwrap();
        let mut params = self.params.clone();
        change(&mut params);
        let der = params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap().der().to_vec();
        Self { sent: vec![der.clone()], der, params, key }
    }

    /// The same authority, whose servers send the certificates of another besides.
    pub(crate) fn sent_with(mut self, other: &Self) -> Self {
        self.sent.extend(other.sent.iter().cloned());
        self
    }

    pub(crate) fn spki_sha256(&self) -> Sha256 {
        crate::Certificate::read(&self.der).unwrap().spki_sha256
    }
}

fn spki_of(key: &KeyPair) -> Vec<u8> {
    use rcgen::PublicKeyData;
    key.subject_public_key_info()
}

impl Lab {
    pub(crate) fn new() -> Self {
        let one = root("Lab Public Root One TEST", "Lab Trust One");
        let two = root("Lab Public Root Two TEST", "Lab Trust Two");
        let old = NOW - 900 * DAY;
        let plain = |_: &mut CertificateParams| {};
        let disclosed = below(&one, "Lab Disclosed CA", 1_300_000_000, 9_000, plain);
        let sister = below(&one, "Lab Sister CA", old, 3_000, plain);
        let other_owner = below(&two, "Lab Other CA", old, 3_000, plain);
        let undisclosed = below(&one, "Lab MCS-like CA TEST", NOW - 12 * DAY, 15, plain);
        let newborn = below(&one, "Lab Newborn CA", NOW - 2 * DAY, 3_000, plain);
        let constrained = below(&one, "Lab Constrained CA", old, 3_000, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("bank.example".to_owned())],
                excluded_subtrees: vec![
                    GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
                    GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
                ],
            });
        });
        let leaked = below(&one, "Lab Leaked CA", old, 3_000, plain);
        let revoked = below(&one, "Lab Revoked CA", old, 3_000, plain);
        let product = root("Lab Product Root", "Lab Product");
        let local = root("Lab Corporate Root", "Lab Corporation");
        let unknown = root("Lab Unknown Root", "Lab Unknown");
        let log_keys = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
        let listed = |authority: &Authority, kind, name: &str| OverlayKey {
            spki: authority.spki_sha256(),
            kind,
            name: name.to_owned(),
            since: None,
        };
        let known = [&disclosed, &sister, &other_owner, &leaked, &revoked];
        let host = |host: &str, operator: &str, expected_owners: &[&str]| OverlayPoolHost {
            host: Host::parse(host).unwrap(),
            operator: operator.to_owned(),
            class: "test".to_owned(),
            expected_owners: expected_owners.iter().map(|&owner| owner.to_owned()).collect(),
        };
        let overlay = Overlay {
            label: "unit test lab".to_owned(),
            public_anchors: vec![one.der.clone().into(), two.der.clone().into()],
            disclosed: known.iter().map(|authority| Bytes::from(authority.der.clone())).collect(),
            listed_keys: vec![
                listed(&leaked, KeyKind::Compromised, "lab leak"),
                listed(&revoked, KeyKind::Revoked, "lab revocation"),
                listed(&product, KeyKind::Interception, "lab product"),
            ],
            pins: vec![OverlayPin {
                host: Host::parse(PINNED_HOST).unwrap(),
                include_subdomains: false,
                spkis: vec![disclosed.spki_sha256()],
            }],
            logs: log_keys
                .iter()
                .zip(["Lab Log Operator A", "Lab Log Operator B"])
                .map(|(key, operator)| OverlayLog { operator: operator.to_owned(), spki: spki_of(key).into() })
                .collect(),
            pool: vec![
                host("www.bank.example", "Bank", &[]),
                host("login.bank.example", "Bank", &[]),
                host("www.news.example", "News", &[]),
                host(EXPECTING_HOST, "Expecting", &["Lab Trust One"]),
            ],
            ..Overlay::new("unit test lab", u64::try_from(NOW - DAY).unwrap())
        };
        let shared_key = KeyPair::generate().unwrap();
        Self {
            one,
            disclosed,
            sister,
            other_owner,
            undisclosed,
            constrained,
            newborn,
            leaked,
            revoked,
            product,
            local,
            unknown,
            shared_key,
            log_keys,
            overlay,
        }
    }

    pub(crate) fn tables(&self) -> Tables {
        Tables::compiled().with_overlay(&self.overlay).unwrap()
    }

    /// An undisclosed subordinate CA below the first public root, by names of its own.
    pub(crate) fn public_subordinate(&self, organisation: &str, name: &str) -> Authority {
        below(&self.one, name, NOW - 12 * DAY, 15, |params| params.distinguished_name.push(DnType::OrganizationName, organisation))
    }

    /// Lets a program impose a rule on the public root of most authorities, where it stands as the anchor.
    pub(crate) fn constrain(&mut self, program: Program, from: i64, any_of: Vec<OverlayConditions>) {
        let root = crate::Certificate::read(self.overlay.public_anchors[0].as_slice()).unwrap().spki_sha256;
        let rule = "a lab rule".to_owned();
        let rule = OverlayConstraint { rule, program, keys: vec![root], anywhere: false, from, until: None, exempt: Vec::new(), any_of };
        self.overlay.constraints.push(rule);
    }

    /// Dates what is listed of a key, in UNIX seconds.
    pub(crate) fn know_since(&mut self, spki: &Sha256, day: i64) {
        self.overlay.listed_keys.iter_mut().find(|key| key.spki == *spki).unwrap().since = Some(day);
    }

    /// Lists a key that is listed already as something else.
    pub(crate) fn list_as(&mut self, spki: &Sha256, kind: KeyKind) {
        self.overlay.listed_keys.iter_mut().find(|key| key.spki == *spki).unwrap().kind = kind;
    }

    /// The public root of most authorities.
    pub(crate) fn root_sha256(&self) -> Sha256 {
        Sha256::of(self.overlay.public_anchors[0].as_slice())
    }

    pub(crate) fn site(&self, host: &str) -> Site<'_> {
        Site {
            lab: self,
            host: host.to_owned(),
            names: vec![host.to_owned()],
            issuer: None,
            extra: None,
            presents: None,
            leaf_only: false,
            logs: Logs::None,
            key: Key::Own,
            at: NOW,
            not_before: NOW - 30 * DAY,
            silent: false,
            changes: Vec::new(),
            bare: false,
            days: 600,
            organisation: None,
        }
    }

    pub(crate) fn self_signed_site(&self, host: &str) -> Site<'_> {
        self.site(host)
    }

    /// A site whose own key is on the list of revoked ones.
    pub(crate) fn listed_site(&self, host: &str) -> Site<'_> {
        Site { key: Key::Listed, ..self.site(host).issued_by(&self.disclosed) }
    }

    pub(crate) fn silent_site(&self, host: &str) -> Site<'_> {
        Site { silent: true, ..self.site(host) }
    }

    pub(crate) fn evidence(&self, sites: &[Site<'_>]) -> Evidence {
        Evidence {
            format: EvidenceFormat::Evidence,
            version: EVIDENCE_VERSION,
            collector: Collector { name: "unit test".to_owned(), version: "0".to_owned(), vantage: Vantage::NativeProbe },
            collected_at: sites.iter().map(|site| site.at).max().unwrap_or(NOW).try_into().unwrap(),
            observations: sites.iter().map(Site::observe).collect(),
            surroundings: Surroundings {
                anchors: Seen::Yes(vec![self.product.as_machine_anchor(), self.local.as_machine_anchor()]),
                clock: Seen::Yes(ClockCheck { ahead_seconds: 0, witness: "stated".to_owned() }),
                ..Surroundings::unseen()
            },
        }
    }

    pub(crate) fn judge(&self, sites: &[Site<'_>]) -> Report {
        crate::judge(&self.evidence(sites), &self.tables())
    }

    pub(crate) fn judge_without_anchors(&self, sites: &[Site<'_>]) -> Report {
        let mut evidence = self.evidence(sites);
        evidence.surroundings.anchors = Seen::NotVisible;
        crate::judge(&evidence, &self.tables())
    }
}

impl<'l> Site<'l> {
    pub(crate) fn issued_by(self, issuer: &'l Authority) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    pub(crate) fn with_extra(self, extra: &'l Authority) -> Self {
        Self { extra: Some(extra), ..self }
    }

    /// Answers with what this authority sends, in place of a certificate of its own.
    pub(crate) fn presenting(self, authority: &'l Authority) -> Self {
        Self { presents: Some(authority), ..self }
    }

    pub(crate) fn leaf_only(self) -> Self {
        Self { leaf_only: true, ..self }
    }

    pub(crate) fn logged(self) -> Self {
        self.logged_by(Logs::Two)
    }

    pub(crate) fn logged_by(self, logs: Logs) -> Self {
        Self { logs, ..self }
    }

    /// With something else changed of what is seen.
    pub(crate) fn seen(mut self, change: impl Fn(&mut Observation) + 'l) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Logged by each of two logs at its own time, in UNIX seconds.
    pub(crate) fn logged_at(self, times: &[i64; 2]) -> Self {
        self.logged_by(Logs::At(*times))
    }

    pub(crate) fn naming(self, names: &[&str]) -> Self {
        Self { names: names.iter().map(|&name| name.to_owned()).collect(), ..self }
    }

    pub(crate) fn over_shared_key(self) -> Self {
        Self { key: Key::Shared, ..self }
    }

    pub(crate) fn over_issuers_key(self) -> Self {
        Self { key: Key::Issuers, ..self }
    }

    pub(crate) fn begun_before(self, seconds: i64) -> Self {
        Self { not_before: self.at - seconds, ..self }
    }

    /// Without what public CAs must put in, as interceptors mint.
    pub(crate) fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// Valid for this many days, where 600 is common here.
    pub(crate) fn living(self, days: i64) -> Self {
        Self { days, ..self }
    }

    /// With an organisation in its subject.
    pub(crate) fn of(self, organisation: &'static str) -> Self {
        Self { organisation: Some(organisation), ..self }
    }

    pub(crate) fn in_2015(self) -> Self {
        Self { at: IN_2015, not_before: IN_2015 - 30 * DAY, ..self }
    }

    pub(crate) fn a_year_later(self) -> Self {
        Self { at: self.at + 365 * DAY, ..self }
    }

    fn observe(&self) -> Observation {
        let host = Host::parse(&self.host).unwrap();
        let (ending, chain) = if self.silent {
            let failure = Failure { class: FailureClass::TimedOut, detail: String::new() };
            (Ending::Failed(failure), Seen::NotVisible)
        } else {
            (Ending::Completed, Seen::Yes(self.chain()))
        };
        let mut observation = Observation {
            ending,
            chain,
            ..Observation::unseen(
                Target { server_name: Seen::Yes(host.clone()), ..Target::over_tcp(host, 443) },
                u64::try_from(self.at).unwrap() * 1000,
            )
        };
        for change in &self.changes {
            change(&mut observation);
        }
        observation
    }

    fn chain(&self) -> Chain {
        if let Some(authority) = self.presents {
            let certificates = authority.sent.iter().map(|der| Bytes::from(der.clone())).collect();
            return Chain { form: ChainForm::Presented, certificates };
        }
        let mut certificates = vec![Bytes::from(self.mint())];
        if !self.leaf_only {
            let sent = self.issuer.iter().chain(self.extra.iter()).flat_map(|authority| &authority.sent);
            certificates.extend(sent.map(|der| Bytes::from(der.clone())));
        }
        let form = if self.leaf_only { ChainForm::EndEntityOnly } else { ChainForm::Presented };
        Chain { form, certificates }
    }

    fn mint(&self) -> Vec<u8> {
        let own = KeyPair::generate().unwrap();
        let key = match (&self.key, self.issuer) {
            (Key::Shared, _) => &self.lab.shared_key,
            (Key::Listed, _) => &self.lab.revoked.key,
            (Key::Issuers, Some(issuer)) => &issuer.key,
            _ => &own,
        };
        let mut params = CertificateParams::new(self.names.clone()).unwrap();
        params.distinguished_name.push(DnType::CommonName, self.host.clone());
        if let Some(organisation) = self.organisation {
            params.distinguished_name.push(DnType::OrganizationName, organisation);
        }
        if !self.bare {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec!["http://crl.lab.example/1.crl".to_owned()] }];
            params.custom_extensions = vec![
                CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], ACCESS.to_vec()),
                CustomExtension::from_oid_content(&[2, 5, 29, 32], POLICY.to_vec()),
            ];
        }
        params.not_before = OffsetDateTime::from_unix_timestamp(self.not_before).unwrap();
        params.not_after = OffsetDateTime::from_unix_timestamp(self.not_before + self.days * DAY - 1).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(SerialNumber::from_slice(&sha1::Sha1::digest(own.public_key_raw())[1..17]));
        let sign = |params: &CertificateParams| match self.issuer {
            Some(issuer) => params.signed_by(key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap().der().to_vec(),
            None => params.self_signed(key).unwrap().der().to_vec(),
        };
        if let (true, Some(issuer)) = (self.logs != Logs::None, self.issuer) {
            let list = self.sct_list(&sign(&params), &spki_of(&issuer.key));
            let list = crate::der::write(crate::der::OCTET_STRING, &list);
            params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], list));
        }
        sign(&params)
    }

    /// An SCT list over a certificate that has none yet, as RFC 6962 §3.2 and §3.3 lay it out.
    fn sct_list(&self, without: &[u8], issuer_spki: &[u8]) -> Vec<u8> {
        let tbs = crate::Certificate::read(without).unwrap().signed_parts().tbs;
        let mut entry = vec![0, 1];
        entry.extend(Sha256::of(issuer_spki).0);
        entry.extend(&u32::try_from(tbs.len()).unwrap().to_be_bytes()[1..]);
        entry.extend(tbs);
        if self.logs == Logs::Forged {
            *entry.last_mut().unwrap() ^= 1;
        }
        let strangers = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
        let (keys, times) = match self.logs {
            Logs::None => (&[][..], [0; 2]),
            Logs::One => (&self.lab.log_keys[..1], [self.not_before; 2]),
            Logs::Two | Logs::Forged => (&self.lab.log_keys[..], [self.not_before; 2]),
            Logs::Unknown => (&strangers[..], [self.not_before; 2]),
            Logs::Later => (&self.lab.log_keys[..], [self.at + 10 * DAY; 2]),
            Logs::At(times) => (&self.lab.log_keys[..], times),
        };
        let mut list = Vec::new();
        for (key, at) in keys.iter().zip(times) {
            let sct = sct(key, at, &entry);
            list.extend(u16::try_from(sct.len()).unwrap().to_be_bytes());
            list.extend(sct);
        }
        let mut whole = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
        whole.extend(list);
        whole
    }
}

impl Lab {
    /// An SCT by one of the logs over an observation's end-entity, as TLS and OCSP deliver it.
    pub(crate) fn delivered(&self, observation: &Observation, log: usize) -> Vec<u8> {
        let end_entity = observation.chain.yes().unwrap().certificates[0].as_slice();
        let mut entry = vec![0, 0];
        entry.extend(&u32::try_from(end_entity.len()).unwrap().to_be_bytes()[1..]);
        entry.extend(end_entity);
        sct(&self.log_keys[log], i64::try_from(observation.at / 1000).unwrap() - DAY, &entry)
    }
}

/// An OCSP response (RFC 6960 §4.2.1) with these SCTs in its one single response.
pub(crate) fn staple(scts: &[Vec<u8>]) -> Vec<u8> {
    use crate::der::{OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, write};
    let sequence = |parts: &[Vec<u8>]| write(SEQUENCE, &parts.concat());
    let time = || write(0x18, b"20261124000000Z");
    let list: Vec<u8> = scts.iter().flat_map(|sct| [&u16::try_from(sct.len()).unwrap().to_be_bytes()[..], sct].concat()).collect();
    let list = [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat();
    let oid = write(OBJECT_IDENTIFIER, b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x05");
    let extension = sequence(&[oid, write(OCTET_STRING, &write(OCTET_STRING, &list))]);
    let extensions = if scts.is_empty() { Vec::new() } else { write(0xa1, &sequence(&[extension])) };
    // certStatus good [0], then thisUpdate, nextUpdate [0] and the extensions.
    let single = sequence(&[sequence(&[]), vec![0x80, 0], time(), write(0xa0, &time()), extensions]);
    let data = sequence(&[write(0xa2, &write(OCTET_STRING, &[7; 20])), time(), sequence(&[single])]);
    let basic = sequence(&[data, sequence(&[]), vec![3, 1, 0]]);
    let kind = write(OBJECT_IDENTIFIER, b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01");
    sequence(&[vec![0x0a, 1, 0], write(0xa0, &sequence(&[kind, write(OCTET_STRING, &basic)]))])
}

/// An SCT (RFC 6962 §3.2) over an entry_type and a signed_entry.
fn sct(log: &KeyPair, at: i64, entry: &[u8]) -> Vec<u8> {
    let timestamp = (u64::try_from(at).unwrap() * 1000).to_be_bytes();
    let mut signed = vec![0, 0];
    signed.extend(timestamp);
    signed.extend(entry);
    signed.extend([0, 0]);
    let signature = log.sign(&signed).unwrap();
    let mut sct = vec![0];
    sct.extend(Sha256::of(&spki_of(log)).0);
    sct.extend(timestamp);
    sct.extend([0, 0, 4, 3]);
    sct.extend(u16::try_from(signature.len()).unwrap().to_be_bytes());
    sct.extend(signature);
    sct
}
/// authorityInfoAccess with one id-ad-ocsp (RFC 5280 §4.2.2.1).
const ACCESS: &[u8] = b"\x30\x1d\x30\x1b\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x0fhttp://lab.test";
/// certificatePolicies with domain-validated, 2.23.140.1.2.1 (BR §7.1.6.1).
const POLICY: &[u8] = b"\x30\x0a\x30\x08\x06\x06\x67\x81\x0c\x01\x02\x01";

/// A certificate with these extensions in this order, as [`crate::Extensions`] writes them, from `begin` to `life`
/// seconds later, under a serial number of so many bits. Nobody's signature is on it.
pub(crate) fn minted_like(extensions: &str, begin: i64, life: i64, serial_bits: usize) -> Vec<u8> {
    minted_over(&spki_of(&KeyPair::generate().unwrap()), extensions, begin, life, serial_bits)
}

/// The same over a key of the caller's, a SubjectPublicKeyInfo.
pub(crate) fn minted_over(spki: &[u8], extensions: &str, begin: i64, life: i64, serial_bits: usize) -> Vec<u8> {
    use crate::der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, write};
    let sequence = |parts: &[&[u8]]| write(SEQUENCE, &parts.concat());
    let algorithm = sequence(&[&write(OBJECT_IDENTIFIER, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
    // The highest bit that counts, then zeros; a sign octet where it would be taken for a sign.
    let mut serial = vec![0; serial_bits.div_ceil(8)];
    serial[0] = 1 << ((serial_bits + 7) % 8);
    if serial[0] >= 0x80 {
        serial.insert(0, 0);
    }
    let utc = |seconds: i64| {
        let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let (year, month, day) = (at.year() % 100, u8::from(at.month()), at.day());
        write(0x17, format!("{year:02}{month:02}{day:02}{:02}{:02}{:02}Z", at.hour(), at.minute(), at.second()).as_bytes())
    };
    let extension = |text: &str| {
        let (short, critical) = text.strip_prefix('!').map_or((text, &[][..]), |short| (short, &[1, 1, 0xff][..]));
        let content: &[u8] = match short {
            "AIA" => ACCESS,
            "AKI" => b"\x30\x06\x80\x04\x01\x02\x03\x04",
            "BC" => b"\x30\x00",
            "CP" => POLICY,
            "CRLDP" => b"\x30\x14\x30\x12\xa0\x10\xa0\x0e\x86\x0chttp://c.rl/",
            "EKU" => b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01",
            "KU" => b"\x03\x02\x07\x80",
            "SAN" => b"\x30\x11\x82\x0fwww.example.org",
            _ => b"\x05\x00",
        };
        let oid = crate::Extensions::oid(short).unwrap();
        sequence(&[&write(OBJECT_IDENTIFIER, oid), critical, &write(OCTET_STRING, content)])
    };
    let list: Vec<u8> = extensions.split(',').filter(|text| !text.is_empty()).flat_map(extension).collect();
    let list = if list.is_empty() { list } else { write(0xa3, &write(SEQUENCE, &list)) };
    let name = crate::names::tests::name;
    let tbs = sequence(&[
        &write(0xa0, &[2, 1, 2]),
        &write(INTEGER, &serial),
        &algorithm,
        &name("CN=Issuer"),
        &sequence(&[&utc(begin), &utc(begin + life)]),
        &name("CN=www.example.org"),
        spki,
        &list,
    ]);
    sequence(&[&tbs, &algorithm, &write(crate::der::BIT_STRING, &[0, 1, 2, 3])])
}

/// What one detector said.
pub(crate) fn speaks<'r>(report: &'r Report, detector: &str) -> Vec<&'r Finding> {
    report.findings.iter().filter(|finding| finding.detector == detector).collect()
}
