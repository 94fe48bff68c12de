//! What others recorded becomes evidence: captures of real handshakes, whole and broken, and the command around it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod captures;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use captures::{
    AT, CLIENT_MAC, CLIENT_PORT, CLIENTS, HOST, Link, SERVERS, STAPLE, Segment, Shop, WAY, Way, client, datagram, packets, pcap, pcapng,
    segments, segments_from, server, shake_hands,
};
use flate2::{Compression, write::GzEncoder};
use mintwatch::demo::pki::{Authority, Validity};
use mintwatch::demo::scenario::LABEL;
use mintwatch::demo::world::{RESIDENTS, World};
use mintwatch::import::{Import, Imported, Passed, Wanted};
use mintwatch_validator::evidence::{ChainForm, Ending, Evidence, FailureClass, Host, Observation, Seen, Vantage};
use mintwatch_validator::report::PossessionReport;
use mintwatch_validator::verdict::Cause;
use mintwatch_validator::{Report, Tables, judge};
use rcgen::KeyPair;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

const WHOLE: usize = 65_535;

#[test]
fn a_chain_in_a_capture_is_the_chain_that_was_sent_byte_for_byte_on_every_link() {
    let shop = Shop::new();
    let segments = segments(&shop.talk(&TLS12), 1_400);
    for link in Link::ALL {
        for six in [false, true] {
            let packets = packets(&segments, Way { link, six, port: 8443 });
            for file in [pcap(&packets, link.number(), WHOLE), pcapng(&packets, link.number())] {
                let Imported { evidence, tally } = imported(&file);
                let seen = only(&evidence);
                let chain = seen.chain.yes().unwrap_or_else(|| panic!("{link:?} {six}: {:?}", seen.chain));
                assert_eq!(chain.form, ChainForm::Presented);
                let sent: Vec<&[u8]> = shop.leaf.chain().iter().map(AsRef::as_ref).collect();
                let read: Vec<&[u8]> = chain.certificates.iter().map(AsRef::as_ref).collect();
                assert_eq!(read, sent, "{link:?}");
                let expected = if six { format!("[{}]:8443", SERVERS[1]) } else { format!("{}:8443", SERVERS[0]) };
                assert_eq!(seen.peer, Seen::Yes(expected));
                assert_eq!((tally.bad, tally.passed.len()), (0, 0), "{:?}", tally.named);
            }
        }
    }
}

