//! Real products that intercept TLS, each set up as an operator would, with a CA that we hand it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mintwatch::demo::pki::Authority;

use super::net::{INTERCEPTOR_PORT, Net, Place};
use super::tool::{self, Background};

/// A product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    Mitmproxy,
    Squid,
    Sslsplit,
}

impl Product {
    pub const ALL: [Self; 3] = [Self::Mitmproxy, Self::Squid, Self::Sslsplit];

    /// Starts the product on the gateway with `signer` as its CA; `folder` is its own.
    pub fn start(self, net: &Net, signer: &Signer, hosts: &Path, folder: &Path) -> Background {
        fs::create_dir_all(folder).unwrap();
        assert!(!net.listens(Place::Gateway, INTERCEPTOR_PORT), "another interceptor is still there");
        let setup = Setup { net, signer, hosts, folder };
        let mut command = match self {
            Self::Mitmproxy => setup.mitmproxy(),
            Self::Squid => setup.squid(),
            Self::Sslsplit => setup.sslsplit(),
        };
        let mut product = Background::start(&self.to_string(), &mut command, &folder.join("log"));
        if self == Self::Squid {
            product.leaves_memory(format!("{}-", service()));
        }
        product.until("it listens", || net.listens(Place::Gateway, INTERCEPTOR_PORT));
        product
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mitmproxy => "mitmproxy",
            Self::Squid => "squid",
            Self::Sslsplit => "sslsplit",
        })
    }
}

/// A CA in files, as products want it.
pub struct Signer {
    /// The CA's own certificate.
    certificate: PathBuf,
    /// Its key.
    key: PathBuf,
    /// The CA's certificate and what a server under it must send too, without a root.
    sent: PathBuf,
    /// The roots that the product verifies origins by.
    upstream: PathBuf,
}

impl Signer {
    /// Writes a CA into a folder.
    pub fn write(authority: &Authority, upstream: &str, folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Self {
            certificate: file("ca.pem", &authority.pem()),
            key: file("ca.key", &authority.key_pem()),
            sent: file("sent.pem", &authority.pem()),
            upstream: file("upstream.pem", upstream),
        }
    }
}

struct Setup<'s> {
    net: &'s Net,
    signer: &'s Signer,
    hosts: &'s Path,
    folder: &'s Path,
}

impl Setup<'_> {
    fn program(&self, program: &Path) -> Command {
        let mut command = self.net.unprivileged(Place::Gateway, program);
        command.current_dir(self.folder).env("HOME", self.folder);
        command
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    /// With two certificates in its file mitmproxy sends the second one along with each leaf; with the CA's
    /// alone it would send the leaf by itself.
    fn mitmproxy(&self) -> Command {
        let certificate = Self::read(&self.signer.certificate);
        let bundle = format!("{}{certificate}{}", Self::read(&self.signer.key), Self::read(&self.signer.sent));
        fs::write(self.folder.join("mitmproxy-ca.pem"), bundle).unwrap();
        fs::write(self.folder.join("mitmproxy-ca-cert.pem"), certificate).unwrap();
        let program = std::env::var_os("MINTWATCH_MITMDUMP").map(PathBuf::from);
        let mut command = self.program(&program.unwrap_or_else(|| tool::find("mitmdump", "mitmproxy (or from PyPI)")));
        command.args(["--mode", "transparent", "--listen-port", &INTERCEPTOR_PORT.to_string()]);
        command.arg("--set").arg(format!("confdir={}", self.folder.display()));
        command.arg("--set").arg(format!("ssl_verify_upstream_trusted_ca={}", self.signer.upstream.display()));
        command
    }

    fn squid(&self) -> Command {
        let squid = tool::find("squid", "squid-openssl");
        let helper = ["/usr/lib/squid/security_file_certgen", "/usr/lib64/squid/security_file_certgen"];
        let helper = helper.iter().map(Path::new).find(|path| path.is_file());
        let helper = helper.unwrap_or_else(|| panic!("squid's security_file_certgen is missing\nhint: `apt-get install squid-openssl`"));
        let database = self.folder.join("certificates");
        tool::run(self.program(helper).args(["-c", "-s"]).arg(&database).args(["-M", "4MB"]));
        let bundle = self.folder.join("bundle.pem");
        fs::write(&bundle, format!("{}{}", Self::read(&self.signer.sent), Self::read(&self.signer.key))).unwrap();
        let (folder, bundle, database, helper) = (self.folder.display(), bundle.display(), database.display(), helper.display());
        let (upstream, hosts) = (self.signer.upstream.display(), self.hosts.display());
        let configuration = format!(
            "https_port {INTERCEPTOR_PORT} intercept ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB tls-cert={bundle}\n\
             http_port 127.0.0.1:3128\n\
             sslcrtd_program {helper} -s {database} -M 4MB\n\
             sslcrtd_children 2 startup=1 idle=1\n\
             acl hello at_step SslBump1\n\
             ssl_bump peek hello\n\
             ssl_bump bump all\n\
             tls_outgoing_options cafile={upstream}\n\
             http_access allow all\n\
             hosts_file {hosts}\n\
             dns_nameservers 127.0.0.1\n\
             cache deny all\n\
             cache_log stdio:/dev/stderr\n\
             access_log none\n\
             pid_filename none\n\
             coredump_dir {folder}\n\
             visible_hostname gateway.lab.test\n\
             pinger_enable off\n\
             netdb_filename none\n\
             shutdown_lifetime 0 seconds\n"
        );
        let file = self.folder.join("squid.conf");
        fs::write(&file, configuration).unwrap();
        let mut command = self.program(&squid);
        // Its shared memory is named after the service: the machine's own squid has the usual name.
        command.args(["-N", "-n", &service(), "-f"]).arg(file);
        command
    }

    fn sslsplit(&self) -> Command {
        let mut command = self.program(&tool::find("sslsplit", "sslsplit"));
        command.arg("-D").arg("-P");
        command.arg("-c").arg(&self.signer.certificate).arg("-k").arg(&self.signer.key).arg("-C").arg(&self.signer.sent);
        command.args(["https", "0.0.0.0", &INTERCEPTOR_PORT.to_string()]);
        command
    }
}

/// What squid calls itself: no other squid on this machine has the name.
fn service() -> String {
    format!("mintwatchlab{}", std::process::id())
}
