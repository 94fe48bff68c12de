//! Angles on loopback: each is seen as itself, and what differs between them is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use mintwatch::demo::origin::{Server, serve, serve_quic};
use mintwatch::demo::pki::Authority;
use mintwatch::demo::world::{Resident, World};
use mintwatch::observe::{Angle, Elsewhere, Hello, Limits, Plan, Planned, Proxy, Resolver, Road, Tour, Way, plan, run_async, unix_seconds};
use mintwatch_validator::evidence::{
    Bytes, Ending, Evidence, FailureClass, Host, MachineAnchor, Observation, Reach, Seen, Sha256, StartTls, Transport, Via,
};
use mintwatch_validator::tables::Tables;
use mintwatch_validator::verdict::Cause;
use mintwatch_validator::{Report, judge};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const BANK: &str = "www.northbank.example";
const NEWS: &str = "www.daily-courier.example";
const RESIDENTS: [Resident; 2] =
    [Resident { host: BANK, operator: "North Bank", class: "bank" }, Resident { host: NEWS, operator: "Daily Courier", class: "news" }];

/// Two hosts at one address, over TCP and QUIC.
struct Place {
    world: World,
    tables: Tables,
    tcp: Server,
    _quic: Option<Server>,
}

impl Place {
    /// Serves both hosts over TCP, and over QUIC on the same port when it is wanted.
    async fn at(listen: &str, quic: bool) -> Self {
        let world = World::new(&RESIDENTS, unix_seconds()).unwrap();
        let tables = Tables::compiled().with_overlay(&world.overlay("TEST angles").unwrap()).unwrap();
        let tcp = serve(TcpListener::bind(listen).await.unwrap(), world.sites().unwrap()).unwrap();
        let quic = quic.then(|| serve_quic(std::net::UdpSocket::bind(tcp.address()).unwrap(), world.sites().unwrap()).unwrap());
        Self { world, tables, tcp, _quic: quic }
    }

    fn plan(&self, angles: &[Angle]) -> Plan {
        let mut resolver = Resolver::stated_only();
        let hosts = [BANK, NEWS].map(|name| (host(name), self.tcp.address().port()));
        for (host, port) in &hosts {
            resolver.state(host.clone(), *port, self.tcp.address());
        }
        let tour = Tour { rounds: 1, angles: angles.iter().copied().collect::<BTreeSet<_>>() };
        Plan { resolver, targets: plan(&hosts, &tour, &mut StdRng::seed_from_u64(1)), limits: quick(), ..Plan::for_hosts([]) }
    }
}

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

fn quick() -> Limits {
    Limits { quic: Duration::from_millis(700), ..Limits::default() }
}

async fn look(plan: Plan) -> Evidence {
    run_async(plan, &mut ()).await.unwrap()
}

fn over(evidence: &Evidence, transport: Transport) -> Vec<&Observation> {
    evidence.observations.iter().filter(|seen| seen.target.transport == transport).collect()
}

fn chain(seen: &Observation) -> &[Bytes] {
    seen.chain.yes().map_or(&[], |chain| &chain.certificates)
}

fn class(seen: &Observation) -> Option<FailureClass> {
    match &seen.ending {
        Ending::Completed => None,
        Ending::Failed(failure) => Some(failure.class),
    }
}

fn finding<'r>(report: &'r Report, detector: &str) -> Option<&'r str> {
    report.findings.iter().find(|finding| finding.detector == detector).map(|finding| finding.says.as_str())
}

#[tokio::test]
async fn the_chain_over_quic_is_the_chain_over_tcp() {
    let place = Place::at("127.0.0.1:0", true).await;
    let evidence = look(place.plan(&[Angle::Quic])).await;
    let (quic, tcp) = (over(&evidence, Transport::Quic), over(&evidence, Transport::Tcp));
    assert_eq!((quic.len(), tcp.len()), (2, 2));
    for seen in &quic {
        assert_eq!(seen.ending, Ending::Completed, "{:?}", seen.ending);
        assert_eq!(seen.tls.yes().unwrap().alpn, Seen::Yes("h3".to_owned()));
        let same = tcp.iter().find(|other| other.target.host == seen.target.host).unwrap();
        assert!(!chain(seen).is_empty() && chain(seen) == chain(same));
        assert!(seen.possession.yes().is_some());
    }
    let report = judge(&evidence, &place.tables);
    assert_eq!(report.verdict.cause, Cause::Clear, "{:?}", report.verdict);
    assert!(report.hosts.iter().all(|host| host.possession == mintwatch_validator::report::PossessionReport::Proven));
}

