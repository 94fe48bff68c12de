//! eve.json of Suricata: one event a line, of which those of type `tls` are read.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use mintwatch_validator::evidence::{Bytes, Chain, ChainForm, Observation, Seen, Transport};
use serde::Deserialize;

use super::gathered::{File, Gathered, Passed, begun};
use super::lines;
use super::names::version_named;
use crate::certificates::{Window, decode};

/// Reads an eve.json.
///
/// # Errors
/// Those of the stream.
pub(super) fn read(file: &File, input: impl Read, gathered: &mut Gathered) -> io::Result<()> {
    lines::each(&mut Window::new(input), &mut |number, line| {
        let Some(line) = line else { return gathered.tally.refuse(file, "line", number, lines::TOO_LONG) };
        if line.is_empty() {
            return;
        }
        gathered.tally.records += 1;
        match read_line(line) {
            Ok(Some(seen)) => gathered.push(seen),
            Ok(None) => gathered.tally.pass(Passed::OtherLine),
            Err(why) => gathered.tally.refuse(file, "line", number, &why),
        }
    })
}

/// What every event has; the rest is looked at when it is of the type wanted.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event_type: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Event {
    timestamp: String,
    dest_ip: IpAddr,
    dest_port: u16,
    tls: Tls,
}

#[derive(Deserialize)]
struct Tls {
    #[serde(default)]
    sni: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    session_resumed: bool,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    chain: Vec<String>,
}

fn read_line(line: &[u8]) -> Result<Option<Observation>, String> {
    let head: Head<'_> = serde_json::from_slice(line).map_err(|error| lines::fault(&error))?;
    if head.event_type != "tls" {
        return Ok(None);
    }
    let event: Event = serde_json::from_slice(line).map_err(|error| lines::fault(&error))?;
    let at = milliseconds(&event.timestamp).ok_or("its timestamp is none")?;
    let server = SocketAddr::new(event.dest_ip, event.dest_port);
    let seen = begun(event.tls.sni.as_deref(), server, Transport::Tcp, at).ok_or("its server has no address")?;
    Ok(Some(Observation { chain: chain(&event.tls)?, ..seen }))
}

/// The chain where it is logged, the end-entity alone where only that is.
fn chain(tls: &Tls) -> Result<Seen<Chain>, String> {
    let first = tls.certificate.as_deref().map(certificate).transpose()?;
    let mut certificates = tls.chain.iter().map(|text| certificate(text)).collect::<Result<Vec<Bytes>, _>>()?;
    let form = if certificates.is_empty() { ChainForm::EndEntityOnly } else { ChainForm::Presented };
    if let Some(first) = first
        && certificates.first() != Some(&first)
    {
        certificates.insert(0, first);
    }
    let is_hidden = tls.version.as_deref().and_then(version_named).as_deref() == Some("TLSv1.3");
    Ok(match certificates.is_empty() {
        false => Seen::Yes(Chain { form, certificates }),
        true if tls.session_resumed && !is_hidden => Seen::Failed("a resumed handshake carries none".to_owned()),
        true => Seen::NotVisible,
    })
}

fn certificate(text: &str) -> Result<Bytes, String> {
    let mut der = Vec::new();
    decode(text.as_bytes(), &mut Vec::new(), &mut der).map_err(|trouble| format!("its certificate is {trouble}"))?;
    Ok(der.into())
}

/// Reads a time such as `2024-01-01T00:00:00.123456+0000`, in UNIX milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    let parsed = text.parse::<Timestamp>().or_else(|_| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text));
    u64::try_from(parsed.ok()?.as_millisecond()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::path::Path;

    use mintwatch_validator::evidence::{Host, Vantage};

    use super::*;
    use crate::import::Imported;

    fn imported(text: &str) -> Imported {
        let mut gathered = Gathered::new(None);
        read(&File::from(Path::new("eve.json")), text.as_bytes(), &mut gathered).unwrap();
        gathered.close(Vantage::Recorded, Seen::NotVisible)
    }

    const HEAD: &str = r#"{"timestamp":"2024-03-05T10:11:12.345678+0000","flow_id":1,"event_type":"tls","src_ip":"10.1.2.3","src_port":50123,"dest_ip":"2001:db8::7","dest_port":8443,"proto":"TCP","tls":"#;

    #[test]
    fn a_logged_chain_is_taken_as_it_was_presented_and_the_client_is_not() {
        let line =
            format!(r#"{HEAD}{{"sni":"WWW.Shop.example","version":"TLS 1.2","certificate":"MAMCAQE=","chain":["MAMCAQE=","MAMCAQI="]}}}}"#);
        let Imported { evidence, tally } = imported(&line);
        let seen = &evidence.observations[0];
        assert_eq!(seen.target.host, Host::parse("www.shop.example").unwrap());
        assert_eq!((seen.at, &seen.peer), (1_709_633_472_345, &Seen::Yes("[2001:db8::7]:8443".to_owned())));
        let chain = seen.chain.yes().unwrap();
        assert_eq!((chain.form, chain.certificates.len()), (ChainForm::Presented, 2));
        assert_eq!(chain.certificates[1].as_slice(), [0x30, 3, 2, 1, 2]);
        assert!(!evidence.to_json().contains("10.1.2.3") && !evidence.to_json().contains("50123"));
        assert_eq!((tally.records, tally.bad), (1, 0));
    }

    #[test]
    fn what_is_not_logged_is_not_visible() {
        let alone = format!(r#"{HEAD}{{"sni":"a.example","version":"TLS 1.2","certificate":"MAMCAQE="}}}}"#);
        assert_eq!(imported(&alone).evidence.observations[0].chain.yes().unwrap().form, ChainForm::EndEntityOnly);
        let hidden = format!(r#"{HEAD}{{"version":"TLS 1.3"}}}}"#);
        let seen = &imported(&hidden).evidence.observations[0];
        assert_eq!((&seen.chain, seen.target.host.as_str()), (&Seen::NotVisible, "2001:db8::7"));
        let resumed = format!(r#"{HEAD}{{"sni":"a.example","version":"TLS 1.2","session_resumed":true}}}}"#);
        assert!(matches!(imported(&resumed).evidence.observations[0].chain, Seen::Failed(_)));
    }

    #[test]
    fn a_bad_line_costs_itself_and_says_where_it_stands() {
        let good = format!(r#"{HEAD}{{"sni":"a.example","version":"TLS 1.3"}}}}"#);
        let text = format!(
            "{good}\nnot json\n{{\"event_type\":\"flow\"}}\n{}\n{}\n{good}\n",
            good.replace("2024-03", "sometime"),
            good.replace("\"version\"", "\"certificate\":\"!!\",\"version\"")
        );
        let Imported { evidence, tally } = imported(&text);
        assert_eq!((evidence.observations.len(), tally.bad, tally.passed[&Passed::OtherLine]), (2, 3, 1));
        assert!(tally.named[0].starts_with("eve.json, line 2: "), "{:?}", tally.named);
        assert!(tally.named[2].contains("not base64"), "{:?}", tally.named);
        assert!(!tally.named.concat().contains("10.1.2.3"));
    }
}
