//! Severity, confidence and kind of cause on the scales of others; no format has a scale of its own making.

use mintwatch_validator::verdict::{Cause, Confidence, Severity};

/// Returns a severity from 0 to 10, as CEF has it.
pub(super) fn of_ten(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 3,
        Severity::Medium => 5,
        Severity::High => 8,
        Severity::Critical => 10,
    }
}

/// Returns a `severity_id` of OCSF and its caption.
pub(super) fn of_ocsf(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

/// Returns a severity number of OpenTelemetry's log data model, and its name.
pub(super) fn of_otel(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Info => (9, "INFO"),
        Severity::Low => (13, "WARN"),
        Severity::Medium => (15, "WARN3"),
        Severity::High => (17, "ERROR"),
        Severity::Critical => (21, "FATAL"),
    }
}

/// Returns a severity of RFC 5424 §6.2.1.
pub(super) fn of_syslog(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 6,
        Severity::Low => 5,
        Severity::Medium => 4,
        Severity::High => 3,
        Severity::Critical => 2,
    }
}

/// Returns a threat level of MISP: 1 is high, 4 undefined.
pub(super) fn of_misp(severity: Severity) -> u8 {
    match severity {
        Severity::Critical | Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}

/// Returns a confidence from 0 to 100, on the scale None/Low/Medium/High of STIX 2.1 appendix A.
pub(super) fn of_hundred(confidence: Confidence) -> u8 {
    match confidence {
        Confidence::Weak => 15,
        Confidence::Strong => 50,
        Confidence::Proven => 85,
    }
}

/// Returns a `confidence_id` of OCSF and its caption.
pub(super) fn confidence_of_ocsf(confidence: Confidence) -> (u8, &'static str) {
    match confidence {
        Confidence::Weak => (1, "Low"),
        Confidence::Strong => (2, "Medium"),
        Confidence::Proven => (3, "High"),
    }
}

/// Returns the word that the documents use.
pub(super) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Weak => "weak",
        Confidence::Strong => "strong",
        Confidence::Proven => "proven",
    }
}

/// Returns what a cause is, in a few words that begin with a capital letter.
pub(super) fn title(cause: Cause) -> &'static str {
    match cause {
        Cause::PublicAuthorityInterception => "TLS interception under a public authority",
        Cause::KnownKeyInterception => "TLS interception under a key that others hold",
        Cause::StateInterception => "TLS interception under an authority that serves a state",
        Cause::LocalInterception => "TLS interception under an anchor of this machine",
        Cause::UntrustedInterception => "TLS interception under an issuer that nobody trusts",
        Cause::UnexpectedAuthority => "TLS certificate of an authority that is not expected",
        Cause::CaptivePortal => "Captive portal",
        Cause::Clock => "Clock of the observer is wrong",
        Cause::OriginFault => "TLS certificate with a fault of its own",
        Cause::InternalName => "Internal name under an internal anchor",
        Cause::Inconclusive => "TLS connection that could not be judged",
        Cause::NotMeasured => "TLS connection that was not measured",
        Cause::Clear => "TLS connection that is clear",
    }
}

/// A technique of MITRE ATT&CK.
pub(super) struct Technique {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The technique it is a part of.
    pub(super) part_of: Option<(&'static str, &'static str)>,
    /// The tactic it is listed under.
    pub(super) tactic: (&'static str, &'static str),
}

/// Returns the techniques that a cause looks like on the wire. It says nothing of why somebody did it.
pub(super) fn techniques(cause: Cause) -> &'static [Technique] {
    match cause {
        Cause::PublicAuthorityInterception => &[IN_THE_MIDDLE, CERTIFICATES],
        Cause::KnownKeyInterception | Cause::StateInterception | Cause::LocalInterception => &[IN_THE_MIDDLE, ROOT],
        Cause::UntrustedInterception | Cause::UnexpectedAuthority => &[IN_THE_MIDDLE],
        _ => &[],
    }
}

const IN_THE_MIDDLE: Technique =
    Technique { id: "T1557", name: "Adversary-in-the-Middle", part_of: None, tactic: ("TA0006", "Credential Access") };
const CERTIFICATES: Technique = Technique {
    id: "T1588.004",
    name: "Digital Certificates",
    part_of: Some(("T1588", "Obtain Capabilities")),
    tactic: ("TA0042", "Resource Development"),
};
const ROOT: Technique = Technique {
    id: "T1553.004",
    name: "Install Root Certificate",
    part_of: Some(("T1553", "Subvert Trust Controls")),
    tactic: ("TA0005", "Defense Evasion"),
};