#[tokio::test]
async fn quic_that_is_dropped_is_told_from_quic_that_differs() {
    let place = Place::at("127.0.0.1:0", false).await;
    // Somebody swallows every datagram.
    let _hole = UdpSocket::bind(place.tcp.address()).await.unwrap();
    let evidence = look(place.plan(&[Angle::Quic])).await;
    assert!(over(&evidence, Transport::Quic).iter().all(|seen| class(seen) == Some(FailureClass::TimedOut)));
    let report = judge(&evidence, &place.tables);
    assert_eq!(report.verdict.cause, Cause::Clear, "a way that is blocked is no difference: {:?}", report.verdict);
    assert_eq!(finding(&report, "transport-diverges"), None);
}

#[tokio::test]
async fn a_box_on_one_version_of_ip_is_seen_by_the_other() {
    let honest = Place::at("127.0.0.1:0", false).await;
    let private = honest.world.private_root("Contoso TEST", "Contoso TEST Root").unwrap();
    let boxed =
        serve(TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, honest.tcp.address().port()))).await.unwrap(), minted(&private))
            .unwrap();
    let mut plan = honest.plan(&[Angle::Families]);
    for name in [BANK, NEWS] {
        plan.resolver.state(host(name), boxed.address().port(), boxed.address());
    }
    plan.surroundings.anchors = Seen::Yes(vec![added(&private)]);
    plan.ground_truth = true;
    let evidence = look(plan).await;
    assert_eq!(evidence.observations.len(), 4);
    let families = evidence.surroundings.families.yes().unwrap();
    assert_eq!((families.ipv4, families.ipv6), (Reach::Answered, Reach::Answered));
    let report = judge(&evidence, &honest.tables);
    assert_eq!(report.verdict.cause, Cause::LocalInterception);
    assert!(finding(&report, "transport-diverges").unwrap().contains("version of IP"), "{:?}", report.findings);
    let ipv6 = |host: &&mintwatch_validator::report::HostReport| host.way == ["ipv6"];
    assert!(report.hosts.iter().filter(ipv6).all(|host| host.verdict.cause == Cause::LocalInterception));
    assert_eq!(report.hosts.iter().filter(ipv6).count(), 2);
}

/// Both hosts, as a box mints them.
fn minted(authority: &Authority) -> Vec<mintwatch::demo::origin::Site> {
    let validity = mintwatch::demo::pki::Validity::begun(1, unix_seconds(), 90);
    let site = |name: &&str| {
        let leaf = authority.issue(&[name], validity, &[]).unwrap();
        mintwatch::demo::origin::Site::new(name, leaf.chain().to_vec(), leaf.key()).unwrap()
    };
    [BANK, NEWS].iter().map(site).collect()
}

fn added(authority: &Authority) -> MachineAnchor {
    let der: Bytes = authority.der().to_vec().into();
    MachineAnchor { sha256: Sha256::of(der.as_slice()), origin: "platform".to_owned(), certificate: Seen::Yes(der) }
}

/// Who was asked for, at whose address, and what is said of it.
fn by_name(report: &Report) -> Vec<(String, String, Cause)> {
    let name = |host: &mintwatch_validator::report::HostReport| {
        let other = host.way.iter().find_map(|part| part.strip_prefix("server name ").map(str::to_owned));
        (other.unwrap_or_else(|| host.host.to_string()), host.host.to_string(), host.verdict.cause)
    };
    let mut names: Vec<_> = report.hosts.iter().map(name).collect();
    names.sort_unstable_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    names
}

