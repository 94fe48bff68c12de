//! Our ClientHello as others see it on the wire: its JA4, and every way in which it is not a browser's, stand in the documentation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use mintwatch::observe::{Hello, Limits, Offer, observe, over_tcp};
use mintwatch_validator::evidence::Host;
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions, parse_tls_plaintext};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Returns the first record that a handshake sends.
async fn sent(hello: Hello) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut record = vec![0; 5];
        stream.read_exact(&mut record).await.unwrap();
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        stream.read_exact(&mut record[5..]).await.unwrap();
        record
    });
    let host = Host::parse("www.example.org").unwrap();
    drop(observe(&over_tcp(host, 443), &[peer], &Offer::by(hello).unwrap(), &Limits::default()).await);
    heard.await.unwrap()
}

/// JA4 of a TLS client over TCP, by its published specification: counts and sorted lists, so that the order says nothing.
fn ja4(record: &[u8]) -> String {
    let (_, plaintext) = parse_tls_plaintext(record).unwrap();
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))) = plaintext.msg.first() else { panic!("no ClientHello") };
    let (_, extensions) = parse_tls_client_hello_extensions(hello.ext.unwrap()).unwrap();
    let is_grease = |value: u16| value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff;
    let mut ciphers: Vec<u16> = hello.ciphers.iter().map(|cipher| cipher.0).filter(|&cipher| !is_grease(cipher)).collect();
    let mut types: Vec<u16> = raw_types(hello.ext.unwrap()).into_iter().filter(|&kind| !is_grease(kind)).collect();
    let counts = (ciphers.len(), types.len());
    ciphers.sort_unstable();
    types.retain(|&kind| kind != 0 && kind != 16);
    types.sort_unstable();
    let (mut version, mut alpn, mut schemes) = ("12", "00".to_owned(), Vec::new());
    for extension in &extensions {
        match extension {
            TlsExtension::SupportedVersions(versions) if versions.iter().any(|version| version.0 == 0x0304) => version = "13",
            TlsExtension::ALPN(names) => {
                let first = names.first().unwrap();
                alpn = [first.first().unwrap(), first.last().unwrap()].map(|&byte| char::from(byte)).iter().collect();
            }
            TlsExtension::SignatureAlgorithms(list) => schemes = list.iter().copied().filter(|&scheme| !is_grease(scheme)).collect(),
            _ => {}
        }
    }
    let list = |values: &[u16]| values.iter().map(|value| format!("{value:04x}")).collect::<Vec<_>>().join(",");
    let short = |text: &str| {
        digest(&SHA256, text.as_bytes()).as_ref().iter().take(6).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    let rest = format!("{}_{}", list(&types), list(&schemes));
    format!("t{version}d{:02}{:02}{alpn}_{}_{}", counts.0, counts.1, short(&list(&ciphers)), short(&rest))
}

/// The types of the extensions, also of those that the parser does not know.
fn raw_types(mut extensions: &[u8]) -> Vec<u16> {
    let mut types = Vec::new();
    while let [a, b, c, d, rest @ ..] = extensions {
        types.push(u16::from_be_bytes([*a, *b]));
        extensions = &rest[usize::from(u16::from_be_bytes([*c, *d]))..];
    }
    types
}

#[tokio::test]
async fn the_documentation_tells_the_ja4_of_every_hello() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/LIMITATIONS.md")).unwrap();
    let mut missing = Vec::new();
    for hello in [Hello::Usual, Hello::Tls12, Hello::Classic, Hello::Http11, Hello::Bare, Hello::Ech] {
        let ja4 = ja4(&sent(hello).await);
        if !page.contains(&format!("`{ja4}`")) {
            missing.push(format!("{hello:?} {ja4}"));
        }
    }
    assert!(missing.is_empty(), "docs/LIMITATIONS.md does not name {missing:?}");
}

/// The hello of a browser that was kept.
fn kept(browser: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/hellos/{browser}.hex"));
    data_encoding::HEXLOWER.decode(std::fs::read_to_string(file).unwrap().trim().as_bytes()).unwrap()
}

#[tokio::test]
async fn the_documentation_tells_what_browsers_send_and_the_probe_does_not() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/LIMITATIONS.md")).unwrap();
    let ours = types_of(&sent(Hello::Usual).await);
    for browser in ["chromium-156", "firefox-153"] {
        let hello = kept(browser);
        let ja4 = ja4(&hello);
        assert!(page.contains(&format!("`{ja4}`")), "docs/LIMITATIONS.md does not name {browser} {ja4}");
        let theirs = types_of(&hello);
        for (lacking, of) in [(theirs.difference(&ours), "the browser"), (ours.difference(&theirs), "the probe")] {
            for kind in lacking {
                assert!(
                    page.contains(&format!("({kind})")),
                    "docs/LIMITATIONS.md does not tell of extension {kind}, of {of} alone ({browser})"
                );
            }
        }
    }
}

fn types_of(record: &[u8]) -> std::collections::BTreeSet<u16> {
    let (_, plaintext) = parse_tls_plaintext(record).unwrap();
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))) = plaintext.msg.first() else { panic!("no ClientHello") };
    raw_types(hello.ext.unwrap()).into_iter().filter(|kind| kind & 0x0f0f != 0x0a0a).collect()
}

#[tokio::test]
async fn the_order_of_extensions_differs_from_connection_to_connection() {
    let orders: std::collections::BTreeSet<Vec<u16>> = {
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..6 {
            let record = sent(Hello::Usual).await;
            let (_, plaintext) = parse_tls_plaintext(&record).unwrap();
            let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))) = plaintext.msg.first() else { panic!("no hello") };
            orders.insert(raw_types(hello.ext.unwrap()));
        }
        orders
    };
    assert!(orders.len() > 1, "as browsers do");
}
