//! Signed zones on loopback: what is signed, what was changed on the way, and what nobody signed are told apart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::dnssec::NxProofKind;
use hickory_server::net::runtime::{Time, TokioRuntimeProvider};
use hickory_server::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_server::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_server::proto::dnssec::{Algorithm, DnssecSigner, SigningKey};
use hickory_server::proto::rr::rdata::{A, NS, SOA};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use mintwatch::observe::{Elsewhere, Plan, Resolver, run_async};
use mintwatch_validator::evidence::{Host, Seen};
use mintwatch_validator::judge;
use mintwatch_validator::tables::Tables;
use tokio::net::UdpSocket;

const SIGNED: &str = "www.signed.example";
const UNSIGNED: &str = "www.unsigned.example";
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

#[tokio::test]
async fn a_signed_answer_is_told_from_an_unsigned_one_and_from_one_that_was_changed() {
    let (server, key) = signed_root().await;
    let direct = ask(server, &key).await;
    assert_eq!(direct[0], (vec![HERE.to_string()], Seen::Yes(true)), "signed");
    assert_eq!(direct[1], (vec![HERE.to_string()], Seen::Yes(false)), "below a zone that says so itself: unsigned");

    let changed = ask(changing(server).await, &key).await;
    assert_eq!(changed[0].0, [ELSEWHERE.to_string()], "the answer is taken down as it came");
    assert!(matches!(&changed[0].1, Seen::Failed(why) if why.contains("do not verify")), "{changed:?}");
    assert_eq!(changed[1], (vec![ELSEWHERE.to_string()], Seen::Yes(false)), "nobody can tell where nothing is signed");
}

#[tokio::test]
async fn a_zone_signed_by_a_key_of_somebody_elses_is_not_authentic() {
    let (server, _) = signed_root().await;
    let (_, other) = signed_root().await;
    let answers = ask(server, &other).await;
    assert!(matches!(&answers[0].1, Seen::Failed(_)), "{answers:?}");
}

#[test]
fn nonsense_is_no_trust_anchor() {
    let resolver = || Elsewhere::parse("udp://127.0.0.1").unwrap();
    for (records, why) in [("", "no DNSKEY record of a root"), (". 60 IN DNSKEY 257 3 13 nonsense!", "no DNSKEY records: ")] {
        assert!(resolver().anchored_at(records).unwrap_err().contains(why), "{records}");
    }
}

/// Asks a resolver for both names, and returns for each the addresses and whether they are signed.
async fn ask(server: SocketAddr, root_key: &str) -> Vec<(Vec<String>, Seen<bool>)> {
    let elsewhere = Elsewhere::parse(&format!("udp://{server}")).unwrap().anchored_at(root_key).unwrap();
    let hosts = [SIGNED, UNSIGNED].map(|name| Host::parse(name).unwrap());
    // Nobody answers the handshakes: only the names are of interest.
    let mut resolver = Resolver::stated_only();
    for host in &hosts {
        resolver.state(host.clone(), 9, SocketAddr::from((HERE, 9)));
    }
    let plan = Plan { resolver, elsewhere: vec![elsewhere], ..Plan::for_hosts(hosts.clone().map(|host| (host, 9))) };
    let evidence = run_async(plan, &mut ()).await.unwrap();
    let answers = evidence.surroundings.dns.yes().unwrap();
    let told: Vec<_> = hosts
        .iter()
        .map(|host| {
            answers
                .iter()
                .find(|answer| answer.host == *host && answer.resolver != "stated")
                .unwrap_or_else(|| panic!("{host}: {answers:?}"))
        })
        .map(|answer| (answer.addresses.clone(), answer.authenticated.clone()))
        .collect();
    // What does not verify is in the report too.
    let bad = judge(&evidence, &Tables::compiled()).surroundings.badly_signed;
    assert_eq!(bad.iter().any(|host| host.as_str() == SIGNED), matches!(told[0].1, Seen::Failed(_)), "{bad:?}");
    told
}