#[test]
fn what_both_ends_offer_and_agree_on_is_recorded_and_possession_is_proven() {
    let shop = Shop::new();
    let file = pcap(&packets(&segments(&shop.talk(&TLS12), 1_400), WAY), 1, WHOLE);
    let evidence = imported(&file).evidence;
    let seen = only(&evidence);
    assert_eq!(seen.target.host, Host::parse(HOST).unwrap());
    assert_eq!(seen.target.server_name, Seen::Yes(Host::parse(HOST).unwrap()));
    // The third packet: the opening carries no TLS.
    assert_eq!((seen.at, evidence.collected_at), (AT + 2, AT / 1000));
    assert_eq!(seen.ending, Ending::Completed);
    assert_eq!(seen.ocsp_staple.yes().unwrap().as_slice(), STAPLE);
    let tls = seen.tls.yes().unwrap();
    assert_eq!((tls.version.as_str(), &tls.alpn, &tls.full_handshake), ("TLSv1.2", &Seen::Yes("h2".into()), &Seen::Yes(true)));
    assert_eq!(tls.cipher_suite, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert_eq!(tls.group, Seen::Yes("X25519".to_owned()));
    let offer = seen.offer.yes().unwrap();
    assert_eq!((&offer.versions[..], &offer.alpn[..]), (&["TLSv1.2".to_owned()][..], &["h2".to_owned(), "http/1.1".into()][..]));
    assert!(offer.groups.contains(&"secp256r1".to_owned()) && offer.ocsp_staple, "{offer:?}");
    assert_eq!(evidence.collector.vantage, Vantage::Recorded);
    let report = judge(&evidence, &Tables::compiled());
    assert_eq!(report.hosts[0].possession, PossessionReport::Proven);
}

#[test]
fn a_signature_by_another_key_is_refuted() {
    let shop = Shop::new();
    let other = Shop::new();
    let file = pcap(&packets(&segments(&shop.talk(&TLS12), 1_400), WAY), 1, WHOLE);
    let mut evidence = imported(&file).evidence;
    let Seen::Yes(chain) = &mut evidence.observations[0].chain else { panic!("a chain") };
    chain.certificates[0] = other.leaf.chain()[0].as_ref().into();
    assert_eq!(judge(&evidence, &Tables::compiled()).hosts[0].possession, PossessionReport::Refuted);
}

#[test]
fn certificates_of_tls_1_3_are_not_visible_and_the_rest_is() {
    let shop = Shop::new();
    let evidence = imported(&pcap(&packets(&segments(&shop.talk(&TLS13), 1_400), WAY), 1, WHOLE)).evidence;
    let seen = only(&evidence);
    assert_eq!((&seen.chain, &seen.possession, &seen.ocsp_staple), (&Seen::NotVisible, &Seen::NotVisible, &Seen::NotVisible));
    assert_eq!((seen.target.host.as_str(), &seen.ending), (HOST, &Ending::Completed));
    let tls = seen.tls.yes().unwrap();
    assert_eq!((tls.version.as_str(), &tls.alpn), ("TLSv1.3", &Seen::NotVisible));
    assert!(tls.group.yes().is_some_and(|group| seen.offer.yes().unwrap().groups.contains(group)), "{:?}", tls.group);
    assert_eq!(judge(&evidence, &Tables::compiled()).verdict.cause, Cause::NotMeasured);
}

#[test]
fn a_client_that_is_asked_for_another_hello_is_read_on() {
    let shop = Shop::new();
    // The server has none of the groups that the client has a key ready for.
    let talk = shake_hands(&client(&shop.root, &TLS13), &captures::server_of_p384(&shop.leaf), HOST);
    let evidence = imported(&pcap(&packets(&segments(&talk, 1_400), WAY), 1, WHOLE)).evidence;
    let tls = only(&evidence).tls.yes().unwrap();
    assert_eq!((tls.version.as_str(), &tls.group), ("TLSv1.3", &Seen::Yes("secp384r1".to_owned())));
    assert_eq!((&only(&evidence).ending, only(&evidence).target.host.as_str()), (&Ending::Completed, HOST));
}

#[test]
fn segments_out_of_order_twice_in_small_pieces_and_over_the_wrap_say_the_same() {
    let shop = Shop::new();
    let talk = shop.talk(&TLS12);
    let expected = only(&imported(&pcap(&packets(&segments(&talk, 1_400), WAY), 1, WHOLE)).evidence).chain.clone();
    let read = |segments: &[Segment]| only(&imported(&pcap(&packets(segments, WAY), 1, WHOLE)).evidence).clone();
    assert_eq!(read(&segments(&talk, 7)).chain, expected, "small pieces");
    let wrapping = segments_from(&talk, 300, [u32::MAX - 100, u32::MAX - 700]);
    assert_eq!(read(&wrapping).chain, expected, "over the wrap");
    let twice: Vec<_> = segments(&talk, 200).into_iter().flat_map(|segment| [segment.clone(), segment]).collect();
    assert_eq!(read(&twice).chain, expected, "twice");
    let mut swapped = segments(&talk, 200);
    let of_server: Vec<usize> = (2..swapped.len()).filter(|&place| !swapped[place].by_client && !swapped[place].fin).collect();
    for pair in of_server.chunks_exact(2) {
        swapped.swap(pair[0], pair[1]);
    }
    assert_eq!(read(&swapped).chain, expected, "out of order");
    let mut longer = segments(&talk, 200);
    // A retransmission that reaches further than the first time.
    let (first, second) = (of_server[0], of_server[1]);
    let both = [longer[first].data.clone(), longer[second].data.clone()].concat();
    longer[second] = Segment { data: both, ..longer[first].clone() };
    assert_eq!(read(&longer).chain, expected, "overlapping");
}

#[test]
fn packets_that_were_cut_short_or_lost_leave_a_handshake_incomplete_and_named() {
    let shop = Shop::new();
    let segments = segments(&shop.talk(&TLS12), 1_400);
    let cut = imported(&pcap(&packets(&segments, WAY), 1, 400)).evidence;
    let seen = only(&cut);
    assert_eq!(seen.target.host.as_str(), HOST);
    assert_eq!(seen.chain, Seen::Failed("incomplete: packets were cut short when they were captured".to_owned()));
    assert_eq!(seen.tls.yes().unwrap().version, "TLSv1.2", "the ServerHello is in what was kept");

    let mut lost = segments.clone();
    let first_of_server = lost.iter().position(|segment| !segment.by_client && !segment.data.is_empty()).unwrap();
    lost.remove(first_of_server);
    let evidence = imported(&pcap(&packets(&lost, WAY), 1, WHOLE)).evidence;
    assert_eq!(only(&evidence).chain, Seen::Failed("incomplete: packets are missing in the capture".to_owned()));

    let ended = pcap(&packets(&segments[..first_of_server], WAY), 1, WHOLE);
    assert_eq!(only(&imported(&ended).evidence).chain, Seen::Failed("incomplete: the capture has no more of it".to_owned()));
}

#[test]
fn a_connection_without_its_opening_is_read_from_a_hello_on_and_counted_from_anywhere_else() {
    let shop = Shop::new();
    let segments = segments(&shop.talk(&TLS12), 1_400);
    let from_hello = imported(&pcap(&packets(&segments[2..], WAY), 1, WHOLE));
    assert!(only(&from_hello.evidence).chain.yes().is_some());
    // Some client's hello came before the capture, the server's certificates did not.
    let from_answer = imported(&pcap(&packets(&segments[3..], WAY), 1, WHOLE)).evidence;
    assert!(only(&from_answer).chain.yes().is_some());
    assert_eq!((only(&from_answer).target.host.as_str(), &only(&from_answer).offer), (SERVERS[0], &Seen::NotVisible));
    let later = segments.iter().rposition(|segment| !segment.data.is_empty()).unwrap();
    let Imported { evidence, tally } = imported(&pcap(&packets(&segments[later..], WAY), 1, WHOLE));
    assert!(evidence.observations.is_empty());
    assert_eq!(tally.passed[&Passed::MidStream], 1);
}

#[test]
fn tls_is_found_behind_a_dialogue_in_clear_text_on_any_port() {
    let shop = Shop::new();
    let dialogues: [(u16, Dialogue); 3] = [
        (
            25,
            &[
                (false, b"220 mail.shop.example ESMTP\r\n"),
                (true, b"EHLO me.example\r\n"),
                (false, b"250-mail.shop.example\r\n250 STARTTLS\r\n"),
                (true, b"STARTTLS\r\n"),
                (false, b"220 go ahead\r\n"),
            ],
        ),
        (5432, &[(true, &[0, 0, 0, 8, 4, 210, 22, 47]), (false, b"S")]),
        (3128, &[(true, b"CONNECT www.shop.example:443 HTTP/1.1\r\n\r\n"), (false, b"HTTP/1.1 200 OK\r\n\r\n")]),
    ];
    for (port, dialogue) in dialogues {
        let mut talk: captures::Talk = dialogue.iter().map(|(by_client, said)| (*by_client, said.to_vec())).collect();
        talk.extend(shop.talk(&TLS12));
        let Imported { evidence, tally } = imported(&pcap(&packets(&segments(&talk, 1_000), Way { port, ..WAY }), 1, WHOLE));
        let seen = only(&evidence);
        assert_eq!((seen.target.port, seen.chain.yes().unwrap().certificates.len()), (port, 2));
        assert_eq!(seen.possession.yes().map(|proof| proof.scheme), Some(0x0403), "both randoms are known");
        assert!(tally.passed.is_empty(), "{:?}", tally.passed);
        assert!(!evidence.to_json().contains("me.example"));
    }
}

#[test]
fn a_resumed_handshake_and_a_refusing_client_are_told_apart_from_a_server_without_certificates() {
    let shop = Shop::new();
    let (client_config, server_config) = (client(&shop.root, &TLS12), server(&shop.leaf));
    shake_hands(&client_config, &server_config, HOST);
    let resumed = shake_hands(&client_config, &server_config, HOST);
    let evidence = imported(&pcap(&packets(&segments(&resumed, 1_400), WAY), 1, WHOLE)).evidence;
    assert_eq!(only(&evidence).chain, Seen::Failed("a resumed handshake carries none".to_owned()));
    assert_eq!(only(&evidence).tls.yes().unwrap().full_handshake, Seen::Yes(false));

    let stranger = Authority::root("Stranger", "Stranger Root", Validity::begun(1_000, AT / 1000, 3_000)).unwrap();
    let refusing = shake_hands(&client(&stranger, &TLS12), &server_config, HOST);
    let evidence = imported(&pcap(&packets(&segments(&refusing, 1_400), WAY), 1, WHOLE)).evidence;
    let Ending::Failed(failure) = &only(&evidence).ending else { panic!("it was refused") };
    assert_eq!((failure.class, failure.detail.as_str()), (FailureClass::Alert, "the client said UnknownCA"));
    assert_eq!(only(&evidence).chain.yes().unwrap().certificates.len(), 2);

    let talk = shop.talk(&TLS12);
    let mut broken = segments(&talk[..1], 1_400);
    broken.truncate(3);
    broken.push(Segment { sequence: 2_001, acknowledges: broken[2].sequence, rst: true, ..Segment::default() });
    let evidence = imported(&pcap(&packets(&broken, WAY), 1, WHOLE)).evidence;
    assert!(matches!(&only(&evidence).ending, Ending::Failed(failure) if failure.class == FailureClass::Reset));
}

#[test]
fn whatever_is_no_handshake_is_counted_by_its_kind() {
    let shop = Shop::new();
    let plain = vec![(true, b"GET / HTTP/1.1\r\n\r\n".to_vec()), (false, b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec())];
    let mut all = packets(&segments(&plain, 1_000), WAY);
    all.push((AT, datagram(&[0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8])));
    all.push((AT, datagram(b"\x12\x34\x01\0\0\x01")));
    let mut fragment = captures::packet(&segments(&shop.talk(&TLS12), 1_400)[2], WAY);
    // More fragments follow (RFC 791 §3.1).
    fragment[20] |= 0x20;
    all.push((AT, fragment));
    let tally = imported(&pcap(&all, 1, WHOLE)).tally;
    let passed: Vec<_> = tally.passed.into_iter().collect();
    assert_eq!(passed, [(Passed::NotTls, 1), (Passed::Fragment, 1), (Passed::Quic, 1), (Passed::NotTcp, 1)]);
    assert_eq!(imported(&pcap(&all, 195, WHOLE)).tally.passed[&Passed::Link], all.len() as u64);
}

#[test]
fn two_connections_between_the_same_ends_are_two() {
    let shop = Shop::new();
    let first = segments_from(&shop.talk(&TLS12), 1_400, [1_000, 2_000]);
    let second = segments_from(&shop.talk(&TLS12), 1_400, [900_000, 7_000_000]);
    let both = imported(&pcap(&packets(&[first.clone(), second.clone()].concat(), WAY), 1, WHOLE)).evidence;
    assert_eq!(both.observations.len(), 2);
    assert!(both.observations.iter().all(|seen| seen.chain.yes().is_some()));
    // The first breaks off unseen.
    let both = imported(&pcap(&packets(&[&first[..3], &second].concat(), WAY), 1, WHOLE)).evidence;
    let chains: Vec<_> = both.observations.iter().map(|seen| seen.chain.yes().is_some()).collect();
    assert_eq!(chains, [false, true]);
}

#[test]
fn nothing_of_the_client_is_written_down() {
    let shop = Shop::new();
    for six in [false, true] {
        for version in [&TLS12, &TLS13] {
            let way = Way { six, ..WAY };
            let json = imported(&pcapng(&packets(&segments(&shop.talk(version), 1_400), way), 1)).evidence.to_json();
            // Certificates and signatures are random letters, in which anything short is found some day.
            let json: String = json.split('"').filter(|text| text.len() < 80 || text.contains(' ')).collect::<Vec<_>>().join("\"");
            assert!(!json.contains(CLIENTS[usize::from(six)]) && !json.contains(&CLIENT_PORT.to_string()));
            assert!(!json.as_bytes().windows(6).any(|bytes| bytes == CLIENT_MAC));
        }
    }
}

#[test]
fn more_connections_than_are_remembered_are_given_up_oldest_first_and_all_are_counted() {
    let shop = Shop::new();
    let hello = segments(&shop.talk(&TLS12), 1_400);
    let whole = packets(&hello, WAY);
    let mut all = whole[..3].to_vec();
    let syn = captures::packet(&Segment { by_client: true, sequence: 1, syn: true, ..Segment::default() }, WAY);
    for number in 0..70_000_u32 {
        let mut packet = syn.clone();
        // Another client each time: the last octets of the source address and its port.
        packet[27..30].copy_from_slice(&number.to_be_bytes()[1..]);
        all.push((AT, packet));
    }
    all.extend_from_slice(&whole[3..]);
    let Imported { evidence, tally } = imported(&pcap(&all, 1, WHOLE));
    assert_eq!(tally.passed[&Passed::NoData], 70_000);
    // The first was given up after its hello; the rest of it begins with the server's answer.
    let chains: Vec<_> = evidence.observations.iter().map(|seen| (seen.target.host.as_str(), seen.chain.yes().is_some())).collect();
    assert_eq!(chains, [(HOST, false), (SERVERS[0], true)]);
}

#[test]
fn no_byte_anywhere_makes_it_panic_or_grow() {
    let shop = Shop::new();
    let segments = [segments(&shop.talk(&TLS12), 700), segments_from(&shop.talk(&TLS13), 1_400, [5, 6])].concat();
    let packets = packets(&segments, WAY);
    let files = [pcap(&packets, 1, WHOLE), pcapng(&packets, 1)];
    let mut state = 0x5eed_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for round in 0..10_000 {
        let mut file = files[round % 2].clone();
        let place = random(file.len());
        file[place] = u8::try_from(random(256)).unwrap();
        if round % 16 == 0 {
            file.truncate(random(file.len()));
        }
        let mut import = Import::new(Wanted { form: Some(mintwatch::import::Form::Pcap), ..Wanted::default() });
        import.add(&name("x.pcap"), Box::new(Cursor::new(file))).unwrap();
        let Imported { evidence, tally } = import.finish(0).unwrap();
        assert!(evidence.observations.len() <= 4 && tally.records <= packets.len() as u64 + 1);
        if round % 100 == 0 {
            assert_eq!(Evidence::from_json(evidence.to_json().as_bytes()).unwrap(), evidence);
        }
    }
}

#[test]
fn a_forged_chain_in_a_capture_is_called_what_it_is() {
    let now = AT / 1000;
    let world = World::new(RESIDENTS, now).unwrap();
    let firewall = world.undisclosed_intermediate().unwrap();
    let key = Arc::new(KeyPair::generate().unwrap());
    let [.., cedar] = world.roots();
    let talks = RESIDENTS[..4].iter().map(|resident| {
        let minted = firewall.mint(resident.host, &key, Validity { from: now - 60, until: now + 86_400 }).unwrap();
        shake_hands(&client(cedar, &TLS12), &server(&minted), resident.host)
    });
    let all: Vec<Segment> =
        talks.zip(1..).flat_map(|(talk, number)| segments_from(&talk, 1_400, [number * 100_000, number * 7_000_000])).collect();
    let folder = TempDir::new().unwrap();
    let capture = file_in(&folder, "cairo.pcap", &pcap(&packets(&all, WAY), 1, WHOLE));
    let overlay = serde_json::to_string(&world.overlay(LABEL).unwrap()).unwrap();
    let overlay = file_in(&folder, "overlay.json", overlay.as_bytes());
    let output = mintwatch(&["import", &capture, "--judge", "--lab-tables", &overlay, "--json"]);
    assert_eq!(output.status.code(), Some(12), "{}", errors(&output));
    let report = Report::from_json(&output.stdout).unwrap();
    assert_eq!((report.hosts.len(), report.verdict.cause), (4, Cause::PublicAuthorityInterception));
    assert!(errors(&output).contains("cairo.pcap: pcap, by its content"), "{}", errors(&output));

    let written = folder.path().join("cairo.json");
    let arguments = ["import", &capture, "--from", "pcap", "--output", written.to_str().unwrap()];
    assert_eq!(mintwatch(&arguments).status.code(), Some(0));
    let later = mintwatch(&["judge", written.to_str().unwrap(), "--lab-tables", &overlay, "--json"]);
    assert_eq!(later.stdout, output.stdout, "judging later says the same");
    let first = fs::read(&written).unwrap();
    mintwatch(&arguments);
    assert_eq!(fs::read(&written).unwrap(), first, "the same file gives the same bytes");
}

#[test]
fn files_are_known_by_content_packed_or_not_and_from_standard_input() {
    let shop = Shop::new();
    let capture = pcapng(&packets(&segments(&shop.talk(&TLS12), 1_400), WAY), 1);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&capture).unwrap();
    let packed = gzip.finish().unwrap();
    let output = mintwatch_fed(&["import", "-"], &packed);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(Evidence::from_json(&output.stdout).unwrap(), imported(&capture).evidence);
    assert!(errors(&output).contains("handshakes: 1 (with certificates: 1)"), "{}", errors(&output));

    let eve = br#"{"timestamp":"2026-03-05T10:11:12.345678+0000","event_type":"tls","dest_ip":"192.0.2.7","dest_port":443,"tls":{"sni":"a.example","version":"TLS 1.3"}}"#;
    let output = mintwatch_fed(&["import", "-", "--output", "-"], eve);
    assert_eq!(Evidence::from_json(&output.stdout).unwrap().observations.len(), 1);
    assert!(errors(&output).contains("-: suricata, by its content"), "{}", errors(&output));
    assert_eq!(mintwatch_fed(&["import", "-", "--host", "b.example"], eve).status.code(), Some(3), "no handshake with it");
}

