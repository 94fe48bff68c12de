//! Real interceptors in the middle of a network of our own: each is found, and an open road is not accused.
//!
//! Runs only when `MINTWATCH_LAB` is set (`cargo xtask ci` sets it): it needs the right to make network
//! namespaces, and mitmproxy, squid and sslsplit. With the variable set, whatever is missing is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod real_interceptors {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    use escargot::format::Message;
    use mintwatch::demo::pki::Authority;
    use mintwatch::demo::world::{Resident, World};
    use mintwatch_tests::lab::origins::{Orders, Site};
    use mintwatch_tests::lab::{Internet, Net, Place, Product, Signer, tool};
    use mintwatch_validator::finding::Place as InChain;
    use mintwatch_validator::report::{AnchorKind, HostReport};
    use mintwatch_validator::tables::{Overlay, OverlayPin, Tables};
    use mintwatch_validator::verdict::Cause;
    use mintwatch_validator::{Certificate, Report};

    /// Sites that everybody knows, of operators who have nothing to do with each other.
    const HOSTS: [(&str, &str); 6] = [
        ("www.google.com", "search"),
        ("github.com", "software"),
        ("www.wikipedia.org", "reference"),
        ("www.paypal.com", "payment"),
        ("www.bbc.co.uk", "news"),
        ("www.mozilla.org", "software"),
    ];
    const PRIVATE_ROOT: &str = "Contoso TEST Lab Web Filter";
    const INTERMEDIATE: &str = "MCSHOLDING-STYLE TEST";
    /// Names a folder in which each run's evidence is kept as a replay: that is how `tests/interceptions` was made.
    const KEPT: &str = "MINTWATCH_LAB_KEEP";
    /// A check of six hosts must not take longer, however slow the product.
    const PATIENCE: Duration = Duration::from_mins(1);

    #[test]
    fn every_interceptor_is_found_and_an_open_road_is_clear() {
        if !tool::wanted() {
            println!("LEFT OUT: the laboratory of real interceptors; set {}=1 to run it", tool::SWITCH);
            return;
        }
        let lab = Lab::build();
        let mut matrix = Matrix::default();
        matrix.add("nobody", "-", &lab.check(None, "open"), expect_clear);
        for product in Product::ALL {
            let row = lab.behind(product, &lab.private_root, "private");
            matrix.add(&product.to_string(), "private root", &row, expect_local);
            let row = lab.behind(product, &lab.intermediate, "intermediate");
            matrix.add(&product.to_string(), "public intermediate", &row, expect_public);
        }
        matrix.add("nobody", "-", &lab.check(None, "open-again"), expect_clear);
        println!("{}", matrix.table);
        assert!(matrix.failures.is_empty(), "{}", matrix.failures.join("\n"));
    }

    /// The network, its origins, and what the observer is told.
    struct Lab {
        folder: tempfile::TempDir,
        program: PathBuf,
        net: Net,
        internet: Internet,
        private_root: Authority,
        intermediate: Authority,
        public_roots: String,
    }

    impl Lab {
        fn build() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let residents = HOSTS.map(|(host, class)| Resident { host, operator: operator_of(host), class });
            let world = World::new(&residents, now).unwrap();
            let listen = "0.0.0.0:443".parse().unwrap();
            let orders = Orders { listen, sites: world.leaves().map(|(host, leaf)| Site::of(host, leaf)).collect() };
            fs::write(at("sites.json"), serde_json::to_vec(&orders).unwrap()).unwrap();
            fs::write(at("overlay.json"), serde_json::to_vec(&overlay(&world)).unwrap()).unwrap();
            let net = Net::new();
            let hosts = HOSTS.map(|(host, _)| host);
            let program = Path::new(env!("CARGO_BIN_EXE_lab-origins"));
            let internet = Internet::start(&net, program, &at("sites.json"), &hosts, &at("origins.log"));
            let addresses = internet.addresses.iter().map(|(host, address)| format!("{address} {host}\n"));
            fs::write(at("hosts"), addresses.collect::<String>()).unwrap();
            Self {
                program: mintwatch(),
                private_root: world.private_root("Contoso TEST Lab", PRIVATE_ROOT).unwrap(),
                intermediate: world.undisclosed_intermediate().unwrap(),
                public_roots: world.roots().map(Authority::pem).concat(),
                folder,
                net,
                internet,
            }
        }

        /// Checks all hosts with a product in the middle that holds the key of `authority`.
        fn behind(&self, product: Product, authority: &Authority, name: &str) -> Row {
            let folder = self.folder.path().join(format!("{product}-{name}"));
            let signer = Signer::write(authority, &self.public_roots, &folder.join("signer"));
            let running = product.start(&self.net, &signer, &self.folder.path().join("hosts"), &folder.join("run"));
            self.net.redirect();
            let row = self.check(Some(authority), &format!("{product}-{name}"));
            self.net.pass();
            Row { product_says: running.words(), ..row }
        }

        /// Runs `mintwatch check` in the client's namespace, then `mintwatch judge` on what it saved.
        ///
        /// The machine trusts the lab's public roots, and the private root: an operator who intercepts has put it there.
        fn check(&self, signer: Option<&Authority>, name: &str) -> Row {
            let at = |suffix: &str| self.folder.path().join(format!("{name}.{suffix}"));
            let private = signer.map_or_else(|| self.private_root.pem(), Authority::pem);
            let private = if signer.is_some_and(|signer| !signer.sent().is_empty()) { String::new() } else { private };
            fs::write(at("anchors"), format!("{}{private}", self.public_roots)).unwrap();
            let overlay = self.folder.path().join("overlay.json");
            let mut check = self.net.command(Place::Client, &self.program);
            // What this machine sets and trusts is no part of the laboratory.
            check.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
            check.env("SSL_CERT_FILE", at("anchors")).arg("check").args(HOSTS.map(|(host, _)| host));
            check.args(["--yes", "--proxy", "none", "--no-ground-truth"]);
            for (host, address) in &self.internet.addresses {
                check.arg("--resolve").arg(format!("{host}:443:{address}"));
            }
            check.arg("--json").arg("--lab-tables").arg(&overlay).arg("--save-evidence").arg(at("evidence.json"));
            let begun = Instant::now();
            let checked = check.output().unwrap();
            let took = begun.elapsed();
            let mut judge = std::process::Command::new(&self.program);
            judge.arg("judge").arg(at("evidence.json")).arg("--json").arg("--lab-tables").arg(&overlay);
            let judged = judge.output().unwrap();
            if let Some(kept) = std::env::var_os(KEPT) {
                let kept = Path::new(&kept).join(name);
                fs::create_dir_all(&kept).unwrap();
                fs::copy(at("evidence.json"), kept.join("evidence.json")).unwrap();
                fs::copy(&overlay, kept.join("overlay.json")).unwrap();
            }
            let words = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
            let report = Report::from_json(&checked.stdout);
            Row {
                report: report.unwrap_or_else(|error| panic!("{name}: {error}: {}", words(&checked))),
                status: checked.status.code(),
                same_offline: judged.stdout == checked.stdout && judged.status == checked.status,
                took,
                product_says: String::new(),
            }
        }
    }

    /// One line of the matrix.
    struct Row {
        report: Report,
        status: Option<i32>,
        same_offline: bool,
        took: Duration,
        product_says: String,
    }

    #[derive(Default)]
    struct Matrix {
        table: String,
        failures: Vec<String>,
    }

    impl Matrix {
        fn add(&mut self, product: &str, root: &str, row: &Row, expect: impl Fn(&Report) -> Result<i32, String>) {
            let verdict = &row.report.verdict;
            let cause = serde_json::to_value(verdict.cause).unwrap();
            if self.table.is_empty() {
                writeln!(self.table, "\n{:<10} {:<20} {:<29} {:>7}  decided by", "middle", "signs under", "cause", "seconds").unwrap();
            }
            let (cause, seconds, by) = (cause.as_str().unwrap_or_default(), row.took.as_secs_f64(), verdict.decided_by.join(", "));
            writeln!(self.table, "{product:<10} {root:<20} {cause:<29} {seconds:>7.2}  {by} {}", ways(&row.report)).unwrap();
            let expected = expect(&row.report).and_then(|status| match row.status {
                found if found != Some(status) => Err(format!("exit status {found:?}, not {status}")),
                _ if !row.same_offline => Err("`mintwatch judge` says something else of the same evidence".to_owned()),
                _ if row.took > PATIENCE => Err(format!("took {:?}", row.took)),
                _ => Ok(()),
            });
            if let Err(why) = expected {
                let hosts = row.report.hosts.iter().map(|host| {
                    let chain: Vec<String> = host.chain.iter().map(|one| format!("{} by {}", one.subject, one.issuer)).collect();
                    format!("  {} {} {:?} {}; {}\n", host.host, host.way.join(" "), host.failure, host.verdict.because, chain.join("; "))
                });
                self.failures.push(format!("{product}, {root}: {why}\n{}{}", hosts.collect::<String>(), row.product_says));
            }
        }
    }

    /// Every host is found to be so, by some angle, and by none to be anything else that is worse than clear.
    fn every_host(report: &Report, cause: Cause) -> Result<(), String> {
        let tame = [cause, Cause::Clear, Cause::NotMeasured];
        let found = |name: &str| report.hosts.iter().any(|host| host.host.as_str() == name && host.verdict.cause == cause);
        let missed = HOSTS.iter().filter(|(name, _)| !found(name)).map(|(name, _)| format!("{name} is not {cause:?}"));
        let others = report.hosts.iter().filter(|host| !tame.contains(&host.verdict.cause));
        let others = others.map(|host| format!("{} {} is {:?}", host.host, host.way.join(" "), host.verdict.cause));
        let wrong: Vec<String> = missed.chain(others).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    }

    /// The handshakes in which somebody was found in the middle.
    fn met(report: &Report) -> impl Iterator<Item = (usize, &HostReport)> {
        report.hosts.iter().enumerate().filter(|(_, host)| host.verdict.cause.exit_status() > 10)
    }

    /// By which ways the box was met, and which it let pass.
    fn ways(report: &Report) -> String {
        let way = |host: &HostReport| if host.way.is_empty() { "plain".to_owned() } else { host.way.join(" ") };
        let of =
            |wanted: fn(&HostReport) -> bool| -> BTreeSet<String> { report.hosts.iter().filter(|host| wanted(host)).map(way).collect() };
        let (met, passed) = (of(|host| host.verdict.cause.exit_status() > 10), of(|host| host.verdict.cause == Cause::Clear));
        let list = |ways: &BTreeSet<String>| ways.iter().cloned().collect::<Vec<_>>().join(", ");
        match (met.is_empty(), passed.is_empty()) {
            (true, _) => String::new(),
            (false, true) => format!("by {}", list(&met)),
            (false, false) => format!("by {}; passed: {}", list(&met), list(&passed)),
        }
    }

    fn expect_clear(report: &Report) -> Result<i32, String> {
        every_host(report, Cause::Clear).map(|()| 0)
    }

    fn expect_local(report: &Report) -> Result<i32, String> {
        every_host(report, Cause::LocalInterception)?;
        let is_ours = |anchor: &mintwatch_validator::report::AnchorReport| {
            matches!(&anchor.kind, AnchorKind::Local(origin) if origin == "SSL_CERT_FILE") && anchor.name.contains(PRIVATE_ROOT)
        };
        let named = met(report).all(|(_, host)| host.anchors.iter().any(is_ours));
        if named { Ok(11) } else { Err("the private root is not named for every host".to_owned()) }
    }

    fn expect_public(report: &Report) -> Result<i32, String> {
        every_host(report, Cause::PublicAuthorityInterception)?;
        let named = met(report).all(|(index, host)| {
            report.findings.iter().filter(|finding| finding.observation == index && finding.detector == "undisclosed-subordinate").any(
                |finding| {
                    let Some(InChain::Certificate(place)) = finding.place else { return false };
                    host.chain.get(place).is_some_and(|certificate| certificate.subject.contains(INTERMEDIATE))
                        && !finding.rests_on.is_empty()
                },
            )
        });
        if named { Ok(12) } else { Err("the minting intermediate is not named for every host".to_owned()) }
    }

    /// What the observer's tables hold: the lab's world. Where browsers pin a host, the lab's own pin stands for theirs.
    fn overlay(world: &World) -> Overlay {
        let compiled = Tables::compiled();
        let mut overlay = world.overlay("TEST lab of real interceptors").unwrap();
        for (known, (_, leaf)) in overlay.pool.iter().zip(world.leaves()) {
            if compiled.pins(&known.host).is_some() {
                let issuer = leaf.chain().get(1).unwrap();
                let spkis = vec![Certificate::read(issuer).unwrap().spki_sha256];
                overlay.pins.push(OverlayPin { host: known.host.clone(), include_subdomains: false, spkis });
            }
        }
        overlay
    }

    /// Who runs a host, by the tables that ship.
    fn operator_of(host: &'static str) -> &'static str {
        let tables = Tables::compiled();
        let operator = tables.operator(&mintwatch_validator::evidence::Host::parse(host).unwrap()).map(str::to_owned);
        operator.unwrap_or_else(|| panic!("the compiled tables do not know who runs {host}")).leak()
    }

    /// The program under test: `MINTWATCH_BIN`, or built here as the whole workspace would build it.
    fn mintwatch() -> PathBuf {
        if let Some(program) = std::env::var_os("MINTWATCH_BIN") {
            return program.into();
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml");
        // With a test among the targets cargo unites features as for this very test: nothing is built twice.
        let build = escargot::CargoBuild::new().manifest_path(manifest).args(["--workspace", "--locked", "--offline"]);
        let messages = build.bin("mintwatch").test("interceptors").exec().unwrap();
        let program = messages.into_iter().find_map(|message| match message.unwrap().decode().unwrap() {
            Message::CompilerArtifact(made) if made.target.name == "mintwatch" => made.executable.map(std::borrow::Cow::into_owned),
            _ => None,
        });
        program.expect("cargo names what it builds")
    }
}
