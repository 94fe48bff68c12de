//! What extension and helper say to each other; docs/NATIVE_MESSAGING.md tells it to those who write the other side.

use std::num::NonZeroU16;

use mintwatch_validator::Report;
use mintwatch_validator::evidence::{Evidence, Host};
use mintwatch_validator::tables::TableVersion;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The version of the protocol.
pub const PROTOCOL_VERSION: u32 = 1;

/// What an extension asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Who are you?
    Hello {
        /// Version of the protocol.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
        version: u32,
        /// The request's number, which its answer repeats.
        #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
        id: u64,
    },
    /// Make a handshake with a host, and judge it.
    Look {
        /// Version of the protocol.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
        version: u32,
        /// The request's number, which its answer repeats.
        #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
        id: u64,
        /// A DNS name as A-labels, or an IP address without brackets.
        #[serde(deserialize_with = "host")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        host: Host,
        /// The port.
        port: NonZeroU16,
        /// That the user agreed to being seen.
        consent: Consent,
        /// The browser's proxy, `http://[USER:PASSWORD@]HOST:PORT` or `socks5://…`; `none` for no proxy. Left out: what the
        /// environment sets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proxy: Option<String>,
    },
    /// Give up a look.
    Cancel {
        /// Version of the protocol.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
        version: u32,
        /// The request's number, which its answer repeats.
        #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
        id: u64,
        /// The number of the look.
        #[cfg_attr(feature = "schema", schemars(range(max = 9_007_199_254_740_991_u64)))]
        look: u64,
    },
}

/// That somebody agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// The user was told that the helper makes a connection which the network can see, and agreed.
    UserAgreed,
}

/// What the helper answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// Who the helper is.
    Hello {
        /// Version of the protocol.
        version: u32,
        /// The number of the request.
        id: u64,
        /// The software.
        software: Software,
        /// The tables it judges by.
        tables: Vec<TableDate>,
        /// The requests it answers besides `hello`.
        capabilities: Vec<String>,
        /// How many looks may be under way at once.
        most_looks: usize,
    },
    /// What was seen, and what it amounts to.
    Looked {
        /// Version of the protocol.
        version: u32,
        /// The number of the request.
        id: u64,
        /// What was seen.
        evidence: Box<Evidence>,
        /// The judge's word on that evidence.
        report: Box<Report>,
    },
    /// A look was given up, or there was none.
    Cancelled {
        /// Version of the protocol.
        version: u32,
        /// The number of the request.
        id: u64,
        /// The number of the look.
        look: u64,
        /// Whether it was under way.
        found: bool,
    },
    /// The request was not carried out.
    Error {
        /// Version of the protocol.
        version: u32,
        /// The number of the request, where it had one that could be read.
        id: Option<u64>,
        /// What was wrong, for programs.
        code: Code,
        /// What was wrong, for people. May repeat what the request held: escape before showing.
        message: String,
        /// What to do next, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

/// A name and a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
}

/// How old a table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TableDate {
    /// Its name.
    pub name: String,
    /// The time it speaks for, in UNIX seconds.
    pub as_of: i64,
    /// After how many days its answers count as stale.
    pub stale_after_days: u32,
}

impl From<TableVersion> for TableDate {
    fn from(table: TableVersion) -> Self {
        Self { name: table.name, as_of: table.as_of, stale_after_days: table.stale_after_days }
    }
}

/// What can be wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// No JSON object.
    BadJson,
    /// Of another version of the protocol.
    UnknownVersion,
    /// No such request.
    UnknownType,
    /// A member is missing, unknown or wrong.
    BadRequest,
    /// Nobody says that the user agreed.
    NoConsent,
    /// The host is no public one.
    NotPublic,
    /// Too many looks are under way.
    Busy,
    /// The look was given up.
    Cancelled,
    /// The answer is longer than browsers take.
    TooLarge,
    /// The look could not begin.
    CouldNotLook,
    /// The extension is not one we answer.
    UnknownCaller,
    /// The request is longer than anything we read.
    TooLong,
}

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the request, where it had one that could be read.
    pub id: Option<u64>,
    /// What is wrong.
    pub code: Code,
    /// The same for people.
    pub message: String,
}

