//! The rules of an audit: what each asks, the clauses it rests on, and since when it binds.

use super::fields::{Key, attributes, has_dns_name};
use super::keys::Residues;
use super::{Answer, Rule, Scope, Subject};
use crate::chain::Certificate;
use crate::signatures::Signatures;
use crate::tables::{Disclosure, KeyKind, KeyStanding, PublicAnchor, Standing};
use crate::unseen::{self, KnownKey, Signer};
use crate::verdict::Severity;

/// Every rule: first what a certificate may do and who knows of it, then how it is made.
pub const RULES: &[Rule] = &[
    Rule {
        id: "compromised",
        summary: "its private key is in other hands",
        severity: Severity::Critical,
        sources: &["BR 2.2.6 §4.9.1.1, §4.9.1.2: revoked within days of a key compromise", "Chromium certificate blocklist; OneCRL"],
        since: None,
        of: Scope::Any,
        ask: |subject| listed(subject, &[KeyKind::Compromised]),
    },
    Rule {
        id: "interception-key",
        summary: "its key is known from a product or a state that reads other people's TLS",
        severity: Severity::Critical,
        sources: &["Mozilla Root Store Policy 3.1 §7.1: no certificates for interception", "the table of listed keys"],
        since: None,
        of: Scope::Any,
        ask: |subject| listed(subject, &[KeyKind::Interception, KeyKind::StateInterception]),
    },
    Rule {
        id: "revoked",
        summary: "a root program revoked it, or its key, out of band",
        severity: Severity::High,
        sources: &["OneCRL (both forms: issuer and serial; subject and key)", "Chromium certificate blocklist"],
        since: None,
        of: Scope::Any,
        ask: revoked,
    },
    Rule {
        id: "undisclosed",
        summary: "a subordinate CA that may issue for any name, and that nobody disclosed",
        severity: Severity::Critical,
        sources: &[
            "Mozilla Root Store Policy 3.1 §5.3.2: disclosed in the CCADB within 7 days and before issuing",
            "Mozilla Root Store Policy 3.1 §5.3.1 with BR 2.2.6 §7.1.2.5: or technically constrained",
            "in 2015: Mozilla CA Certificate Inclusion Policy 2.2 §8-10; BR 1.2 §9.7",
            "Mozilla CA communications of 2012-02-17 and 2013-01-10",
        ],
        since: None,
        of: Scope::Authorities,
        ask: undisclosed,
    },
    Rule {
        id: "undisclosed-copy",
        summary: "its key is disclosed, this certificate for it is not",
        severity: Severity::Low,
        sources: &["Mozilla Root Store Policy 3.1 §5.3.2: every certificate that shares the key pair, cross-signed or reissued"],
        since: None,
        of: Scope::PublicSubordinates,
        ask: |subject| (subject.disclosure == Disclosure::Key).then(Answer::plain),
    },
    Rule {
        id: "ca-names-host",
        summary: "a CA named like a host: whoever runs that host may issue for any name",
        severity: Severity::High,
        sources: &[
            "BR 2.2.6 §7.1.2.10: no profile of a CA names a host",
            "RFC 5280 §4.2.1.9: cA says that this key may sign certificates",
            "incident: 2013-turktrust",
        ],
        since: None,
        of: Scope::Authorities,
        ask: names_host,
    },
    Rule {
        id: "end-entity-may-sign",
        summary: "no CA by its basic constraints, and yet its key usage allows to sign certificates",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.2.1.3, §4.2.1.9: keyCertSign only together with cA", "incident: 2013-turktrust"],
        since: Some(RFC3280),
        of: Scope::EndEntities,
        ask: |subject| fields(subject, |fields| fields.extensions.usage().is_some_and(|usage| usage.key_cert_sign)),
    },
    Rule {
        id: "end-entity-path-length",
        summary: "no CA, and yet it limits the path below it",
        severity: Severity::Low,
        sources: &["RFC 5280 §4.2.1.9: pathLenConstraint only together with cA and keyCertSign"],
        since: Some(RFC3280),
        of: Scope::EndEntities,
        ask: |subject| fields(subject, |fields| fields.extensions.basic().is_some_and(|basic| basic.has_path_length)),
    },
    Rule {
        id: "ambiguous-role",
        summary: "its basic constraints cannot be read: verifiers may differ on whether it is a CA",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.2.1.9", "Mozilla Root Store Policy 3.1 §5.2: no ASN.1 DER encoding errors"],
        since: None,
        of: Scope::Any,
        ask: |subject| {
            fields(subject, |fields| {
                fields.extensions.basic_constraints.is_some()
                    && fields.extensions.basic().is_none_or(|basic| basic.ca != subject.certificate.is_ca)
            })
        },
    },
    Rule {
        id: "old-version",
        summary: "X.509 version 1 or 2: it cannot say that it is no CA, and some old verifiers take it for one",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.1: X.509 version 3", "RFC 5280 §4.1.2.1, §6.1.4 (k)"],
        since: Some(BASELINE),
        of: Scope::Any,
        ask: |subject| fields(subject, |fields| fields.version < 3),
    },
    Rule {
        id: "basic-constraints-not-critical",
        summary: "a CA whose basic constraints are not marked critical",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.2.1.9", "BR 2.2.6 §7.1.2.1.2, §7.1.2.6.1; until 2023 BR §7.1.2.1 a, §7.1.2.2 d"],
        since: Some(BASELINE),
        of: Scope::Authorities,
        ask: |subject| fields(subject, |fields| fields.extensions.basic_constraints.is_some_and(|basic| !basic.critical)),
    },
    Rule {
        id: "no-key-usage",
        summary: "a CA without key usage",
        severity: Severity::Medium,
        sources: &["BR 2.2.6 §7.1.2.10.7; until 2023 BR §7.1.2.1 b, §7.1.2.2 e", "RFC 5280 §4.2.1.3"],
        since: Some(BASELINE),
        of: Scope::Authorities,
        ask: |subject| fields(subject, |fields| fields.extensions.key_usage.is_none()),
    },
    Rule {
        id: "no-key-cert-sign",
        summary: "a CA whose key usage does not allow to sign certificates",
        severity: Severity::Medium,
        sources: &["BR 2.2.6 §7.1.2.10.7; until 2023 BR §7.1.2.1 b, §7.1.2.2 e", "RFC 5280 §4.2.1.3, §4.2.1.9"],
        since: Some(BASELINE),
        of: Scope::Authorities,
        ask: |subject| fields(subject, |fields| fields.extensions.usage().is_some_and(|usage| !usage.key_cert_sign)),
    },
    Rule {
        id: "no-crl-sign",
        summary: "a CA whose key usage does not allow to sign revocation lists",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.2.10.7; until 2023 BR §7.1.2.1 b, §7.1.2.2 e"],
        since: Some(BASELINE),
        of: Scope::PublicServerSubordinates,
        ask: |subject| fields(subject, |fields| fields.extensions.usage().is_some_and(|usage| usage.key_cert_sign && !usage.crl_sign)),
    },
    Rule {
        id: "key-usage-not-critical",
        summary: "a CA whose key usage is not marked critical",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.2.6.1; until 2023 BR §7.1.2.1 b, §7.1.2.2 e"],
        since: Some(BASELINE),
        of: Scope::PublicAuthorities,
        ask: |subject| fields(subject, |fields| fields.extensions.key_usage.is_some_and(|usage| !usage.critical)),
    },
    Rule {
        id: "no-purposes",
        // A root's cross-certificate may be so; of roots that no program has yet we do not know that they are any.
        summary: "a subordinate CA without extended key usage, which only the cross-certificate of a root may be",
        severity: Severity::Low,
        sources: &["Mozilla Root Store Policy 3.1 §5.3: intermediate certificates created after 2019-01-01"],
        since: Some(PURPOSES),
        of: Scope::PublicSubordinates,
        ask: |subject| (subject.certificate.purposes.is_none() && !shares_anchors_key(subject)).then(Answer::plain),
    },
    Rule {
        id: "any-purpose",
        // A root's cross-certificate may be so; of roots that no program has yet we do not know that they are any.
        summary: "a subordinate CA for any extended key usage, which only the cross-certificate of a root may be",
        severity: Severity::Low,
        sources: &["Mozilla Root Store Policy 3.1 §5.3, §5.3.1", "BR 2.2.6 §7.1.2.10.6"],
        since: Some(PURPOSES),
        of: Scope::PublicSubordinates,
        ask: |subject| {
            (subject.certificate.purposes.is_some_and(|purposes| purposes.any) && !shares_anchors_key(subject)).then(Answer::plain)
        },
    },
    Rule {
        id: "servers-and-mail",
        summary: "a subordinate CA for servers and for mail at once",
        severity: Severity::Medium,
        sources: &["Mozilla Root Store Policy 3.1 §5.3", "BR 2.2.6 §7.1.2.10.6"],
        since: Some(PURPOSES),
        of: Scope::PublicSubordinates,
        ask: |subject| {
            let both = fields(subject, |fields| fields.extensions.listed_purposes().is_some_and(|listed| listed.server && listed.email));
            both.filter(|_| !shares_anchors_key(subject))
        },
    },
    Rule {
        id: "servers-and-others",
        summary: "a subordinate CA for servers and for code, time stamps, OCSP or precertificates at once",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.2.10.6"],
        since: Some(PROFILES),
        of: Scope::PublicSubordinates,
        ask: |subject| {
            let both = fields(subject, |fields| {
                fields.extensions.listed_purposes().is_some_and(|listed| listed.server && listed.foreign_to_servers)
            });
            both.filter(|_| !shares_anchors_key(subject))
        },
    },
    Rule {
        id: "empty-name-constraints",
        summary: "name constraints that constrain nothing",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.2.1.10: not an empty sequence"],
        since: Some(RFC3280),
        of: Scope::Authorities,
        ask: |subject| fields(subject, |fields| fields.extensions.name_constraints.is_some_and(|names| names.value == [0x30, 0x00])),
    },
    Rule {
        id: "no-crl",
        summary: "a subordinate CA that names no revocation list",
        severity: Severity::Medium,
        sources: &["BR 2.2.6 §7.1.2.11.2; until 2023 BR §7.1.2.2 b"],
        since: Some(BASELINE),
        of: Scope::PublicServerSubordinates,
        ask: |subject| {
            let none = fields(subject, |fields| !fields.extensions.has_http_crl())?;
            let elsewhere = fields(subject, |fields| fields.extensions.crl_distribution_points.is_some()).is_some();
            let says = "a subordinate CA that names a revocation list, and at no plain HTTP URL, where every client can fetch it";
            Some(if elsewhere { Answer::only(Severity::Low, says) } else { none })
        },
    },
    Rule {
        id: "no-policies",
        summary: "a subordinate CA without certificate policies",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.2.10.5; until 2023 BR §7.1.2.2 a"],
        since: Some(BASELINE),
        of: Scope::PublicServerSubordinates,
        ask: |subject| fields(subject, |fields| fields.extensions.policies.is_none()),
    },
    Rule {
        id: "no-key-ids",
        summary: "a CA without the key identifiers that chains are built by",
        severity: Severity::Low,
        sources: &["RFC 5280 §4.2.1.1, §4.2.1.2"],
        since: Some(RFC3280),
        of: Scope::Authorities,
        ask: |subject| {
            fields(subject, |fields| {
                let unnamed_issuer = fields.extensions.authority_key_id.is_none() && !subject.certificate.is_self_issued();
                fields.version >= 3 && (fields.extensions.subject_key_id.is_none() || unnamed_issuer)
            })
        },
    },
    Rule {
        id: "incomplete-subject",
        summary: "a CA whose subject names no country or no organisation",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.2.10.2; before, BR §7.1.4.3.1, §9.1"],
        since: Some(BASELINE),
        of: Scope::PublicAuthorities,
        ask: |subject| {
            let has = |kind| attributes(subject.certificate.subject, kind).next().is_some();
            (!has(COUNTRY) || !has(ORGANISATION)).then(Answer::plain)
        },
    },
    Rule {
        id: "weak-signature",
        summary: "signed over a hash that can be forged",
        severity: Severity::High,
        sources: &[
            "BR 2.2.6 §7.1.3.2; SHA-1 since 2016-01-01: BR §7.1.3",
            "Mozilla Root Store Policy 3.1 §5.1.3: since 2023-07-01 for all",
        ],
        since: None,
        of: Scope::Any,
        ask: weak_signature,
    },
    Rule {
        id: "weak-key",
        summary: "a key that can be broken",
        severity: Severity::High,
        sources: &["BR 2.2.6 §6.1.5, §6.1.6, §6.1.1.3", "Mozilla Root Store Policy 3.1 §5.1, §5.2"],
        since: None,
        of: Scope::Any,
        ask: weak_key,
    },
    Rule {
        id: "unusual-key",
        summary: "a CA key that is neither RSA nor on P-256, P-384 or P-521",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §6.1.5, §7.1.3.1", "Mozilla Root Store Policy 3.1 §5.1"],
        since: Some(BASELINE),
        of: Scope::PublicAuthorities,
        ask: |subject| {
            fields(subject, |fields| match fields.key {
                Key::Curve(curve) => !CURVES.contains(&curve),
                Key::Other => true,
                Key::Rsa { .. } | Key::Malformed => false,
            })
        },
    },
    Rule {
        id: "algorithms-differ",
        summary: "the algorithm beside its signature is not the one it signed",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.1.1.2, §4.1.2.3"],
        since: None,
        of: Scope::Any,
        ask: |subject| fields(subject, |fields| fields.signed_algorithm != fields.outer_algorithm),
    },
    Rule {
        id: "serial-not-positive",
        summary: "a serial number that is zero or negative",
        severity: Severity::Low,
        sources: &["RFC 5280 §4.1.2.2", "Mozilla Root Store Policy 3.1 §5.2"],
        since: Some(RFC3280),
        of: Scope::Any,
        ask: |subject| {
            let said = fields(subject, |fields| {
                fields.serial.iter().all(|&octet| octet == 0) || fields.serial.first().is_some_and(|&octet| octet >= 0x80)
            })?;
            // Nobody looks a root up by its serial number.
            Some(if subject.certificate.is_self_issued() { Answer { severity: Some(Severity::Info), ..said } } else { said })
        },
    },
    Rule {
        id: "serial-too-long",
        summary: "a serial number of more than 20 octets",
        severity: Severity::Low,
        sources: &["RFC 5280 §4.1.2.2"],
        since: Some(RFC3280),
        of: Scope::Any,
        ask: |subject| fields(subject, |fields| fields.serial.len() > 20),
    },
    Rule {
        id: "serial-too-short",
        summary: "a serial number without room for 64 random bits",
        severity: Severity::Low,
        sources: &["BR 2.2.6 §7.1.2: 64 bits from a CSPRNG, since 2016-09-30", "Mozilla Root Store Policy 3.1 §5.2"],
        since: Some(ENTROPY),
        of: Scope::PublicServerSubordinates,
        // Of 64 random bits the upper 24 are zero once in sixteen million certificates.
        ask: |subject| fields(subject, |fields| fields.serial.iter().skip_while(|&&octet| octet == 0).count() <= 5),
    },
    Rule {
        id: "validity-reversed",
        summary: "its validity ends before it begins",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.1.2.5"],
        since: None,
        of: Scope::Any,
        ask: |subject| (subject.certificate.not_after < subject.certificate.not_before).then(Answer::plain),
    },
    Rule {
        id: "valid-too-long",
        summary: "valid for longer than the policy it claims allows",
        severity: Severity::Medium,
        sources: &["BR 2.2.6 §6.3.2", "BR 2.2.6 §7.1.2.1.1: a root for 25 years at most"],
        since: Some(BASELINE),
        of: Scope::Any,
        ask: valid_too_long,
    },
    Rule {
        id: "repeated-extension",
        summary: "an extension that stands there twice: verifiers may differ on which one counts",
        severity: Severity::Medium,
        sources: &["RFC 5280 §4.2"],
        since: None,
        of: Scope::Any,
        ask: |subject| fields(subject, |fields| fields.extensions.repeated),
    },
    Rule {
        id: "not-strict-der",
        summary: "not strict DER: verifiers may differ on what it says",
        severity: Severity::Low,
        sources: &["RFC 5280 §4.1, X.690 §10", "Mozilla Root Store Policy 3.1 §5.2"],
        since: None,
        of: Scope::Any,
        ask: |subject| subject.fields.is_none().then(Answer::plain),
    },
];