#[test]
fn chains_from_files_are_judged_as_judge_does() {
    let shop = Shop::new();
    let folder = TempDir::new().unwrap();
    let pem: String = shop.leaf.chain().iter().map(|der| armoured(der)).collect();
    let chain = file_in(&folder, "chain.pem", pem.as_bytes());
    let root = file_in(&folder, "root.pem", shop.root.pem().as_bytes());
    let shown = ["--host", HOST, "--at", "2026-03-05T10:11:12Z", "--local-anchor", &root, "--json"];
    let judged = mintwatch(&[&["judge", &chain][..], &shown].concat());
    let at_once = mintwatch(&[&["import", "--judge", &chain][..], &shown].concat());
    assert_eq!((at_once.status.code(), &at_once.stdout), (judged.status.code(), &judged.stdout));
    assert_eq!(judged.status.code(), Some(11), "{}", errors(&judged));
    let der = file_in(&folder, "leaf.der", shop.leaf.chain()[0].as_ref());
    let two = mintwatch(&["import", &chain, &der, "--host", HOST, "--at", "2026-03-05"]);
    let lengths: Vec<_> =
        Evidence::from_json(&two.stdout).unwrap().observations.iter().map(|seen| seen.chain.yes().unwrap().certificates.len()).collect();
    assert_eq!(lengths, [2, 1]);
    let broken = file_in(&folder, "broken.pem", pem.replacen("-----END", "-----BROKEN", 1).as_bytes());
    let output = mintwatch(&["import", &broken, &chain, "--host", HOST]);
    assert_eq!((output.status.code(), Evidence::from_json(&output.stdout).unwrap().observations.len()), (Some(3), 1));
    assert!(errors(&output).contains("not read: "), "{}", errors(&output));
}