#[tokio::test]
async fn of_two_names_at_one_address_the_forged_one_is_met_whichever_host_is_meant() {
    let place = Place::at("127.0.0.1:0", false).await;
    let private = place.world.private_root("Contoso TEST", "Contoso TEST Root").unwrap();
    // A box before the address that reads the server name, and mints for the newspaper alone.
    let mut sites = place.world.sites().unwrap();
    sites.truncate(1);
    sites.extend(minted(&private).pop());
    let boxed = serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), sites).unwrap();
    let asked = |address: SocketAddr| {
        let mut plan = place.plan(&[Angle::Names]);
        plan.resolver = Resolver::stated_only();
        for name in [BANK, NEWS] {
            plan.resolver.state(host(name), place.tcp.address().port(), address);
        }
        plan.surroundings.anchors = Seen::Yes(vec![added(&private)]);
        plan
    };
    let evidence = look(asked(boxed.address())).await;
    let names = |seen: &Observation| (seen.target.server_name.yes().unwrap().to_string(), seen.target.host.to_string());
    assert_eq!(evidence.observations.iter().map(names).collect::<BTreeSet<_>>().len(), 4, "each name at each host's address");
    let report = judge(&evidence, &place.tables);
    let expected = [
        (BANK, BANK, Cause::Clear),
        (BANK, NEWS, Cause::Clear),
        (NEWS, BANK, Cause::LocalInterception),
        (NEWS, NEWS, Cause::LocalInterception),
    ];
    let mut expected = expected.map(|(name, host, cause)| (name.to_owned(), host.to_owned(), cause));
    expected.sort_unstable_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    assert_eq!(by_name(&report), expected);
    assert!(finding(&report, "transport-diverges").unwrap().contains("another server name at the same address"), "{:?}", report.findings);

    // Where nobody stands in between, asking so is no fault of anybody's.
    let open = judge(&look(asked(place.tcp.address())).await, &place.tables);
    assert_eq!(open.verdict.cause, Cause::Clear, "{:?}", by_name(&open));
    assert_eq!(finding(&open, "transport-diverges"), None);
}

#[tokio::test]
async fn every_hello_is_answered_as_it_asks_and_says_what_it_offered() {
    let place = Place::at("127.0.0.1:0", false).await;
    let evidence = look(place.plan(&[Angle::Tls12, Angle::Classic, Angle::Http11, Angle::Ech, Angle::Repeat])).await;
    assert_eq!(evidence.observations.len(), 2 * 6);
    let agreed: BTreeSet<(String, String)> = evidence
        .observations
        .iter()
        .map(|seen| seen.tls.yes().unwrap())
        .map(|tls| (tls.version.clone(), tls.group.yes().cloned().unwrap_or_default()))
        .collect();
    let has = |version: &str, group: &str| agreed.contains(&(version.to_owned(), group.to_owned()));
    assert!(has("TLSv1.3", "X25519MLKEM768") && has("TLSv1.3", "X25519") && has("TLSv1.2", "X25519"), "{agreed:?}");
    let offers: BTreeSet<_> = evidence.observations.iter().map(|seen| seen.offer.yes().unwrap().alpn.join(" ")).collect();
    assert!(offers.contains("http/1.1") && offers.contains("h2 http/1.1"));
    let report = judge(&evidence, &place.tables);
    assert_eq!(report.verdict.cause, Cause::Clear, "{:?}", report.verdict);
    assert!(report.hosts.iter().any(|host| host.way == ["tls 1.2"]));
}

#[tokio::test]
async fn a_chain_is_seen_behind_starttls() {
    let place = Place::at("127.0.0.1:0", false).await;
    let origin = place.tcp.address();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                client.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
                for answer in ["250-mail.example\r\n250 STARTTLS\r\n", "220 go\r\n"] {
                    let mut heard = [0; 256];
                    assert!(client.read(&mut heard).await.unwrap() > 0);
                    client.write_all(answer.as_bytes()).await.unwrap();
                }
                let mut origin = TcpStream::connect(origin).await.unwrap();
                drop(copy_bidirectional(&mut client, &mut origin).await);
            });
        }
    });
    let mut planned = Planned::now(&host(BANK), 25);
    assert_eq!(planned.target.starttls, Some(StartTls::Smtp));
    planned.target.port = mail.port();
    let mut resolver = Resolver::stated_only();
    resolver.state(host(BANK), mail.port(), mail);
    let evidence = look(Plan { targets: vec![planned], resolver, ..Plan::for_hosts([]) }).await;
    let report = judge(&evidence, &place.tables);
    assert_eq!((report.verdict.cause, &report.hosts[0].way[..]), (Cause::Clear, &["starttls smtp".to_owned()][..]), "{evidence:?}");
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_way_and_told_in_the_evidence() {
    let place = Place::at("127.0.0.1:0", true).await;
    let origin = place.tcp.address();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut heard = vec![0; 1024];
                let count = client.read(&mut heard).await.unwrap();
                assert!(heard[..count].starts_with(b"CONNECT "));
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut origin = TcpStream::connect(origin).await.unwrap();
                drop(copy_bidirectional(&mut client, &mut origin).await);
            });
        }
    });
    let usual = place.plan(&[Angle::Quic, Angle::Families]);
    // Whoever is past the proxy hears nothing.
    let past = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = vec![Elsewhere::parse(&format!("udp://127.0.0.1:{}", past.local_addr().unwrap().port())).unwrap()];
    let plan =
        Plan { proxy: Some(Proxy::parse(&proxy).unwrap()), resolver: Resolver::stated_only(), elsewhere, ground_truth: true, ..usual };
    let evidence = look(plan).await;
    assert!(past.try_recv(&mut [0; 64]).is_err(), "a question went past the proxy");
    assert_eq!(evidence.observations.len(), 2, "a proxy knows one way");
    for seen in &evidence.observations {
        assert_eq!((&seen.via, &seen.peer), (&Seen::Yes(Via::HttpConnect), &Seen::NotVisible), "the proxy's address is nobody's business");
    }
    let report = judge(&evidence, &place.tables);
    assert_eq!((report.verdict.cause, &report.hosts[0].way[..]), (Cause::Clear, &["through http-connect".to_owned()][..]));
}

