//! Look-alikes that nobody recorded, minted: each is made of the lab's own authorities, logs and sites.

use std::path::Path;
use std::sync::Arc;

use mintwatch::demo::pki::{Authority, DAY, Leaf, Log, PkiError, Profile, Validity};
use mintwatch_validator::evidence::{
    Evidence, Features, Host, MachineAnchor, Observation, PortalCheck, Remembered, RememberedFrom, Seen, Transport, Vantage,
};
use mintwatch_validator::tables::{Overlay, OverlayLog, OverlayPoolHost};
use rcgen::{CertificateParams, DnType, KeyPair};
use time::OffsetDateTime;

use super::{evidence, failed, observation, write};
use crate::trouble::Trouble;

/// 2026-11-24T00:00:00Z.
const AT: u64 = 1_795_478_400;

/// Writes every minted look-alike that has no evidence yet. Keys are made anew, so what is there stays:
/// delete a folder's evidence to have it made again.
///
/// # Errors
/// When a certificate cannot be made or a folder cannot be written.
pub(super) fn minted(benign: &Path) -> Result<(), Trouble> {
    for (replay, make) in LOOK_ALIKES {
        let folder = benign.join(replay);
        if !folder.join("evidence.json").exists() {
            let lab = Lab::new().map_err(failed)?;
            let mut evidence = make(&lab)?;
            evidence.collector.vantage = Vantage::NativeProbe;
            write(&folder, &evidence, Some(&lab.overlay(replay)?))?;
        }
    }
    Ok(())
}

type Make = fn(&Lab) -> Result<Evidence, Trouble>;

const LOOK_ALIKES: [(&str, Make); 13] = [
    ("cdn-several-certificates", cdn),
    ("key-rotation", key_rotation),
    ("intermediate-in-its-grace", newborn_intermediate),
    ("constrained-subordinate", constrained_subordinate),
    ("internal-name", internal_name),
    ("captive-portal", captive_portal),
    ("self-signed-router", self_signed_router),
    ("certificate-over-64-kib", enormous_certificate),
    ("root-expired", expired_root),
    ("renewed-a-minute-ago", renewed_a_minute_ago),
    ("default-certificate-on-one-family", default_on_one_family),
    ("intermediate-missing-on-one-family", incomplete_on_one_family),
    ("cdn-from-many-angles", cdn_from_many_angles),
];

/// Hosts of the lab and who runs each.
const SITES: [(&str, &str); 6] = [
    ("shop.example", "Shop Ltd"),
    ("news.example", "News Inc"),
    ("blog.example", "Blog AG"),
    ("wiki.example", "Wiki Foundation"),
    ("mail.example", "Mail Co"),
    ("bank.example", "Bank plc"),
];

/// Two public authorities, each with a disclosed subordinate, and the logs of two operators.
struct Lab {
    root: Authority,
    issuing: Authority,
    other_root: Authority,
    other_issuing: Authority,
    expired_root: Authority,
    logs: [Log; 2],
}

impl Lab {
    fn new() -> Result<Self, PkiError> {
        let root = Authority::root("Look-alike TEST Trust", "Look-alike TEST Root", Validity::begun(3000, AT, 7000))?;
        let other_root = Authority::root("Second TEST Trust", "Second TEST Root", Validity::begun(3000, AT, 7000))?;
        let subordinate =
            |root: &Authority, name| root.subordinate(root.organisation(), name, Validity::begun(700, AT, 1500), Profile::Public);
        Ok(Self {
            issuing: subordinate(&root, "Look-alike TEST CA 1")?,
            other_issuing: subordinate(&other_root, "Second TEST CA 1")?,
            root,
            other_root,
            expired_root: Authority::root("Third TEST Trust", "Third TEST Root", Validity::begun(7001, AT, 7000))?,
            logs: [Log::new("First TEST Logs")?, Log::new("Second TEST Logs")?],
        })
    }

    fn logs(&self) -> Vec<&Log> {
        self.logs.iter().collect()
    }

    fn site(&self, issuer: &Authority, names: &[&str], days_old: u64) -> Result<Leaf, PkiError> {
        issuer.issue(names, Validity::begun(days_old, AT, 90), &self.logs())
    }