fn fields(subject: &Subject<'_>, is_so: impl Fn(&super::Fields<'_>) -> bool) -> Option<Answer> {
    subject.fields.as_ref().is_some_and(is_so).then(Answer::plain)
}

fn listed(subject: &Subject<'_>, kinds: &[KeyKind]) -> Option<Answer> {
    let entry = subject.listed.filter(|entry| kinds.contains(&entry.kind))?;
    Some(Answer::saying(format!("its key is listed: {}", entry.name)))
}

fn revoked(subject: &Subject<'_>) -> Option<Answer> {
    let certificate = subject.certificate;
    let row = subject.tables.revoked(certificate.issuer, certificate.serial, certificate.subject, &certificate.spki_sha256);
    if let Some(row) = row {
        return Some(Answer::saying(format!("revoked in {} ({})", row.source, row.reference)));
    }
    let entry = subject.listed.filter(|entry| matches!(entry.kind, KeyKind::Revoked | KeyKind::Misissued))?;
    Some(Answer::saying(format!("on a root program's blocklist: {}", entry.name)))
}

/// Says of a CA that nobody disclosed who signed it: that decides whether it is anybody's business.
fn undisclosed(subject: &Subject<'_>) -> Option<Answer> {
    let certificate = subject.certificate;
    let is_known = subject.disclosure != Disclosure::Undisclosed || subject.tables.anchor(&certificate.sha256).is_some();
    if is_known || certificate.is_technically_constrained() {
        return None;
    }
    let signatures = Signatures::new();
    signatures.start_chain(MAX_SIGNATURES);
    if certificate.is_self_issued() && is_signed_by(certificate, certificate.spki, &signatures) {
        // A root of its own.
        return None;
    }
    let is_fresh = |known_until: i64| certificate.not_before.saturating_add(GRACE) >= known_until;
    let fresh = |signer: &str| {
        Answer::only(Severity::Low, format!("{FREELY}, {signer}; not disclosed by the date of our table, which is older than it"))
    };
    if let Some(anchor) = issuing_anchor(subject, &signatures) {
        let signer = format!("signed by the public anchor {}", anchor.name);
        return Some(match anchor.standing(subject.at) {
            _ if is_fresh(subject.tables.disclosure_date()) => fresh(&signer),
            Standing::Public(_) => Answer::saying(format!("{FREELY}, {signer}, and nobody disclosed it")),
            Standing::Retired(_) | Standing::NotYet => {
                Answer::only(Severity::Medium, format!("{FREELY}, {signer}, which no root program had at that time; nobody disclosed it"))
            }
        });
    }
    Some(match unseen::signer(certificate, subject.tables, &signatures) {
        Signer::Known(_) if is_fresh(subject.tables.disclosure_date()) => fresh("signed by a disclosed CA"),
        Signer::Known(KnownKey { standing: Some(KeyStanding::Public), .. }) => {
            Answer::saying(format!("{FREELY}, signed by a disclosed CA below a public anchor, and nobody disclosed it"))
        }
        Signer::Known(_) => {
            Answer::only(Severity::Medium, format!("{FREELY}, signed by a CA that root programs knew at some time; nobody disclosed it"))
        }
        Signer::Unknown { known_until, .. } if is_fresh(known_until) => fresh("signed by a key that root programs did not know by then"),
        Signer::Unknown { named_like_one: true, .. } => Answer::only(
            Severity::Medium,
            format!("{FREELY}, whose issuer bears the name of a disclosed authority and has none of its keys"),
        ),
        Signer::Unknown { .. } => Answer::only(
            Severity::Low,
            format!("{FREELY}, signed by a key that root programs do not know: below a private root, or below another undisclosed CA"),
        ),
        Signer::Untold(_) => {
            Answer::only(Severity::Medium, format!("{FREELY}, and nobody disclosed it; whose key signed it could not be found out"))
        }
    })
}