/// Answers every question over UDP: A records with `address`, nothing else.
async fn name_server(address: std::net::Ipv4Addr) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut heard = [0; 1500];
        loop {
            let (count, from) = socket.recv_from(&mut heard).await.unwrap();
            socket.send_to(&dns_answer(&heard[..count], address), from).await.unwrap();
        }
    });
    at
}

/// One answer by hand (RFC 1035 §4.1): the question again, and a record of the kind that was asked for.
fn dns_answer(question: &[u8], address: std::net::Ipv4Addr) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|&byte| byte == 0).unwrap() + 1;
    let kind = u16::from_be_bytes([question[name_end], question[name_end + 1]]);
    let data: Option<Vec<u8>> = match kind {
        1 => Some(address.octets().to_vec()),
        // HTTPS (RFC 9460): priority 1, the name itself, alpn="h3".
        65 => Some(vec![0, 1, 0, 0, 1, 0, 3, 2, b'h', b'3']),
        // TLSA (RFC 6698): 3 1 1.
        52 => Some([&[3, 1, 1][..], &[0xab; 32]].concat()),
        // CAA (RFC 8659): issue "ca.example".
        257 => Some([&[0, 5][..], b"issueca.example"].concat()),
        _ => None,
    };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    answer.extend(&question[12..name_end + 4]);
    if let Some(data) = data {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}

/// A resolver over TLS (RFC 7858) and over HTTPS (RFC 8484), by ALPN, under a certificate of its own.
async fn private_name_server(address: std::net::Ipv4Addr) -> SocketAddr {
    let leaf = mintwatch::demo::pki::Leaf::self_signed("dns.test", mintwatch::demo::pki::Validity::begun(1, unix_seconds(), 9)).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(leaf.chain().to_vec(), leaf.key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"dot".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(client).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        tokio::spawn(async move {
                            let mut body = request.into_body();
                            let mut question = Vec::new();
                            while let Some(Ok(part)) = body.data().await {
                                question.extend_from_slice(&part);
                            }
                            let answer = dns_answer(&question, address);
                            let head = http::Response::builder()
                                .header("content-type", "application/dns-message")
                                .header("content-length", answer.len())
                                .body(())
                                .unwrap();
                            respond.send_response(head, false).unwrap().send_data(answer.into(), true).unwrap();
                        });
                    }
                    return;
                }
                let mut length = [0; 2];
                while stream.read_exact(&mut length).await.is_ok() {
                    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut question).await.unwrap();
                    let answer = dns_answer(&question, address);
                    stream.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            });
        }
    });
    at
}

#[tokio::test]
async fn resolvers_over_tls_and_https_are_asked_and_shown_with_their_own_certificate() {
    let place = Place::at("127.0.0.1:0", false).await;
    let server = private_name_server([127, 0, 0, 1].into()).await;
    let mut plan = place.plan(&[]);
    plan.elsewhere = ["https://127.0.0.1:{port}/dns-query#dns.test", "tls://127.0.0.1:{port}#dns.test"]
        .map(|text| Elsewhere::parse(&text.replace("{port}", &server.port().to_string())).unwrap())
        .into();
    let evidence = look(plan).await;
    let answers = evidence.surroundings.dns.yes().unwrap();
    for resolver in ["dns.test over HTTPS", "dns.test over TLS"] {
        let told: Vec<_> = answers.iter().filter(|answer| answer.resolver == resolver).collect();
        assert_eq!(told.len(), 2, "{answers:?}");
        assert!(told.iter().all(|answer| answer.addresses == ["127.0.0.1"]));
    }
    // What the host wants of its clients, asked of the first resolver alone.
    let bank = answers.iter().find(|answer| answer.resolver == "dns.test over HTTPS" && answer.host.as_str() == BANK).unwrap();
    let advice: Vec<_> = bank.records.iter().map(|record| (record.kind.as_str(), record.data.contains("ca.example"))).collect();
    assert_eq!(advice, [("HTTPS", false), ("TLSA", false), ("CAA", true)], "{:?}", bank.records);
    assert!(answers.iter().filter(|answer| answer.resolver == "dns.test over TLS").all(|answer| answer.records.is_empty()));
    let itself: Vec<_> = evidence.observations.iter().filter(|seen| seen.target.host.as_str() == "dns.test").collect();
    assert_eq!(itself.len(), 2, "whoever answers for a resolver is looked at too");
    assert!(itself.iter().all(|seen| chain(seen).len() == 1));
}