    fn overlay(&self, replay: &str) -> Result<Overlay, Trouble> {
        let pool_host = |&(host, operator): &(&str, &str)| -> Result<OverlayPoolHost, Trouble> {
            let host = Host::parse(host).map_err(failed)?;
            Ok(OverlayPoolHost { host, operator: operator.to_owned(), class: "lab".to_owned(), expected_owners: Vec::new() })
        };
        let der = |authority: &Authority| authority.der().to_vec().into();
        Ok(Overlay {
            public_anchors: [&self.root, &self.other_root, &self.expired_root].map(der).to_vec(),
            disclosed: [&self.issuing, &self.other_issuing].map(der).to_vec(),
            logs: self.logs.iter().map(|log| OverlayLog { operator: log.operator().to_owned(), spki: log.spki() }).collect(),
            pool: SITES.iter().map(pool_host).collect::<Result<_, _>>()?,
            ..Overlay::new(&format!("look-alike: {replay}"), AT)
        })
    }
}

/// One handshake, some seconds after [`AT`].
fn seen(host: &str, after: i64, leaf: &Leaf) -> Result<Observation, Trouble> {
    let at = i64::try_from(AT).map_err(failed)? + after;
    let mut observation = observation(host, at, leaf.chain().iter().map(|der| der.to_vec()).collect())?;
    observation.scts = Seen::Yes(Vec::new());
    Ok(observation)
}

/// Three edges with a certificate of their own for one host, one that also names another customer, and two customers over one key.
fn cdn(lab: &Lab) -> Result<Evidence, Trouble> {
    let edges = [lab.site(&lab.issuing, &["shop.example"], 20), lab.site(&lab.other_issuing, &["shop.example"], 60)];
    let shared = lab.site(&lab.issuing, &["shop.example", "news.example", "*.cdn.example"], 10).map_err(failed)?;
    let mut observations = vec![seen("shop.example", 2, &shared)?, seen("news.example", 3, &shared)?];
    for (edge, after) in edges.into_iter().zip([0, 1]) {
        observations.push(seen("shop.example", after, &edge.map_err(failed)?)?);
    }
    let key = Arc::new(KeyPair::generate().map_err(failed)?);
    for (host, days_old) in [("blog.example", 30), ("wiki.example", 40)] {
        let leaf = lab.issuing.issue_over(&key, &[host], Validity::begun(days_old, AT, 90), &lab.logs()).map_err(failed)?;
        observations.push(seen(host, 4, &leaf)?);
    }
    Ok(evidence(observations))
}

/// The old key an hour before its last day, and the new one an hour after its first.
fn key_rotation(lab: &Lab) -> Result<Evidence, Trouble> {
    let old = lab.site(&lab.issuing, &["mail.example"], 89).map_err(failed)?;
    let new = lab.issuing.issue(&["mail.example"], Validity { from: AT - 3600, until: AT + 90 * DAY }, &lab.logs()).map_err(failed)?;
    Ok(evidence(vec![seen("mail.example", 0, &old)?, seen("mail.example", 5, &new)?, seen("mail.example", 9, &old)?]))
}

/// A certificate that began to be valid a minute before it was met, as after a restart of a server that renews itself.
fn renewed_a_minute_ago(lab: &Lab) -> Result<Evidence, Trouble> {
    let old = lab.site(&lab.issuing, &["mail.example"], 60).map_err(failed)?;
    let new = lab.issuing.issue(&["mail.example"], Validity { from: AT, until: AT + 90 * DAY }, &lab.logs()).map_err(failed)?;
    Ok(evidence(vec![seen("mail.example", -60, &old)?, seen("mail.example", 60, &new)?, seen("mail.example", 90, &new)?]))
}

/// A subordinate that is three days old: its CA has four more to disclose it.
fn newborn_intermediate(lab: &Lab) -> Result<Evidence, Trouble> {
    let validity = Validity::begun(3, AT, 1500);
    let newborn = lab.root.subordinate("Look-alike TEST Trust", "Look-alike TEST CA 2", validity, Profile::Public).map_err(failed)?;
    let old = lab.site(&lab.issuing, &["bank.example"], 20).map_err(failed)?;
    let young = lab.site(&newborn, &["shop.example"], 1).map_err(failed)?;
    Ok(evidence(vec![seen("bank.example", 0, &old)?, seen("shop.example", 1, &young)?]))
}

/// An enterprise's own subordinate, undisclosed as it may be: it can issue below one domain only.
fn constrained_subordinate(lab: &Lab) -> Result<Evidence, Trouble> {
    let validity = Validity::begun(400, AT, 1000);
    let own =
        lab.root.subordinate("Enterprise TEST", "Enterprise TEST CA", validity, Profile::Constrained("bank.example")).map_err(failed)?;
    let mut observations = Vec::new();
    for (after, host) in ["bank.example", "www.bank.example", "mail.bank.example"].into_iter().enumerate() {
        observations.push(seen(host, i64::try_from(after).map_err(failed)?, &lab.site(&own, &[host], 20).map_err(failed)?)?);
    }
    Ok(evidence(observations))
}

