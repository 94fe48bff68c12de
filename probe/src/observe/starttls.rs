//! Asking for TLS in the clear text of another protocol: one scripted dialogue each.
//!
//! jabber.ru (2023) was read on port 5222 alone: who looks at HTTPS only does not see it. Nothing but what the protocol
//! wants before TLS is said, and no name of this machine is in it.

use std::io;

use mintwatch_validator::evidence::{Failure, FailureClass, StartTls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::failure::{fail, of_io};

/// Returns the protocol that a port is for, when it begins in clear text.
pub fn of_port(port: u16) -> Option<StartTls> {
    Some(match port {
        25 | 587 | 2525 => StartTls::Smtp,
        110 => StartTls::Pop3,
        143 => StartTls::Imap,
        389 | 3268 => StartTls::Ldap,
        5222 => StartTls::Xmpp,
        5269 => StartTls::XmppServer,
        5432 => StartTls::Postgresql,
        _ => return None,
    })
}

/// Asks for TLS; afterwards the next byte of the stream belongs to it.
///
/// The caller bounds the time. What the peer may say is bounded here.
pub(super) async fn ask(protocol: StartTls, host: &str, stream: &mut TcpStream) -> Result<(), Failure> {
    let mut talk = Talk { stream, heard: Vec::new() };
    match protocol {
        StartTls::Smtp => smtp(&mut talk).await,
        StartTls::Imap => imap(&mut talk).await,
        StartTls::Pop3 => pop3(&mut talk).await,
        StartTls::Xmpp => xmpp(&mut talk, host, "jabber:client").await,
        StartTls::XmppServer => xmpp(&mut talk, host, "jabber:server").await,
        StartTls::Ldap => ldap(&mut talk).await,
        StartTls::Postgresql => postgresql(&mut talk).await,
        _ => Err(fail(FailureClass::Other, "no dialogue is known for this protocol")),
    }?;
    // Who answers on before TLS stands has it taken for protected text (CVE-2011-0411).
    if talk.heard.is_empty() {
        Ok(())
    } else {
        Err(fail(FailureClass::Malformed, "the peer said more in clear text after it had agreed to TLS"))
    }
}

/// A dialogue in clear text.
struct Talk<'s> {
    stream: &'s mut TcpStream,
    heard: Vec<u8>,
}

