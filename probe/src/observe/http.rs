//! One plain HTTP request (RFC 9112), its head and a little of its body: what a captive portal answers in place of a host.

use std::net::SocketAddr;

use jiff::fmt::rfc2822;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::limits::Deadline;

/// An answer, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Status code.
    pub(super) status: u16,
    /// The header `Date`, in UNIX seconds.
    pub(super) date: Option<i64>,
    /// Whether it leads elsewhere by a header `Location`.
    pub(super) leads_elsewhere: bool,
    /// The first bytes of the body.
    pub(super) body: Vec<u8>,
}

/// Asks for a path of a host at the first of its addresses; nothing is sent that tells who asks.
///
/// # Errors
/// What went wrong, for people.
pub(super) async fn get(host: &str, path: &str, addresses: &[SocketAddr], until: Deadline) -> Result<Answer, String> {
    let mut heard = Vec::new();
    let asked = async {
        let &address = addresses.first().ok_or("the name has no address")?;
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        stream.take(MOST_HEARD).read_to_end(&mut heard).await.map_err(|error| error.to_string()).map(|_| ())
    };
    match timeout_at(until.at, asked).await {
        Ok(asked) => asked.and_then(|()| read(&heard)),
        // A server that keeps the connection open has said what it had to say.
        Err(_) => read(&heard).map_err(|_| format!("the deadline of {} passed", until.of)),
    }
}

fn read(heard: &[u8]) -> Result<Answer, String> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(heard) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Err("the answer breaks off".to_owned()),
        Err(error) => return Err(format!("the answer is not HTTP: {error}")),
    };
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    Ok(Answer {
        status: response.code.unwrap_or_default(),
        date: header("date").and_then(|date| imf_fixdate(&date)),
        leads_elsewhere: header("location").is_some(),
        body: heard.get(length..).unwrap_or_default().to_vec(),
    })
}

/// Reads IMF-fixdate (RFC 9110 §5.6.7): RFC 2822's form, in GMT.
fn imf_fixdate(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
}

/// How much of an answer is read, in bytes.
const MOST_HEARD: u64 = 16 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_does_not_hang_up_has_answered_all_the_same() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            std::future::pending::<()>().await;
        });
        let until = Deadline::after(std::time::Duration::from_millis(300), "the test");
        assert_eq!(get("page.example", "/", &[address], until).await.map(|answer| answer.status), Ok(204));
    }

    #[test]
    fn an_answer_is_read_as_far_as_it_matters() {
        let answer =
            read(b"HTTP/1.1 302 Found\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nLocation: http://portal.example/\r\n\r\nmoved").unwrap();
        assert_eq!(answer, Answer { status: 302, date: Some(1_795_514_400), leads_elsewhere: true, body: b"moved".to_vec() });
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\nDate: yesterday\r\n\r\n").unwrap().date, None);
        assert!(read(b"HTTP/1.1 200 OK\r\nDate:").is_err() && read(b"SSH-2.0-x\r\n").is_err() && read(b"").is_err());
    }
}