/// Names that exist inside a network only, under the network's own root, beside public sites under public ones.
fn internal_name(lab: &Lab) -> Result<Evidence, Trouble> {
    let own = Authority::root("Office TEST", "Office TEST Root", Validity::begun(900, AT, 3650)).map_err(failed)?;
    let issuing =
        own.subordinate("Office TEST", "Office TEST CA", Validity::begun(300, AT, 1825), Profile::Unconstrained).map_err(failed)?;
    let mut observations = vec![seen("shop.example", 0, &lab.site(&lab.issuing, &["shop.example"], 20).map_err(failed)?)?];
    let key = Arc::new(KeyPair::generate().map_err(failed)?);
    for host in ["intranet", "printer.local", "git.internal", "nas.home.arpa", "10.20.30.40"] {
        let leaf = issuing.mint(host, &key, Validity::begun(100, AT, 365)).map_err(failed)?;
        observations.push(seen(host, 1, &leaf)?);
    }
    let mut evidence = evidence(observations);
    let anchor = MachineAnchor { sha256: own.sha256(), origin: "platform".to_owned(), certificate: Seen::Yes(own.der().to_vec().into()) };
    evidence.surroundings.anchors = Seen::Yes(vec![anchor]);
    Ok(evidence)
}

/// A hotel's portal answers in place of every host: with one certificate of its own, public for some and self-signed for others.
fn captive_portal(lab: &Lab) -> Result<Evidence, Trouble> {
    let public = lab.site(&lab.issuing, &["login.hotel.example"], 40).map_err(failed)?;
    let own = self_signed("portal.hotel.example", &["portal.hotel.example"], 800, 3650)?;
    let mut observations = Vec::new();
    for (host, _) in SITES.iter().take(4) {
        observations.push(seen(host, 0, &public)?);
    }
    for (host, _) in SITES {
        observations.push(self_signed_seen(host, 60, &own)?);
    }
    let mut evidence = evidence(observations);
    evidence.surroundings.portal = Seen::Yes(PortalCheck { captive: true, method: "http-204".to_owned() });
    Ok(evidence)
}

/// Home routers and a printer with the certificate they made themselves, beside public sites.
fn self_signed_router(lab: &Lab) -> Result<Evidence, Trouble> {
    let factory = self_signed("router", &["router.lan"], 2000, 9125)?;
    let named = self_signed("fritz.box", &["fritz.box", "www.fritz.box", "myfritz.box"], 200, 4000)?;
    Ok(evidence(vec![
        seen("shop.example", 0, &lab.site(&lab.issuing, &["shop.example"], 20).map_err(failed)?)?,
        seen("news.example", 0, &lab.site(&lab.other_issuing, &["news.example"], 20).map_err(failed)?)?,
        self_signed_seen("192.168.1.1", 1, &factory)?,
        self_signed_seen("192.168.0.1", 1, &factory)?,
        self_signed_seen("router.lan", 1, &factory)?,
        self_signed_seen("fritz.box", 1, &named)?,
    ]))
}