/// Returns the public anchor that verifiably signed a certificate.
fn issuing_anchor<'s>(subject: &Subject<'s>, signatures: &Signatures) -> Option<PublicAnchor<'s>> {
    let mut named = subject.tables.anchors_by_subject(subject.certificate.issuer);
    named.find(|anchor| is_signed_by(subject.certificate, anchor.spki, signatures))
}

fn is_signed_by(certificate: &Certificate<'_>, spki: &[u8], signatures: &Signatures) -> bool {
    let parts = certificate.signed_parts();
    signatures.verify(parts.algorithm, spki, parts.tbs, parts.signature).is_ok()
}

/// Says whether a public anchor has the same name and key: a cross-certificate of a root (Mozilla Root Store Policy §5.3).
fn shares_anchors_key(subject: &Subject<'_>) -> bool {
    let certificate = subject.certificate;
    subject.tables.anchors_by_subject(certificate.subject).any(|anchor| anchor.spki == certificate.spki)
}

fn names_host(subject: &Subject<'_>) -> Option<Answer> {
    let beside_dns_name = fields(subject, |fields| fields.extensions.subject_alt_name.is_some_and(has_dns_name)).is_some();
    let mut common_names = attributes(subject.certificate.subject, COMMON_NAME);
    let says = match beside_dns_name {
        true => "a CA beside a dNSName: whoever runs that host may issue for any name",
        false if common_names.any(is_host_name) => "a CA whose common name is that of a host: whoever runs it may issue for any name",
        false => return None,
    };
    let severity = match (subject.certificate.is_self_issued(), subject.disclosure) {
        // A host's self-signed certificate is a CA for those who installed it.
        (true, _) => Severity::Low,
        // The name of a brand; root programs know of it.
        (false, Disclosure::Certificate) => Severity::Medium,
        (false, _) => Severity::High,
    };
    Some(Answer::only(severity, says))
}

