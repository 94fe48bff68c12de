//! Angles: the same host, looked at in several ways. Who ends TLS on one of them leaves a difference to the others.

use std::collections::BTreeSet;
use std::time::Duration;

use mintwatch_validator::evidence::{Host, Seen, Target, Transport};
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::offer::Hello;
use super::way::{Road, Way};
use super::{Planned, over_tcp, starttls};

/// One angle beside the usual handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Angle {
    /// The other version of IP.
    Families,
    /// QUIC, on the same port.
    Quic,
    /// TLS 1.2 alone.
    Tls12,
    /// No post-quantum group.
    Classic,
    /// `http/1.1` alone.
    Http11,
    /// TLS 1.3 alone with a GREASE Encrypted ClientHello.
    Ech,
    /// Once more, later: what is minted on demand differs, and who looks once in a while is met.
    Repeat,
    /// The same names asked of resolvers elsewhere, and a handshake at what they answer.
    Resolvers,
    /// Another host's name at this host's address. A live patent covers such tests: only when named.
    Names,
}

impl Angle {
    /// Every angle.
    pub const ALL: [Self; 9] =
        [Self::Families, Self::Quic, Self::Tls12, Self::Classic, Self::Http11, Self::Ech, Self::Repeat, Self::Resolvers, Self::Names];
    /// Those of a run that says nothing of angles. `Classic` is among them because real boxes let a hello pass that is
    /// too long for one packet, as the post-quantum group makes it.
    pub const USUAL: [Self; 6] = [Self::Families, Self::Quic, Self::Tls12, Self::Classic, Self::Repeat, Self::Resolvers];
    /// The same without asking anybody but the hosts.
    pub const ALONE: [Self; 5] = [Self::Families, Self::Quic, Self::Tls12, Self::Classic, Self::Repeat];

    /// Returns its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Families => "families",
            Self::Quic => "quic",
            Self::Tls12 => "tls12",
            Self::Classic => "classic",
            Self::Http11 => "http11",
            Self::Ech => "ech",
            Self::Repeat => "repeat",
            Self::Resolvers => "resolvers",
            Self::Names => "names",
        }
    }

    /// Returns the angle of a word.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|angle| angle.word() == word)
    }
}

/// Whom to ask, and in how many ways.
#[derive(Debug, Clone, Default)]
pub struct Tour {
    /// How often to ask every host in the usual way; zero counts as one.
    pub rounds: usize,
    /// What to look at beside.
    pub angles: BTreeSet<Angle>,
}

/// Plans the handshakes of a tour: the usual one with every host in their order, with pauses that are random, and the
/// others at random times after it.
///
/// Every round has an order of its own: who intercepts once in a while is met more often so.
pub fn plan(hosts: &[(Host, u16)], tour: &Tour, rng: &mut impl Rng) -> Vec<Planned> {
    let opening = hosts.iter().zip(opening(hosts.len(), rng));
    let mut planned: Vec<_> = opening.map(|((host, port), after)| Planned { after, ..usual(host, *port) }).collect();
    let rounds = if tour.rounds <= 1 && tour.angles.contains(&Angle::Repeat) { 2 } else { tour.rounds.max(1) };
    let window = window(hosts.len());
    for round in 1..rounds {
        let since = window.saturating_mul(u32::try_from(round - 1).unwrap_or(u32::MAX));
        let order: Vec<_> = hosts.choose_multiple(rng, hosts.len()).collect();
        let again = |(host, port): &(Host, u16), after| Planned { after, beside: true, ..usual(host, *port) };
        planned.extend(order.into_iter().map(|host| again(host, since.saturating_add(rng.random_range(MIN_PAUSE..window)))));
    }
    for (index, (host, port)) in hosts.iter().enumerate() {
        let mut ways: Vec<Planned> = tour.angles.iter().filter_map(|&angle| by(angle, hosts, index)).collect();
        ways.shuffle(rng);
        debug_assert!(ways.iter().all(|way| way.target.host == *host && way.target.port == *port));
        planned.extend(ways.into_iter().map(|way| Planned { after: rng.random_range(MIN_PAUSE..window), beside: true, ..way }));
    }
    // Those who wait must not hold a place while others are due.
    planned.sort_by_key(|planned| planned.after);
    planned
}