/// A certificate of more than 64 KiB: a hoster that put every customer into one.
fn enormous_certificate(lab: &Lab) -> Result<Evidence, Trouble> {
    let names: Vec<String> = (0..2800).map(|number| format!("customer-{number:05}.shop.example")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.insert(0, "shop.example");
    let leaf = lab.site(&lab.issuing, &names, 20).map_err(failed)?;
    Ok(evidence(vec![seen("shop.example", 0, &leaf)?]))
}

/// A site that kept its certificate though its root expired yesterday.
fn expired_root(lab: &Lab) -> Result<Evidence, Trouble> {
    let validity = Validity::begun(700, AT, 1500);
    let issuing = lab.expired_root.subordinate("Third TEST Trust", "Third TEST CA", validity, Profile::Public).map_err(failed)?;
    Ok(evidence(vec![
        seen("wiki.example", 0, &lab.site(&issuing, &["wiki.example"], 50).map_err(failed)?)?,
        seen("shop.example", 1, &lab.site(&lab.issuing, &["shop.example"], 20).map_err(failed)?)?,
    ]))
}

/// A site whose AAAA record leads to a machine that was never set up: it shows the certificate its system made at installation.
fn default_on_one_family(lab: &Lab) -> Result<Evidence, Trouble> {
    let right = lab.site(&lab.issuing, &["blog.example"], 20).map_err(failed)?;
    let snake_oil = self_signed("localhost.localdomain", &["localhost.localdomain"], 500, 3650)?;
    let observations = vec![
        at(seen("blog.example", 0, &right)?, "192.0.2.7:443"),
        at(self_signed_seen("blog.example", 1, &snake_oil)?, "[2001:db8::7]:443"),
    ];
    Ok(remembering(evidence(observations), lab))
}

/// A site with two machines, one of which forgets to send the intermediate.
fn incomplete_on_one_family(lab: &Lab) -> Result<Evidence, Trouble> {
    let whole = lab.site(&lab.issuing, &["wiki.example"], 20).map_err(failed)?;
    let alone = lab.site(&lab.issuing, &["wiki.example"], 25).map_err(failed)?;
    let mut incomplete = seen("wiki.example", 1, &alone)?;
    if let Seen::Yes(chain) = &mut incomplete.chain {
        chain.certificates.truncate(1);
    }
    let observations = vec![at(seen("wiki.example", 0, &whole)?, "192.0.2.8:443"), at(incomplete, "[2001:db8::8]:443")];
    Ok(remembering(evidence(observations), lab))
}

/// Three customers of a CDN over one key, each met in seven ways, and a site that answers an older hello by another CA.
fn cdn_from_many_angles(lab: &Lab) -> Result<Evidence, Trouble> {
    let names = ["shop.example", "news.example", "blog.example"];
    let key = Arc::new(KeyPair::generate().map_err(failed)?);
    let mut observations = Vec::new();
    for (host, days_old) in names.into_iter().zip([10, 20, 30]) {
        let leaf = lab.issuing.issue_over(&key, &names, Validity::begun(days_old, AT, 90), &lab.logs()).map_err(failed)?;
        for (after, peer) in (0..).zip(["192.0.2.9:443", "[2001:db8::9]:443"].into_iter().cycle().take(6)) {
            observations.push(offering(at(seen(host, after, &leaf)?, peer), "TLSv1.3"));
        }
        let mut quic = at(seen(host, 7, &leaf)?, "192.0.2.9:443");
        quic.target.transport = Transport::Quic;
        observations.push(quic);
    }
    let new = lab.site(&lab.issuing, &["wiki.example"], 20).map_err(failed)?;
    let old = lab.site(&lab.other_issuing, &["wiki.example"], 40).map_err(failed)?;
    observations.push(offering(at(seen("wiki.example", 0, &new)?, "192.0.2.10:443"), "TLSv1.3"));
    observations.push(offering(at(seen("wiki.example", 1, &old)?, "192.0.2.10:443"), "TLSv1.2"));
    Ok(evidence(observations))
}

fn offering(observation: Observation, version: &str) -> Observation {
    let features = Features { versions: vec![version.to_owned()], ..Features::default() };
    Observation { offer: Seen::Yes(features), ..observation }
}

fn at(observation: Observation, peer: &str) -> Observation {
    Observation { peer: Seen::Yes(peer.to_owned()), ..observation }
}

/// On a network that the user vouched for, every site was under the first authority.
fn remembering(mut evidence: Evidence, lab: &Lab) -> Evidence {
    let remembered = evidence.observations.iter().take(1).map(|observation| Remembered {
        host: observation.target.host.clone(),
        port: 443,
        from: RememberedFrom::Baseline,
        at: AT - DAY,
        authorities: vec![lab.issuing.spki_sha256(), lab.root.spki_sha256()],
        owners: vec![lab.root.organisation().to_owned()],
        features: Features::default(),
    });
    evidence.surroundings.remembered = Seen::Yes(remembered.collect());
    evidence
}

fn self_signed(common_name: &str, names: &[&str], days_old: u64, days: u64) -> Result<Vec<u8>, Trouble> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let validity = Validity::begun(days_old, AT, days);
    params.not_before = moment(validity.from)?;
    params.not_after = moment(validity.until)?;
    Ok(params.self_signed(&KeyPair::generate().map_err(failed)?).map_err(failed)?.der().to_vec())
}

fn self_signed_seen(host: &str, after: i64, certificate: &[u8]) -> Result<Observation, Trouble> {
    observation(host, i64::try_from(AT).map_err(failed)? + after, vec![certificate.to_vec()])
}

fn moment(unix: u64) -> Result<OffsetDateTime, Trouble> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(unix).map_err(failed)?).map_err(failed)
}