/// Says whether text is a host name of more than one label, with or without a wildcard.
fn is_host_name(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"*.").unwrap_or(text);
    let is_label = |label: &[u8]| {
        !label.is_empty() && label.len() <= 63 && label.iter().all(|&letter| letter.is_ascii_alphanumeric() || letter == b'-')
    };
    let mut labels = text.rsplit(|&letter| letter == b'.');
    let is_top = |label: &[u8]| label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
    text.len() <= 253 && labels.next().is_some_and(is_top) && text.contains(&b'.') && labels.all(is_label)
}

fn weak_signature(subject: &Subject<'_>) -> Option<Answer> {
    let certificate = subject.certificate;
    if certificate.is_self_issued() {
        // Nobody relies on the signature of a root.
        return None;
    }
    let algorithm = crate::der::only(subject.fields.as_ref()?.signed_algorithm, crate::der::SEQUENCE)?;
    let (oid, _) = crate::der::expect(algorithm, crate::der::OBJECT_IDENTIFIER)?;
    let for_servers = certificate.purposes.is_none_or(|purposes| purposes.server || purposes.any);
    match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 2..=4] => Some(Answer::saying("signed over MD2, MD4 or MD5, which can be forged")),
        // Certificates that are not for servers were given more time.
        _ if certificate.not_before < if for_servers { SHA1_END } else { SHA1_END_OF_ALL } => None,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]
        | [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3]
        | [0x2b, 14, 3, 2, 29] => Some(Answer::only(Severity::Medium, "signed over SHA-1 after its end for public CAs")),
        _ => None,
    }
}

