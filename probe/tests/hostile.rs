//! Hostile peers on loopback: each ends as itself, within its deadline, within its memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mintwatch::observe::{Hello, Limits, Offer, Plan, Resolver, observe, over_tcp, run_async};
use mintwatch_validator::evidence::{Ending, FailureClass, Host, Observation};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[tokio::test]
async fn silence_times_out() {
    let peer = serve(|stream| async move { hold(stream).await }).await;
    let seen = look(peer).await;
    assert_eq!(class(&seen), FailureClass::TimedOut);
    assert!(detail(&seen).contains("handshake"), "{}", detail(&seen));
}

#[tokio::test]
async fn one_byte_now_and_then_moves_no_deadline() {
    let peer = serve(|mut stream| async move {
        for byte in [22, 3, 3, 0, 122, 2, 0, 0, 118].iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert_eq!(class(&look(peer).await), FailureClass::TimedOut);
}

#[tokio::test]
async fn the_true_deadlines_hold_against_a_drip() {
    let peer = serve(|mut stream| async move {
        for byte in [22, 3, 3, 0, 122, 2, 0, 0, 118].iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let begun = Instant::now();
    let seen = observe(&over_tcp(host(), 443), &[peer], &Offer::new().unwrap(), &Limits::default()).await;
    assert_eq!(class(&seen), FailureClass::TimedOut);
    assert!((9_900..10_500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn twenty_silent_hosts_end_with_the_run() {
    let peer = serve(|stream| async move { hold(stream).await }).await;
    let mut resolver = Resolver::stated_only();
    let hosts: Vec<_> = (0..20).map(|number| Host::parse(&format!("host{number}.test")).unwrap()).collect();
    for host in &hosts {
        resolver.state(host.clone(), 443, peer);
    }
    let plan = Plan {
        concurrency: 4,
        limits: Limits { run: Duration::from_millis(1_500), ..quick() },
        resolver,
        ..Plan::for_hosts(hosts.iter().map(|host| (host.clone(), 443)))
    };
    let begun = Instant::now();
    let evidence = run_async(plan, &mut ()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(evidence.observations.len(), 20);
    for (seen, host) in evidence.observations.iter().zip(&hosts) {
        assert_eq!((&seen.target.host, class(seen)), (host, FailureClass::TimedOut));
    }
}

#[tokio::test]
async fn a_web_server_without_tls_is_not_tls() {
    let peer = serve(|mut stream| async move {
        greet(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        hold(stream).await;
    })
    .await;
    assert_eq!(class(&look(peer).await), FailureClass::NotTls);
    let curt = serve(|mut stream| async move {
        greet(&mut stream).await;
        let _ = stream.write_all(b"NO\n").await;
    })
    .await;
    assert_eq!(class(&look(curt).await), FailureClass::NotTls);
}

#[tokio::test]
async fn reset_close_and_refusal_are_told_apart() {
    let reset = serve(|mut stream| async move {
        greet(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_eq!(class(&look(reset).await), FailureClass::Reset);
    let close = serve(|mut stream| async move { greet(&mut stream).await }).await;
    assert_eq!(class(&look(close).await), FailureClass::Closed);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(class(&look(nobody).await), FailureClass::Refused);
    let unresolved = observe(&over_tcp(host(), 443), &[], &Offer::new().unwrap(), &quick()).await;
    assert_eq!(class(&unresolved), FailureClass::NoAddress);
}

#[tokio::test]
async fn an_alert_is_an_alert_and_a_missing_version_is_nothing_in_common() {
    let refusal = |description: u8| async move {
        let peer = serve(move |mut stream| async move {
            greet(&mut stream).await;
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, description]).await;
            hold(stream).await;
        });
        class(&look(peer.await).await)
    };
    assert_eq!(refusal(112).await, FailureClass::Alert, "unrecognized_name");
    assert_eq!(refusal(40).await, FailureClass::Alert, "handshake_failure");
    assert_eq!(refusal(70).await, FailureClass::NothingInCommon, "protocol_version");
    let old = serve(|mut stream| async move {
        greet(&mut stream).await;
        let _ = stream.write_all(&server_hello([3, 1])).await;
        hold(stream).await;
    })
    .await;
    assert_eq!(class(&look(old).await), FailureClass::NothingInCommon, "TLS 1.0");
}

#[tokio::test]
async fn twelve_mebibytes_of_certificates_are_not_taken() {
    let before = peak_kibibytes();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let peer = serve(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            greet(&mut stream).await;
            let _ = stream.write_all(&server_hello([3, 3])).await;
            // A Certificate message of 12 MiB, in records of 16 KiB.
            let mut record = vec![22, 3, 3, 0x40, 0, 11, 0xc0, 0, 0];
            record.resize(5 + 0x4000, 0);
            while stream.write_all(&record).await.is_ok() && counter.load(Ordering::Relaxed) < 12 << 20 {
                counter.fetch_add(record.len(), Ordering::Relaxed);
                record[5..9].fill(0);
            }
        }
    })
    .await;
    assert_eq!(class(&look(peer).await), FailureClass::Oversize);
    let grown = peak_kibibytes().saturating_sub(before);
    assert!(grown <= 16 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn a_length_that_lies_is_no_memory() {
    for (length, expected) in [([0xff, 0xff, 0xff], FailureClass::Oversize), ([0, 0, 1], FailureClass::Malformed)] {
        let before = peak_kibibytes();
        let peer = serve(move |mut stream| async move {
            greet(&mut stream).await;
            let _ = stream.write_all(&server_hello([3, 3])).await;
            let mut message = vec![22, 3, 3, 0, 14, 11];
            message.extend(length);
            message.extend([0; 10]);
            let _ = stream.write_all(&message).await;
            hold(stream).await;
        })
        .await;
        assert_eq!(class(&look(peer).await), expected, "{length:?}");
        assert!(peak_kibibytes().saturating_sub(before) <= 16 * 1024);
    }
}

#[tokio::test]
async fn floods_of_records_end_at_once() {
    let floods: [(&str, &[u8]); 4] = [
        ("change cipher spec", &[20, 3, 3, 0, 1, 1]),
        ("warnings", &[21, 3, 3, 0, 2, 1, 112]),
        ("empty handshake records", &[22, 3, 3, 0, 0]),
        ("empty data", &[23, 3, 3, 0, 0]),
    ];
    for (name, record) in floods {
        let peer = serve(move |mut stream| async move {
            greet(&mut stream).await;
            let flood = record.repeat(1_000);
            while stream.write_all(&flood).await.is_ok() {}
        })
        .await;
        let begun = Instant::now();
        let seen = look(peer).await;
        assert!(matches!(class(&seen), FailureClass::Malformed | FailureClass::Oversize), "{name}: {:?} {}", class(&seen), detail(&seen));
        assert!(begun.elapsed() < Duration::from_millis(400), "{name}: {:?}", begun.elapsed());
    }
}

/// A box that takes TLS 1.3 out of our hello: the server then says by eight bytes that it could do better (RFC 8446 §4.1.3).
#[tokio::test]
async fn a_hello_that_was_weakened_on_the_way_is_a_downgrade() {
    let acceptor = {
        let key = aws_lc_rs::sign::any_supported_type(&PrivateKeyDer::try_from(KEY.serialize_der()).unwrap()).unwrap();
        let mut certified = ResolvesServerCertUsingSni::new();
        certified.add("shop.test", CertifiedKey::new(chain_of(1, 0), key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certified));
        TlsAcceptor::from(Arc::new(config))
    };
    let peer = serve(move |mut client| {
        let acceptor = acceptor.clone();
        async move {
            let mut hello = vec![0; 8 * 1024];
            let count = client.read(&mut hello).await.unwrap();
            hello.truncate(count);
            // supported_versions: its list is seven bytes with its header, 1.3 and 1.2 in some order. It becomes unknown.
            let at = hello.windows(5).position(|window| window == [0, 43, 0, 5, 4]).unwrap();
            hello[at..at + 2].copy_from_slice(&[0xfa, 0xfa]);
            let (mut near, far) = tokio::io::duplex(64 * 1024);
            near.write_all(&hello).await.unwrap();
            let _server = tokio::spawn(async move { drop(acceptor.accept(far).await) });
            drop(tokio::io::copy_bidirectional(&mut client, &mut near).await);
        }
    })
    .await;
    let seen = look(peer).await;
    assert_eq!(class(&seen), FailureClass::Downgraded, "{}", detail(&seen));
}

/// Every byte of a server's flight bent: each ends as some failure or as a handshake, and nothing else happens.
#[tokio::test]
async fn bent_flights_end_as_themselves() {
    let server = tls(chain_of(3, 200), true).await;
    let mut flight = Vec::new();
    let mut stream = TcpStream::connect(server).await.unwrap();
    // Whatever comes first for a hello of somebody else: ServerHello to ServerHelloDone in clear.
    let (config, name) = (rustls_client(), rustls::pki_types::ServerName::try_from("shop.test").unwrap());
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    stream.write_all(&hello).await.unwrap();
    while !flight.ends_with(&[14, 0, 0, 0]) {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.unwrap();
        assert_ne!(count, 0);
        flight.extend_from_slice(&part[..count]);
    }
    let mut ends = std::collections::BTreeSet::new();
    for place in (0..flight.len()).step_by(3) {
        let mut bent = flight.clone();
        bent[place] ^= 1 << (place % 8);
        let peer = serve(move |mut stream| {
            let bent = bent.clone();
            async move {
                greet(&mut stream).await;
                let _ = stream.write_all(&bent).await;
            }
        })
        .await;
        let limits = Limits { handshake: Duration::from_millis(300), ..quick() };
        let seen = observe(&over_tcp(host(), 443), &[peer], &Offer::new().unwrap(), &limits).await;
        ends.insert(class(&seen));
    }
    assert!(ends.contains(&FailureClass::Malformed) && ends.contains(&FailureClass::Closed) && ends.len() >= 3, "{ends:?}");
}

fn rustls_client() -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// Whatever is answered to a QUIC Initial: noise, our own packet, floods. It ends by the deadline, as no answer.
#[tokio::test]
async fn noise_over_quic_ends_with_its_deadline() {
    let target =
        mintwatch_validator::evidence::Target { transport: mintwatch_validator::evidence::Transport::Quic, ..over_tcp(host(), 443) };
    for noise in [vec![], vec![0; 1200], vec![0xff; 1200], vec![0xc0; 40]] {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = socket.local_addr().unwrap();
        let answers = tokio::spawn(async move {
            let mut heard = [0; 2048];
            loop {
                let (count, from) = socket.recv_from(&mut heard).await.unwrap();
                for _ in 0..200 {
                    let _ = socket.send_to(if noise.is_empty() { &heard[..count] } else { &noise }, from).await;
                }
            }
        });
        let limits = Limits { quic: Duration::from_millis(400), ..quick() };
        let begun = Instant::now();
        let seen = observe(&target, &[peer], &Offer::by(Hello::Quic).unwrap(), &limits).await;
        answers.abort();
        assert!(seen.chain.yes().is_none());
        assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
        assert!(
            matches!(class(&seen), FailureClass::TimedOut | FailureClass::Malformed | FailureClass::NothingInCommon),
            "{:?}",
            class(&seen)
        );
    }
}

#[tokio::test]
async fn more_bytes_than_the_cap_are_oversize() {
    let peer = tls(chain_of(40, 1_000), false).await;
    let limits = Limits { connection_bytes: 20_000, ..quick() };
    let seen = observe(&over_tcp(host(), 443), &[peer], &Offer::new().unwrap(), &limits).await;
    assert_eq!(class(&seen), FailureClass::Oversize);
    assert!(detail(&seen).contains("20000 bytes"), "{}", detail(&seen));
}

#[tokio::test]
async fn a_thousand_certificates_are_kept_in_order() {
    let chain = chain_of(1_000, 40);
    let seen = look(tls(chain.clone(), false).await).await;
    assert_eq!(seen.ending, Ending::Completed);
    let kept = &seen.chain.yes().unwrap().certificates;
    assert_eq!(kept.len(), 1_000);
    assert!(kept.iter().zip(&chain).all(|(kept, sent)| kept.as_slice() == sent.as_ref()));
}

#[tokio::test]
async fn a_certificate_message_over_64_kib_is_oversize() {
    assert_eq!(class(&look(tls(chain_of(100, 1_000), false).await).await), FailureClass::Oversize);
}

#[tokio::test]
async fn a_whole_handshake_is_recorded_as_it_was() {
    let seen = look(tls(chain_of(2, 100), false).await).await;
    assert_eq!(seen.ending, Ending::Completed);
    let agreed = seen.tls.yes().unwrap();
    assert_eq!((agreed.version.as_str(), agreed.cipher_suite.as_str()), ("TLSv1.3", "TLS13_AES_128_GCM_SHA256"));
    assert_eq!(agreed.group.yes().unwrap(), "X25519MLKEM768");
    assert_eq!((agreed.alpn.yes().unwrap().as_str(), agreed.full_handshake.yes()), ("", Some(&true)));
    assert!(seen.ocsp_staple.yes().unwrap().as_slice().is_empty());
    let possession = seen.possession.yes().unwrap();
    // RFC 8446 §4.4.3: 64 spaces, the context string, a zero byte, the transcript hash.
    assert!(possession.message.as_slice().starts_with(&[0x20; 64]));
    assert_eq!((possession.message.as_slice().len(), possession.scheme), (64 + 33 + 1 + 32, 0x0403));
}

#[tokio::test]
async fn an_older_handshake_is_recorded_too() {
    let seen = look(tls(chain_of(2, 100), true).await).await;
    assert_eq!(seen.ending, Ending::Completed);
    assert_eq!(seen.tls.yes().unwrap().version, "TLSv1.2");
    // RFC 5246 §7.4.3: two randoms of 32 bytes, then the parameters.
    assert!(seen.possession.yes().unwrap().message.as_slice().len() > 64);
}

#[tokio::test]
async fn a_chain_is_kept_when_the_handshake_breaks_and_is_tried_once_more() {
    let acceptor = acceptor(chain_of(2, 100), true);
    let attempts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&attempts);
    let peer = serve(move |stream| {
        let acceptor = acceptor.clone();
        let breaks = counter.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if breaks {
                break_off_after_flight(stream, &acceptor).await;
            } else {
                let _ = acceptor.accept(stream).await;
            }
        }
    })
    .await;
    let seen = look(peer).await;
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert_eq!(seen.ending, Ending::Completed);

    let acceptor = self::acceptor(chain_of(2, 100), true);
    let stubborn = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move { break_off_after_flight(stream, &acceptor).await }
    })
    .await;
    let seen = look(stubborn).await;
    assert!(matches!(class(&seen), FailureClass::Closed | FailureClass::Reset), "{}", detail(&seen));
    assert_eq!(seen.chain.yes().unwrap().certificates.len(), 2);
    assert!(seen.possession.yes().is_some());
}

#[tokio::test]
async fn nothing_is_sent_after_the_handshake() {
    let acceptor = acceptor(chain_of(2, 100), false);
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let peer = serve(move |stream| {
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut rest = Vec::new();
            let end = stream.read_to_end(&mut rest).await;
            sender.send((rest, end.is_err())).await.unwrap();
        }
    })
    .await;
    assert_eq!(look(peer).await.ending, Ending::Completed);
    let end = tokio::time::timeout(Duration::from_secs(5), receiver.recv()).await;
    assert_eq!(end.unwrap().unwrap(), (Vec::new(), true), "an end without a word, the server's handshake over");
}

/// Lets the server's first flight through, the certificates in it, and then closes.
async fn break_off_after_flight(mut stream: TcpStream, acceptor: &TlsAcceptor) {
    let mut connection = rustls::ServerConnection::new(Arc::clone(acceptor.config())).unwrap();
    let mut hello = vec![0; 4096];
    let count = stream.read(&mut hello).await.unwrap();
    connection.read_tls(&mut &hello[..count]).unwrap();
    connection.process_new_packets().unwrap();
    let mut flight = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut flight).unwrap();
    }
    stream.write_all(&flight).await.unwrap();
    // The client's answer is read, so that the close is a close.
    let _ = stream.read(&mut hello).await;
}

fn host() -> Host {
    Host::parse("shop.test").unwrap()
}

fn quick() -> Limits {
    Limits {
        tcp: Duration::from_millis(500),
        handshake: Duration::from_millis(800),
        host: Duration::from_millis(1_500),
        run: Duration::from_secs(5),
        ..Limits::default()
    }
}

async fn look(peer: SocketAddr) -> Observation {
    let begun = Instant::now();
    let seen = observe(&over_tcp(host(), 443), &[peer], &Offer::new().unwrap(), &quick()).await;
    assert!(begun.elapsed() < Duration::from_millis(1_700), "{:?}", begun.elapsed());
    seen
}

fn class(seen: &Observation) -> FailureClass {
    match &seen.ending {
        Ending::Completed => panic!("the handshake completed"),
        Ending::Failed(failure) => failure.class,
    }
}

fn detail(seen: &Observation) -> &str {
    match &seen.ending {
        Ending::Completed => "completed",
        Ending::Failed(failure) => &failure.detail,
    }
}

async fn serve<S, F>(serve: S) -> SocketAddr
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Reads the ClientHello, so that closing later is not answered by a reset.
async fn greet(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 4096]).await;
}

async fn hold(stream: TcpStream) {
    tokio::time::sleep(Duration::from_secs(30)).await;
    drop(stream);
}

/// A ServerHello without extensions, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
fn server_hello(version: [u8; 2]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.extend([0, 0xc0, 0x2f, 0]);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 3, 0, length + 4, 2, 0, 0, length];
    record.extend(body);
    record
}