#[test]
fn zeek_logs_and_the_files_they_name_are_imported_together_in_any_order() {
    let shop = Shop::new();
    let folder = TempDir::new().unwrap();
    let ssl = file_in(
        &folder,
        "ssl.log",
        format!(
            r#"{{"ts":1772705472.345,"id.orig_h":"10.1.2.3","id.resp_h":"192.0.2.7","id.resp_p":443,"version":"TLSv12","cipher":"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384","server_name":"{HOST}","established":true,"cert_chain_fuids":["FLeaf","FIssuer"]}}"#
        )
        .as_bytes(),
    );
    let leaf = file_in(&folder, "FLeaf.der", shop.leaf.chain()[0].as_ref());
    let issuer = file_in(&folder, "extract-1-SSL-FIssuer.pem", armoured(&shop.leaf.chain()[1]).as_bytes());
    for files in [[&ssl, &leaf, &issuer], [&leaf, &issuer, &ssl]] {
        let output = mintwatch(&["import", files[0], files[1], files[2]]);
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        let evidence = Evidence::from_json(&output.stdout).unwrap();
        let chain = only(&evidence).chain.yes().unwrap();
        assert_eq!(chain.certificates[1].as_slice(), shop.leaf.chain()[1].as_ref());
        assert_eq!(evidence.collector.vantage, Vantage::Recorded);
    }
    let alone = mintwatch(&["import", &ssl]);
    assert!(errors(&alone).contains("certificates that are named and in none of the files: 2"), "{}", errors(&alone));
}