/// Returns when the first handshake with each host begins: many within one millisecond would be a program's.
fn opening(hosts: usize, rng: &mut impl Rng) -> Vec<Duration> {
    let all = PAUSE_OF_ONE.saturating_mul(u32::try_from(hosts).unwrap_or(u32::MAX)).min(MAX_OPENING);
    let mut times: Vec<Duration> = (0..hosts).map(|_| rng.random_range(Duration::ZERO..=all)).collect();
    times.sort_unstable();
    times
}

/// How long the handshakes beside the first are spread out: the longer, the more there are.
fn window(hosts: usize) -> Duration {
    MIN_WINDOW.saturating_add(WINDOW_OF_ONE.saturating_mul(u32::try_from(hosts).unwrap_or(u32::MAX))).min(MAX_WINDOW)
}

/// Plans the usual handshake with a host: by the protocol that its port is for.
pub fn usual(host: &Host, port: u16) -> Planned {
    let target = Target { starttls: starttls::of_port(port), ..over_tcp(host.clone(), port) };
    let hello = match port {
        853 => Hello::Dot,
        _ if !is_web(&target) => Hello::Bare,
        _ => Hello::Usual,
    };
    Planned { target, way: Way { hello, ..Way::default() }, after: Duration::ZERO, beside: false }
}

/// Plans one handshake by an angle; none where the angle says nothing of this host.
fn by(angle: Angle, hosts: &[(Host, u16)], index: usize) -> Option<Planned> {
    let (host, port) = hosts.get(index)?;
    let usual = usual(host, *port);
    let web = is_web(&usual.target);
    let hello = |hello| web.then(|| Planned { way: Way { hello, ..usual.way }, ..usual.clone() });
    match angle {
        Angle::Families => Some(Planned { way: Way { road: Road::OtherFamily, ..usual.way }, ..usual }),
        Angle::Tls12 => hello(Hello::Tls12),
        Angle::Classic => hello(Hello::Classic),
        Angle::Http11 => hello(Hello::Http11),
        Angle::Ech => hello(Hello::Ech),
        Angle::Quic => {
            let quic = hello(Hello::Quic)?;
            Some(Planned { target: Target { transport: Transport::Quic, ..quic.target }, ..quic })
        }
        Angle::Names => {
            let (other, _) = hosts.get((index + 1) % hosts.len()).filter(|(other, _)| other != host && other.address().is_none())?;
            Some(Planned { target: Target { server_name: Seen::Yes(other.clone()), ..usual.target }, ..usual })
        }
        // Both are planned elsewhere.
        Angle::Repeat | Angle::Resolvers => None,
    }
}

/// Says whether a target speaks HTTP as far as its port tells.
fn is_web(target: &Target) -> bool {
    target.starttls.is_none() && !NOT_WEB.contains(&target.port)
}

