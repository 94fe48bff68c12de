//! Judges one certificate by itself, as root programs asked every CA to do with all of its own.
//!
//! In 2012 to 2014 Mozilla asked CAs to scan their databases for subordinate CAs that were neither
//! technically constrained nor disclosed, and for end-entities that could act as CAs. There is no
//! handshake here and no chain: a finding says what a certificate is, not what was done with it.

mod fields;
mod keys;
mod rules;

use std::borrow::Cow;

use crate::chain::Certificate;
use crate::report::Role;
use crate::tables::{Disclosure, ListedKey, Tables};
use crate::verdict::Severity;
use fields::Fields;

pub use rules::RULES;

/// One rule of an audit.
#[derive(Debug)]
pub struct Rule {
    /// Names what is seen; never reused.
    pub id: &'static str,
    /// What it looks for, in one line.
    pub summary: &'static str,
    /// How bad it is at worst, in a certificate that is still valid.
    pub severity: Severity,
    /// The clauses it rests on, of today first.
    pub sources: &'static [&'static str],
    /// Of certificates whose validity begins before this UNIX second nothing is said; none: of any age.
    pub since: Option<i64>,
    /// Which certificates it speaks of.
    pub of: Scope,
    ask: fn(&Subject<'_>) -> Option<Answer>,
}

/// Which certificates a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    Any,
    /// All but those that are not CAs.
    Authorities,
    /// CAs whose key or certificate root programs were told of, or whose issuer has the name of a public anchor: the
    /// policies of root programs bind these only.
    PublicAuthorities,
    /// As before, without anchors and other self-issued certificates.
    PublicSubordinates,
    /// As before, where nothing in them rules out TLS servers (RFC 5280 §4.2.1.12).
    PublicServerSubordinates,
    /// All that are no CAs.
    EndEntities,
}

/// What a rule says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFinding {
    /// Id of the rule.
    pub rule: &'static str,
    /// How bad it is: at most that of the rule, and no more than low once the certificate has expired.
    pub severity: Severity,
    /// What was seen, as one clause in lower case. May hold certificate text: escape before showing.
    pub says: Cow<'static, str>,
    /// The clauses it rests on.
    pub rests_on: &'static [&'static str],
}

/// An answer of a rule, where it differs from its summary or its severity.
struct Answer {
    severity: Option<Severity>,
    says: Option<Cow<'static, str>>,
}

/// A certificate before the rules.
struct Subject<'s> {
    certificate: &'s Certificate<'s>,
    /// None when it is not strict DER all through.
    fields: Option<Fields<'s>>,
    tables: &'s Tables,
    at: i64,
    disclosure: Disclosure,
    /// It is a CA of which root programs were told, or its issuer has the name of an anchor that some has or had.
    is_public: bool,
    listed: Option<ListedKey<'s>>,
}

/// Returns what the rules say of a certificate at a UNIX second, in their order.
///
/// No signature is verified, except of a CA that nobody disclosed: who signed it decides how bad that is.
pub fn audit(certificate: &Certificate<'_>, tables: &Tables, at: i64) -> Vec<AuditFinding> {
    let subject = Subject::new(certificate, tables, at);
    let expired = at > certificate.not_after;
    let asked = RULES.iter().filter(|rule| rule.since.is_none_or(|since| certificate.not_before >= since) && subject.is_in(rule.of));
    asked
        .filter_map(|rule| {
            let answer = (rule.ask)(&subject)?;
            let severity = answer.severity.unwrap_or(rule.severity);
            Some(AuditFinding {
                rule: rule.id,
                severity: if expired { severity.min(Severity::Low) } else { severity },
                says: answer.says.unwrap_or(Cow::Borrowed(rule.summary)),
                rests_on: rule.sources,
            })
        })
        .collect()
}

/// Returns the role a certificate claims for itself.
pub fn role(certificate: &Certificate<'_>) -> Role {
    match (certificate.is_ca, certificate.is_self_issued()) {
        (_, true) => Role::SelfIssued,
        (true, false) => Role::Subordinate,
        (false, false) => Role::EndEntity,
    }
}

/// Returns the rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

impl<'s> Subject<'s> {
    fn new(certificate: &'s Certificate<'s>, tables: &'s Tables, at: i64) -> Self {
        let disclosure =
            if certificate.is_ca { tables.disclosure(&certificate.sha256, &certificate.spki_sha256) } else { Disclosure::Undisclosed };
        let below_anchor_name = || certificate.is_ca && tables.anchors_by_subject(certificate.issuer).next().is_some();
        Self {
            certificate,
            fields: Fields::read(certificate.der),
            tables,
            at,
            disclosure,
            is_public: disclosure != Disclosure::Undisclosed || below_anchor_name(),
            listed: tables.listed_key(&certificate.spki_sha256).or_else(|| tables.listed_certificate(&certificate.sha256)),
        }
    }

    fn is_in(&self, scope: Scope) -> bool {
        match scope {
            Scope::Any => true,
            Scope::EndEntities => !self.certificate.is_ca,
            Scope::Authorities => self.certificate.is_ca,
            Scope::PublicAuthorities => self.is_public,
            Scope::PublicSubordinates => self.is_public && !self.certificate.is_self_issued(),
            Scope::PublicServerSubordinates => {
                let for_servers = self.certificate.purposes.is_none_or(|purposes| purposes.server || purposes.any);
                self.is_in(Scope::PublicSubordinates) && for_servers
            }
        }
    }
}

impl Answer {
    /// The summary of the rule.
    fn plain() -> Self {
        Self { severity: None, says: None }
    }

    /// Something more particular.
    fn saying(says: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: None, says: Some(says.into()) }
    }

    /// Something less bad.
    fn only(severity: Severity, says: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: Some(severity), says: Some(says.into()) }
    }
}

#[cfg(test)]
mod tests;
