//! Who asks: the extension's id, as browsers tell it to a host in its arguments.

use std::ffi::OsString;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use mintwatch_validator::evidence::Sha256;

/// The id of our extension in Firefox, as its manifest states it.
pub const FIREFOX_ID: &str = "mintwatch@mintwatch.dev";

/// Returns the id of our extension in Chromium and its kin: what follows from the key in its manifest.
pub fn chromium_id() -> String {
    id_of_key(CHROMIUM_KEY).unwrap_or_default()
}

/// An extension that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionId {
    /// In Firefox: `name@domain`, or a UUID in braces.
    Firefox(String),
    /// In Chromium: 32 letters from a to p.
    Chromium(String),
}

impl ExtensionId {
    /// Reads an id; which browser it belongs to is seen from its form.
    ///
    /// # Errors
    /// What an id looks like, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@{}".contains(&byte);
        if text.len() == CHROMIUM_LETTERS && text.bytes().all(|byte| (b'a'..=b'p').contains(&byte)) {
            Ok(Self::Chromium(text.to_owned()))
        } else if text.len() <= 80 && text.bytes().all(plain) && (text.contains('@') || (text.starts_with('{') && text.ends_with('}'))) {
            Ok(Self::Firefox(text.to_owned()))
        } else {
            Err("an extension's id is 32 letters from a to p in Chromium, `name@domain` or `{UUID}` in Firefox".to_owned())
        }
    }

    /// Returns our own two.
    pub fn ours() -> [Self; 2] {
        [Self::Firefox(FIREFOX_ID.to_owned()), Self::Chromium(chromium_id())]
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Firefox(id) | Self::Chromium(id) => id,
        }
    }

    /// Returns the origin by which Chromium names the extension.
    pub fn origin(&self) -> String {
        format!("{SCHEME}{}/", self.as_str())
    }
}

/// Finds out who called, among our own and these, by the arguments that the browser gave.
///
/// Firefox gives the path of the manifest and the id; Chromium the origin, and on some systems the number of a window.
pub fn known(arguments: &[OsString], more: &[ExtensionId]) -> Option<ExtensionId> {
    let called = match arguments {
        [manifest, id] if Path::new(manifest).is_absolute() => ExtensionId::Firefox(id.to_str()?.to_owned()),
        [origin, rest @ ..] if rest.iter().all(is_window) => {
            ExtensionId::Chromium(origin.to_str()?.strip_prefix(SCHEME)?.strip_suffix('/')?.to_owned())
        }
        _ => return None,
    };
    ExtensionId::ours().iter().chain(more).find(|known| **known == called).cloned()
}

fn is_window(argument: &OsString) -> bool {
    argument.to_str().is_some_and(|argument| argument.starts_with("--parent-window="))
}

/// Returns the id of a key, base64 of its SubjectPublicKeyInfo: half of its SHA-256, in letters from a to p for hexadecimal digits.
fn id_of_key(key: &str) -> Option<String> {
    let spki = BASE64.decode(key.trim().as_bytes()).ok()?;
    let digits = HEXLOWER.encode(&Sha256::of(&spki).0);
    digits.chars().take(CHROMIUM_LETTERS).map(|digit| char::from_u32(u32::from('a') + digit.to_digit(16)?)).collect()
}

const CHROMIUM_KEY: &str = include_str!("../../../extension/chromium-key.txt");
const CHROMIUM_LETTERS: usize = 32;
const SCHEME: &str = "chrome-extension://";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn called(arguments: &[&str], more: &[&str]) -> Option<String> {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        let more: Vec<_> = more.iter().map(|id| ExtensionId::parse(id).unwrap()).collect();
        known(&arguments, &more).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn the_id_follows_from_the_key_as_chromium_derives_it() {
        // SHA-256 of no octets is e3b0c44298fc1c149afbf4c8996fb924… (FIPS 180-4 examples).
        assert_eq!(id_of_key("").unwrap(), "odlameecjipmbmbejkplpemijjgpljce");
        assert_eq!(id_of_key("no base64"), None);
        assert_eq!(chromium_id(), "kgpdicfpbgneclhgoagnpddmcboeplgb", "stores, manifests and documentation know us by it");
        let der = BASE64.decode(CHROMIUM_KEY.trim().as_bytes()).unwrap();
        assert_eq!(der.len(), 294, "RSA, 2048 bits, exponent 65537");
    }

    #[test]
    fn browsers_are_known_by_the_arguments_they_give() {
        let ours = format!("chrome-extension://{}/", chromium_id());
        assert_eq!(called(&["/home/x/dev.mintwatch.host.json", FIREFOX_ID], &[]).unwrap(), FIREFOX_ID);
        assert_eq!(called(&[&ours], &[]), Some(chromium_id()));
        assert_eq!(called(&[&ours, "--parent-window=0"], &[]), Some(chromium_id()));
    }

    #[test]
    fn nobody_else_is_answered() {
        let ours = format!("chrome-extension://{}/", chromium_id());
        let other = format!("chrome-extension://{}/", "a".repeat(32));
        for arguments in [
            &[][..],
            &[FIREFOX_ID],
            &["manifest.json", FIREFOX_ID],
            &["/manifest.json", "other@mintwatch.dev"],
            &["/manifest.json", FIREFOX_ID, "more"],
            &["/manifest.json", &ours],
            &[&other],
            &[&other, &ours],
            &[&ours, "--parent-windows"],
            &[ours.trim_end_matches('/')],
            &["chrome-extension:///"],
            &[&format!("https://{}/", chromium_id())],
        ] {
            assert_eq!(called(arguments, &[]), None, "{arguments:?}");
        }
    }

    #[test]
    fn an_extension_that_was_let_in_is_answered_in_its_own_browser_alone() {
        let id = "b".repeat(32);
        assert_eq!(called(&[&format!("chrome-extension://{id}/")], &[&id]), Some(id.clone()));
        assert_eq!(called(&["/manifest.json", &id], &[&id]), None);
        assert_eq!(called(&["/manifest.json", "x@y.example"], &["x@y.example"]).unwrap(), "x@y.example");
    }

    #[test]
    fn an_id_is_told_from_what_is_none() {
        assert!(matches!(ExtensionId::parse(&"p".repeat(32)), Ok(ExtensionId::Chromium(_))));
        assert!(matches!(ExtensionId::parse("{ec8030f7-c20a-464f-9b0e-13a3a9e97384}"), Ok(ExtensionId::Firefox(_))));
        for bad in ["", "q", &"q".repeat(32), "a b@c", "'@x", "{", "x@\n"] {
            assert!(ExtensionId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
