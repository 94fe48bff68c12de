//! ssl.log and x509.log of Zeek, as columns or as JSON, and the certificates that they name.
//!
//! A log of handshakes names its certificates by fingerprint, or by the id of the file they were seen in. They
//! themselves are in x509.log where the script `log-certs-base64` is loaded, or in files of their own.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;
use mintwatch_validator::evidence::{Bytes, Chain, ChainForm, Ending, Failure, FailureClass, Negotiated, Observation, Seen, Transport};
use serde_json::{Map, Value};

use super::gathered::{File, Gathered, Passed, begun};
use super::names::{group_named, suite_named, version_named};
use super::{lines, pem};
use crate::certificates::{Window, decode};

/// Logs being read: handshakes wait for their certificates, which may come later.
#[derive(Debug, Default)]
pub(super) struct Logs {
    certificates: HashMap<String, Bytes>,
    bytes: usize,
    handshakes: Vec<(Observation, Vec<String>)>,
}

impl Logs {
    /// Reads one log.
    ///
    /// # Errors
    /// Those of the stream.
    pub(super) fn read(&mut self, file: &File, input: impl Read, gathered: &mut Gathered) -> io::Result<()> {
        let mut columns = Columns::default();
        lines::each(&mut Window::new(input), &mut |number, line| {
            let Some(line) = line else { return gathered.tally.refuse(file, "line", number, lines::TOO_LONG) };
            if line.is_empty() || line.starts_with(b"#") {
                columns.read_header(line);
                return;
            }
            gathered.tally.records += 1;
            if let Err(why) = columns.row(line).and_then(|row| self.take(&row, gathered)) {
                gathered.tally.refuse(file, "line", number, &why);
            }
        })
    }

    /// Takes in what one row tells.
    fn take(&mut self, row: &Row<'_>, gathered: &mut Gathered) -> Result<(), String> {
        if row.has("certificate.serial") || row.has("certificate.subject") {
            self.take_certificate(row)
        } else if row.has("id.resp_h") && row.is_of_tls() {
            let seen = handshake(row)?;
            if self.handshakes.len() >= super::MOST_OBSERVATIONS {
                gathered.tally.left_out += 1;
            } else if gathered.wants(&seen.target) {
                self.handshakes.push((seen, row.certificate_names()));
            }
            Ok(())
        } else {
            gathered.tally.pass(Passed::OtherLine);
            Ok(())
        }
    }

    fn take_certificate(&mut self, row: &Row<'_>) -> Result<(), String> {
        // Without the script that logs them there is nothing here that could be judged.
        let Some(text) = row.text("cert") else { return Ok(()) };
        let mut der = Vec::new();
        decode(text.as_bytes(), &mut Vec::new(), &mut der).map_err(|trouble| format!("its certificate is {trouble}"))?;
        let names = ["fingerprint", "id"].into_iter().filter_map(|field| row.text(field)).map(Cow::into_owned);
        self.keep(names.collect(), &der.into())
    }

    /// Keeps a certificate under the names it goes by.
    fn keep(&mut self, names: Vec<String>, certificate: &Bytes) -> Result<(), String> {
        let length = certificate.as_slice().len();
        if self.bytes + length > MOST_CERTIFICATE_BYTES {
            return Err("more certificates than are kept".to_owned());
        }
        for name in names.into_iter().filter(|name| (1..=LONGEST_NAME).contains(&name.len())) {
            // The certificate is shared, its names are not.
            self.bytes += name.len() + ENTRY_BYTES;
            self.certificates.insert(name, certificate.clone());
        }
        self.bytes += length;
        Ok(())
    }

    /// Gives every handshake its certificates, out of the logs or out of files.
    pub(super) fn finish(&mut self, files: Vec<pem::Chain>, gathered: &mut Gathered) {
        for chain in files {
            let is_alone = chain.certificates.len() == 1;
            for certificate in chain.certificates {
                let mut names = fingerprints(&certificate);
                if is_alone {
                    names.extend(names_of_file(&chain.file));
                }
                if let Err(why) = self.keep(names, &certificate) {
                    gathered.tally.refuse(&chain.file, "certificate", 1, &why);
                }
            }
        }
        let mut missing = BTreeSet::new();
        for (mut seen, names) in std::mem::take(&mut self.handshakes) {
            if let Some(chain) = self.chain(&names, &mut missing) {
                seen.chain = Seen::Yes(chain);
            }
            gathered.push(seen);
        }
        gathered.tally.pass_many(Passed::CertificateMissing, missing.len() as u64);
    }