#[tokio::test]
async fn the_certificate_at_each_resolvers_answer_is_compared() {
    let honest = Place::at("127.0.0.1:0", false).await;
    let port = honest.tcp.address().port();
    let private = honest.world.private_root("Contoso TEST", "Contoso TEST Root").unwrap();
    let boxed = serve(TcpListener::bind(("127.0.0.2", port)).await.unwrap(), minted(&private)).unwrap();
    let server = name_server([127, 0, 0, 1].into()).await;
    // This network's resolver leads to the box, the one elsewhere to the origin.
    let mut plan = honest.plan(&[]);
    plan.resolver = Resolver::answering_as_system([BANK, NEWS].map(|name| ((host(name), port), boxed.address())));
    plan.elsewhere = vec![Elsewhere::parse(&format!("udp://127.0.0.1:{}", server.port())).unwrap()];
    plan.surroundings.anchors = Seen::Yes(vec![added(&private)]);
    let evidence = look(plan).await;
    assert_eq!(evidence.observations.len(), 4);
    let resolvers: BTreeSet<_> = evidence.surroundings.dns.yes().unwrap().iter().map(|answer| answer.resolver.as_str()).collect();
    assert_eq!(resolvers, ["127.0.0.1 over UDP", "system"].into());
    let report = judge(&evidence, &honest.tables);
    assert!(finding(&report, "answers-diverge").is_some(), "{:?}", report.findings);
    assert_eq!(report.verdict.cause, Cause::LocalInterception);
}

#[tokio::test]
async fn packets_that_may_go_so_far_only_reach_who_is_that_near() {
    let place = Place::at("127.0.0.1:0", false).await;
    let mut plan = place.plan(&[]);
    plan.targets.iter_mut().for_each(|planned| planned.way = Way { hop_limit: Some(1), road: Road::Usual, hello: Hello::Usual });
    let evidence = look(plan).await;
    // Loopback is one hop: nobody takes one off.
    assert!(evidence.observations.iter().all(|seen| seen.hop_limit == Some(1) && seen.ending == Ending::Completed));
}

#[tokio::test]
async fn a_portal_and_a_wrong_clock_are_found_out_by_pages_that_are_always_the_same() {
    let place = Place::at("127.0.0.1:0", false).await;
    let ground = |answer: &'static str| {
        let mut plan = place.plan(&[]);
        async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let web = listener.local_addr().unwrap();
            tokio::spawn(async move {
                loop {
                    let (mut client, _) = listener.accept().await.unwrap();
                    let mut heard = [0; 1024];
                    drop(client.read(&mut heard).await);
                    drop(client.write_all(answer.as_bytes()).await);
                }
            });
            for page in [
                "detectportal.firefox.com",
                "connectivitycheck.gstatic.com",
                "captive.apple.com",
                "www.msftconnecttest.com",
                "cp.cloudflare.com",
            ] {
                plan.resolver.state(host(page), 80, web);
            }
            plan.ground_truth = true;
            look(plan).await
        }
    };
    let portal = ground("HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n").await;
    assert!(portal.surroundings.portal.yes().unwrap().captive);
    assert_eq!(portal.surroundings.clock, Seen::Failed("no host told the time".to_owned()));
    let old = ground("HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2015 10:00:00 GMT\r\n\r\nsuccess Success Microsoft Connect Test").await;
    assert_eq!(old.surroundings.portal.yes().map(|portal| portal.captive), Some(false));
    assert!(old.surroundings.clock.yes().unwrap().ahead_seconds > 300_000_000);
    assert_eq!(judge(&old, &place.tables).verdict.cause, Cause::Clock);
}
