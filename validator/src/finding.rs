//! What a detector may say: findings, their weight, their place; and what asking it gave.

use serde::{Deserialize, Serialize};

/// One thing one detector has to say about one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Id of the detector that speaks.
    pub detector: String,
    /// How much it weighs.
    pub weight: Weight,
    /// Index of the observation it speaks of.
    pub observation: usize,
    /// The certificate it speaks of; none when it speaks of the whole handshake.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<Place>,
    /// Which kind of thing it is, where the detector tells kinds apart, such as `state` or `fresh`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// What was seen, as one clause in lower case. May hold certificate text: escape before showing.
    pub says: String,
    /// The clauses it rests on.
    pub rests_on: Vec<String>,
    /// Indices of the other observations it rests on, for findings across hosts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub with: Vec<usize>,
}

impl Finding {
    /// Says which kind of thing it is.
    #[must_use]
    pub(crate) fn of_kind(self, kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), ..self }
    }
}

/// How much a finding weighs. No sums are ever made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Worth telling; decides nothing.
    Note,
    /// Supports a cause that something else decides.
    Weak,
    /// Enough to decide a cause.
    Strong,
    /// Proven by a signature or by identity of keys.
    Proven,
}

/// A place in the chain of one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A certificate of the chain as it came: 0 is the end-entity.
    Certificate(usize),
    /// A trust anchor, by its index in the observation's list of anchors reached.
    Anchor(usize),
    /// The issuer, not seen itself, of a certificate of the chain as it came.
    IssuerOf(usize),
}

/// What asking one detector about one observation gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It spoke; the findings are in the report.
    Spoke(Vec<Finding>),
    /// It looked and had nothing to say.
    Silent,
    /// It could not look, and why.
    CouldNotLook(Facet),
}

/// What a detector needs to see before it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Facet {
    /// A readable end-entity certificate.
    EndEntity,
    /// The certificates above the end-entity, as sent or as built.
    Chain,
    /// A search for paths that ended inside its budget.
    Paths,
    /// A path to a public anchor.
    PublicPath,
    /// The table of RSA keys of disclosed issuers, which a module for browsers is handed apart.
    IssuerTable,
    /// Every disclosed key that may have signed a certificate whose issuer was not seen.
    IssuerKeys,
    /// The trust anchors of this machine.
    MachineAnchors,
    /// Two observations or more.
    SeveralObservations,
    /// At least one SCT, readable or not.
    Scts,
    /// What was offered and what was agreed in TLS.
    Negotiated,
    /// The answers of two resolvers or more for this host.
    SeveralAnswers,
    /// What is known of this host from another network or observer.
    Control,
    /// An origin that was asked for the sake of a fault it has on purpose.
    KnownFault,
    /// A pin set for this host.
    Pins,
    /// An expected CA owner for this host.
    Expectation,
}

impl Facet {
    /// Returns why a detector that needs this could not look.
    pub fn absence(self) -> &'static str {
        match self {
            Self::EndEntity => "no readable end-entity certificate was seen",
            Self::Chain => "this vantage shows the end-entity certificate only",
            Self::Paths => "the search for paths did not end inside its budget",
            Self::PublicPath => "no path to a public anchor was found",
            Self::IssuerTable => "the keys of disclosed issuers were not loaded",
            Self::IssuerKeys => "some key that may have signed it is in no table, or its signature cannot be verified",
            Self::MachineAnchors => "the trust anchors of this machine were not seen",
            Self::SeveralObservations => "only one handshake was seen",
            Self::Scts => "no SCT came with the certificate or the handshake",
            Self::Negotiated => "what was offered and agreed in TLS was not seen",
            Self::SeveralAnswers => "the answers of two resolvers for this host were not seen",
            Self::Control => "nothing is known of this host from another network or observer",
            Self::KnownFault => "this origin was not asked for a fault that it has on purpose",
            Self::Pins => "no pins are published for this host",
            Self::Expectation => "no expected CA owner is known for this host",
        }
    }
}
