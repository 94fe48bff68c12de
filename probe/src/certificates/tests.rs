//! What is well formed is found wherever it lies, what is broken is named, and neither takes much room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64;
use rcgen::{CertificateParams, KeyPair};

use super::*;

fn certificate() -> Vec<u8> {
    let params = CertificateParams::new(vec!["www.bank.example".to_owned()]).unwrap();
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn armoured(label: &str, der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn pem(der: &[u8]) -> String {
    armoured("CERTIFICATE", der)
}

/// Everything found in a stream.
fn found(input: impl Read) -> Vec<Found> {
    let mut all = Vec::new();
    let file: Arc<Path> = Arc::from(Path::new("test"));
    let ended = read_stream(&file, input, &mut |found| {
        all.push(found);
        ControlFlow::Continue(())
    });
    assert!(ended.is_continue());
    all
}

/// Each thing found in short: `c` and how many octets of DER, `o`, or what was wrong.
fn in_short(input: impl Read) -> Vec<String> {
    let short = |found: Found| match found {
        Found::Record(_, Encoding::Der, der) => format!("c{}", der.len()),
        Found::Record(_, Encoding::Base64, text) => {
            let mut der = Vec::new();
            match decode(&text, &mut Vec::new(), &mut der) {
                Ok(()) => format!("c{}", der.len()),
                Err(trouble) => trouble.to_string(),
            }
        }
        Found::Bad(_, trouble) => trouble.to_string(),
        Found::Other(_) => "o".to_owned(),
    };
    found(input).into_iter().map(short).collect()
}

/// Gives its bytes a few at a time, so that every boundary falls inside something.
struct Drip<R>(R, usize);

impl<R: Read> Read for Drip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(into.len());
        self.0.read(&mut into[..most])
    }
}

fn prefixed(der: &[u8]) -> Vec<u8> {
    let length = u32::try_from(der.len()).unwrap().to_be_bytes();
    [&length[1..], der].concat()
}

#[test]
fn pem_is_found_between_anything() {
    let (a, b) = (certificate(), certificate());
    let text = format!(
        "\u{feff}Bag Attributes\r\n  name: x\n{}subject=CN = -----BEGIN of nothing\n\0\0{}{}{}tail -----BEGIN",
        pem(&a).replace('\n', "\r\n"),
        armoured("PRIVATE KEY", b"secret"),
        armoured("X509 CERTIFICATE", &b),
        armoured("TRUSTED CERTIFICATE", &a),
    );
    let expected = [format!("c{}", a.len()), "o".to_owned(), format!("c{}", b.len()), format!("c{}", a.len())];
    assert_eq!(in_short(text.as_bytes()), expected);
    for step in [1, 2, 7, 63] {
        assert_eq!(in_short(Drip(text.as_bytes(), step)), expected, "{step}");
    }
}

#[test]
fn a_pem_block_that_is_cut_short_costs_only_itself() {
    let der = certificate();
    let whole = pem(&der);
    let half = &whole[..whole.len() / 2];
    let one = format!("c{}", der.len());
    let unclosed = "cut short: another PEM block begins before its end";
    assert_eq!(in_short(format!("{half}\n{whole}").as_bytes()), [unclosed, &one]);
    assert_eq!(in_short(half.as_bytes()), ["cut short: the file ends before it does"]);
    let dirty = whole.replacen('M', "!", 1);
    assert_eq!(in_short(format!("{dirty}{whole}").as_bytes()), ["not base64", &one]);
    let zeros = whole.replacen('\n', "\n\0\0", 1);
    assert_eq!(in_short(format!("{zeros}{whole}").as_bytes()), ["not base64", &one]);
}

#[test]
fn pem_written_into_json_is_found_too() {
    let der = certificate();
    let line = serde_json::json!({ "pem": pem(&der) }).to_string();
    assert_eq!(in_short(format!("{line}\n{line}\n").as_bytes()), [format!("c{}", der.len()), format!("c{}", der.len())]);
}

#[test]
fn der_after_der_is_found_and_what_is_between_is_passed_over() {
    let (a, b) = (certificate(), certificate());
    let (a_short, b_short) = (format!("c{}", a.len()), format!("c{}", b.len()));
    assert_eq!(in_short([a.as_slice(), &b].concat().as_slice()), [a_short.clone(), b_short.clone()]);
    let junk = [&a[..], b"\0\0\0garbage", &b[..]].concat();
    let expected = [a_short.clone(), "10 bytes that begin no DER record".to_owned(), b_short.clone()];
    assert_eq!(in_short(junk.as_slice()), expected);
    assert_eq!(in_short(Drip(junk.as_slice(), 3)), expected);
    let cut = [&a[..], &b[..b.len() - 1]].concat();
    assert_eq!(in_short(cut.as_slice()), [a_short, "cut short: the file ends before it does".to_owned()]);
}