fn acceptor(chain: Vec<CertificateDer<'static>>, old: bool) -> TlsAcceptor {
    let versions: &[&rustls::SupportedProtocolVersion] = if old { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
    let key = PrivateKeyDer::try_from(KEY.serialize_der()).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let mut certified = ResolvesServerCertUsingSni::new();
    certified.add("shop.test", CertifiedKey::new(chain, key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certified));
    TlsAcceptor::from(Arc::new(config))
}

async fn tls(chain: Vec<CertificateDer<'static>>, old: bool) -> SocketAddr {
    let acceptor = acceptor(chain, old);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 1]).await;
            }
        }
    })
    .await
}

/// An end-entity certificate, and bytes of some length in place of the others.
fn chain_of(count: u16, length: usize) -> Vec<CertificateDer<'static>> {
    let certificate = CertificateParams::new(vec!["shop.test".to_owned()]).unwrap().self_signed(&*KEY).unwrap();
    let other = |number: u16| {
        let mut bytes = vec![0x30; length];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        CertificateDer::from(bytes)
    };
    std::iter::once(certificate.der().clone()).chain((1..count).map(other)).collect()
}

static KEY: std::sync::LazyLock<KeyPair> = std::sync::LazyLock::new(|| KeyPair::generate().unwrap());

/// The most memory this process ever had, in KiB.
fn peak_kibibytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
