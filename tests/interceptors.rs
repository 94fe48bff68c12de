//! Real interceptors in the middle of a network of our own: each is found, and an open road is not accused.
//!
//! Runs only when `MINTWATCH_LAB` is set (`cargo xtask ci` sets it): it needs the right to make network
//! namespaces, and the products. With the variable set, whatever is missing is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod real_interceptors {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write as _;
    use std::time::Duration;

    use mintwatch::demo::pki::Authority;
    use mintwatch_tests::lab::interceptor::Road;
    use mintwatch_tests::lab::keep::keep;
    use mintwatch_tests::lab::net::GATEWAY;
    use mintwatch_tests::lab::ours::{Gateway, Picks};
    use mintwatch_tests::lab::servers::{DIALOGUES, SOCKS_PORT, port_in_place_of};
    use mintwatch_tests::lab::stand::{Family, is_pinned, kept, report_of};
    use mintwatch_tests::lab::{Ask, Lab, Product, Roads, Seen, program, tool};
    use mintwatch_validator::evidence::Transport;
    use mintwatch_validator::finding::Place as InChain;
    use mintwatch_validator::report::{AnchorKind, HostReport, PossessionReport};
    use mintwatch_validator::verdict::Cause;
    use mintwatch_validator::{Certificate, Report};
    use xtask::interceptions::{Expected, Ways, deciders, first_met_after, met, way, ways};

    /// Sites that everybody knows, of operators who have nothing to do with each other; browsers pin the first alone.
    const HOSTS: [(&str, &str); 10] = [
        ("www.google.com", "search"),
        ("github.com", "software"),
        ("www.wikipedia.org", "reference"),
        ("www.paypal.com", "bank"),
        ("www.bbc.co.uk", "news"),
        ("www.mozilla.org", "software"),
        ("www.reddit.com", "social"),
        ("www.nytimes.com", "news"),
        ("www.cloudflare.com", "cdn"),
        ("www.amazon.com", "shop"),
    ];
    /// As many as tell one issuer for unrelated operators.
    const FEW: [&str; 3] = ["www.google.com", "github.com", "www.wikipedia.org"];
    const PRIVATE_ROOT: &str = "Contoso TEST Lab Web Filter";
    const OWN_ROOT: &str = "NodeMITMProxyCA";
    const INTERMEDIATE: &str = "MCSHOLDING-STYLE TEST";
    const V4: &[Family] = &[Family::V4];
    /// A check must not take longer, however slow the product.
    const PATIENCE: Duration = Duration::from_mins(1);

    #[test]
    fn every_interceptor_is_found_and_an_open_road_is_clear() {
        let Some(lab) = lab() else { return };
        let mut matrix = Matrix::default();
        nobody(&lab, &mut matrix, "open");
        for product in Product::ALL {
            behind(&lab, product, Root::Private, &mut matrix);
            behind(&lab, product, Root::Intermediate, &mut matrix);
        }
        nobody(&lab, &mut matrix, "open-again");
        matrix.close();
    }

    #[test]
    fn who_picks_out_some_connections_is_found_and_the_others_are_clear() {
        let Some(lab) = lab() else { return };
        let mut matrix = Matrix::default();
        let unpinned: Vec<&str> = every().into_iter().filter(|host| !is_pinned(host)).collect();
        assert_eq!(unpinned.len(), HOSTS.len() - 1, "one host of the laboratory is pinned");
        let both = Roads { ipv4: true, ipv6: true, no_quic: true };
        for root in [Root::Private, Root::Intermediate] {
            // R-E1, R-E3, R-E5.
            picking(&lab, root, "one name in ten", &names(&["www.bbc.co.uk"]), both, &every(), &mut matrix);
            picking(&lab, root, "names without pins", &names(&unpinned), both, &every(), &mut matrix);
            picking(&lab, root, "every fifth connection", &Picks::EveryFifth, both, &FEW, &mut matrix);
            // R-E9.
            picking(&lab, root, "TCP alone", &Picks::All, Roads { no_quic: false, ..both }, &FEW, &mut matrix);
            for (ipv4, word) in [(true, "IPv4"), (false, "IPv6")] {
                for (no_quic, words) in [(false, "TCP alone"), (true, "QUIC blocked")] {
                    let roads = Roads { ipv4, ipv6: !ipv4, no_quic };
                    let selection = format!("{word} alone, {words}");
                    let seen = picking(&lab, root, &selection, &Picks::All, roads, &FEW, &mut matrix);
                    matrix.add_failures(&selection, root.word(), as_itself(&seen.report, roads, root));
                }
            }
        }
        matrix.close();
    }

    #[test]
    fn who_answers_is_at_the_first_hop_behind_a_gateway_that_intercepts_and_at_the_second_without() {
        let Some(lab) = lab() else { return };
        let host = FEW[1];
        let hops = |name: &str, added: &str| -> Vec<_> {
            let located = lab.locate(name, host, added);
            println!("{name}: {:?}", located.met);
            located.met.into_iter().map(|met| (met.issuer, met.nearest_hop, met.without_limit)).collect()
        };
        lab.net.set(Roads::default());
        let (_, leaf) = lab.world.leaves().find(|(name, _)| *name == host).unwrap();
        let own = Certificate::read(leaf.chain().first().unwrap()).unwrap().issuer_text();
        assert_eq!(hops("far", ""), [(own, Some(2), true)]);

        let authority = Root::Private.authority(&lab);
        let added = authority.pem();
        let by = Certificate::read(authority.der()).unwrap().subject_text();
        let _gateway = Gateway::start(&lab.net, authority, Picks::All, lab.origins(), lab.root_store());
        lab.net.set(Roads { ipv4: true, ..Roads::default() });
        assert_eq!(hops("near", &added), [(by, Some(1), true)]);
    }

    #[test]
    fn real_servers_are_asked_in_their_own_words_and_a_real_proxy_for_the_way() {
        let Some(lab) = lab() else { return };
        lab.net.set(Roads::default());
        let (host, address) = (FEW[0], lab.address(FEW[0]));
        let _servers = lab.serve_protocols(host);
        let mut check = lab.command("protocols", "", "check");
        check.args(["--angles", "none", "--proxy", "none"]);
        for (port, _) in DIALOGUES {
            check.arg(format!("{host}:{port}")).args(["--resolve", &format!("{host}:{port}:{address}:{}", port_in_place_of(port))]);
        }
        let report = report_of(&check.output().unwrap());
        let told: BTreeMap<u16, (String, Cause, bool)> = report
            .hosts
            .iter()
            .map(|seen| (seen.port, (seen.way.join(", "), seen.verdict.cause, seen.possession == PossessionReport::Proven)))
            .collect();
        let wanted = DIALOGUES.map(|(port, way)| (port, (way.to_owned(), Cause::Clear, true)));
        assert_eq!(told, wanted.into(), "{}", report.hosts.iter().map(line).collect::<Vec<_>>().join("\n"));

        let _socks = lab.serve_socks("lab", "a:secret");
        let through = |name: &str, user: &str| {
            let mut check = lab.command(name, "", "check");
            check.args(FEW).args(["--angles", "none", "--proxy", &format!("socks5://{user}@{GATEWAY}:{SOCKS_PORT}")]);
            report_of(&check.output().unwrap())
        };
        let by_socks = through("socks", "lab:a%3Asecret");
        assert_eq!(by_socks.hosts.len(), FEW.len());
        for seen in &by_socks.hosts {
            assert_eq!((seen.way.join(", ").as_str(), seen.verdict.cause), ("through socks5", Cause::Clear), "{}", line(seen));
        }
        assert_eq!(through("stranger", "lab:wrong").verdict.cause, Cause::NotMeasured);
    }

    /// Whose key the interceptor holds.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Root {
        /// A root of the operator's, put into the trust store of the machine that looks.
        Private,
        /// An intermediate of a public root, as MCS had it in 2015.
        Intermediate,
    }

    impl Root {
        fn word(self) -> &'static str {
            match self {
                Self::Private => "private root",
                Self::Intermediate => "public intermediate",
            }
        }

        fn authority(self, lab: &Lab) -> Authority {
            match self {
                Self::Private => lab.world.private_root("Contoso TEST Lab", PRIVATE_ROOT).unwrap(),
                Self::Intermediate => lab.world.undisclosed_intermediate().unwrap(),
            }
        }

        fn cause(self) -> Cause {
            match self {
                Self::Private => Cause::LocalInterception,
                Self::Intermediate => Cause::PublicAuthorityInterception,
            }
        }
    }

    fn lab() -> Option<Lab> {
        if tool::wanted() {
            return Some(Lab::build(program("interceptors"), &HOSTS));
        }
        println!("LEFT OUT: the laboratory of real interceptors; set {}=1 to run it", tool::SWITCH);
        None
    }

    fn every() -> [&'static str; 10] {
        HOSTS.map(|(host, _)| host)
    }

    fn names(names: &[&str]) -> Picks {
        Picks::Names(names.iter().map(|&name| name.to_owned()).collect())
    }

    fn all(hosts: &[&str]) -> BTreeSet<String> {
        hosts.iter().map(|&host| host.to_owned()).collect()
    }

    /// Checks with nobody in the middle, by all roads.
    fn nobody(lab: &Lab, matrix: &mut Matrix, name: &str) {
        lab.net.set(Roads::default());
        let families = &[Family::V6, Family::V4];
        let seen = lab.check(&Ask { name, hosts: &every(), families, by_proxy: false, added: "" });
        let expected = Expected { cause: Cause::Clear, hosts: BTreeSet::new(), ..expected("nobody", "", "-", "-") };
        matrix.add(lab, name, &seen, &expected, "");
        // QUIC and IPv6 lead to every host, where nobody forbids it.
        let unreached = seen.report.hosts.iter().filter(|host| host.verdict.cause != Cause::Clear);
        matrix.add_failures("nobody", "-", unreached.map(line).collect());
    }

    /// Checks with a product in the middle.
    fn behind(lab: &Lab, product: Product, root: Root, matrix: &mut Matrix) {
        let name = format!("{product}-{}", root.word().replace(' ', "-"));
        let authority = root.authority(lab);
        let (running, folder) = lab.start(product, &authority, &name);
        let own = product.own_root(&folder);
        if own.is_some() && root == Root::Intermediate {
            return;
        }
        let turned = product.road() == Road::Turned;
        lab.net.set(Roads { ipv4: turned, ipv6: turned, no_quic: true });
        let added = match (root, &own) {
            (Root::Private, Some(own)) => own.clone(),
            (Root::Private, None) => authority.pem(),
            (Root::Intermediate, _) => String::new(),
        };
        let seen = lab.check(&Ask { name: &name, hosts: &FEW, families: V4, by_proxy: !turned, added: &added });
        let selection = if turned { "all connections over TCP" } else { "all connections that ask it for a way" };
        let root_word = if own.is_some() { "root of its own" } else { root.word() };
        // Below a public root that nobody can see.
        let hidden = root == Root::Intermediate && product.sends_leaf_alone();
        let cause = if hidden { Cause::UntrustedInterception } else { root.cause() };
        let expected = Expected { cause, hosts: all(&FEW), ..expected(&product.to_string(), &product.version(), root_word, selection) };
        matrix.add(lab, &name, &seen, &expected, &running.words());
        let name_of = match root {
            Root::Private if own.is_some() => OWN_ROOT,
            Root::Private => PRIVATE_ROOT,
            Root::Intermediate => INTERMEDIATE,
        };
        matrix.add_failures(&product.to_string(), root_word, named(&seen.report, cause, name_of));
    }

    /// Checks with our own gateway in the middle, which picks out some connections.
    fn picking(lab: &Lab, root: Root, selection: &str, picks: &Picks, roads: Roads, hosts: &[&str], matrix: &mut Matrix) -> Seen {
        let name = format!("{}-{}", selection.replace(", ", "-").replace(' ', "-").to_lowercase(), root.word().replace(' ', "-"));
        let authority = root.authority(lab);
        let added = if root == Root::Private { authority.pem() } else { String::new() };
        let gateway = Gateway::start(&lab.net, authority, picks.clone(), lab.origins(), lab.root_store());
        lab.net.set(roads);
        // QUIC is asked at the first address: by the road that TCP is intercepted on.
        let families = if roads.ipv4 { [Family::V4, Family::V6] } else { [Family::V6, Family::V4] };
        let seen = lab.check(&Ask { name: &name, hosts, families: &families, by_proxy: false, added: &added });
        let version = env!("CARGO_PKG_VERSION");
        let expected =
            Expected { cause: root.cause(), hosts: gateway.met(), ..expected("Mintwatch's own", version, root.word(), selection) };
        matrix.add(lab, &name, &seen, &expected, "");
        let mut failures = named(&seen.report, root.cause(), if root == Root::Private { PRIVATE_ROOT } else { INTERMEDIATE });
        if expected.hosts.is_empty() {
            failures.push("nobody was intercepted".to_owned());
        }
        matrix.add_failures(selection, root.word(), failures);
        seen
    }

    fn expected(interceptor: &str, version: &str, root: &str, selection: &str) -> Expected {
        let text = |text: &str| text.to_owned();
        Expected {
            interceptor: text(interceptor),
            version: text(version),
            root: text(root),
            selection: text(selection),
            cause: Cause::Clear,
            hosts: BTreeSet::new(),
        }
    }

    /// Says in what a report differs from what the roads are: each combination must be told as itself.
    fn as_itself(report: &Report, roads: Roads, root: Root) -> Vec<String> {
        let mut of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for host in &report.hosts {
            let road = match (host.transport, host.way.iter().any(|part| part == "ipv6")) {
                (Transport::Quic, _) => "QUIC",
                (_, true) => "IPv6",
                (_, false) => "IPv4",
            };
            of.entry(road).or_default().insert(host.verdict.cause.word());
        }
        let tcp = |is_met: bool| if is_met { root.cause().word() } else { Cause::Clear.word() };
        let quic = if roads.no_quic { Cause::NotMeasured } else { Cause::Clear };
        let wanted = [("IPv4", tcp(roads.ipv4)), ("IPv6", tcp(roads.ipv6)), ("QUIC", quic.word())];
        let wanted: BTreeMap<&str, BTreeSet<&str>> = wanted.map(|(road, cause)| (road, [cause].into())).into();
        let mut failures = Vec::new();
        if of != wanted {
            failures.push(format!("{of:?}, not {wanted:?}"));
        }
        // The difference is said, and is no more than a difference.
        if root == Root::Private && !report.findings.iter().any(|finding| finding.detector == "transport-diverges") {
            failures.push("transport-diverges is silent".to_owned());
        }
        failures
    }

    #[derive(Default)]
    struct Matrix {
        table: String,
        failures: Vec<String>,
    }

    impl Matrix {
        fn add(&mut self, lab: &Lab, name: &str, seen: &Seen, expected: &Expected, product_says: &str) {
            if let (Some(folder), false) = (kept(), name == "open-again") {
                keep(&folder, name, &seen.evidence, &lab.overlay(), expected);
            }
            println!("{name}: {} in {:.1} s", seen.report.verdict.cause.word(), seen.took.as_secs_f64());
            self.tell(seen, expected);
            let mut faults = expected.faults(&seen.report);
            if seen.report.verdict.cause != expected.cause || seen.status != Some(i32::from(expected.cause.exit_status())) {
                faults.push(format!("the run is {}, exit status {:?}", seen.report.verdict.cause.word(), seen.status));
            }
            if !seen.same_offline {
                faults.push("`mintwatch judge` says something else of the same evidence".to_owned());
            }
            if seen.took > PATIENCE {
                faults.push(format!("took {:?}", seen.took));
            }
            if !faults.is_empty() {
                let hosts = seen.report.hosts.iter().map(|host| format!("{}\n", line(host)));
                faults.push(format!("\n{}{product_says}", hosts.collect::<String>()));
            }
            self.add_failures(&format!("{}, {}", expected.interceptor, expected.selection), &expected.root, faults);
        }

        fn tell(&mut self, seen: &Seen, expected: &Expected) {
            let Expected { interceptor, version, root, selection, .. } = expected;
            if self.table.is_empty() {
                self.table = format!(
                    "\n{:<24} {:<20} {:<38} {:<29} {:>7} {:>9}  decided by\n",
                    "middle", "signs under", "intercepts", "cause", "seconds", "met after"
                );
            }
            let by: Vec<&str> = deciders(&seen.report).into_keys().collect();
            let after = first_met_after(&seen.report).map_or_else(|| "-".to_owned(), |milliseconds| format!("{milliseconds} ms"));
            let (middle, cause) = (format!("{interceptor} {version}"), seen.report.verdict.cause.word());
            writeln!(
                self.table,
                "{middle:<24} {root:<20} {selection:<38} {cause:<29} {:>7.2} {after:>9}  {} {}",
                seen.took.as_secs_f64(),
                by.join(", "),
                words_of(&ways(&seen.report))
            )
            .unwrap();
        }

        fn add_failures(&mut self, whose: &str, root: &str, failures: Vec<String>) {
            self.failures.extend(failures.into_iter().map(|failure| format!("{whose}, {root}: {failure}")));
        }

        fn close(self) {
            println!("{}", self.table);
            assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        }
    }

    fn line(host: &HostReport) -> String {
        let chain: Vec<String> = host.chain.iter().map(|one| format!("{} by {}", one.subject, one.issuer)).collect();
        format!("  {} {} {:?} {}; {}", host.host, way(host), host.failure, host.verdict.because, chain.join("; "))
    }

    fn words_of(ways: &Ways) -> String {
        let list = |ways: &BTreeSet<String>| ways.iter().cloned().collect::<Vec<_>>().join(", ");
        let part = |words: &str, ways: &BTreeSet<String>| if ways.is_empty() { String::new() } else { format!("{words} {}; ", list(ways)) };
        format!("{}{}{}", part("by", &ways.met), part("passed:", &ways.passed), part("silent:", &ways.silent))
    }

    /// Says for which handshakes the report does not name whose key it is.
    fn named(report: &Report, cause: Cause, name: &str) -> Vec<String> {
        let speaks_of = |index: usize, detector: &str| {
            report
                .findings
                .iter()
                .find(|finding| finding.observation == index && finding.detector == detector && !finding.rests_on.is_empty())
        };
        let is_named = |index: usize, host: &HostReport| match cause {
            Cause::LocalInterception => host
                .anchors
                .iter()
                .any(|anchor| matches!(&anchor.kind, AnchorKind::Local(origin) if origin == "SSL_CERT_FILE") && anchor.name.contains(name)),
            Cause::PublicAuthorityInterception => speaks_of(index, "undisclosed-subordinate").is_some_and(|finding| {
                let Some(InChain::Certificate(place)) = finding.place else { return false };
                host.chain.get(place).is_some_and(|certificate| certificate.subject.contains(name))
            }),
            _ => {
                let issuer = host.chain.last().is_some_and(|certificate| certificate.issuer.contains(name));
                issuer && speaks_of(index, "one-issuer-many-operators").is_some()
            }
        };
        let unnamed = met(report).filter(|(index, host)| !is_named(*index, host));
        unnamed.map(|(_, host)| format!("not named: {}", line(host))).collect()
    }
}