fn weak_key(subject: &Subject<'_>) -> Option<Answer> {
    let (modulus, exponent) = match subject.fields.as_ref()?.key {
        Key::Rsa { modulus, exponent } => (modulus, exponent),
        Key::Malformed => return Some(Answer::only(Severity::Medium, "an RSA key that is no pair of positive numbers")),
        Key::Curve(_) | Key::Other => return None,
    };
    let bits = bits(modulus);
    if bits < 1_024 {
        return Some(Answer::saying(format!("an RSA key of {bits} bits")));
    }
    let residues = Residues::of(modulus);
    if let Some(factor) = residues.factor() {
        return Some(Answer::saying(format!("an RSA modulus with the factor {factor}")));
    }
    if residues.is_roca(modulus) {
        return Some(Answer::saying("an RSA key with the fingerprint of ROCA (CVE-2017-15361)"));
    }
    if exponent == [1] || exponent.last().is_some_and(|octet| octet & 1 == 0) {
        return Some(Answer::saying("an RSA public exponent that is one or even"));
    }
    let too_short = bits < 2_048 && subject.certificate.not_after >= SHORT_RSA_END;
    too_short.then(|| {
        Answer::only(Severity::Medium, format!("an RSA key of {bits} bits, valid past the end of such keys for public CAs, 2014-01-01"))
    })
}