/// Ports where TLS begins at once and HTTP does not follow.
const NOT_WEB: [u16; 7] = [465, 636, 853, 993, 995, 5223, 8883];
/// How long the first handshakes are spread out for each host …
const PAUSE_OF_ONE: Duration = Duration::from_millis(20);
/// … and at most.
const MAX_OPENING: Duration = Duration::from_millis(400);
/// How soon after the start a host may be asked again: after its first handshake has begun.
const MIN_PAUSE: Duration = Duration::from_millis(500);
/// How long the later handshakes are spread out at least, …
const MIN_WINDOW: Duration = Duration::from_millis(1500);
/// … how much longer for each host …
const WINDOW_OF_ONE: Duration = Duration::from_millis(325);
/// … and at most.
const MAX_WINDOW: Duration = Duration::from_secs(8);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use mintwatch_validator::evidence::StartTls;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::HashSet;

    fn hosts(count: usize) -> Vec<(Host, u16)> {
        (0..count).map(|number| (Host::parse(&format!("host{number}.example")).unwrap(), 443)).collect()
    }

    #[test]
    fn each_host_is_asked_once_a_round_and_never_at_the_same_time_again() {
        let hosts = hosts(20);
        let planned = plan(&hosts, &Tour { rounds: 3, angles: BTreeSet::new() }, &mut StdRng::seed_from_u64(7));
        assert_eq!(planned.len(), 60);
        for (host, _) in &hosts {
            let times: HashSet<_> = planned.iter().filter(|planned| planned.target.host == *host).map(|planned| planned.after).collect();
            assert_eq!(times.len(), 3);
        }
    }

    #[test]
    fn the_usual_angles_look_at_a_host_in_six_ways_and_never_by_what_is_patented() {
        let tour = Tour { rounds: 1, angles: Angle::USUAL.into() };
        let planned = plan(&hosts(20), &tour, &mut StdRng::seed_from_u64(1));
        assert_eq!(planned.len(), 20 * 6, "usual, again, other family, QUIC, TLS 1.2, classic");
        assert!(planned.iter().all(|planned| planned.target.server_name.yes() == Some(&planned.target.host)));
        assert!(planned.iter().all(|planned| planned.after < MAX_WINDOW));
        let first: Vec<_> = planned.iter().take(20).map(|planned| (planned.target.host.clone(), planned.beside)).collect();
        assert_eq!(first, hosts(20).into_iter().map(|(host, _)| (host, false)).collect::<Vec<_>>(), "the usual ones first, in order");
    }

    #[test]
    fn first_handshakes_have_pauses_that_are_random_and_short() {
        let times = |count, seed| -> Vec<Duration> {
            let tour = Tour::default();
            plan(&hosts(count), &tour, &mut StdRng::seed_from_u64(seed)).iter().map(|planned| planned.after).collect()
        };
        let (one, other) = (times(20, 1), times(20, 2));
        assert_ne!(one, other);
        let pauses: HashSet<_> = one.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        assert!(pauses.len() > 10, "{pauses:?}");
        assert!(one.iter().chain(&other).chain(&times(10_000, 3)).all(|after| *after <= MAX_OPENING && *after < MIN_PAUSE));
        assert!(times(1, 4)[0] <= PAUSE_OF_ONE, "who asks one host hardly waits");
    }

    #[test]
    fn protocols_other_than_http_are_asked_as_themselves() {
        let mail = usual(&Host::parse("mail.example").unwrap(), 25);
        assert_eq!((mail.target.starttls, mail.way.hello), (Some(StartTls::Smtp), Hello::Bare));
        assert_eq!(usual(&Host::parse("dns.example").unwrap(), 853).way.hello, Hello::Dot);
        let tour = Tour { rounds: 1, angles: Angle::ALL.into() };
        let planned = plan(&[(Host::parse("mail.example").unwrap(), 993)], &tour, &mut StdRng::seed_from_u64(1));
        assert!(planned.iter().all(|planned| planned.target.transport == Transport::Tcp && planned.way.hello == Hello::Bare));
    }

    #[test]
    fn another_name_is_asked_for_only_when_that_is_wanted() {
        let tour = Tour { rounds: 1, angles: [Angle::Names].into() };
        let planned = plan(&hosts(3), &tour, &mut StdRng::seed_from_u64(1));
        let other = |planned: &&Planned| planned.target.server_name.yes() != Some(&planned.target.host);
        assert_eq!(planned.iter().filter(other).count(), 3);
    }

    #[test]
    fn words_and_angles_name_each_other() {
        assert!(Angle::ALL.into_iter().all(|angle| Angle::by_word(angle.word()) == Some(angle)));
        assert_eq!(Angle::by_word("everything"), None);
    }
}