impl Refusal {
    /// Returns a refusal.
    pub fn new(id: Option<u64>, code: Code, message: impl Into<String>) -> Self {
        Self { id, code, message: message.into() }
    }

    fn hint(&self) -> Option<&'static str> {
        match self.code {
            Code::UnknownVersion | Code::UnknownType => Some("extension and mintwatch are of different age: update the older one"),
            Code::NoConsent => Some("the extension asks its user, and then says `\"consent\":\"user-agreed\"`"),
            Code::NotPublic => Some("`mintwatch check HOST` looks at any host"),
            Code::Busy => Some("wait for an answer, or cancel a look"),
            Code::TooLarge => Some("`mintwatch check HOST` shows it"),
            Code::UnknownCaller => Some("`mintwatch install-host --allow-extension ID` lets an extension in"),
            _ => None,
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let hint = refusal.hint().map(str::to_owned);
        Self::Error { version: PROTOCOL_VERSION, id: refusal.id, code: refusal.code, message: refusal.message, hint }
    }
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, said so that an extension of another age is told from one with a fault.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let bad = |why: String| Refusal::new(None, Code::BadJson, why);
        let value: Value = serde_json::from_slice(bytes).map_err(|error| bad(format!("not JSON: {error}")))?;
        let Value::Object(members) = &value else { return Err(bad("a message is a JSON object".to_owned())) };
        let id = members.get("id").and_then(Value::as_u64).filter(|id| *id <= MAX_ID);
        let refused = |code, message: String| Err(Refusal::new(id, code, message));
        if members.get("version").and_then(Value::as_u64) != Some(PROTOCOL_VERSION.into()) {
            return refused(Code::UnknownVersion, format!("this helper speaks version {PROTOCOL_VERSION}"));
        }
        if !members.get("type").and_then(Value::as_str).is_some_and(|kind| KINDS.contains(&kind)) {
            return refused(Code::UnknownType, format!("a request is one of {}", KINDS.join(", ")));
        }
        if id.is_none() {
            return refused(Code::BadRequest, format!("`id` is a whole number from 0 to {MAX_ID}"));
        }
        let agreed = members.get("consent").is_some_and(|consent| Consent::deserialize(consent).is_ok());
        if members.get("type").is_some_and(|kind| kind == LOOK) && !agreed {
            return refused(Code::NoConsent, "nobody says that the user agreed to being seen on the network".to_owned());
        }
        Self::deserialize(&value).or_else(|error| refused(Code::BadRequest, error.to_string()))
    }
}

