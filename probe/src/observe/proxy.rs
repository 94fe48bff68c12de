//! Going through a proxy that was declared: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).

use std::env;
use std::fmt;
use std::net::IpAddr;

use data_encoding::BASE64;
use mintwatch_validator::evidence::{Failure, FailureClass, Host, Via};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;
use url::Url;

use super::failure::{fail, of_io};

/// A proxy, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    via: Via,
    host: String,
    port: u16,
    user: Option<(String, String)>,
    /// Hosts that are reached without it, as `NO_PROXY` lists them.
    exempt: String,
}

/// Neither the password nor the address: what is printed may be shown to others.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("via", &self.via).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Reads `http://[USER:PASSWORD@]HOST[:PORT]` or the same with `socks5://` or `socks5h://`.
    ///
    /// Names are always resolved by the proxy: that is what its users' browsers do.
    ///
    /// # Errors
    /// What is wrong with the text, for people; the text itself may hold a password and is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).map_err(|error| format!("no URL of a proxy: {error}"))?;
        let (via, usual) = match url.scheme() {
            "http" => (Via::HttpConnect, 80),
            "socks5" | "socks5h" | "socks" => (Via::Socks5, 1080),
            other => return Err(format!("a proxy is asked by http or socks5, not by {other}")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("a proxy has a host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let plain = |part: &str| percent_decoded(part);
        let user = (!url.username().is_empty()).then(|| (plain(url.username()), plain(url.password().unwrap_or_default())));
        Ok(Self { via, host, port: url.port().unwrap_or(usual), user, exempt: String::new() })
    }

    /// Returns the proxy that the environment sets for HTTPS, as curl reads it, and the name of the variable that does.
    ///
    /// # Errors
    /// The name of the variable, and what is wrong with its value.
    pub fn of_environment() -> Result<Option<(Self, &'static str)>, (&'static str, String)> {
        let set = |name: &&'static str| env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (*name, value));
        let Some((name, value)) = VARIABLES.iter().find_map(set) else { return Ok(None) };
        let exempt = env::var("no_proxy").or_else(|_| env::var("NO_PROXY")).unwrap_or_default();
        Self::parse(&value).map(|proxy| Some((Self { exempt, ..proxy }, name))).map_err(|why| (name, why))
    }

    /// Says whether a host is reached through it.
    pub(super) fn serves(&self, host: &Host) -> bool {
        !is_on(&self.exempt, host)
    }

    /// Returns how it is asked.
    pub fn via(&self) -> Via {
        self.via
    }

    /// Opens a way to a host, or to an address of it that was stated.
    pub(super) async fn connect(&self, host: &Host, address: Option<IpAddr>, port: u16) -> Result<TcpStream, Failure> {
        let to = address.map_or_else(|| host.to_string(), |address| address.to_string());
        match self.via {
            Via::Socks5 => self.socks(&to, port).await,
            _ => self.http_connect(&to, port).await,
        }
    }

    async fn socks(&self, to: &str, port: u16) -> Result<TcpStream, Failure> {
        let proxy = (self.host.as_str(), self.port);
        let opened = match &self.user {
            Some((user, password)) => Socks5Stream::connect_with_password(proxy, (to, port), user, password).await,
            None => Socks5Stream::connect(proxy, (to, port)).await,
        };
        opened.map(Socks5Stream::into_inner).map_err(|error| fail(class_of_socks(&error), format!("the proxy: {error}")))
    }

    async fn http_connect(&self, to: &str, port: u16) -> Result<TcpStream, Failure> {
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let mut stream = connected.map_err(|error| of_proxy(of_io(&error)))?;
        let to = if to.contains(':') { format!("[{to}]:{port}") } else { format!("{to}:{port}") };
        let credentials = self.user.as_ref().map(|(user, password)| BASE64.encode(format!("{user}:{password}").as_bytes()));
        let credentials = credentials.map(|token| format!("Proxy-Authorization: Basic {token}\r\n")).unwrap_or_default();
        let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{credentials}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| of_proxy(of_io(&error)))?;
        match answer(&mut stream).await.map_err(of_proxy)? {
            200..=299 => Ok(stream),
            407 => Err(fail(FailureClass::Refused, "the proxy wants a user name and a password")),
            status => Err(fail(FailureClass::Refused, format!("the proxy refused with status {status}"))),
        }
    }
}

