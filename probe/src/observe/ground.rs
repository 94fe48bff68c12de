//! Ground truth: clock, captive portal, versions of IP, and whether answers are made up. It is looked at beside the
//! handshakes, and the judge weighs it before them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mintwatch_validator::evidence::{ClockCheck, DnsAnswer, Ending, Families, Host, Observation, PortalCheck, Reach, Seen, Target};
use rand::Rng;
use rand::seq::SliceRandom;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::http::{self, Answer};
use super::journal::{Journal, Purpose};
use super::limits::Deadline;
use super::readiness::{IpVersion, route};
use super::resolve::Resolver;
use super::tls::unix_milliseconds;

/// What was found out beside the handshakes.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// This machine's clock against others'.
    pub(super) clock: Seen<ClockCheck>,
    /// Whether somebody answers in place of hosts.
    pub(super) portal: Seen<PortalCheck>,
    /// Answers to names that nobody registered.
    pub(super) invented: Seen<Vec<DnsAnswer>>,
}

/// Looks, within a few seconds. Three hosts that operating systems and browsers ask for the same purpose are asked over
/// plain HTTP, and two names that do not exist are resolved.
pub(super) async fn look(resolver: &Resolver, journal: Option<&Arc<Journal>>, until: Deadline) -> Ground {
    let until = Deadline::after(LONGEST, "the look around").or_sooner(until);
    let ((clock, portal), invented) = tokio::join!(witnesses(resolver, journal, until), invented(resolver, until));
    Ground { clock, portal, invented }
}

/// Asks the pages alone.
pub(super) async fn witnesses(
    resolver: &Resolver,
    journal: Option<&Arc<Journal>>,
    until: Deadline,
) -> (Seen<ClockCheck>, Seen<PortalCheck>) {
    let checked = check_points(resolver, journal, Deadline::after(LONGEST, "the look around").or_sooner(until)).await;
    let clocks: Vec<i64> = checked.iter().filter_map(|checked| checked.ahead).collect();
    (clock(clocks), portal(&checked))
}

/// A page that is always the same: what is asked, and what must come.
struct CheckPoint {
    host: &'static str,
    path: &'static str,
    expected: Expected,
}

/// What a page must be like, where nobody stands in between.
enum Expected {
    NoContent,
    Body(&'static [u8]),
}

impl Expected {
    fn fits(&self, answer: &Answer) -> bool {
        match self {
            Self::NoContent => answer.status == 204,
            Self::Body(begins) => answer.status == 200 && answer.body.windows(begins.len()).any(|window| window == *begins),
        }
    }
}

/// What one page told.
struct Checked {
    /// Whether it was as it must be; none when there was no answer.
    as_expected: Option<bool>,
    /// Whether the answer leads elsewhere, or says that the network wants a login (RFC 6585 §6).
    turned_aside: bool,
    /// Seconds that this clock is ahead of the one that answered.
    ahead: Option<i64>,
}

async fn check_points(resolver: &Resolver, journal: Option<&Arc<Journal>>, until: Deadline) -> Vec<Checked> {
    let mut points: Vec<&'static CheckPoint> = CHECK_POINTS.iter().collect();
    points.shuffle(&mut rand::rng());
    let mut asked = JoinSet::new();
    for point in points.into_iter().take(ASKED) {
        let (resolver, journal) = (resolver.clone(), journal.cloned());
        asked.spawn(async move { check(point, &resolver, journal.as_deref(), until).await });
    }
    asked.join_all().await
}

async fn check(point: &CheckPoint, resolver: &Resolver, journal: Option<&Journal>, until: Deadline) -> Checked {
    let silent = Checked { as_expected: None, turned_aside: false, ahead: None };
    let Ok(host) = Host::parse(point.host) else { return silent };
    let target = Target::over_tcp(host, HTTP);
    let Ok(Ok(addresses)) = timeout_at(until.at, resolver.resolve(&target)).await else { return silent };
    let entry = journal.map(|journal| journal.begin(Purpose::Page, &target.host, HTTP));
    let answer = http::get(point.host, point.path, &addresses.addresses, until).await;
    if let Some(entry) = entry {
        entry.end();
    }
    let Ok(answer) = answer else { return silent };
    let now = i64::try_from(unix_milliseconds() / 1000).unwrap_or(i64::MAX);
    Checked {
        as_expected: Some(point.expected.fits(&answer)),
        turned_aside: answer.status == NETWORK_AUTHENTICATION_REQUIRED || answer.leads_elsewhere || answer.status == 200,
        ahead: answer.date.map(|date| now.saturating_sub(date)),
    }
}

/// The middle one of several: one liar among three does not move it much.
fn clock(mut ahead: Vec<i64>) -> Seen<ClockCheck> {
    ahead.sort_unstable();
    match ahead.get(ahead.len() / 2) {
        Some(&middle) => Seen::Yes(ClockCheck { ahead_seconds: middle, witness: format!("http-date of {} hosts", ahead.len()) }),
        None => Seen::Failed("no host told the time".to_owned()),
    }
}

/// A portal answers for every host. One odd page among others that are right is that page's own affair.
fn portal(checked: &[Checked]) -> Seen<PortalCheck> {
    let answered = checked.iter().filter(|checked| checked.as_expected.is_some()).count();
    let right = checked.iter().any(|checked| checked.as_expected == Some(true));
    let aside = checked.iter().filter(|checked| checked.as_expected == Some(false) && checked.turned_aside).count();
    if let (false, true) = (right, announced(Path::new(LINKS))) {
        return Seen::Yes(PortalCheck { captive: true, method: "rfc8910".to_owned() });
    }
    match (answered, right) {
        (0, _) => Seen::Failed("no page answered over plain HTTP".to_owned()),
        (_, true) => Seen::Yes(PortalCheck { captive: false, method: format!("http: {answered} pages asked") }),
        (_, false) if aside > 0 => Seen::Yes(PortalCheck { captive: true, method: format!("http: {aside} of {answered} pages replaced") }),
        (_, false) => Seen::Failed("the pages that tell of a portal answer with errors".to_owned()),
    }
}

/// Says whether the network announces a portal by DHCP or router advertisement (RFC 8910), as systemd-networkd keeps it.
fn announced(links: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(links) else { return false };
    entries.flatten().take(MOST_LINKS).any(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix("CAPTIVE_PORTAL="));
        value.is_some_and(|value| !value.is_empty() && value != "urn:ietf:params:capport:unrestricted")
    })
}