    /// The chain as far as its certificates are known: with a hole in it, only its end-entity is sure.
    fn chain(&self, names: &[String], missing: &mut BTreeSet<String>) -> Option<Chain> {
        let found: Vec<Option<&Bytes>> = names.iter().map(|name| self.certificates.get(name)).collect();
        missing.extend(names.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(name, _)| name.clone()));
        let first = found.first().copied().flatten()?.clone();
        Some(match found.into_iter().map(Option::<&Bytes>::cloned).collect() {
            Some(certificates) => Chain { form: ChainForm::Presented, certificates },
            None => Chain { form: ChainForm::EndEntityOnly, certificates: vec![first] },
        })
    }
}

/// The fingerprints by which Zeek may name a certificate: SHA-256, or SHA-1 in older versions.
fn fingerprints(certificate: &Bytes) -> Vec<String> {
    let of = |algorithm| data_encoding::HEXLOWER.encode(digest::digest(algorithm, certificate.as_slice()).as_ref());
    vec![of(&digest::SHA256), of(&digest::SHA1_FOR_LEGACY_USE_ONLY)]
}

/// The ids that a file's name may state, as the files framework and its scripts write it: `F….der`, `extract-…-F….pem`.
fn names_of_file(file: &Path) -> Vec<String> {
    let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else { return Vec::new() };
    let last = stem.rsplit('-').next().unwrap_or(stem);
    [stem, last].into_iter().map(str::to_owned).collect()
}

fn handshake(row: &Row<'_>) -> Result<Observation, String> {
    let at = row.text("ts").as_deref().and_then(milliseconds).ok_or("its time is none")?;
    let address: IpAddr = row.text("id.resp_h").and_then(|text| text.parse().ok()).ok_or("its server has no address")?;
    let port: u16 = row.text("id.resp_p").and_then(|text| text.parse().ok()).ok_or("its server has no port")?;
    let name = row.text("server_name");
    let seen = begun(name.as_deref(), SocketAddr::new(address, port), Transport::Tcp, at).ok_or("its server has no address")?;
    let (version, is_resumed) = (row.text("version").as_deref().and_then(version_named), row.flag("resumed"));
    let is_hidden = version.as_deref() == Some("TLSv1.3");
    let chain = match is_resumed {
        Some(true) if !is_hidden => Seen::Failed("a resumed handshake carries none".to_owned()),
        _ => Seen::NotVisible,
    };
    let suite = row.text("cipher").as_deref().and_then(suite_named);
    let tls = version.zip(suite).map(|(version, cipher_suite)| Negotiated {
        version,
        cipher_suite,
        group: row.text("curve").map_or(Seen::NotVisible, |curve| group_named(&curve)),
        alpn: row.text("next_protocol").map_or(Seen::NotVisible, |name| Seen::Yes(name.into_owned())),
        ech_accepted: Seen::NotVisible,
        full_handshake: is_resumed.map_or(Seen::NotVisible, |is_resumed| Seen::Yes(!is_resumed)),
    });
    let ending = match row.flag("established") {
        Some(false) => Ending::Failed(failure(row)),
        Some(true) | None => Ending::Completed,
    };
    Ok(Observation { chain, ending, tls: tls.map_or(Seen::NotVisible, Seen::Yes), ..seen })
}

fn failure(row: &Row<'_>) -> Failure {
    match row.text("last_alert") {
        Some(alert) => Failure { class: FailureClass::Alert, detail: format!("one side said {alert}") },
        None => Failure { class: FailureClass::Other, detail: "the handshake was not completed".to_owned() },
    }
}