fn bits(magnitude: &[u8]) -> usize {
    let spare = magnitude.first().map_or(0, |octet| octet.leading_zeros());
    (magnitude.len() * 8).saturating_sub(usize::try_from(spare).unwrap_or_default())
}

fn valid_too_long(subject: &Subject<'_>) -> Option<Answer> {
    let certificate = subject.certificate;
    let claims = subject.fields.as_ref().is_some_and(|fields| fields.extensions.claims_baseline());
    let most = if certificate.is_ca {
        let is_public_root = certificate.is_self_issued() && subject.tables.anchor(&certificate.sha256).is_some();
        (is_public_root && certificate.not_before >= PROFILES).then_some(9_132)?
    } else {
        claims.then(|| longest(certificate))?
    };
    let seconds = certificate.not_after.saturating_sub(certificate.not_before).saturating_add(1);
    (seconds > most * DAY)
        .then(|| Answer::saying(format!("valid for {} days; the policy it claims allows {most}", (seconds + DAY - 1) / DAY)))
}

/// How many days an end-entity may be valid that claims the Baseline Requirements (§6.3.2 of their time).
fn longest(certificate: &Certificate<'_>) -> i64 {
    // Months are counted as 31 days: what is longer than that is longer by any count.
    match certificate.not_before {
        begins if begins >= day(2029, 3, 15) => 47,
        begins if begins >= day(2027, 3, 15) => 100,
        begins if begins >= day(2026, 3, 15) => 200,
        begins if begins >= day(2020, 9, 1) => 398,
        begins if begins >= day(2018, 3, 1) => 825,
        begins if begins >= day(2015, 4, 1) => 39 * 31,
        _ => 60 * 31,
    }
}

