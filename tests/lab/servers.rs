//! Real servers whose protocols begin in clear text, and a real SOCKS proxy: each is asked in its own words.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use mintwatch::demo::pki::Leaf;
use xtask::workspace;

use super::net::{GATEWAY, Net, Place};
use super::tool::{self, Background};

/// Protocols by their own ports, and what a report calls the dialogue before TLS.
pub const DIALOGUES: [(u16, &str); 6] = [
    (110, "starttls pop3"),
    (143, "starttls imap"),
    (389, "starttls ldap"),
    (5222, "starttls xmpp"),
    (5269, "starttls xmpp-server"),
    (5432, "starttls postgresql"),
];
/// Where SOCKS is spoken (RFC 1928 §3).
pub const SOCKS_PORT: u16 = 1080;

/// Returns where a server listens in place of a protocol's own port, for which it would have to be root.
pub fn port_in_place_of(port: u16) -> u16 {
    port + 10_000
}

/// The servers while they run.
pub struct Servers(#[allow(dead_code, reason = "they end when they are dropped")] Vec<Background>);

impl Servers {
    /// Starts one for each of [`DIALOGUES`] on the internet, with the certificate of `host`; they listen when this returns.
    pub fn start(net: &Net, host: &str, leaf: &Leaf, folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        fs::write(&chain, leaf.chain().iter().map(|der| pem("CERTIFICATE", der)).collect::<String>()).unwrap();
        fs::write(&key, pem("PRIVATE KEY", leaf.key().secret_der())).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let stand = Stand { net, host, folder, chain: chain.display().to_string(), key: key.display().to_string() };
        Self(vec![stand.dovecot(), stand.postgresql(), stand.slapd(), stand.prosody()])
    }
}

/// Starts a SOCKS proxy on the gateway, which asks for a password and knows hosts by a file.
pub fn socks(net: &Net, hosts: &Path, (user, password): (&str, &str), log: &Path) -> Background {
    let mut command = net.product(tool::find("microsocks", "microsocks"), hosts);
    command.args(["-i", &GATEWAY.to_string(), "-p", &SOCKS_PORT.to_string(), "-u", user, "-P", password]);
    let mut running = Background::start("microsocks", &mut command, log);
    running.until("it listens", || net.listens(Place::Gateway, SOCKS_PORT));
    running
}

/// What every server is given.
struct Stand<'s> {
    net: &'s Net,
    host: &'s str,
    folder: &'s Path,
    chain: String,
    key: String,
}

impl Stand<'_> {
    /// IMAP and POP3.
    fn dovecot(&self) -> Background {
        let (folder, Self { chain, key, .. }) = (self.own("dovecot"), self);
        let (base, imap, pop3) = (folder.display(), port_in_place_of(143), port_in_place_of(110));
        let configuration = format!(
            "base_dir = {base}/run\n\
             state_dir = {base}/state\n\
             log_path = /dev/stderr\n\
             protocols = imap pop3\n\
             listen = *\n\
             ssl = required\n\
             ssl_cert = <{chain}\n\
             ssl_key = <{key}\n\
             default_internal_user = nobody\n\
             default_internal_group = nogroup\n\
             default_login_user = nobody\n\
             passdb {{\n  driver = static\n}}\n\
             service anvil {{\n  chroot =\n}}\n\
             service stats {{\n  chroot =\n}}\n\
             service imap-login {{\n  chroot =\n  \
               inet_listener imap {{\n    port = {imap}\n  }}\n  \
               inet_listener imaps {{\n    port = 0\n  }}\n}}\n\
             service pop3-login {{\n  chroot =\n  \
               inet_listener pop3 {{\n    port = {pop3}\n  }}\n  \
               inet_listener pop3s {{\n    port = 0\n  }}\n}}\n"
        );
        let mut command = self.net.server(tool::find("dovecot", "dovecot-core"));
        command.arg("-F").arg("-c").arg(file(&folder, "dovecot.conf", &configuration));
        self.run("dovecot", &mut command, &[143, 110])
    }

    fn postgresql(&self) -> Background {
        let folder = self.own("postgresql");
        let data = folder.join("data");
        let programs = workspace::postgresql().unwrap_or_else(|| panic!("postgresql is not installed (package postgresql)"));
        let mut prepare = self.net.server(programs.join("initdb"));
        tool::run(prepare.arg("-D").arg(&data).args(["-A", "trust", "-U", "lab", "-N", "--locale=C"]));
        let mut command = self.net.server(programs.join("postgres"));
        command.arg("-D").arg(data).arg("-k").arg(folder).args(["-h", "*", "-p", &port_in_place_of(5432).to_string()]);
        // Shared memory in a file of its own: nothing is left in /dev/shm when it is killed.
        command.args(["-c", "dynamic_shared_memory_type=mmap", "-c", "ssl=on"]);
        command.arg("-c").arg(format!("ssl_cert_file={}", self.chain)).arg("-c").arg(format!("ssl_key_file={}", self.key));
        self.run("postgresql", &mut command, &[5432])
    }

    /// LDAP. From a place of its own: where AppArmor knows the usual one, it may read no key of ours.
    fn slapd(&self) -> Background {
        let (folder, Self { chain, key, .. }) = (self.own("slapd"), self);
        let program = folder.join("slapd");
        fs::copy(tool::find("slapd", "slapd"), &program).unwrap();
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\n\
             modulepath /usr/lib/ldap\n\
             moduleload back_ldif\n\
             TLSCertificateFile {chain}\n\
             TLSCertificateKeyFile {key}\n\
             database ldif\n\
             directory {}\n\
             suffix \"dc=lab\"\n",
            folder.display()
        );
        let mut command = self.net.server(program);
        command.args(["-d", "0", "-h", &format!("ldap://0.0.0.0:{}", port_in_place_of(389))]);
        command.arg("-f").arg(file(&folder, "slapd.conf", &configuration));
        self.run("slapd", &mut command, &[389])
    }

    /// XMPP, for clients and for servers.
    fn prosody(&self) -> Background {
        let (folder, Self { host, chain, key, .. }) = (self.own("prosody"), self);
        let (base, clients, servers) = (folder.display(), port_in_place_of(5222), port_in_place_of(5269));
        let configuration = format!(
            "pidfile = \"{base}/pid\"\n\
             data_path = \"{base}\"\n\
             interfaces = {{ \"*\" }}\n\
             c2s_ports = {{ {clients} }}\n\
             s2s_ports = {{ {servers} }}\n\
             modules_enabled = {{ \"tls\" }}\n\
             c2s_require_encryption = true\n\
             VirtualHost \"{host}\"\n\
             ssl = {{ certificate = \"{chain}\"; key = \"{key}\" }}\n"
        );
        let mut command = self.net.server(tool::find("prosody", "prosody"));
        command.arg("--config").arg(file(&folder, "prosody.cfg.lua", &configuration)).arg("-F");
        self.run("prosody", &mut command, &[5222, 5269])
    }

    /// Makes a server's own folder.
    fn own(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Starts a server, and waits until it listens in place of these ports.
    fn run(&self, name: &str, command: &mut Command, ports: &[u16]) -> Background {
        let mut running = Background::start(name, command.current_dir(self.folder), &self.folder.join(format!("{name}.words")));
        for &port in ports {
            running.until("it listens", || self.net.listens(Place::Internet, port_in_place_of(port)));
        }
        running
    }
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// RFC 7468 §3.
fn pem(label: &str, der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