/// Reads a time: seconds with a fraction, as text, or RFC 3339; in UNIX milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return u64::try_from(time.as_millisecond()).ok();
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths)
}

/// What a log's header says of its columns.
#[derive(Debug)]
struct Columns {
    separator: u8,
    set_separator: String,
    empty: String,
    unset: String,
    fields: Arc<[String]>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { separator: b'\t', set_separator: ",".to_owned(), empty: "(empty)".to_owned(), unset: "-".to_owned(), fields: Arc::new([]) }
    }
}

impl Columns {
    fn read_header(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if let Some(written) = line.strip_prefix("#separator ") {
            let separator = written.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex.trim(), 16).ok());
            self.separator = separator.or(written.bytes().next()).unwrap_or(b'\t');
            return;
        }
        let mut parts = line.split(char::from(self.separator));
        match (parts.next(), parts.next()) {
            (Some("#set_separator"), Some(separator)) => separator.clone_into(&mut self.set_separator),
            (Some("#empty_field"), Some(empty)) => empty.clone_into(&mut self.empty),
            (Some("#unset_field"), Some(unset)) => unset.clone_into(&mut self.unset),
            (Some("#fields"), Some(first)) => {
                self.fields = std::iter::once(first).chain(parts).take(MOST_FIELDS).map(str::to_owned).collect();
            }
            _ => {}
        }
    }

    fn row<'a>(&'a self, line: &'a [u8]) -> Result<Row<'a>, String> {
        if line.first() == Some(&b'{') {
            return Ok(Row::Json(serde_json::from_slice(line).map_err(|error| lines::fault(&error))?));
        }
        let cells: Vec<&[u8]> = line.split(|byte| *byte == self.separator).collect();
        match self.fields.len() {
            0 => Err("no header names its columns".to_owned()),
            wanted if wanted != cells.len() => Err(format!("{} columns in place of {wanted}", cells.len())),
            _ => Ok(Row::Cells(self, cells)),
        }
    }
}

/// One row of a log.
#[derive(Debug)]
enum Row<'a> {
    Cells(&'a Columns, Vec<&'a [u8]>),
    Json(Map<String, Value>),
}

impl Row<'_> {
    /// Says whether rows of this kind have a field.
    fn has(&self, field: &str) -> bool {
        match self {
            Self::Cells(columns, _) => columns.fields.iter().any(|name| name == field),
            Self::Json(fields) => fields.contains_key(field),
        }
    }

    /// Says whether it is of ssl.log: JSON leaves out what is not known, and other logs have servers too.
    fn is_of_tls(&self) -> bool {
        match self {
            Self::Cells(..) => self.has("cipher") && self.has("established"),
            Self::Json(fields) => match fields.get("_path").and_then(Value::as_str) {
                Some(path) => path == "ssl",
                None => self.has("established"),
            },
        }
    }

    /// Returns a field's text, with its escapes undone; none when it is unset or empty.
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        let text: Option<Cow<'_, str>> = match self {
            Self::Cells(columns, cells) => {
                let place = columns.fields.iter().position(|name| name == field)?;
                let text = unescaped(cells.get(place)?);
                (text != columns.unset && text != columns.empty).then_some(Cow::Owned(text))
            }
            Self::Json(fields) => match fields.get(field)? {
                Value::String(text) => Some(Cow::Borrowed(text)),
                Value::Number(number) => Some(Cow::Owned(number.to_string())),
                _ => None,
            },
        };
        text.filter(|text| !text.is_empty())
    }

    fn flag(&self, field: &str) -> Option<bool> {
        match self {
            Self::Json(fields) => fields.get(field)?.as_bool(),
            Self::Cells(..) => match self.text(field)?.as_ref() {
                "T" => Some(true),
                "F" => Some(false),
                _ => None,
            },
        }
    }

    /// Returns the names of the server's certificates, end-entity first.
    fn certificate_names(&self) -> Vec<String> {
        let lists = ["cert_chain_fps", "cert_chain_fuids"].map(|field| self.list(field));
        lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
    }

    fn list(&self, field: &str) -> Vec<String> {
        match self {
            Self::Cells(columns, _) => {
                let text = self.text(field).unwrap_or_default();
                let parts = text.split(columns.set_separator.as_str()).filter(|part| !part.is_empty());
                parts.take(LONGEST_CHAIN).map(str::to_owned).collect()
            }
            Self::Json(fields) => {
                let entries = fields.get(field).and_then(Value::as_array);
                entries.into_iter().flatten().filter_map(Value::as_str).take(LONGEST_CHAIN).map(str::to_owned).collect()
            }
        }
    }
}