#[test]
fn what_cannot_be_imported_is_told_with_a_hint_and_a_status_of_its_own() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, content: &[u8]| file_in(&folder, name, content);
    let plain = file("plain.txt", b"hello");
    let evidence = file("evidence.json", imported(&pcap(&[], 1, WHOLE)).evidence.to_json().as_bytes());
    let capture = file("empty.pcap", &pcap(&[], 1, WHOLE));
    let eve = file("eve.json", b"{\"event_type\":\"flow\"}\n");
    let root = Authority::root("Shop", "Shop Root", Validity::begun(1, AT / 1000, 2)).unwrap();
    let pem = file("root.pem", root.pem().as_bytes());
    let garbage = file("garbage.pcap", b"\xd4\xc3\xb2\xa1 and then nothing of the kind, for longer than a header");
    for (arguments, status, error, hint) in [
        (vec!["/no/such/file"], 1, "cannot read `/no/such/file`", ""),
        (vec!["/no/such/file", "/no/such/other"], 1, "none of 2 files could be imported", ""),
        (vec![plain.as_str()], 2, "cannot tell what", "hint: say it with `--from`"),
        (vec![&evidence], 2, "is evidence already", "hint: `mintwatch judge FILE` judges it"),
        (vec![&capture, &eve], 2, "is suricata, and the files before it are pcap", "hint: import each kind by itself"),
        (vec![&pem], 2, "whom were they shown for?", "hint: add `--host NAME`"),
        (vec![&capture, "--judge", "--output", "-"], 2, "cannot both go to standard output", "hint: name a file"),
        (vec![&capture, "--strict"], 2, "`--strict` is about judging", "hint: add `--judge`"),
        (vec![&capture], 3, "records read: 0, handshakes: 0", ""),
        (vec![&eve], 3, "passed over: lines about other things: 1", ""),
        (vec![&garbage], 3, "not read: ", ""),
    ] {
        let output = mintwatch(&[&["import"][..], &arguments].concat());
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", errors(&output));
        assert!(errors(&output).contains(error) && errors(&output).contains(hint), "{arguments:?}: {}", errors(&output));
    }
}

/// What is said before TLS: whether by the client, and what.
type Dialogue<'a> = &'a [(bool, &'a [u8])];

fn imported(file: &[u8]) -> Imported {
    let mut import = Import::new(Wanted::default());
    import.add(&name("some.pcap"), Box::new(Cursor::new(file.to_vec()))).unwrap();
    import.finish(0).unwrap()
}

fn name(file: &str) -> Arc<Path> {
    Path::new(file).into()
}

fn only(evidence: &Evidence) -> &Observation {
    let [seen] = &evidence.observations[..] else { panic!("{} handshakes", evidence.observations.len()) };
    seen
}

fn file_in(folder: &TempDir, name: &str, content: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// RFC 7468 §3.
fn armoured(der: &[u8]) -> String {
    let body = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn mintwatch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mintwatch")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn mintwatch_fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintwatch"));
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
