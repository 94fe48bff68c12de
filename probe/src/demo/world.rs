//! The lab's world: who certifies, who logs, who runs which host, and the tables that know of them.

use mintwatch_validator::evidence::{Bytes, Host, HostError, KnownFault};
use mintwatch_validator::tables::{KeyKind, Overlay, OverlayKey, OverlayLog, OverlayPoolHost};

use super::origin::Site;
use super::pki::{Authority, DAY, Leaf, Log, PkiError, Profile, Validity};
use crate::laundering::KnownBad;

/// A host of the lab and who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// The name.
    pub host: &'static str,
    /// Who runs it; hosts of one operator are related.
    pub operator: &'static str,
    /// What kind of site it is.
    pub class: &'static str,
}

/// The hosts that the demo serves: unrelated operators under reserved names (RFC 2606, RFC 6761).
pub const RESIDENTS: &[Resident] = &[
    resident("www.lantern-search.example", "Lantern Search", "search"),
    resident("mail.lantern-search.example", "Lantern Search", "mail"),
    resident("accounts.lantern-search.example", "Lantern Search", "search"),
    resident("www.northbank.example", "North Bank", "bank"),
    resident("login.northbank.example", "North Bank", "bank"),
    resident("www.delta-credit.example", "Delta Credit Union", "bank"),
    resident("www.daily-courier.example", "Daily Courier", "news"),
    resident("live.daily-courier.example", "Daily Courier", "news"),
    resident("www.openlexicon.example", "Open Lexicon Foundation", "reference"),
    resident("upload.openlexicon.example", "Open Lexicon Foundation", "reference"),
    resident("www.harbour-mail.example", "Harbour Mail", "mail"),
    resident("imap.harbour-mail.example", "Harbour Mail", "mail"),
    resident("www.ministry-health.test", "Ministry of Health", "government"),
    resident("tax.treasury.test", "Treasury", "government"),
    resident("www.tannery-shop.example", "Tannery Shop", "shop"),
    resident("pay.tannery-shop.example", "Tannery Shop", "shop"),
    resident("www.codeharvest.example", "Code Harvest", "software"),
    resident("packages.codeharvest.example", "Code Harvest", "software"),
    resident("updates.birch-os.example", "Birch OS", "software"),
    resident("www.polytechnic.test", "Polytechnic", "university"),
    resident("www.chatterbox.example", "Chatterbox", "social"),
    resident("www.reel-theatre.example", "Reel Theatre", "video"),
    resident("www.clinic-portal.test", "Clinic Portal", "health"),
    resident("static.swiftedge.example", "Swift Edge", "cdn"),
];

/// What is wrong with the origins that are broken on purpose, and how they are called.
const BROKEN: [(KnownFault, &str); 5] = [
    (KnownFault::Expired, "expired"),
    (KnownFault::NotYetValid, "later"),
    (KnownFault::WrongHost, "wrong-host"),
    (KnownFault::SelfSigned, "self-signed"),
    (KnownFault::UntrustedRoot, "untrusted"),
];

const fn resident(host: &'static str, operator: &'static str, class: &'static str) -> Resident {
    Resident { host, operator, class }
}

/// Authorities, logs and hosts, all made at one moment.
pub struct World {
    now: u64,
    meridian: Authority,
    borealis: Authority,
    cedar: Authority,
    issuing: Vec<Authority>,
    leaked: Authority,
    logs: Vec<Log>,
    homes: Vec<Home>,
}

/// A host and what it answers with.
struct Home {
    resident: Resident,
    leaf: Leaf,
    owner: String,
}

/// Why the lab's world cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No certificate could be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A resident's name is no host name.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The TLS library refuses a certificate or key that we made.
    #[error("cannot use a lab certificate: {0}")]
    Tls(#[from] rustls::Error),
}