/// Undoes `\x09` and the like.
fn unescaped(cell: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(cell.len());
    let mut rest = cell;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.strip_prefix(b"x").and_then(|hex| hex.split_at_checked(2)).filter(|_| *first == b'\\');
        let value = escaped.and_then(|(hex, after)| Some((u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?, after)));
        let (byte, after) = value.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The most bytes of certificates that wait for their handshakes, names included.
const MOST_CERTIFICATE_BYTES: usize = 256 * 1024 * 1024;
/// What an entry of a table takes besides its name, about.
const ENTRY_BYTES: usize = 64;
const LONGEST_NAME: usize = 256;
const LONGEST_CHAIN: usize = 100;
const MOST_FIELDS: usize = 1_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use mintwatch_validator::evidence::Vantage;

    use super::*;
    use crate::import::Imported;

    fn imported(logs: &[&str], files: &[(&str, &[u8])]) -> Imported {
        let (mut gathered, mut read) = (Gathered::new(None), Logs::default());
        for log in logs {
            read.read(&File::from(Path::new("some.log")), log.as_bytes(), &mut gathered).unwrap();
        }
        let chain = |(name, der): &(&str, &[u8])| pem::Chain { file: File::from(Path::new(name)), certificates: vec![Bytes::from(*der)] };
        read.finish(files.iter().map(chain).collect(), &mut gathered);
        gathered.close(Vantage::Recorded, Seen::NotVisible)
    }

    const HEADER: &str =
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tssl\n#open\t2024-03-05-10-00-00\n";
    const SSL_FIELDS: &str = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\tcipher\tcurve\tserver_name\tresumed\tlast_alert\tnext_protocol\testablished\tcert_chain_fps\n#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tstring\tbool\tstring\tstring\tbool\tvector[string]\n";
    const LEAF: [u8; 5] = [0x30, 3, 2, 1, 1];
    const ISSUER: [u8; 5] = [0x30, 3, 2, 1, 2];

    fn fps() -> String {
        [LEAF, ISSUER].map(|der| fingerprints(&Bytes::from(der.to_vec()))[0].clone()).join(",")
    }

    fn row(version: &str, chain: &str) -> String {
        format!(
            "1591367999.3059\tCx\t10.1.2.3\t50123\t192.0.2.7\t443\t{version}\tTLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\tx25519\twww.shop.example\tF\t-\th2\tT\t{chain}\n"
        )
    }

    #[test]
    fn columns_and_their_certificates_in_another_log_are_one_handshake() {
        let ssl = format!("{HEADER}{SSL_FIELDS}{}", row("TLSv12", &fps()));
        let fps = fps();
        let (leaf, issuer) = fps.split_once(',').unwrap();
        let x509 = format!(
            "{HEADER}#fields\tts\tfingerprint\tcertificate.subject\tcert\n1\t{leaf}\tCN=x\tMAMCAQE=\n1\t{issuer}\tCN=y\tMAMC\\x41QI=\n"
        );
        for logs in [[ssl.as_str(), &x509], [&x509, &ssl]] {
            let Imported { evidence, tally } = imported(&logs, &[]);
            let seen = &evidence.observations[0];
            let chain = seen.chain.yes().unwrap();
            assert_eq!(chain.form, ChainForm::Presented);
            assert_eq!([chain.certificates[0].as_slice(), chain.certificates[1].as_slice()], [LEAF, ISSUER]);
            let tls = seen.tls.yes().unwrap();
            assert_eq!((tls.version.as_str(), &tls.group, &tls.alpn), ("TLSv1.2", &Seen::Yes("X25519".into()), &Seen::Yes("h2".into())));
            assert_eq!((seen.at, seen.target.host.as_str(), &seen.ending), (1_591_367_999_305, "www.shop.example", &Ending::Completed));
            assert_eq!((tally.bad, tally.passed.len()), (0, 0));
            assert!(!evidence.to_json().contains("10.1.2.3"));
        }
    }

    #[test]
    fn json_lines_say_the_same() {
        let fps = fps();
        let list = fps.split(',').map(|name| format!("{name:?}")).collect::<Vec<_>>().join(",");
        let ssl = format!(
            r#"{{"ts":1591367999.305988,"uid":"Cx","id.orig_h":"10.1.2.3","id.orig_p":50123,"id.resp_h":"192.0.2.7","id.resp_p":443,"version":"TLSv12","cipher":"TLS_RSA_WITH_AES_128_CBC_SHA","server_name":"www.shop.example","resumed":false,"established":true,"cert_chain_fps":[{list}]}}"#
        );
        let x509 = format!(
            r#"{{"ts":"2020-06-05T14:39:59.3Z","fingerprint":{},"certificate.serial":"01","cert":"MAMCAQE="}}"#,
            list.split(',').next().unwrap()
        );
        let Imported { evidence, tally } = imported(&[&ssl, &x509], &[]);
        let chain = evidence.observations[0].chain.yes().unwrap();
        // The issuer is missing: of such a chain only the end-entity is sure.
        assert_eq!((chain.form, chain.certificates.len()), (ChainForm::EndEntityOnly, 1));
        assert_eq!((evidence.observations[0].at, tally.passed[&Passed::CertificateMissing]), (1_591_367_999_305, 1));
    }

    #[test]
    fn certificates_come_from_files_by_fingerprint_or_by_id() {
        let by_id = format!("{HEADER}{}{}", SSL_FIELDS.replace("cert_chain_fps", "cert_chain_fuids"), row("TLSv12", "FLeaf1,FIssuer2"));
        let chain = |imported: Imported| imported.evidence.observations[0].chain.yes().unwrap().certificates.len();
        assert_eq!(chain(imported(&[&by_id], &[("certs/FLeaf1.der", &LEAF), ("extract-1591367999-SSL-FIssuer2.pem", &ISSUER)])), 2);
        let by_fingerprint = format!("{HEADER}{SSL_FIELDS}{}", row("TLSv12", &fps()));
        assert_eq!(chain(imported(&[&by_fingerprint], &[("a.pem", &LEAF), ("b.pem", &ISSUER)])), 2);
    }

    #[test]
    fn what_no_file_holds_is_not_visible_and_counted() {
        let log = format!("{HEADER}{SSL_FIELDS}{}{}", row("TLSv12", &fps()), row("TLSv13", "-"));
        let Imported { evidence, tally } = imported(&[&log], &[]);
        assert!(evidence.observations.iter().all(|seen| seen.chain == Seen::NotVisible));
        assert_eq!(tally.passed[&Passed::CertificateMissing], 2);
    }

    #[test]
    fn rows_that_do_not_fit_their_header_are_named() {
        let log = format!("{HEADER}{SSL_FIELDS}{}too\tfew\n{}", row("TLSv12", "-"), row("TLSv12", "-").replace("192.0.2.7", "nowhere"));
        let Imported { evidence, tally } = imported(&[&log, "1\t2\t3\n"], &[]);
        assert_eq!((evidence.observations.len(), tally.bad), (1, 3));
        assert_eq!(tally.named[0], "some.log, line 10: 2 columns in place of 15");
    }

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(milliseconds("1591367999.305988"), Some(1_591_367_999_305));
        assert_eq!(milliseconds("1591367999"), Some(1_591_367_999_000));
        assert_eq!(milliseconds("1591367999.5"), Some(1_591_367_999_500));
        assert_eq!(milliseconds("2020-06-05T14:39:59.305988Z"), Some(1_591_367_999_305));
        assert_eq!(milliseconds("-1.5"), None);
        assert_eq!(milliseconds("1.x"), None);
    }
}