/// The UNIX second at which a day begins.
const fn day(year: i64, month: i64, day: i64) -> i64 {
    // Days since 1970-01-01 in the proleptic Gregorian calendar; a year begins in March here.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    (days - 719_468) * DAY
}

const DAY: i64 = 86_400;
/// How long a CA has to disclose a new subordinate CA (Mozilla Root Store Policy §5.3.2), in seconds.
const GRACE: i64 = 7 * DAY;
/// RFC 3280, April 2002: the first to say all that RFC 5280 says here.
const RFC3280: i64 = day(2002, 4, 1);
/// The effective date of the Baseline Requirements 1.0.
const BASELINE: i64 = day(2012, 7, 1);
/// No RSA key below 2048 bits is valid from here on (BR 1.0, appendix A).
const SHORT_RSA_END: i64 = day(2014, 1, 1);
/// No certificate for servers is signed over SHA-1 from here on (BR §7.1.3).
const SHA1_END: i64 = day(2016, 1, 1);
/// And no other (Mozilla Root Store Policy §5.1.3).
const SHA1_END_OF_ALL: i64 = day(2023, 7, 1);
/// Serial numbers hold 64 random bits from here on (BR ballot 164).
const ENTROPY: i64 = day(2016, 9, 30);
/// Subordinate CAs list their purposes from here on (Mozilla Root Store Policy §5.3).
const PURPOSES: i64 = day(2019, 1, 1);
/// Certificate profiles of BR 2.0.0.
const PROFILES: i64 = day(2023, 9, 15);
/// How many signatures are verified for one undisclosed CA: its own key, the anchors and the disclosed CAs of its issuer's name.
const MAX_SIGNATURES: u64 = 40;
/// What an undisclosed CA is.
const FREELY: &str = "a subordinate CA that may issue for any name";
/// Arcs below 2.5.4.
const COMMON_NAME: u8 = 3;
const COUNTRY: u8 = 6;
const ORGANISATION: u8 = 10;
/// P-256, P-384, P-521.
const CURVES: [&[u8]; 3] = [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], &[0x2b, 0x81, 4, 0, 34], &[0x2b, 0x81, 4, 0, 35]];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(1970, 1, 1), 0);
        assert_eq!(day(2015, 3, 20), 1_426_809_600);
        assert_eq!(day(2000, 2, 29) + DAY, day(2000, 3, 1));
        assert_eq!(day(2026, 11, 24), 1_795_478_400);
    }

    #[test]
    fn a_host_name_has_labels_and_a_top_level_domain() {
        for host in ["*.EGO.GOV.TR", "e-islem.kktcmerkezbankasi.org", "a.example"] {
            assert!(is_host_name(host.as_bytes()), "{host}");
        }
        for other in
            ["CNNIC ROOT", "SSL.com EV CA", "example", "v1.0", "G2.3", "a..example", ".example", "GlobalSign", "R3.", "Let's Encrypt X.1"]
        {
            assert!(!is_host_name(other.as_bytes()), "{other}");
        }
    }
}
