//! How one incident is replayed: which originals are shown, what is re-enacted, when and to whom.

use std::path::Path;

use mintwatch_validator::tables::KeyKind;
use mintwatch_validator::verdict::Cause;
use serde::Deserialize;

use crate::trouble::Trouble;

/// The file of a recipe, in the folder of its replay.
const FILE: &str = "recipe.toml";

/// A recipe: `recipe.toml` beside the evidence it makes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the overlay is called; it holds whatever `stands` for something.
    pub overlay: Option<String>,
    /// Certificates re-enacted, in an order in which issuers come first.
    #[serde(default)]
    pub made: Vec<Making>,
    /// Trust anchors added on the machine that looked: files or names.
    #[serde(default)]
    pub added: Vec<String>,
    /// What was seen.
    pub seen: Vec<Sight>,
}

/// One certificate over a key of our own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Making {
    /// What the recipe calls it.
    pub name: String,
    /// The original whose names, serial number, dates and extensions it bears.
    pub like: Option<String>,
    /// Without an original: its common name …
    pub common_name: Option<String>,
    /// … and its validity, RFC 3339.
    pub validity: Option<[String; 2]>,
    /// The file of a certificate whose issuer's name it bears instead.
    pub named_as_issuer_of: Option<String>,
    /// Its serial number, hexadecimal, where it differs.
    pub serial: Option<String>,
    /// Who signs it; itself, when left out.
    pub issuer: Option<String>,
    /// The file of an original public key that it states; then nobody here can sign with it.
    pub public_key: Option<String>,
    /// What the overlay makes of it.
    pub stands: Option<Stands>,
    /// What the overlay's list says of its key.
    pub listed: Option<KeyKind>,
}

/// What a re-enacted certificate counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// A public trust anchor.
    Public,
    /// A subordinate CA that is disclosed.
    Disclosed,
}

/// One handshake, or several alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// The hosts asked, one a minute.
    pub hosts: Vec<String>,
    /// When the first was, RFC 3339.
    pub at: String,
    /// Who mints an end-entity certificate for each host; nobody, when left out.
    pub minted_by: Option<String>,
    /// The names in it; the host's own, when left out.
    #[serde(default)]
    pub names: Vec<String>,
    /// How many seconds before the handshake its validity begins.
    #[serde(default = "thirty")]
    pub begun_before: i64,
    /// The end of its validity, RFC 3339; its issuer's, when left out.
    pub until: Option<String>,
    /// The certificates sent, after the minted one: `.pem` files below the data folder, `ccadb:` and a SHA-256, or names.
    #[serde(default)]
    pub chain: Vec<String>,
    /// What it should be called.
    pub cause: Cause,
    /// The detectors that should have spoken.
    #[serde(default)]
    pub by: Vec<String>,
    /// What it should be called with listed keys, revocations and pins emptied; not asked, when left out.
    pub without_lists: Option<Cause>,
    /// Why today's answer is another one, where it is.
    pub open: Option<String>,
}

impl Recipe {
    /// Reads the recipe in a replay's folder.
    ///
    /// # Errors
    /// When there is none or it is not in the form described.
    pub fn read(folder: &Path) -> Result<Self, Trouble> {
        let file = folder.join(FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| Trouble::file("read", &file, error))?;
        toml::from_str(&text).map_err(|error| Trouble::file("read", &file, error))
    }

    /// Returns what belongs to each observation of the evidence, in order.
    pub fn sights(&self) -> Vec<&Sight> {
        self.seen.iter().flat_map(|sight| sight.hosts.iter().map(move |_| sight)).collect()
    }
}

impl Sight {
    /// Says whether every certificate of it is an original.
    pub fn is_original(&self) -> bool {
        self.minted_by.is_none() && self.chain.iter().all(|part| is_original(part))
    }
}

/// Says whether a part of a chain is read from the data folder.
pub fn is_original(part: &str) -> bool {
    part.starts_with("ccadb:") || Path::new(part).extension().is_some_and(|extension| extension == "pem")
}

fn thirty() -> i64 {
    30
}