#[test]
fn a_length_of_4_gib_is_not_believed() {
    let der = certificate();
    for header in [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x30, 0x83, 0x20, 0, 0]] {
        let input = [header, &der].concat();
        assert_eq!(in_short(input.as_slice()), ["longer than 1048576 bytes".to_owned(), format!("c{}", der.len())]);
    }
    let indefinite = [&[0x30, 0x80][..], &der].concat();
    assert_eq!(in_short(indefinite.as_slice()), ["2 bytes that begin no DER record".to_owned(), format!("c{}", der.len())]);
}

#[test]
fn der_behind_its_length_is_found() {
    let (a, b) = (certificate(), certificate());
    let (a_short, b_short) = (format!("c{}", a.len()), format!("c{}", b.len()));
    let list = [prefixed(&a), prefixed(&b)].concat();
    assert_eq!(in_short(list.as_slice()), [a_short.clone(), b_short.clone()]);
    assert_eq!(in_short(Drip(list.as_slice(), 1)), [a_short.clone(), b_short.clone()]);
    let mut torn = [prefixed(&a), vec![0xff; 40], prefixed(&b)].concat();
    assert_eq!(in_short(torn.as_slice()), [a_short.clone(), "40 bytes that begin no DER record".to_owned(), b_short]);
    torn.truncate(torn.len() - 1);
    assert_eq!(in_short(torn.as_slice()).last().unwrap(), "cut short: the file ends before it does");
}

#[test]
fn a_column_is_found_by_what_is_in_it() {
    let (a, b) = (certificate(), certificate());
    let one = format!("c{}", a.len());
    let two = format!("c{}", b.len());
    let text = format!("\"Owner\",\"PEM\"\n\"A, Inc\",\"'{}'\"\n\"B\",\"\"\n\"C \"\"x\"\"\",\"{}\"\n\"D\",\"nothing\"\n", pem(&a), pem(&b));
    let expected = ["o", &one, "o", &two, "column 2 holds no certificate here"];
    assert_eq!(in_short(text.as_bytes()), expected);
    assert_eq!(in_short(Drip(text.as_bytes(), 5)), expected);
    let bare = format!("id;der\r\n1;{}\r\n2;{}\r\n", BASE64.encode(&a), BASE64.encode(&b));
    assert_eq!(in_short(bare.as_bytes()), ["o", &one, &two]);
    let pair = format!("1\t{}\t{}\n", BASE64.encode(&a), BASE64.encode(&b));
    assert_eq!(in_short(pair.as_bytes()), [one, two]);
}

#[test]
fn places_lead_back_to_what_was_found() {
    let der = certificate();
    let text = format!("x\n{}{}", pem(&der), pem(&der));
    let places: Vec<Place> = found(text.as_bytes())
        .into_iter()
        .map(|found| match found {
            Found::Record(place, ..) => place,
            other => panic!("{other:?}"),
        })
        .collect();
    for place in &places {
        assert!(text[usize::try_from(place.offset).unwrap()..].starts_with("-----BEGIN "));
    }
    assert_eq!((places[0].record, places[1].record, places[1].to_string().starts_with("test, record 2, byte ")), (1, 2, true));
}

#[test]
fn a_file_without_certificates_says_so() {
    for nothing in [&b""[..], b"hello", b"a,b\n1,2\n", &[0; 100], &[0xff; 10_000]] {
        assert_eq!(in_short(nothing), ["no certificate in it"]);
    }
    assert_eq!(in_short(armoured("PRIVATE KEY", b"secret").as_bytes()), ["o", "no certificate in it"]);
}