impl World {
    /// Makes a world for these hosts; `now` is the time in UNIX seconds.
    ///
    /// Operators are dealt out over the issuing CAs in turn, as the world's are over its own, and every leaf
    /// began days to weeks ago and is logged by two or three logs of different operators.
    ///
    /// # Errors
    /// [`WorldError::Pki`].
    pub fn new(residents: &[Resident], now: u64) -> Result<Self, WorldError> {
        let root =
            |owner: &str, name: &str, years: u64| Authority::root(owner, name, Validity::begun(years * 365, now, (years + 12) * 365));
        let meridian = root("Meridian TEST Lab Trust", "Meridian TEST Lab Root R1", 9)?;
        let borealis = root("Borealis TEST Lab Certification", "Borealis TEST Lab Root CA 2", 11)?;
        let cedar = root("Cedar TEST Lab Authority", "Cedar TEST Lab Root X3", 6)?;
        let years = Validity::begun(700, now, 1800);
        let below = |root: &Authority, name: &str| root.subordinate(root.organisation(), name, years, Profile::Public);
        let issuing = vec![
            below(&meridian, "Meridian TEST Lab TLS CA M1")?,
            borealis.rsa_subordinate(borealis.organisation(), "Borealis TEST Lab TLS RSA CA 4", years, Profile::Public)?,
            below(&meridian, "Meridian TEST Lab TLS CA M2")?,
            below(&cedar, "Cedar TEST Lab TLS CA C7")?,
        ];
        let leaked = below(&borealis, "Borealis TEST Lab TLS CA Lost Key")?;
        let logs = ["Sycamore TEST Lab Logs", "Granite TEST Lab Logs", "Tide TEST Lab Logs"];
        let logs = logs.iter().map(|operator| Log::new(operator)).collect::<Result<Vec<_>, _>>()?;
        let homes = residents.iter().enumerate().map(|(index, &resident)| settle(index, resident, residents, &issuing, &logs, now));
        let homes = homes.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { now, meridian, borealis, cedar, issuing, leaked, logs, homes })
    }

    /// Returns the public roots of the lab.
    pub fn roots(&self) -> [&Authority; 3] {
        [&self.meridian, &self.borealis, &self.cedar]
    }

    /// Returns the disclosed CA whose private key is known to have leaked, and gives the key to the thief.
    pub fn into_leaked(self) -> Authority {
        self.leaked
    }

    /// Makes the CA that MCS held: below a public root, for 15 days, fit to issue for any name, disclosed to nobody.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn undisclosed_intermediate(&self) -> Result<Authority, PkiError> {
        // Twelve days old: past the week that a CA has for disclosing it.
        let fortnight = Validity::begun(12, self.now, 15);
        self.cedar.subordinate("MCSHOLDING-STYLE TEST Lab", "MCSHOLDING-STYLE TEST", fortnight, Profile::Unconstrained)
    }

    /// Makes a root that no root program has: what a company, a product or a stranger puts into a firewall.
    ///
    /// # Errors
    /// [`PkiError::Generator`].
    pub fn private_root(&self, organisation: &str, name: &str) -> Result<Authority, PkiError> {
        Authority::root(organisation, name, Validity::begun(400, self.now, 3650))
    }

    /// Returns the hosts' certificates and keys, ready to be served.
    ///
    /// # Errors
    /// [`WorldError::Tls`].
    pub fn sites(&self) -> Result<Vec<Site>, WorldError> {
        let site = |home: &Home| Ok(Site::new(home.resident.host, home.leaf.chain().to_vec(), home.leaf.key())?);
        self.homes.iter().map(site).collect()
    }

    /// Makes the origins that are broken on purpose, each in its own way: clients refuse every one of them.
    ///
    /// # Errors
    /// [`WorldError`].
    pub fn broken(&self) -> Result<(Vec<KnownBad>, Vec<Site>), WorldError> {
        let fresh = Validity::begun(10, self.now, 90);
        let nobody = Authority::root("Nobody TEST Lab", "Nobody TEST Lab Root", Validity::begun(400, self.now, 3650))?;
        let issuer = self.issuing.first().ok_or(PkiError::NoIssuer)?;
        let logs: Vec<&Log> = self.logs.iter().collect();
        let mut known_bad = Vec::new();
        let mut sites = Vec::new();
        for (fault, label) in BROKEN {
            let host = format!("{label}.broken.example");
            let leaf = match fault {
                KnownFault::Expired => issuer.issue(&[&host], Validity::begun(120, self.now, 90), &logs)?,
                KnownFault::NotYetValid => {
                    issuer.issue(&[&host], Validity { from: self.now + 30 * DAY, until: self.now + 120 * DAY }, &logs)?
                }
                KnownFault::WrongHost => issuer.issue(&["www.somebody-else.example"], fresh, &logs)?,
                KnownFault::SelfSigned => Leaf::self_signed(&host, fresh)?,
                _ => nobody.issue(&[&host], fresh, &[])?,
            };
            sites.push(Site::new(&host, leaf.chain().to_vec(), leaf.key())?);
            known_bad.push(KnownBad { fault, host: Host::parse(&host)?, port: 443 });
        }
        Ok((known_bad, sites))
    }

    /// Returns each host with the certificate it answers with.
    pub fn leaves(&self) -> impl Iterator<Item = (&'static str, &Leaf)> {
        self.homes.iter().map(|home| (home.resident.host, &home.leaf))
    }

    /// Returns what the tables of this world hold, as an overlay of the compiled ones.
    ///
    /// Its public roots, the CAs that were disclosed, the leaked key, the logs, and the hosts with their
    /// operators. Banks publish whom they use; the others do not.
    ///
    /// # Errors
    /// [`WorldError::Host`].
    pub fn overlay(&self, label: &str) -> Result<Overlay, WorldError> {
        let disclosed = self.issuing.iter().chain([&self.leaked]);
        let pool = self.homes.iter().map(|home| {
            let expected_owners = if home.resident.class == "bank" { vec![home.owner.clone()] } else { Vec::new() };
            Ok(OverlayPoolHost {
                host: Host::parse(home.resident.host)?,
                operator: home.resident.operator.to_owned(),
                class: home.resident.class.to_owned(),
                expected_owners,
            })
        });
        Ok(Overlay {
            public_anchors: self.roots().map(|root| Bytes::from(root.der().to_vec())).into(),
            disclosed: disclosed.map(|ca| Bytes::from(ca.der().to_vec())).collect(),
            listed_keys: vec![OverlayKey {
                spki: self.leaked.spki_sha256(),
                kind: KeyKind::Compromised,
                name: "Borealis TEST Lab, key found in a public repository".to_owned(),
                since: None,
            }],
            logs: self.logs.iter().map(|log| OverlayLog { operator: log.operator().to_owned(), spki: log.spki() }).collect(),
            pool: pool.collect::<Result<_, HostError>>()?,
            ..Overlay::new(label, self.now)
        })
    }
}

fn settle(
    index: usize,
    resident: Resident,
    residents: &[Resident],
    issuing: &[Authority],
    logs: &[Log],
    now: u64,
) -> Result<Home, PkiError> {
    let operator = residents.iter().position(|other| other.operator == resident.operator).unwrap_or(index);
    let issuer = issuing.iter().cycle().nth(operator).ok_or(PkiError::NoIssuer)?;
    let age = 4 + (index as u64 * 7) % 60;
    // Every third is in two logs only, which is what clients ask for of short-lived certificates.
    let logs: Vec<&Log> = logs.iter().cycle().skip(index).take(if index.is_multiple_of(3) { 2 } else { 3 }).collect();
    let leaf = issuer.issue(&[resident.host], Validity::begun(age, now, 90), &logs)?;
    Ok(Home { resident, leaf, owner: issuer.organisation().to_owned() })
}
