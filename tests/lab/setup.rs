//! How each product is set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::interceptor::Signer;
use super::net::{INTERCEPTOR_PORT, Net};
use super::tool;

/// What a product is given.
pub struct Setup<'s> {
    pub net: &'s Net,
    pub signer: &'s Signer,
    /// Where each host is, in the form of `/etc/hosts`.
    pub hosts: &'s Path,
    /// The product's own folder.
    pub folder: &'s Path,
}

impl Setup<'_> {
    fn program(&self, program: &Path) -> Command {
        let mut command = self.net.product(program, self.hosts);
        command.current_dir(self.folder).env("HOME", self.folder);
        command
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    /// With two certificates in its file mitmproxy sends the second one along with each leaf; with the CA's
    /// alone it would send the leaf by itself.
    pub fn mitmproxy(&self) -> Command {
        let certificate = Self::read(&self.signer.certificate);
        self.file("mitmproxy-ca.pem", &format!("{}{certificate}{certificate}", Self::read(&self.signer.key)));
        self.file("mitmproxy-ca-cert.pem", &certificate);
        let mut command = self.program(&tool::mitmdump());
        command.args(["--mode", "transparent", "--listen-port", &INTERCEPTOR_PORT.to_string()]);
        command.arg("--set").arg(format!("confdir={}", self.folder.display()));
        command.arg("--set").arg(format!("ssl_verify_upstream_trusted_ca={}", self.signer.upstream.display()));
        command
    }

    pub fn squid(&self) -> Command {
        let squid = tool::find("squid", "squid-openssl");
        let helper = ["/usr/lib/squid/security_file_certgen", "/usr/lib64/squid/security_file_certgen"];
        let helper = helper.iter().map(Path::new).find(|path| path.is_file());
        let helper = helper.unwrap_or_else(|| panic!("squid's security_file_certgen is missing\nhint: `apt-get install squid-openssl`"));
        let database = self.folder.join("certificates");
        tool::run(self.program(helper).args(["-c", "-s"]).arg(&database).args(["-M", "4MB"]));
        let (folder, bundle, database, helper) = (self.folder.display(), self.signer.both.display(), database.display(), helper.display());
        let upstream = self.signer.upstream.display();
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
        let mut command = self.program(&squid);
        // Its shared memory is named after the service: the machine's own squid has the usual name.
        command.args(["-N", "-n", &service(), "-f"]).arg(self.file("squid.conf", &configuration));
        command
    }

    pub fn sslsplit(&self) -> Command {
        let mut command = self.program(&tool::find("sslsplit", "sslsplit"));
        command.arg("-D").arg("-P");
        command.arg("-c").arg(&self.signer.certificate).arg("-k").arg(&self.signer.key).arg("-C").arg(&self.signer.certificate);
        command.args(["https", "0.0.0.0", &INTERCEPTOR_PORT.to_string()]);
        command
    }

    /// Mints from the name in the hello alone; each leaf is over the key of the certificate it has by default.
    pub fn haproxy(&self) -> Command {
        let (usual, upstream, signer) = (self.usual_certificate("usual.pem"), &self.signer.upstream, &self.signer.both);
        let (usual, upstream, signer) = (usual.display(), upstream.display(), signer.display());
        let configuration = format!(
            "defaults\n  \
               mode http\n  \
               timeout connect 5s\n  \
               timeout client 20s\n  \
               timeout server 20s\n\
             frontend clients\n  \
               bind :{INTERCEPTOR_PORT} ssl crt {usual} generate-certificates ca-sign-file {signer} ssl-min-ver TLSv1.2\n  \
               default_backend origins\n\
             backend origins\n  \
               server whoever-was-meant 0.0.0.0:0 ssl verify required ca-file {upstream} sni ssl_fc_sni\n"
        );
        let mut command = self.program(&tool::find("haproxy", "haproxy"));
        command.args(["-db", "-f"]).arg(self.file("haproxy.cfg", &configuration));
        command
    }

    /// Mints by its `certifier` plugin, from the name in the hello alone.
    pub fn trafficserver(&self) -> Command {
        let traffic_server = tool::find("traffic_server", "trafficserver");
        let plugins = ["/usr/lib/trafficserver/modules", "/usr/lib64/trafficserver/plugins"];
        let plugins = plugins.iter().map(Path::new).find(|folder| folder.join("certifier.so").is_file());
        let plugins = plugins.unwrap_or_else(|| panic!("the certifier plugin is missing\nhint: `apt-get install trafficserver`")).display();
        for folder in ["etc", "cache", "run", "log", "minted"] {
            fs::create_dir_all(self.folder.join(folder)).unwrap();
        }
        let folder = self.folder.display();
        let root = format!(
            "prefix: {folder}\nexec_prefix: {folder}\nbindir: /usr/bin\nsbindir: /usr/bin\nincludedir: {folder}\nmandir: {folder}\n\
             libdir: {folder}\nlibexecdir: {plugins}\nsysconfdir: {folder}/etc\ndatadir: {folder}/cache\ncachedir: {folder}/cache\n\
             localstatedir: {folder}/run\nruntimedir: {folder}/run\nlogdir: {folder}/log\n"
        );
        let root = self.file("runroot.yaml", &root);
        let (upstream, hosts) = (self.signer.upstream.display(), self.hosts.display());
        let records = [
            format!("http.server_ports STRING {INTERCEPTOR_PORT}:ssl"),
            "admin.user_id STRING #-1".to_owned(),
            "url_remap.remap_required INT 0".to_owned(),
            "url_remap.pristine_host_hdr INT 1".to_owned(),
            "http.cache.http INT 0".to_owned(),
            format!("hostdb.host_file.path STRING {hosts}"),
            format!("ssl.server.cert.path STRING {folder}/etc"),
            format!("ssl.server.private_key.path STRING {folder}/etc"),
            format!("ssl.client.CA.cert.filename STRING {upstream}"),
            "ssl.client.CA.cert.path STRING /".to_owned(),
            "exec_thread.autoconfig INT 0".to_owned(),
            "exec_thread.limit INT 1".to_owned(),
            "diags.output.error STRING E".to_owned(),
        ];
        let records = records.iter().map(|record| format!("CONFIG proxy.config.{record}\n"));
        self.file("etc/records.config", &records.collect::<String>());
        self.file("etc/storage.config", &format!("{folder}/cache 16M\n"));
        self.file("etc/remap.config", "");
        self.usual_certificate("etc/usual.pem");
        self.file("etc/ssl_multicert.config", "dest_ip=* ssl_cert_name=usual.pem\n");
        self.file("minted/serial", "1\n");
        let (certificate, key) = (self.signer.certificate.display(), self.signer.key.display());
        let minting = format!("certifier.so --sign-cert={certificate} --sign-key={key} --sign-serial={folder}/minted/serial");
        self.file("etc/plugin.config", &format!("{minting} --max=100 --store={folder}/minted\n"));
        let mut command = self.program(&traffic_server);
        command.env("TS_RUNROOT", &root).arg(format!("--run-root={}", root.display()));
        command
    }

    pub fn mockttp(&self) -> Command {
        let mut command = self.node("mockttp.cjs", include_str!("node/mockttp.cjs"));
        command.arg(&self.signer.certificate).arg(&self.signer.key).arg(&self.signer.upstream);
        command
    }

    /// A forward proxy by design; mints by the `openssl` command and copies the origin's subject.
    pub fn proxy_py(&self) -> Command {
        tool::find("openssl", "openssl");
        let leaf_key = self.file("leaf.key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
        fs::create_dir_all(self.folder.join("minted")).unwrap();
        let mut command = self.program(&tool::find("proxy", "proxy.py, from PyPI"));
        command.args(["--hostname", "0.0.0.0", "--port", &INTERCEPTOR_PORT.to_string(), "--num-acceptors", "1", "--num-workers", "1"]);
        command.arg("--ca-cert-file").arg(&self.signer.certificate).arg("--ca-key-file").arg(&self.signer.key);
        command.arg("--ca-signing-key-file").arg(leaf_key).arg("--ca-cert-dir").arg(self.folder.join("minted"));
        command.arg("--ca-file").arg(&self.signer.upstream).arg("--data-dir").arg(self.folder.join("data"));
        command
    }

    /// A forward proxy by design, with a root of its own.
    pub fn http_mitm_proxy(&self) -> Command {
        let mut command = self.node("http-mitm-proxy.cjs", include_str!("node/http-mitm-proxy.cjs"));
        command.arg(self.folder.join("ca"));
        command
    }

    /// A forward proxy by design, and a library: a few lines of ours make it a program.
    pub fn hudsucker(&self) -> Command {
        let mut command = self.program(&tool::hudsucker());
        command.arg(INTERCEPTOR_PORT.to_string()).arg(&self.signer.certificate).arg(&self.signer.key);
        command
    }

    fn node(&self, name: &str, script: &str) -> Command {
        let mut command = self.program(&tool::node());
        command.env("NODE_PATH", tool::node_modules()).env("NODE_EXTRA_CA_CERTS", &self.signer.upstream);
        command.arg(self.file(name, script)).arg(INTERCEPTOR_PORT.to_string());
        command
    }

    /// Writes the certificate that a server has before it mints any, with its key.
    fn usual_certificate(&self, name: &str) -> PathBuf {
        let made = rcgen::generate_simple_self_signed(["gateway.lab.test".to_owned()]).unwrap();
        self.file(name, &format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()))
    }
}

/// What squid calls itself: no other squid on this machine has the name.
pub fn service() -> String {
    format!("mintwatchlab{}", std::process::id())
}