/// Serves a root that is signed, with a name of its own and an unsigned zone below; returns the root's key as a record too.
async fn signed_root() -> (SocketAddr, String) {
    let key =
        EcdsaSigningKey::from_pkcs8(&EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).unwrap(), Algorithm::ECDSAP256SHA256);
    let key = key.unwrap();
    let public = DNSKEY::from_key(&key.to_public_key().unwrap());
    let record = Record::from_rdata(Name::root(), TTL, RData::DNSSEC(DNSSECRData::DNSKEY(public.clone()))).to_string();

    let mut root = zone(".", Some(NxProofKind::Nsec));
    add(&mut root, SIGNED, RData::A(A(HERE)));
    add(&mut root, "unsigned.example", RData::NS(NS(name("ns.unsigned.example"))));
    root.add_zone_signing_key_mut(DnssecSigner::new(public, Box::new(key), Name::root(), Duration::from_hours(24))).unwrap();
    root.secure_zone_mut().unwrap();
    let mut below = zone("unsigned.example", None);
    add(&mut below, UNSIGNED, RData::A(A(HERE)));

    let root = Arc::new(root);
    let mut whole = Catalog::new();
    whole.upsert(Name::root().into(), vec![root.clone()]);
    whole.upsert(name("unsigned.example").into(), vec![Arc::new(below)]);
    let mut above = Catalog::new();
    above.upsert(Name::root().into(), vec![root]);
    let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
    let at = socket.local_addr().unwrap();
    let mut server = Server::new(Cuts { whole, above });
    server.register_socket(socket);
    tokio::spawn(async move { server.block_until_done().await });
    (at, record)
}

/// Whether a zone is signed is answered by the zone above the cut (RFC 4035 §3.1.4.1).
struct Cuts {
    whole: Catalog,
    above: Catalog,
}

#[async_trait::async_trait]
impl RequestHandler for Cuts {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, respond: R) -> ResponseInfo {
        let of_parent = request.request_info().is_ok_and(|info| info.query.query_type() == RecordType::DS);
        let catalog = if of_parent { &self.above } else { &self.whole };
        catalog.handle_request::<R, T>(request, respond).await
    }
}

/// Passes questions on, and changes the address in what comes back.
async fn changing(server: SocketAddr) -> SocketAddr {
    let listening = UdpSocket::bind((HERE, 0)).await.unwrap();
    let at = listening.local_addr().unwrap();
    tokio::spawn(async move {
        let mut heard = [0; 4096];
        loop {
            let (count, from) = listening.recv_from(&mut heard).await.unwrap();
            let beyond = UdpSocket::bind((HERE, 0)).await.unwrap();
            beyond.send_to(&heard[..count], server).await.unwrap();
            let count = beyond.recv(&mut heard).await.unwrap();
            let mut answer = heard[..count].to_vec();
            while let Some(found) = answer.windows(4).position(|window| window == HERE.octets()) {
                answer[found..found + 4].copy_from_slice(&ELSEWHERE.octets());
            }
            listening.send_to(&answer, from).await.unwrap();
        }
    });
    at
}

type Zone = InMemoryZoneHandler<TokioRuntimeProvider>;

fn zone(origin: &str, proof: Option<NxProofKind>) -> Zone {
    let mut zone = Zone::empty(name(origin), ZoneType::Primary, AxfrPolicy::Deny, proof);
    let server = name("ns.unsigned.example");
    add(&mut zone, origin, RData::SOA(SOA::new(server.clone(), server.clone(), 1, 3600, 600, 86_400, TTL)));
    add(&mut zone, origin, RData::NS(NS(server)));
    zone
}

fn add(zone: &mut Zone, owner: &str, data: RData) {
    assert!(zone.upsert_mut(Record::from_rdata(name(owner), TTL, data), 1));
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

const TTL: u32 = 300;