/// An endless stream that begins in a way and then repeats itself, up to a length.
fn bomb(head: &str, repeated: &'static [u8], length: u64) -> impl Read {
    struct Cycle(&'static [u8], usize);
    impl Read for Cycle {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            for slot in into.iter_mut() {
                *slot = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(into.len())
        }
    }
    Cursor::new(head.as_bytes().to_vec()).chain(Cycle(repeated, 0)).take(length)
}

#[test]
fn bombs_are_passed_over_in_bounded_memory() {
    const LENGTH: u64 = 16 * 1024 * 1024;
    let begun = format!("a,b\n1,\"{}", pem(&certificate()));
    let bombs: [(&str, &'static [u8], &str); 5] = [
        ("-----BEGIN CERTIFICATE-----\n", b"AAAA\n", "longer than 1048576 bytes"),
        // A quote that nobody closes.
        (&begun, b"x,y\n", "longer than 1048576 bytes"),
        // A row of nothing but columns.
        (&begun.replace("END CERTIFICATE-----\n", "END CERTIFICATE-----\"\n"), b",", "longer than 1048576 bytes"),
        ("text\n", b"-----BEGIN ", "no certificate in it"),
        ("text\n", b"-", "no certificate in it"),
    ];
    for (head, repeated, last) in bombs {
        let file: Arc<Path> = Arc::from(Path::new("bomb"));
        let mut window = Window::new(bomb(head, repeated, LENGTH));
        let mut told: Vec<String> = Vec::new();
        let mut take = |found: Found| {
            match found {
                Found::Bad(_, trouble) => told.push(trouble.to_string()),
                Found::Record(_, _, bytes) => assert!(bytes.len() <= MAX_TEXT_RECORD),
                Found::Other(_) => {}
            }
            ControlFlow::Continue(())
        };
        let mut records = Records { file: &file, count: 0, others: 0, take: &mut take };
        match sniff::form(&mut window).unwrap() {
            sniff::Form::Csv(delimiter) => csv::read(&mut window, delimiter, &mut records).unwrap(),
            _ => pem::read(&mut window, &mut records).unwrap(),
        }
        let nothing = records.count == records.others;
        assert_eq!(window.offset() + window.bytes().len() as u64, LENGTH, "{head:?}: all of it was seen");
        assert!(window.capacity() <= 3 * MAX_TEXT_RECORD, "{head:?}: {}", window.capacity());
        let told = if nothing { vec!["no certificate in it".to_owned()] } else { told };
        assert_eq!(told.last().map(String::as_str), Some(last), "{head:?}");
    }
}

#[test]
fn wrappings_are_taken_off() {
    let der = certificate();
    let one = [format!("c{}", der.len())];
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let text = pem(&der);
    let packed = [gzip(text.as_bytes()), zstd(text.as_bytes()), zstd(&gzip(text.as_bytes())), zstd(&prefixed(&der))];
    for packed in packed {
        assert_eq!(in_short(open::unpack(Box::new(Cursor::new(packed))).unwrap()), one);
    }
    // Two members, one after the other.
    let members = [gzip(text.as_bytes()), gzip(text.as_bytes())].concat();
    assert_eq!(in_short(open::unpack(Box::new(Cursor::new(members))).unwrap()).len(), 2);
    let mut torn = gzip(text.as_bytes());
    torn.truncate(torn.len() / 2);
    let told = in_short(open::unpack(Box::new(Cursor::new(torn))).unwrap());
    assert!(told.last().unwrap().starts_with("cannot be read: "), "{told:?}");
}

#[test]
fn folders_are_read_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    };
    ["b/2", "b/1", "a", "c"].into_iter().for_each(write);
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).unwrap();
    let mut seen = Vec::new();
    let paths = [folder.path().to_owned(), PathBuf::from("/no/such/file")];
    let _ = sources(&paths, &mut |source| {
        seen.push(match source {
            Source::File(path) => path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned(),
            Source::Unreadable(path, _) => format!("unreadable {}", path.display()),
        });
        ControlFlow::Continue(())
    });
    assert_eq!(seen, ["a", "b/1", "b/2", "c", "unreadable /no/such/file"]);
    assert_eq!(total_bytes(&paths[..1]), Some(8));
    assert_eq!(total_bytes(&[PathBuf::from("-")]), None);
}

#[test]
fn results_come_in_the_order_of_records_however_many_work() {
    let folder = tempfile::tempdir().unwrap();
    let der = certificate();
    for file in 0..5 {
        std::fs::write(folder.path().join(format!("{file}.pem")), pem(&der).repeat(300)).unwrap();
    }
    let paths = [folder.path().to_owned()];
    let order = |workers: usize| {
        let mut order = Vec::new();
        let read = Arc::new(AtomicU64::new(0));
        let place = |found: &Found| match found {
            Found::Record(place, ..) | Found::Bad(place, _) | Found::Other(place) => place.clone(),
        };
        let work = |batch: Vec<Found>| batch.iter().map(place).collect::<Vec<_>>();
        let ended = process(&paths, workers, &read, work, |places| {
            order.extend(places);
            ControlFlow::Continue(())
        });
        assert_eq!(ended, Ok(()));
        assert_eq!(Some(read.load(Ordering::Relaxed)), total_bytes(&paths));
        order
    };
    let alone = order(1);
    assert_eq!(alone.len(), 1_500);
    assert!(alone.is_sorted_by_key(|place| (place.file.to_path_buf(), place.record)));
    assert_eq!(order(7), alone);
}

#[test]
fn a_taker_that_has_enough_ends_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pem");
    std::fs::write(&path, pem(&certificate()).repeat(5_000)).unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let ended = process(&[path], 3, &read, |batch: Vec<Found>| batch.len(), |_| ControlFlow::Break(()));
    assert_eq!(ended, Err(Stopped));
}