/// Reads a host in any case, with or without the final dot, as browsers have it in addresses.
fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Host, D::Error> {
    Host::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

const LOOK: &str = "look";
const KINDS: [&str; 3] = ["hello", LOOK, "cancel"];

/// What the helper can do besides saying who it is.
pub(super) const CAPABILITIES: [&str; 2] = [LOOK, "cancel"];

/// The largest whole number that every number of JavaScript up to it can be told from (ECMA-262, `Number.MAX_SAFE_INTEGER`).
const MAX_ID: u64 = (1 << 53) - 1;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn refused(text: &str) -> (Option<u64>, Code) {
        let refusal = Request::read(text.as_bytes()).unwrap_err();
        assert!(!refusal.message.is_empty());
        (refusal.id, refusal.code)
    }

    #[test]
    fn the_requests_of_the_documentation_are_read() {
        let page = include_str!("../../../docs/NATIVE_MESSAGING.md");
        let requests: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("    {\"version\":1,")).collect();
        let read = |kind: &str| {
            let lines = requests
                .iter()
                .filter(|line| line.contains(&format!("\"type\":\"{kind}\",")) || line.ends_with(&format!("\"type\":\"{kind}\"}}")));
            lines
                .filter(|line| line.ends_with('}'))
                .map(|line| Request::read(format!("{{\"version\":1,{line}").as_bytes()).unwrap())
                .count()
        };
        assert_eq!((read("hello"), read("look"), read("cancel")), (1, 3, 1));
    }

    #[test]
    fn every_code_stands_in_the_documentation() {
        let page = include_str!("../../../docs/NATIVE_MESSAGING.md");
        for code in [
            Code::BadJson,
            Code::UnknownVersion,
            Code::UnknownType,
            Code::BadRequest,
            Code::NoConsent,
            Code::NotPublic,
            Code::Busy,
            Code::Cancelled,
            Code::TooLarge,
            Code::CouldNotLook,
            Code::UnknownCaller,
            Code::TooLong,
        ] {
            let word = serde_json::to_value(code).unwrap();
            assert!(page.contains(&format!("| `{}` |", word.as_str().unwrap())), "{code:?}");
        }
    }

    #[test]
    fn a_host_is_read_as_browsers_write_it() {
        for (written, read) in [("WWW.Example.ORG.", "www.example.org"), ("2001:db8::1", "2001:db8::1")] {
            let text = format!(r#"{{"version":1,"id":0,"type":"look","host":"{written}","port":443,"consent":"user-agreed"}}"#);
            let Request::Look { host, .. } = Request::read(text.as_bytes()).unwrap() else { unreachable!() };
            assert_eq!(host.as_str(), read);
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let look = |members: &str| format!(r#"{{"version":1,"id":7,"type":"look","consent":"user-agreed"{members}}}"#);
        for (text, expected) in [
            ("", (None, Code::BadJson)),
            ("{", (None, Code::BadJson)),
            ("\u{0}", (None, Code::BadJson)),
            ("[]", (None, Code::BadJson)),
            ("1", (None, Code::BadJson)),
            ("{}", (None, Code::UnknownVersion)),
            (r#"{"version":2,"id":7,"type":"hello"}"#, (Some(7), Code::UnknownVersion)),
            (r#"{"version":"1","id":7,"type":"hello"}"#, (Some(7), Code::UnknownVersion)),
            (r#"{"version":1,"id":7}"#, (Some(7), Code::UnknownType)),
            (r#"{"version":1,"id":7,"type":"exec"}"#, (Some(7), Code::UnknownType)),
            (r#"{"version":1,"type":"hello"}"#, (None, Code::BadRequest)),
            (r#"{"version":1,"id":-1,"type":"hello"}"#, (None, Code::BadRequest)),
            (r#"{"version":1,"id":1.5,"type":"hello"}"#, (None, Code::BadRequest)),
            (r#"{"version":1,"id":9007199254740992,"type":"hello"}"#, (None, Code::BadRequest)),
            (r#"{"version":1,"id":7,"type":"hello","more":1}"#, (Some(7), Code::BadRequest)),
            (r#"{"version":1,"id":7,"type":"cancel"}"#, (Some(7), Code::BadRequest)),
            (r#"{"version":1,"id":7,"type":"look","host":"example.org","port":443}"#, (Some(7), Code::NoConsent)),
            (r#"{"version":1,"id":7,"type":"look","host":"example.org","port":443,"consent":"yes"}"#, (Some(7), Code::NoConsent)),
            (&look(""), (Some(7), Code::BadRequest)),
            (&look(r#","host":"example.org","port":0"#), (Some(7), Code::BadRequest)),
            (&look(r#","host":"example.org","port":65536"#), (Some(7), Code::BadRequest)),
            (&look(r#","host":"https://example.org/","port":443"#), (Some(7), Code::BadRequest)),
            (&look(r#","host":"[::1]","port":443"#), (Some(7), Code::BadRequest)),
            (&look(r#","host":"example.org","port":443,"url":"/path""#), (Some(7), Code::BadRequest)),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
        let deep = format!(r#"{{"version":1,"id":7,"type":"hello","more":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(refused(&deep), (None, Code::BadJson), "nesting is bounded");
    }
}
