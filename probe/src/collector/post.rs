//! One report to one collector: a POST over HTTP/1.1 (RFC 9112), in TLS unless the user says otherwise.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mintwatch_validator::Tables;
use mintwatch_validator::tables::{PublicAnchor, Standing};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{Der, ServerName, TrustAnchor};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use x509_parser::der_parser::asn1_rs::{Any, FromDer};

use super::{Collector, CollectorError, read_authorities};
use crate::observe::unix_seconds;

/// What became of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The collector has it.
    Taken,
    /// It will not have this one.
    Refused(String),
    /// It cannot be reached, or has no time for anybody now.
    NotReached(String),
}

/// Sends to one collector.
pub(super) struct Poster {
    host: String,
    port: u16,
    /// What stands before the body, up to its length.
    head: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Poster {
    pub(super) fn to(collector: &Collector, authorities: Option<&Path>) -> Result<Self, CollectorError> {
        let url = &collector.0;
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match (url.scheme(), ServerName::try_from(bare.clone())) {
            ("https", Ok(name)) => Some((connector(authorities)?, name)),
            _ => None,
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let head = format!(
            "POST {}{query} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: mintwatch/{}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nConnection: close\r\n{}Content-Length: ",
            url.path(),
            env!("CARGO_PKG_VERSION"),
            headers()
        );
        Ok(Self { host: bare, port, head, tls })
    }

    /// Sends one report; it takes as long as one may, and no longer than until.
    pub(super) async fn post(&self, body: &str, until: Instant) -> Outcome {
        let until = until.min(Instant::now() + LONGEST_POST);
        let asked = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| error.to_string())?;
            match &self.tls {
                None => exchange(stream, &self.head, body).await,
                Some((connector, name)) => {
                    let stream = connector.connect(name.clone(), stream).await.map_err(|error| error.to_string())?;
                    exchange(stream, &self.head, body).await
                }
            }
        };
        match timeout_at(until, asked).await {
            Err(_) => Outcome::NotReached("it gave no answer in time".to_owned()),
            Ok(Err(why)) => Outcome::NotReached(why),
            Ok(Ok((status, body))) => outcome(status, &body),
        }
    }
}

/// OTLP 1.11, "OTLP/HTTP Response": 429 and the server's own troubles may pass, any other refusal will not.
fn outcome(status: u16, body: &[u8]) -> Outcome {
    match status {
        200..300 if rejected(body) => Outcome::Refused("it rejects the log record".to_owned()),
        200..300 => Outcome::Taken,
        408 | 429 | 500.. => Outcome::NotReached(format!("it answers {status}")),
        _ => Outcome::Refused(format!("it answers {status}")),
    }
}

/// Says whether a collector took part of a request alone; there is one record in each of ours.
fn rejected(body: &[u8]) -> bool {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let count = answer.as_ref().and_then(|answer| answer.pointer("/partialSuccess/rejectedLogRecords"));
    count.is_some_and(|count| count.as_u64().is_some_and(|count| count > 0) || count.as_str().is_some_and(|count| count != "0"))
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, opening: &str, body: &str) -> Result<(u16, Vec<u8>), String> {
    let request = format!("{opening}{}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    stream.flush().await.map_err(|error| error.to_string())?;
    let mut heard = Vec::new();
    let mut room = vec![0; 4096];
    loop {
        let count = stream.read(&mut room).await;
        let ended = matches!(count, Ok(0) | Err(_));
        heard.extend_from_slice(room.get(..count.unwrap_or(0)).unwrap_or_default());
        match read(&heard)? {
            Some((status, body, whole)) if whole || ended || heard.len() > MOST_HEARD => return Ok((status, body)),
            None if ended || heard.len() > MOST_HEARD => return Err("the answer breaks off".to_owned()),
            _ => {}
        }
    }
}

/// Reads an answer: its status, its body so far, and whether that is all of it; none when its head is not there yet.
fn read(heard: &[u8]) -> Result<Option<(u16, Vec<u8>, bool)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(heard) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is not HTTP: {error}")),
    };
    let status = response.code.unwrap_or_default();
    let body = heard.get(length..).unwrap_or_default();
    let expected = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let expected = expected.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<usize>().ok());
    let whole = status == 204 || expected.is_some_and(|expected| body.len() >= expected);
    Ok(Some((status, body.to_vec(), whole)))
}

/// Returns what the environment wants sent along, such as a token (OpenTelemetry specification, "Protocol exporter"): pairs
/// of name and value with commas between. What cannot be a header is left out.
fn headers() -> String {
    let set = std::env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
    let pairs = set.split(',').filter_map(|pair| pair.split_once('='));
    let is_token = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let decoded = |value: &str| percent_encoding::percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
    let pairs = pairs.map(|(name, value)| (name.trim(), decoded(value)));
    let pairs = pairs.filter(|(name, value)| is_token(name) && value.bytes().all(|byte| (b' '..0x7f).contains(&byte)));
    let lines: Vec<String> = pairs.take(MOST_HEADERS).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    lines.concat()
}

fn connector(authorities: Option<&Path>) -> Result<TlsConnector, CollectorError> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            let read = read_authorities(path)?;
            let (added, _) = roots.add_parsable_certificates(read);
            if added == 0 {
                return Err(CollectorError::Authorities { path: path.to_owned(), why: "no authority in it".to_owned() });
            }
        }
        None => roots.roots = public(),
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // The versions of the provider's own defaults are always there.
    let config = config.map(|config| config.with_root_certificates(roots).with_no_client_auth());
    let config = config.map_err(|error| CollectorError::Authorities { path: std::path::PathBuf::new(), why: error.to_string() })?;
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The anchors that root programs carry now, as the compiled tables know them.
fn public() -> Vec<TrustAnchor<'static>> {
    let now = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);
    let carried = |anchor: &PublicAnchor<'_>| matches!(anchor.standing(now), Standing::Public(_)) && anchor.not_after > now;
    Tables::compiled().anchors().filter(carried).filter_map(|anchor| trust_anchor(&anchor)).collect()
}

fn trust_anchor(anchor: &PublicAnchor<'_>) -> Option<TrustAnchor<'static>> {
    let contents = |der| Any::from_der(der).ok().map(|(_, any)| Der::from(any.data.to_vec()));
    Some(TrustAnchor {
        subject: contents(anchor.subject)?,
        subject_public_key_info: contents(anchor.spki)?,
        name_constraints: anchor.name_constraints.map(|constraints| Der::from(constraints.to_vec())),
    })
}

/// How long one report may take.
const LONGEST_POST: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes.
const MOST_HEARD: usize = 64 * 1024;
/// How many headers of the environment's are sent.
const MOST_HEADERS: usize = 16;
