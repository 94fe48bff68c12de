//! Seeds of the fuzz target `import`: the replays' handshakes as others would have recorded them.

use etherparse::PacketBuilder;
use mintwatch_validator::evidence::{Bytes, Observation};

/// A handshake as a capture of either form, a log of Zeek or Suricata, or a measurement of OONI.
pub(super) fn seed(index: usize, observation: &Observation) -> Vec<u8> {
    let seconds = observation.at / 1000;
    let host = observation.target.host.as_str();
    let certificates: Vec<&[u8]> = observation.chain.yes().into_iter().flat_map(|chain| &chain.certificates).map(Bytes::as_slice).collect();
    let base64: Vec<String> = certificates.iter().map(|der| data_encoding::BASE64.encode(der)).collect();
    match index % 5 {
        0 => pcap(&packets(host, &certificates), seconds),
        1 => pcapng(&packets(host, &certificates), seconds),
        2 => zeek(host, seconds, &base64),
        3 => {
            let tls = serde_json::json!({"sni": host, "version": "TLS 1.2", "certificate": base64.first(), "chain": base64});
            let time = "2026-03-05T10:11:12.345678+0000";
            let event = serde_json::json!({"timestamp": time, "event_type": "tls", "dest_ip": "192.0.2.7", "dest_port": 443, "tls": tls});
            format!("{event}\n").into_bytes()
        }
        _ => {
            let peer: Vec<_> = base64.iter().map(|data| serde_json::json!({"data": data, "format": "base64"})).collect();
            let handshake = serde_json::json!({"address": "192.0.2.7:443", "server_name": host, "tls_version": "TLSv1.2",
                "cipher_suite": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "failure": null, "peer_certificates": peer, "t": 0.5});
            let query = serde_json::json!({"engine": "system", "hostname": host, "answers": [{"ipv4": "192.0.2.7"}]});
            let keys = serde_json::json!({"tls_handshakes": [handshake], "queries": [query]});
            let start = "2026-03-05 10:11:12";
            serde_json::json!({"measurement_start_time": start, "report_id": "r", "test_keys": keys}).to_string().into_bytes()
        }
    }
}

fn zeek(host: &str, seconds: u64, base64: &[String]) -> Vec<u8> {
    let names: Vec<String> = (0..base64.len()).map(|number| format!("F{number}")).collect();
    let mut log = format!(
        "#separator \\x09\n#path\tssl\n#fields\tts\tid.resp_h\tid.resp_p\tversion\tcipher\tserver_name\testablished\tcert_chain_fps\n{seconds}.5\t192.0.2.7\t443\tTLSv12\tTLS_RSA_WITH_AES_128_CBC_SHA\t{host}\tT\t{}\n#fields\tfingerprint\tcertificate.subject\tcert\n",
        names.join(",")
    );
    for (name, certificate) in names.iter().zip(base64) {
        log.extend([name, "\tCN=x\t", certificate, "\n"]);
    }
    log.into_bytes()
}

/// Both openings, a ClientHello, and a ServerHello with the chain.
fn packets(host: &str, certificates: &[&[u8]]) -> Vec<Vec<u8>> {
    let name = vector_16(&[&[0][..], &vector_16(host.as_bytes())].concat());
    let client = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x00, 0x2f, 1, 0], &vector_16(&[&[0, 0][..], &vector_16(&name)].concat())].concat();
    let server = [&[3, 3][..], &[8; 32], &[0, 0x00, 0x2f, 0]].concat();
    let chain: Vec<u8> = certificates.iter().flat_map(|der| vector_24(der)).collect();
    let said = [message(2, &server), message(11, &vector_24(&chain)), message(14, &[])].concat();
    let records: Vec<u8> = said.chunks(16_384).flat_map(record).collect();
    let hello = record(&message(1, &client));
    let answer: Vec<Vec<u8>> = (0..).zip(records.chunks(1_400)).map(|(number, part)| packet(false, 2_001 + number * 1_400, part)).collect();
    [vec![packet(true, 1_000, &[]), packet(false, 2_000, &[]), packet(true, 1_001, &hello)], answer].concat()
}

/// A segment between client and server; without data it is an opening.
fn packet(by_client: bool, sequence: u32, data: &[u8]) -> Vec<u8> {
    let (client, server) = ([10, 0, 0, 1], [192, 0, 2, 7]);
    let (from, to, own, other) = if by_client { (client, server, 50_000, 443) } else { (server, client, 443, 50_000) };
    let tcp = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).tcp(own, other, sequence, 65_535);
    let tcp = if data.is_empty() { tcp.syn() } else { tcp };
    let tcp = if by_client && data.is_empty() { tcp } else { tcp.ack(1_001) };
    let mut packet = Vec::new();
    // A vector takes whatever is written.
    let _ = tcp.write(&mut packet, data);
    packet
}

fn pcap(packets: &[Vec<u8>], seconds: u64) -> Vec<u8> {
    let mut file = [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..], &[0; 8], &[0, 0, 4, 0, 1, 0, 0, 0]].concat();
    for packet in packets {
        let length = word(packet.len()).to_le_bytes();
        file.extend([word(seconds).to_le_bytes(), [0; 4], length, length].concat());
        file.extend(packet);
    }
    file
}

fn pcapng(packets: &[Vec<u8>], seconds: u64) -> Vec<u8> {
    let block = |kind: u32, content: &[u8]| {
        let padded = content.len().next_multiple_of(4);
        let length = word(padded + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, content, &vec![0; padded - content.len()], &length].concat()
    };
    let mut file = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 4, 0]));
    for packet in packets {
        let micros = seconds * 1_000_000;
        let length = word(packet.len()).to_le_bytes();
        let time = [word(micros >> 32).to_le_bytes(), word(micros & 0xffff_ffff).to_le_bytes()].concat();
        file.extend(block(6, &[&[0; 4][..], &time, &length, &length, packet].concat()));
    }
    file
}

fn record(content: &[u8]) -> Vec<u8> {
    [&[22, 3, 3][..], &vector_16(content)].concat()
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector_24(content)].concat()
}

fn vector_16(content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    [&[high, low][..], content].concat()
}

fn vector_24(content: &[u8]) -> Vec<u8> {
    let [.., high, middle, low] = content.len().to_be_bytes();
    [&[high, middle, low][..], content].concat()
}

fn word(value: impl TryInto<u32>) -> u32 {
    value.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use mintwatch::import::{Import, Wanted};
    use mintwatch_validator::evidence::{Chain, ChainForm, Host, Seen, Target};

    use super::*;

    #[test]
    fn every_form_of_a_seed_is_read_as_the_handshake_it_was_made_of() {
        let certificates: Vec<Bytes> = vec![vec![0x30; 2_000].into(), vec![0x31; 3_000].into()];
        let chain = Chain { form: ChainForm::Presented, certificates: certificates.clone() };
        let target = Target::over_tcp(Host::parse("www.shop.example").unwrap(), 443);
        let handshake = Observation { chain: Seen::Yes(chain), ..Observation::unseen(target, 1_772_705_472_345) };
        for index in 0..5 {
            let mut import = Import::new(Wanted::default());
            import.add(&Path::new("seed").into(), Box::new(Cursor::new(seed(index, &handshake)))).unwrap();
            let evidence = import.finish(0).unwrap().evidence;
            let seen = &evidence.observations[0];
            assert_eq!(seen.chain.yes().unwrap().certificates, certificates, "{index}");
            assert_eq!(seen.target.host.as_str(), "www.shop.example", "{index}");
        }
    }
}
