//! The extension in real browsers: what it shows of a clean network, of interceptors, and of all that may go wrong.
//!
//! The world is made here: authorities, hosts and boxes on loopback, written into a folder. What happens in it is told by
//! `tests/browser/*.test.mjs`, which Node runs with Firefox and Chromium. `cargo xtask ci` provides the programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

// One module, so that a run of all other tests can leave these out by one name.
mod in_real_browsers {
    use std::collections::HashMap;
    use std::fs;
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use data_encoding::BASE64;
    use mintwatch::demo::firewall::{self, LeafKeys, Settings};
    use mintwatch::demo::origin::{self, Server};
    use mintwatch::demo::pki::Authority;
    use mintwatch::demo::world::{RESIDENTS, Resident, World};
    use mintwatch::observe::unix_seconds;
    use mintwatch_tests::lab::program;
    use mintwatch_tests::lab::stand::overlay;
    use mintwatch_validator::draw::Candidate;
    use mintwatch_validator::evidence::Evidence;
    use mintwatch_validator::judge;
    use mintwatch_validator::tables::{Overlay, Tables};
    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    };
    use rustls::RootCertStore;
    use rustls::pki_types::PrivateKeyDer;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use xtask::extension::{self, Build};
    use xtask::wasm::Trust;
    use xtask::{npm, replays, workspace};

    #[test]
    fn the_extension_tells_what_it_sees() {
        let root = workspace::root().unwrap();
        let node = npm::node();
        npm::provide(&node, &root.join("tests/browser")).unwrap();
        let extension = built(&root, &node);
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(Loopback::start(&root, &node, folder.path(), &extension));
        assert!(world.tests(&root, &node), "the tests in browsers failed; what they said stands above");
    }

    #[test]
    fn built_in_another_folder_it_is_the_same_to_the_last_bit() {
        let root = workspace::root().unwrap();
        let node = npm::node();
        let build = |root: &Path, out: &Path| {
            extension::build(root, &node, out, Trust::Compiled, &[Build::Firefox, Build::Chromium]).unwrap();
            ["mintwatch-firefox.xpi", "mintwatch-chromium.zip"].map(|name| fs::read(out.join(name)).unwrap())
        };
        let elsewhere = tempfile::tempdir().unwrap();
        let copy = elsewhere.path().join("of another length/mintwatch");
        let files = Command::new("git").current_dir(&root).args(["ls-files", "-z"]).output().unwrap();
        for file in String::from_utf8(files.stdout).unwrap().split_terminator('\0').filter(|file| root.join(file).is_file()) {
            fs::create_dir_all(copy.join(file).parent().unwrap()).unwrap();
            fs::copy(root.join(file), copy.join(file)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("extension/node_modules"), copy.join("extension/node_modules")).unwrap();
        let (here, there) = (build(&root, &elsewhere.path().join("here")), build(&copy, &elsewhere.path().join("there")));
        assert!(here == there, "the archives differ");
        let module = fs::read(elsewhere.path().join("here/firefox/mintwatch_bg.wasm")).unwrap();
        let home = std::env::home_dir().unwrap();
        for place in [root.as_path(), &home, &copy, &workspace::target(&root)] {
            let place = place.to_str().unwrap().as_bytes();
            assert!(!module.windows(place.len()).any(|window| window == place), "the module names {}", String::from_utf8_lossy(place));
        }
    }

    /// Returns the folder of the extension for laboratories: the one `cargo xtask ci` built, or one built now.
    fn built(root: &Path, node: &Path) -> PathBuf {
        if let Some(built) = std::env::var_os("MINTWATCH_EXTENSION_DIR") {
            return built.into();
        }
        let out = workspace::target(root).join("extension-lab");
        extension::build(root, node, &out, Trust::Lab, &[Build::Firefox, Build::Chromium]).unwrap();
        out
    }

    /// The servers of the lab, and the folder that says where they are.
    struct Loopback {
        folder: PathBuf,
        _servers: [Server; 3],
        _origin: Ended,
    }

    impl Loopback {
        async fn start(root: &Path, node: &Path, folder: &Path, extension: &Path) -> Self {
            let world = World::new(&residents(), unix_seconds()).unwrap();
            let tables = overlay(&world, "TEST lab of browsers");
            fs::write(folder.join("overlay.json"), serde_json::to_string(&tables).unwrap()).unwrap();
            let publics: Vec<PathBuf> =
                world.roots().iter().enumerate().map(|(index, root)| pem(folder, &format!("public-{index}"), root)).collect();
            let filter = world.private_root("Contoso TEST Lab", "Contoso TEST Lab Web Filter").unwrap();
            let private = pem(folder, "private", &filter);
            let mut sites: Vec<Value> =
                world.leaves().map(|(host, leaf)| site(host, &chain_pem(leaf.chain()), &key_pem(&leaf.key()))).collect();
            sites.push(hostile(folder));
            fs::write(folder.join("sites.json"), Value::from(sites).to_string()).unwrap();
            parity(root, folder);

            let (origin, ports) = serve(root, node, folder);
            let at = SocketAddr::from(([127, 0, 0, 1], u16::try_from(ports["https"].as_u64().unwrap()).unwrap()));
            let mut roots = RootCertStore::empty();
            for root in world.roots() {
                roots.add(root.der().clone()).unwrap();
            }
            let origins: HashMap<String, SocketAddr> = world.leaves().map(|(host, _)| (host.to_owned(), at)).collect();
            let settings = |authority: Authority| Settings {
                authority,
                leaf_keys: LeafKeys::OneForAll,
                selection: Arc::new(|_: &str| true),
                origins: origins.clone(),
                roots: Some(roots.clone()),
            };
            let mcs = firewall::run(listener().await, settings(world.undisclosed_intermediate().unwrap())).unwrap();
            let filter = firewall::run(listener().await, settings(filter)).unwrap();
            let broken = origin::serve(listener().await, world.broken().unwrap().1).unwrap();
            let told = json!({
                "extension": extension,
                "mintwatch": program("browsers"),
                "mitmdump": workspace::target(root).join("ci-tools/mitmproxy/bin/mitmdump"),
                "target": workspace::target(root),
                "origin": ports["https"],
                "http": ports["http"],
                "mcs": mcs.address().port(),
                "filter": filter.address().port(),
                "broken": broken.address().port(),
                "publicRoots": publics,
                "privateRoot": private,
                "hostileRoot": folder.join("hostile.pem"),
                "hostile": HOSTILE,
            });
            fs::write(folder.join("world.json"), told.to_string()).unwrap();
            Self { folder: folder.to_owned(), _servers: [mcs, filter, broken], _origin: origin }
        }

        /// Runs the tests in Node and says whether all passed.
        fn tests(&self, root: &Path, node: &Path) -> bool {
            let here = root.join("tests/browser");
            let mut files: Vec<PathBuf> = fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
            files.sort();
            assert!(!files.is_empty());
            let mut command = Command::new(node);
            command.current_dir(&here).args(["--test", "--test-concurrency=2", "--test-reporter=spec"]).args(&files);
            let mut running = Ended(command.env("MINTWATCH_WORLD", &self.folder).stdin(Stdio::null()).spawn().unwrap());
            let end = Instant::now() + PATIENCE;
            loop {
                match running.0.try_wait().unwrap() {
                    Some(status) => return status.success(),
                    None if Instant::now() > end => panic!("the tests in browsers do not end within {} s", PATIENCE.as_secs()),
                    None => std::thread::sleep(Duration::from_millis(200)),
                }
            }
        }
    }

    /// Twice what the slowest machine took; each test has a deadline of its own.
    const PATIENCE: Duration = Duration::from_mins(20);

    /// The hosts of the demonstration, and those that a check may draw.
    fn residents() -> Vec<Resident> {
        let pool = Candidate::pool(&Tables::compiled()).into_iter().map(|one| {
            let host: &'static str = one.host.to_string().leak();
            Resident { host, operator: host, class: "any" }
        });
        RESIDENTS.iter().copied().chain(pool).collect()
    }

    fn site(host: &str, chain: &str, key: &str) -> Value {
        json!({ "host": host, "chain": chain, "key": key })
    }

    fn pem(folder: &Path, name: &str, authority: &Authority) -> PathBuf {
        let file = folder.join(format!("{name}.pem"));
        fs::write(&file, authority.pem()).unwrap();
        file
    }

    fn chain_pem(chain: &[impl AsRef<[u8]>]) -> String {
        chain.iter().map(|der| armoured("CERTIFICATE", der.as_ref())).collect()
    }

    fn key_pem(key: &PrivateKeyDer<'_>) -> String {
        armoured("PRIVATE KEY", key.secret_der())
    }

    fn armoured(what: &str, der: &[u8]) -> String {
        let text = BASE64.encode(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
    }

    /// What a certificate may call itself: text that turns around, rings, is markup, and has letters nobody sees.
    const HOSTILE: &str =
        "\u{202e}moc.knab\u{2066} <img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\u{7}\u{200b}";

    /// A host whose certificates have such names, under a root that is written down for browsers to trust.
    fn hostile(folder: &Path) -> Value {
        let named = |names: &[&str]| {
            let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::OrganizationName, HOSTILE);
            params.distinguished_name.push(DnType::CommonName, HOSTILE);
            params.use_authority_key_identifier_extension = true;
            let now = time::OffsetDateTime::now_utc();
            (params.not_before, params.not_after) = (now - time::Duration::days(3), now + time::Duration::days(60));
            params
        };
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = named(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&root_key).unwrap();
        fs::write(folder.join("hostile.pem"), root.pem()).unwrap();
        let mut leaf = named(&["www.hostile.example"]);
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&params, &root_key)).unwrap();
        site("www.hostile.example", &leaf.pem(), &key.serialize_pem())
    }

    /// Writes every replay down with what the native judge says of it.
    fn parity(root: &Path, folder: &Path) {
        let folder = folder.join("parity");
        fs::create_dir(&folder).unwrap();
        for replay in replays::replays(root).unwrap() {
            let name = replay.name();
            let (evidence, overlay) = (replay.evidence().unwrap(), replay.overlay().unwrap());
            let mut tables = Tables::compiled();
            if let Some(overlay) = &overlay {
                tables = tables.with_overlay(&Overlay::from_json(overlay.as_bytes()).unwrap()).unwrap();
                fs::write(folder.join(format!("{name}.overlay.json")), overlay).unwrap();
            }
            let report = judge(&Evidence::from_json(evidence.as_bytes()).unwrap(), &tables).to_json();
            fs::write(folder.join(format!("{name}.evidence.json")), evidence).unwrap();
            fs::write(folder.join(format!("{name}.report.json")), report).unwrap();
        }
    }

    /// Starts the origins, which speak HTTP and WebSocket; returns their ports.
    fn serve(root: &Path, node: &Path, folder: &Path) -> (Ended, Value) {
        let mut command = Command::new(node);
        command.arg(root.join("tests/browser/server.mjs")).arg(folder.join("sites.json"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        BufReader::new(child.stdout.take().unwrap().take(4096)).read_line(&mut told).unwrap();
        (Ended(child), serde_json::from_str(&told).unwrap_or_else(|error| panic!("the origins do not start: {error}: {told}")))
    }

    /// A child that ends with us.
    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _gone = self.0.kill();
            let _status = self.0.wait();
        }
    }

    async fn listener() -> TcpListener {
        TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
    }
}