impl Talk<'_> {
    async fn say(&mut self, words: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(words).await.map_err(|error| of_io(&error))
    }

    async fn hear_more(&mut self) -> Result<(), Failure> {
        let mut fresh = [0; 512];
        let count = self.stream.read(&mut fresh).await.map_err(|error| of_io(&error))?;
        self.heard.extend_from_slice(fresh.get(..count).unwrap_or_default());
        match count {
            0 => Err(of_io(&io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed before TLS"))),
            _ if self.heard.len() > MOST_HEARD => Err(fail(FailureClass::Oversize, format!("more than {MOST_HEARD} bytes before TLS"))),
            _ => Ok(()),
        }
    }

    /// Takes the next `count` bytes.
    async fn take(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        while self.heard.len() < count {
            self.hear_more().await?;
        }
        Ok(self.heard.drain(..count).collect())
    }

    /// Takes the next line, without its end.
    async fn line(&mut self) -> Result<String, Failure> {
        self.up_to(b"\n").await.map(|line| line.trim_end().to_owned())
    }

    /// Takes everything up to and with some mark.
    async fn up_to(&mut self, mark: &[u8]) -> Result<String, Failure> {
        loop {
            if let Some(at) = self.heard.windows(mark.len()).position(|window| window == mark) {
                let taken = self.take(at + mark.len()).await?;
                return Ok(String::from_utf8_lossy(&taken).into_owned());
            }
            self.hear_more().await?;
        }
    }
}

/// Not offered, or refused: a box that strips the offer looks like this, and so does a server that never had it.
fn refused(heard: &str) -> Failure {
    let heard: String = heard.chars().take(120).collect();
    fail(FailureClass::NothingInCommon, format!("TLS was not offered or was refused: {heard:?}"))
}

/// Hears one SMTP reply (RFC 5321 §4.2), which may have several lines.
async fn smtp_reply(talk: &mut Talk<'_>, code: &str) -> Result<String, Failure> {
    let mut reply = String::new();
    loop {
        let line = talk.line().await?;
        reply.push_str(&line);
        reply.push('\n');
        if !line.starts_with(code) {
            return Err(refused(&line));
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(reply);
        }
    }
}

async fn smtp(talk: &mut Talk<'_>) -> Result<(), Failure> {
    smtp_reply(talk, "220").await?;
    talk.say(b"EHLO localhost\r\n").await?;
    let offered = smtp_reply(talk, "250").await?;
    if !offered.to_ascii_uppercase().contains("STARTTLS") {
        return Err(refused("STARTTLS is not among what the server offers"));
    }
    talk.say(b"STARTTLS\r\n").await?;
    smtp_reply(talk, "220").await.map(|_| ())
}

async fn imap(talk: &mut Talk<'_>) -> Result<(), Failure> {
    let greeting = talk.line().await?;
    if !greeting.starts_with("* OK") {
        return Err(refused(&greeting));
    }
    talk.say(b"a1 STARTTLS\r\n").await?;
    loop {
        let line = talk.line().await?;
        if line.starts_with("a1 ") {
            return if line.starts_with("a1 OK") { Ok(()) } else { Err(refused(&line)) };
        }
    }
}

async fn pop3(talk: &mut Talk<'_>) -> Result<(), Failure> {
    for words in [&b""[..], b"STLS\r\n"] {
        talk.say(words).await?;
        let line = talk.line().await?;
        if !line.starts_with("+OK") {
            return Err(refused(&line));
        }
    }
    Ok(())
}

async fn xmpp(talk: &mut Talk<'_>, host: &str, namespace: &str) -> Result<(), Failure> {
    let open = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='{host}' version='1.0'>"
    );
    talk.say(open.as_bytes()).await?;
    let features = talk.up_to(b"</stream:features>").await?;
    if !features.contains("urn:ietf:params:xml:ns:xmpp-tls") {
        return Err(refused("starttls is not among the stream's features"));
    }
    talk.say(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    let answer = talk.up_to(b">").await?;
    if !answer.trim_start().starts_with("<proceed") {
        return Err(refused(&answer));
    }
    // `<proceed …></proceed>` is as good as `<proceed …/>`.
    if answer.ends_with("/>") { Ok(()) } else { talk.up_to(b"</proceed>").await.map(|_| ()) }
}

/// The StartTLS request (RFC 4511 §4.14.1) as an LDAPMessage: id 1, ExtendedRequest, OID 1.3.6.1.4.1.1466.20037.
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

async fn ldap(talk: &mut Talk<'_>) -> Result<(), Failure> {
    let odd = || fail(FailureClass::Malformed, "the answer is no LDAP message");
    talk.say(LDAP_REQUEST).await?;
    let head = talk.take(2).await?;
    let (Some(0x30), Some(&length)) = (head.first(), head.get(1)) else { return Err(odd()) };
    // Short form, or one or two octets of length: no answer to this is longer.
    let length = match length {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(talk.take(1).await?.first().copied().unwrap_or_default()),
        0x82 | 0x84 => {
            let octets = talk.take(usize::from(length & 0x7f)).await?;
            octets.iter().fold(0_usize, |sum, &octet| (sum << 8) | usize::from(octet))
        }
        _ => return Err(odd()),
    };
    if length > MOST_HEARD {
        return Err(fail(FailureClass::Oversize, "an LDAP message that is too long"));
    }
    let message = talk.take(length).await?;
    // messageID 1, then an ExtendedResponse [APPLICATION 24] whose first element is the resultCode.
    let after_id = message.strip_prefix(&[0x02, 0x01, 0x01][..]).ok_or_else(odd)?;
    let response = after_id.strip_prefix(&[0x78][..]).ok_or_else(odd)?;
    let skip = match response.first() {
        Some(0..=0x7f) => 1,
        Some(&long) => 1 + usize::from(long & 0x7f),
        None => return Err(odd()),
    };
    match response.get(skip..).unwrap_or_default() {
        [0x0a, 0x01, 0x00, ..] => Ok(()),
        [0x0a, 0x01, code, ..] => Err(refused(&format!("result code {code}"))),
        _ => Err(odd()),
    }
}

async fn postgresql(talk: &mut Talk<'_>) -> Result<(), Failure> {
    // Int32(8) length of the message, Int32(80877103): SSLRequest.
    talk.say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
    match talk.take(1).await?.first() {
        Some(b'S') => Ok(()),
        Some(b'N') => Err(refused("N")),
        _ => Err(fail(FailureClass::Malformed, "the answer is not PostgreSQL's")),
    }
}

/// How much a peer may say before TLS, in bytes.
const MOST_HEARD: usize = 16 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// What the server waits for, and what it says then.
    type Line<'a> = (&'a str, &'a [u8]);

    /// Plays a server: says each line after it heard the one before it; returns what the client made of it, and what it said.
    async fn played(protocol: StartTls, lines: &[Line<'_>]) -> (Result<(), Failure>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let lines: Vec<(Vec<u8>, Vec<u8>)> = lines.iter().map(|(wait, say)| (wait.as_bytes().to_vec(), say.to_vec())).collect();
        let play = tokio::spawn(async move {
            let mut heard = Vec::new();
            for (wait, say) in lines {
                while !heard.windows(wait.len().max(1)).any(|window| window == wait) && !wait.is_empty() {
                    let mut fresh = [0; 256];
                    let count = server.read(&mut fresh).await.unwrap();
                    if count == 0 {
                        return heard;
                    }
                    heard.extend_from_slice(&fresh[..count]);
                }
                server.write_all(&say).await.unwrap();
            }
            drop(server.shutdown().await);
            heard
        });
        let asked = timeout(Duration::from_secs(5), ask(protocol, "mail.example.org", &mut client)).await.unwrap();
        drop(client);
        (asked, play.await.unwrap())
    }

    #[tokio::test]
    async fn every_dialogue_ends_where_tls_begins() {
        let dialogues: [(StartTls, &[Line<'_>]); 7] = [
            (StartTls::Smtp, &[("", b"220-mx.example.org\r\n220 ready\r\n"), ("EHLO", b"250-hi\r\n250-PIPELINING\r\n250 STARTTLS\r\n"), ("STARTTLS", b"220 go\r\n")]),
            (StartTls::Imap, &[("", b"* OK ready\r\n"), ("STARTTLS", b"* NOTE\r\na1 OK go\r\n")]),
            (StartTls::Pop3, &[("", b"+OK ready\r\n"), ("STLS", b"+OK go\r\n")]),
            (StartTls::Xmpp, &[
                ("version='1.0'>", b"<?xml version='1.0'?><stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"),
                ("<starttls", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            ]),
            (StartTls::XmppServer, &[
                ("jabber:server", b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls></stream:features>"),
                ("<starttls", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"),
            ]),
            (StartTls::Ldap, &[("1466.20037", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")]),
            (StartTls::Postgresql, &[("\u{16}/", b"S")]),
        ];
        for (protocol, lines) in dialogues {
            let (asked, said) = played(protocol, lines).await;
            assert_eq!(asked, Ok(()), "{protocol:?}");
            assert!(!said.is_empty(), "{protocol:?}");
        }
    }

    #[tokio::test]
    async fn a_server_without_tls_or_one_it_was_stripped_from_is_nothing_in_common() {
        let dialogues: [(StartTls, &[Line<'_>]); 6] = [
            (StartTls::Smtp, &[("", b"220 ready\r\n"), ("EHLO", b"250-hi\r\n250 XXXXXXXA\r\n")]),
            (StartTls::Imap, &[("", b"* OK ready\r\n"), ("STARTTLS", b"a1 BAD what\r\n")]),
            (StartTls::Pop3, &[("", b"+OK ready\r\n"), ("STLS", b"-ERR what\r\n")]),
            (StartTls::Xmpp, &[("version", b"<stream:stream><stream:features></stream:features>")]),
            (StartTls::Ldap, &[("1466", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00")]),
            (StartTls::Postgresql, &[("\u{16}/", b"N")]),
        ];
        for (protocol, lines) in dialogues {
            let (asked, _) = played(protocol, lines).await;
            assert_eq!(asked.unwrap_err().class, FailureClass::NothingInCommon, "{protocol:?}");
        }
    }

    #[tokio::test]
    async fn clear_text_after_the_agreement_is_not_taken_for_tls() {
        let (asked, _) = played(StartTls::Pop3, &[("", b"+OK ready\r\n"), ("STLS", b"+OK go\r\n+OK injected\r\n")]).await;
        assert_eq!(asked.unwrap_err().class, FailureClass::Malformed);
    }

    #[tokio::test]
    async fn endless_talk_is_cut_off() {
        let (asked, _) = played(StartTls::Imap, &[("", &vec![b'x'; 20_000])]).await;
        assert_eq!(asked.unwrap_err().class, FailureClass::Oversize);
        let (asked, _) = played(StartTls::Ldap, &[("1466", b"\x30\x84\x7f\xff\xff\xff")]).await;
        assert_eq!(asked.unwrap_err().class, FailureClass::Oversize);
    }

    #[test]
    fn ports_say_which_dialogue() {
        assert_eq!(of_port(25), Some(StartTls::Smtp));
        assert_eq!(of_port(5222), Some(StartTls::Xmpp));
        assert_eq!(of_port(443).or(of_port(853)).or(of_port(993)), None, "TLS begins at once there");
    }
}