/// Asks this network's resolver for names that are random, so that nobody has registered them.
async fn invented(resolver: &Resolver, until: Deadline) -> Seen<Vec<DnsAnswer>> {
    if !resolver.is_of_this_network() {
        return Seen::NotVisible;
    }
    let mut answers = Vec::new();
    for top in ["com", "org"] {
        let name = format!("{}.{top}", random_label());
        let Ok(host) = Host::parse(&name) else { continue };
        match timeout_at(until.at, resolver.resolve(&Target::over_tcp(host, HTTP))).await {
            Err(_) => return Seen::Failed("no answer in time".to_owned()),
            Ok(Ok(answer)) => answers.extend(answer.dns.filter(|dns| !dns.addresses.is_empty())),
            Ok(Err(_)) => {}
        }
    }
    Seen::Yes(answers)
}

fn random_label() -> String {
    let mut rng = rand::rng();
    (0..LABEL).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

/// Returns which versions of IP reach anybody, by the handshakes that were made.
pub(super) fn families(observations: &[Observation]) -> Families {
    let reach = |is_ours: fn(&SocketAddr) -> bool, version: IpVersion| {
        let to = observations.iter().filter(|seen| peer_of(seen).is_some_and(|peer| is_ours(&peer)));
        let (mut asked, mut answered) = (false, false);
        for seen in to {
            asked = true;
            answered |= seen.ending == Ending::Completed || seen.chain.yes().is_some();
        }
        match (answered, asked) {
            (true, _) => Reach::Answered,
            (false, _) if route(version).is_err() => Reach::NoRoute,
            (false, true) => Reach::Silent,
            (false, false) => Reach::NotAsked,
        }
    };
    Families { ipv4: reach(SocketAddr::is_ipv4, IpVersion::V4), ipv6: reach(SocketAddr::is_ipv6, IpVersion::V6) }
}

fn peer_of(observation: &Observation) -> Option<SocketAddr> {
    observation.peer.yes()?.parse().ok()
}

/// Pages that are there for this very purpose. None of them is ours, and every network sees them asked all day.
static CHECK_POINTS: [CheckPoint; 5] = [
    CheckPoint { host: "detectportal.firefox.com", path: "/success.txt?ipv4", expected: Expected::Body(b"success") },
    CheckPoint { host: "connectivitycheck.gstatic.com", path: "/generate_204", expected: Expected::NoContent },
    CheckPoint { host: "captive.apple.com", path: "/hotspot-detect.html", expected: Expected::Body(b"Success") },
    CheckPoint { host: "www.msftconnecttest.com", path: "/connecttest.txt", expected: Expected::Body(b"Microsoft Connect Test") },
    CheckPoint { host: "cp.cloudflare.com", path: "/generate_204", expected: Expected::NoContent },
];
/// How many of them are asked in one run.
const ASKED: usize = 3;
const HTTP: u16 = 80;
/// RFC 6585 §6.
const NETWORK_AUTHENTICATION_REQUIRED: u16 = 511;
/// How long it may all take.
const LONGEST: Duration = Duration::from_secs(5);
/// How long a random label is, in letters: 26^18 names, none of them registered.
const LABEL: usize = 18;
/// Where systemd-networkd keeps what networks told.
const LINKS: &str = "/run/systemd/netif/links";
/// How many links are looked at.
const MOST_LINKS: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn checked(as_expected: Option<bool>) -> Checked {
        Checked { as_expected, turned_aside: true, ahead: None }
    }

    #[test]
    fn a_portal_replaces_every_page_and_one_odd_page_is_none() {
        let captive = |checked: &[Checked]| portal(checked).yes().map(|portal| portal.captive);
        assert_eq!(captive(&[checked(Some(false)), checked(Some(false)), checked(None)]), Some(true));
        assert_eq!(captive(&[checked(Some(true)), checked(Some(false))]), Some(false));
        assert_eq!(captive(&[checked(None), checked(None)]), None, "unseen is not absent");
        let error = Checked { as_expected: Some(false), turned_aside: false, ahead: None };
        assert_eq!(captive(&[error]), None, "an error of the server's is no portal");
    }

    #[test]
    fn one_wrong_clock_of_three_does_not_count() {
        assert_eq!(clock(vec![900_000, 2, 1]).yes().map(|clock| clock.ahead_seconds), Some(2));
        assert!(matches!(clock(Vec::new()), Seen::Failed(_)));
    }

    #[test]
    fn a_portal_that_is_announced_is_known_by_the_lease() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!announced(folder.path()));
        std::fs::write(folder.path().join("2"), "ADMIN_STATE=configured\nCAPTIVE_PORTAL=https://portal.example/api\n").unwrap();
        assert!(announced(folder.path()));
        std::fs::write(folder.path().join("2"), "CAPTIVE_PORTAL=urn:ietf:params:capport:unrestricted\n").unwrap();
        assert!(!announced(folder.path()));
    }
}