/// Says whether a list of `NO_PROXY` has a host, as curl reads it.
fn is_on(list: &str, host: &Host) -> bool {
    list.split(',').map(|entry| entry.trim().trim_start_matches('.').to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(|entry| {
        let name = host.as_str();
        entry == "*" || name == entry || name.strip_suffix(&entry).is_some_and(|front| front.ends_with('.'))
    })
}

/// Hears the head of the proxy's answer, a byte at a time at its end: what follows belongs to TLS.
async fn answer(stream: &mut TcpStream) -> Result<u16, Failure> {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.map_err(|error| of_io(&error))?;
        heard.push(byte);
        if heard.len() > LONGEST_HEAD {
            return Err(fail(FailureClass::Oversize, "its answer is too long"));
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let read = response.parse(&heard).map_err(|error| fail(FailureClass::Malformed, format!("its answer is not HTTP: {error}")))?;
    match (read.is_complete(), response.code) {
        (true, Some(code)) => Ok(code),
        _ => Err(fail(FailureClass::Malformed, "its answer is not HTTP")),
    }
}

fn of_proxy(mut failure: Failure) -> Failure {
    failure.detail.insert_str(0, "the proxy: ");
    failure
}

fn class_of_socks(error: &tokio_socks::Error) -> FailureClass {
    use tokio_socks::Error;
    match error {
        Error::Io(error) => of_io(error).class,
        Error::HostUnreachable | Error::NetworkUnreachable => FailureClass::Unreachable,
        Error::ConnectionRefused | Error::ConnectionNotAllowedByRuleset => FailureClass::Refused,
        Error::TtlExpired => FailureClass::TimedOut,
        _ => FailureClass::Other,
    }
}

/// Undoes percent-encoding (RFC 3986 §2.1); what is none stays as it is.
fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Which variables set the proxy for HTTPS, in curl's order.
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn a_proxy_is_read_from_its_url_and_shows_no_password() {
        let proxy = Proxy::parse("http://al%40ice:s%3Acret@proxy.example:3128").unwrap();
        assert_eq!((proxy.via, proxy.port), (Via::HttpConnect, 3128));
        assert_eq!(proxy.user, Some(("al@ice".to_owned(), "s:cret".to_owned())));
        assert!(!format!("{proxy:?}").contains("cret"));
        assert_eq!(
            Proxy::parse("socks5h://[::1]").map(|proxy| (proxy.via, proxy.host, proxy.port)),
            Ok((Via::Socks5, "::1".to_owned(), 1080))
        );
        assert_eq!(Proxy::parse("proxy.example:8080").map(|proxy| proxy.port), Ok(8080));
        for bad in ["", "ftp://proxy.example", "http://", "http://a:99999"] {
            assert!(Proxy::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn exempt_hosts_are_those_of_the_list_and_below() {
        let host = |name: &str| Host::parse(name).unwrap();
        assert!(is_on("example.org, .corp.example", &host("www.example.org")));
        assert!(is_on("example.org", &host("example.org")) && is_on("*", &host("any.example")));
        assert!(!is_on("example.org", &host("badexample.org")) && !is_on("", &host("example.org")));
    }

    /// Plays a proxy that answers with `says`; returns what came of asking it, and what it heard.
    async fn asked(scheme: &str, says: &'static [&'static [u8]]) -> (Result<Vec<u8>, Failure>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://user:word@127.0.0.1:{}", listener.local_addr().unwrap().port());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 1024];
            let mut all = Vec::new();
            for say in says {
                let count = stream.read(&mut heard).await.unwrap();
                all.extend_from_slice(&heard[..count]);
                stream.write_all(say).await.unwrap();
            }
            drop(stream.shutdown().await);
            all
        });
        let host = Host::parse("www.example.org").unwrap();
        let opened = match Proxy::parse(&url).unwrap().connect(&host, None, 443).await {
            Ok(mut stream) => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(failure) => Err(failure),
        };
        (opened, server.await.unwrap())
    }

    #[tokio::test]
    async fn connect_asks_by_name_and_leaves_what_follows_to_tls() {
        let (opened, heard) = asked("http", &[b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nrest"]).await;
        assert_eq!(opened, Ok(b"rest".to_vec()));
        let heard = String::from_utf8(heard).unwrap();
        assert!(heard.starts_with("CONNECT www.example.org:443 HTTP/1.1\r\n") && heard.contains("Basic dXNlcjp3b3Jk"), "{heard}");
        let (opened, _) = asked("http", &[b"HTTP/1.1 407 Who are you\r\n\r\n"]).await;
        assert_eq!(opened.unwrap_err().class, FailureClass::Refused);
        let (opened, _) = asked("http", &[b"SSH-2.0-OpenSSH\r\n\r\n"]).await;
        assert_eq!(opened.unwrap_err().class, FailureClass::Malformed);
    }

    #[tokio::test]
    async fn socks_asks_by_name_and_password() {
        let (opened, heard) = asked("socks5", &[&[5, 2], &[1, 0], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0, b'r', b'e', b's', b't']]).await;
        assert_eq!(opened, Ok(b"rest".to_vec()));
        assert!(heard.windows(15).any(|window| window == b"www.example.org"));
        let (opened, _) = asked("socks5", &[&[5, 2], &[1, 0], &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]]).await;
        assert_eq!(opened.unwrap_err().class, FailureClass::Refused);
    }
}
