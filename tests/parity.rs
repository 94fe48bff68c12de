//! Native and wasm write the same bytes about the same evidence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

// One module, so that a run of all other tests can leave these out by one name.
mod parity_in_node {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::OnceLock;

    use mintwatch_validator::evidence::{Bytes, ChainForm, Evidence, Seen};
    use mintwatch_validator::tables::{Overlay, Tables};
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm};
    use serde_json::Value;
    use xtask::wasm::{self, Door, NAME, Trust};
    use xtask::{replays, workspace};

    #[test]
    fn every_replay_is_judged_to_the_same_bytes() {
        let mut documents = Vec::new();
        for replay in replays::replays(&workspace::root().unwrap()).unwrap() {
            documents.push((replay.name(), replay.evidence().unwrap(), replay.overlay().unwrap()));
            // By the compiled tables alone as well: that is what ships.
            documents.push((format!("{}-compiled", replay.name()), replay.evidence().unwrap(), None));
        }
        compare(Trust::Lab, &documents);
        documents.retain(|(_, _, overlay)| overlay.is_none());
        compare(Trust::Compiled, &documents);
    }

    #[test]
    fn generated_chains_of_every_key_type_are_judged_to_the_same_bytes() {
        let overlay = |anchor: &[u8]| {
            let mut overlay = Overlay::new("parity", 1_795_392_000);
            overlay.public_anchors.push(Bytes::from(anchor.to_vec()));
            serde_json::to_string(&overlay).unwrap()
        };
        let mut documents = Vec::new();
        for (name, algorithm) in KEYS {
            let (anchor, chain) = minted(algorithm);
            let good = (format!("good-{name}"), evidence(&chain), Some(overlay(&anchor)));
            let said = natively(&good.1, good.2.as_deref());
            assert_eq!(paths(&said), 1, "the signatures of {name} verify: {said}");
            documents.push(good);
            documents.push((format!("unknown-{name}"), evidence(&chain), None));
            for (index, at) in [(0, 0.98), (1, 0.98), (0, 0.5), (1, 0.3)] {
                let mut broken = chain.clone();
                let at = (f64::from(u32::try_from(broken[index].len()).unwrap()) * at).trunc();
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place inside a short certificate")]
                let at = at as usize;
                broken[index][at] ^= 1;
                let broken = (format!("broken-{name}-{index}-{at}"), evidence(&broken), Some(overlay(&anchor)));
                assert_eq!(paths(&natively(&broken.1, broken.2.as_deref())), 0, "{} has no path", broken.0);
                documents.push(broken);
            }
        }
        compare(Trust::Lab, &documents);
    }

    #[test]
    fn documents_that_are_none_are_refused_in_the_same_words() {
        let good = evidence(&minted(&rcgen::PKCS_ECDSA_P256_SHA256).1);
        let newer = good.replacen("\"version\":1", "\"version\":2", 1);
        let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let documents: Vec<_> = [
            ("empty", String::new()),
            ("not-json", "{".to_owned()),
            ("another-kind", "{\"format\":\"mintwatch.report\",\"version\":1}".to_owned()),
            ("newer", newer),
            ("nested", nested),
            ("cut-short", good[..good.len() / 2].to_owned()),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text, None))
        .collect();
        compare(Trust::Compiled, &documents);
    }

    #[test]
    fn the_module_that_ships_takes_no_overlay() {
        assert!(!exports(Trust::Compiled).contains(&"judgeWithOverlay".to_owned()));
        assert!(exports(Trust::Lab).contains(&"judgeWithOverlay".to_owned()));
    }

    #[test]
    fn the_module_imports_no_clock_no_randomness_and_nothing_else_of_the_world() {
        let list = "const m = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]));\
                    console.log(JSON.stringify(WebAssembly.Module.imports(m).map((i) => i.name)))";
        let module = module(Trust::Compiled).join(format!("{NAME}_bg.wasm"));
        let imports: Vec<String> = serde_json::from_str(&node(&[Path::new("-e"), Path::new(list), &module])).unwrap();
        for import in &imports {
            // Making an `Error` and the table of references is all that text in and text out need.
            let harmless =
                import.starts_with("__wbg_Error_") || import == "__wbindgen_init_externref_table" || import.starts_with("__wbindgen_cast_");
            let throws = import.starts_with("__wbg___wbindgen_throw_");
            assert!(harmless || throws, "the module imports {import}, of {imports:?}");
        }
    }

    #[test]
    fn certificates_that_come_alone_are_judged_to_the_same_bytes_with_the_issuer_keys_and_without() {
        let mut documents = Vec::new();
        for replay in replays::replays(&workspace::root().unwrap()).unwrap() {
            documents.push((replay.name(), alone(&replay.evidence().unwrap()), None));
        }
        for (name, algorithm) in KEYS {
            documents.push((format!("minted-{name}"), alone(&evidence(&minted(algorithm).1)), None));
        }
        compare_by(Trust::Compiled, IssuerKeys::Loaded, &documents);
        compare_by(Trust::Compiled, IssuerKeys::NotLoaded, &documents);
    }

    #[test]
    fn the_module_takes_its_own_issuer_keys_and_no_others() {
        let empty = tempfile::tempdir().unwrap();
        for trust in [Trust::Compiled, Trust::Lab] {
            assert_eq!(judge_folder(trust, IssuerKeys::Loaded, empty.path())["refused"], true);
        }
    }

    const KEYS: [(&str, &SignatureAlgorithm); 5] = [
        ("p256", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("p384", &rcgen::PKCS_ECDSA_P384_SHA384),
        ("p521", &rcgen::PKCS_ECDSA_P521_SHA512),
        ("ed25519", &rcgen::PKCS_ED25519),
        ("rsa", &rcgen::PKCS_RSA_SHA256),
    ];

    type Document = (String, String, Option<String>);

    /// Whether the module is handed the file that lies beside it.
    #[derive(Clone, Copy, PartialEq)]
    enum IssuerKeys {
        Loaded,
        NotLoaded,
    }

    fn compare(trust: Trust, documents: &[Document]) {
        compare_by(trust, IssuerKeys::Loaded, documents);
    }

    /// Judges the documents natively and in Node, and compares.
    fn compare_by(trust: Trust, keys: IssuerKeys, documents: &[Document]) {
        let folder = tempfile::tempdir().unwrap();
        let mut expected = BTreeMap::new();
        for (name, evidence, overlay) in documents {
            fs::write(folder.path().join(format!("{name}.json")), evidence).unwrap();
            if let Some(overlay) = overlay {
                fs::write(folder.path().join(format!("{name}.overlay.json")), overlay).unwrap();
            }
            expected.insert(name, natively_by(keys, evidence, overlay.as_deref()));
        }
        let judged = judge_folder(trust, keys, folder.path())["judged"].as_u64().unwrap();
        assert_eq!(judged, expected.len() as u64, "names of documents are unique");
        for (name, expected) in expected {
            let found = fs::read_to_string(folder.path().join(format!("{name}.out"))).unwrap();
            assert_eq!(found, expected, "{name}: wasm (left) and native (right) differ");
        }
    }

    fn natively(evidence: &str, overlay: Option<&str>) -> String {
        natively_by(IssuerKeys::Loaded, evidence, overlay)
    }

    fn natively_by(keys: IssuerKeys, evidence: &str, overlay: Option<&str>) -> String {
        let judged = || -> Result<String, Box<dyn std::error::Error>> {
            let mut tables = Tables::compiled();
            if keys == IssuerKeys::NotLoaded {
                tables = tables.without_issuer_keys();
            }
            if let Some(overlay) = overlay {
                tables = tables.with_overlay(&Overlay::from_json(overlay.as_bytes())?)?;
            }
            let evidence = Evidence::from_json(evidence.as_bytes())?;
            Ok(mintwatch_validator::judge(&evidence, &tables).to_json())
        };
        judged().unwrap_or_else(|error| format!("error: {error}"))
    }

    /// Returns how many paths reach an anchor, whatever is thought of their certificates.
    fn paths(report: &str) -> usize {
        let report: Value = serde_json::from_str(report).unwrap();
        let paths = report["hosts"][0]["paths"].as_array().unwrap();
        paths.iter().filter(|path| path["anchor"].is_u64()).count()
    }

    fn exports(trust: Trust) -> Vec<String> {
        let empty = tempfile::tempdir().unwrap();
        let told = judge_folder(trust, IssuerKeys::Loaded, empty.path());
        assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
        serde_json::from_value(told["exports"].clone()).unwrap()
    }

    fn judge_folder(trust: Trust, keys: IssuerKeys, folder: &Path) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity.mjs");
        let keys = Path::new(if keys == IssuerKeys::Loaded { "with-keys" } else { "without-keys" });
        serde_json::from_str(&node(&[&script, &module(trust).join(format!("{NAME}.js")), folder, keys])).unwrap()
    }

    fn node(arguments: &[&Path]) -> String {
        let program = std::env::var_os("MINTWATCH_NODE").unwrap_or_else(|| "node".into());
        let output = Command::new(&program).args(arguments).output().unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; install Node 18 or newer, or name one in MINTWATCH_NODE", program.to_string_lossy())
        });
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the folder of a module: the one `cargo xtask ci` built, or one built now.
    fn module(trust: Trust) -> PathBuf {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let modules = BUILT.get_or_init(|| {
            if let Some(built) = std::env::var_os("MINTWATCH_WASM_DIR") {
                return built.into();
            }
            let root = workspace::root().unwrap();
            let modules = workspace::target(&root).join("wasm");
            wasm::build(&root, &modules.join("lab"), Door::Node, Trust::Lab).unwrap();
            wasm::build(&root, &modules.join("shipped"), Door::Node, Trust::Compiled).unwrap();
            modules
        });
        modules.join(if trust == Trust::Lab { "lab" } else { "shipped" })
    }

    /// Returns an anchor, and an end-entity with its subordinate CA below it.
    fn minted(algorithm: &'static SignatureAlgorithm) -> (Vec<u8>, Vec<Vec<u8>>) {
        let key = || KeyPair::generate_for(algorithm).unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.use_authority_key_identifier_extension = true;
            params
        };
        let (anchor_key, subordinate_key, own_key) = (key(), key(), key());
        let anchor = authority("Parity Anchor TEST").self_signed(&anchor_key).unwrap().der().to_vec();
        let above =
            Issuer::from_params(&authority("Parity Anchor TEST"), &anchor_key).signs(&authority("Parity CA TEST"), &subordinate_key);
        let mut server = CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap();
        server.use_authority_key_identifier_extension = true;
        let below = Issuer::from_params(&authority("Parity CA TEST"), &subordinate_key).signs(&server, &own_key);
        (anchor, vec![below, above])
    }

    trait Signs {
        fn signs(&self, params: &CertificateParams, key: &KeyPair) -> Vec<u8>;
    }

    impl Signs for Issuer<'_, &KeyPair> {
        fn signs(&self, params: &CertificateParams, key: &KeyPair) -> Vec<u8> {
            params.signed_by(key, self).unwrap().der().to_vec()
        }
    }

    /// The same evidence as a browser gives it that shows no more than the end-entity.
    fn alone(evidence: &str) -> String {
        let mut evidence = Evidence::from_json(evidence.as_bytes()).unwrap();
        for observation in &mut evidence.observations {
            if let Seen::Yes(chain) = &mut observation.chain {
                chain.form = ChainForm::EndEntityOnly;
                chain.certificates.truncate(1);
            }
        }
        evidence.to_json()
    }

    fn evidence(chain: &[Vec<u8>]) -> String {
        let text = include_str!("parity.evidence.json");
        let mut evidence = Evidence::from_json(text.as_bytes()).unwrap();
        let Seen::Yes(place) = &mut evidence.observations[0].chain else { panic!("the template has a chain") };
        place.certificates = chain.iter().map(|der| Bytes::from(der.clone())).collect();
        evidence.to_json()
    }
}
