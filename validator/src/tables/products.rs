//! Programs and boxes that end other people's TLS, by what is hardest to forge first: key, profile, name.

use std::borrow::Cow;

use super::packed::{Rows, text};
use crate::chain::Certificate;
use crate::evidence::Sha256;
use crate::names::{self, Attribute};
use crate::shape::Extensions;

/// A product that ends other people's TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Product<'t> {
    /// What people call it.
    pub name: &'t str,
    /// What it is for.
    pub kind: ProductKind,
}

/// What a product is for; whose hand is on it is another matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProductKind {
    /// A security service that traffic is sent through.
    Gateway,
    /// A firewall or filter in a network.
    Appliance,
    /// Protects one machine from what it fetches.
    Antivirus,
    /// Takes advertisements out.
    Blocker,
    /// Filters for children.
    Parental,
    /// Shows developers and testers their own traffic.
    Developer,
    /// A program that boxes and proxies are built from.
    Engine,
    /// Made for attacks, by permission or without.
    Pentest,
    /// Reaches what is blocked, for its user.
    Circumvention,
    /// Puts advertisements in.
    Injector,
    /// An anchor with a public private key that a maker left on machines.
    Preinstalled,
    /// Spyware.
    Implant,
    /// Serves a state.
    State,
    /// Serves tests.
    Test,
}

/// By what an issuer's or an end-entity's Name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameOf {
    /// An authority: the issuer of some certificate on the path.
    Authority,
    /// The end-entity.
    EndEntity,
}

/// The kinds by their words in the table, with what each is called.
const KINDS: [(ProductKind, &str, &str); 14] = [
    (ProductKind::Gateway, "gateway", "a cloud gateway"),
    (ProductKind::Appliance, "appliance", "a network appliance"),
    (ProductKind::Antivirus, "antivirus", "an antivirus"),
    (ProductKind::Blocker, "blocker", "an ad blocker"),
    (ProductKind::Parental, "parental", "a parental filter"),
    (ProductKind::Developer, "developer", "a developer's proxy"),
    (ProductKind::Engine, "engine", "a proxy that boxes are built from"),
    (ProductKind::Pentest, "pentest", "an attack tool"),
    (ProductKind::Circumvention, "circumvention", "a tool to reach blocked sites"),
    (ProductKind::Injector, "injector", "an ad injector"),
    (ProductKind::Preinstalled, "preinstalled", "an anchor left on machines by their maker"),
    (ProductKind::Implant, "implant", "spyware"),
    (ProductKind::State, "state", "a state's interception"),
    (ProductKind::Test, "test", "a test"),
];

impl ProductKind {
    /// Returns its word in the table and in reports.
    pub fn word(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, word, _)| word)
    }

    /// Returns what to call it in a sentence, with its article.
    pub fn phrase(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., phrase)| phrase)
    }

    fn of_word(word: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known, _)| *known == word).map(|(kind, ..)| *kind)
    }
}

/// Looks up who holds a key.
pub(super) fn by_key(spki: &Sha256) -> Option<Product<'static>> {
    matching("key", |rule| rule == spki.0.as_slice())
}

/// Looks up who makes end-entity certificates like this one; `over_issuers_key`: it is over the key that signed it.
pub(super) fn by_profile(certificate: &Certificate<'_>, over_issuers_key: bool) -> Option<Product<'static>> {
    matching("profile", |rule| meets_profile(text(rule), certificate, over_issuers_key))
}

/// Looks up who calls its authorities, or its end-entities, by a Name in DER.
pub(super) fn by_name(name: &[u8], of: NameOf) -> Option<Product<'static>> {
    let attributes = names::attributes(name);
    let by = match of {
        NameOf::Authority => "name",
        NameOf::EndEntity => "subject",
    };
    matching(by, |rule| meets_name(rule, &attributes))
}

fn matching(by: &str, meets: impl Fn(&'static [u8]) -> bool) -> Option<Product<'static>> {
    let found = PRODUCTS.find::<4>(by.as_bytes()).find(|[_, rule, ..]| meets(rule));
    let [_, _, name, kind] = found?;
    Some(Product { name: text(name), kind: ProductKind::of_word(text(kind))? })
}

/// Whether a Name meets every clause of a rule such as `CN^=Sophos_CA_ & O=Sophos`; letter case aside (RFC 5280 §7.1).
///
/// Works on bytes: every rule is tried on every Name, and most fail at their first clause.
fn meets_name(mut rule: &[u8], attributes: &[(Attribute, Cow<'_, str>)]) -> bool {
    loop {
        let (clause, rest) = match rule.iter().position(|&byte| byte == b'&') {
            Some(at) => (rule.get(..at).unwrap_or_default(), rule.get(at + 1..)),
            None => (rule, None),
        };
        if !meets_clause(clause.trim_ascii(), attributes) {
            return false;
        }
        match rest {
            Some(rest) => rule = rest,
            None => return true,
        }
    }
}

fn meets_clause(clause: &[u8], attributes: &[(Attribute, Cow<'_, str>)]) -> bool {
    let Some(at) = clause.iter().position(|&byte| byte == b'=') else { return false };
    let (left, wanted) = (clause.get(..at).unwrap_or_default(), clause.get(at + 1..).unwrap_or_default());
    let (short, operator) = match left {
        [short @ .., operator @ (b'^' | b'$' | b'*')] => (short, *operator),
        _ => (left, b'='),
    };
    let Some(attribute) = Attribute::named(short) else { return false };
    attributes.iter().any(|(known, value)| *known == attribute && meets(operator, value.as_bytes().trim_ascii(), wanted))
}

fn meets(operator: u8, value: &[u8], wanted: &[u8]) -> bool {
    let same = |part: Option<&[u8]>| part.is_some_and(|part| part.eq_ignore_ascii_case(wanted));
    match operator {
        b'^' => same(value.get(..wanted.len())),
        b'$' => same(value.len().checked_sub(wanted.len()).and_then(|start| value.get(start..))),
        b'*' => !wanted.is_empty() && value.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted)),
        _ => same(Some(value)),
    }
}

/// Whether a certificate meets every clause of a rule such as `ext=EKU,SAN,AKI;days=199;serial=140-160;key=issuer`.
fn meets_profile(rule: &str, certificate: &Certificate<'_>, over_issuers_key: bool) -> bool {
    rule.split(';').all(|clause| match clause.split_once('=') {
        Some(("ext", wanted)) => Extensions::parse(wanted).is_some_and(|wanted| wanted == certificate.shape.extensions),
        Some(("days", wanted)) => within(wanted, certificate.not_after.saturating_sub(certificate.not_before) / 86_400),
        Some(("serial", wanted)) => i64::try_from(certificate.serial_bits()).is_ok_and(|bits| within(wanted, bits)),
        Some(("key", "issuer")) => over_issuers_key,
        _ => false,
    })
}

/// Whether a number is the one, or in the range `a-b`, that a rule names.
fn within(wanted: &str, number: i64) -> bool {
    let (least, most) = wanted.split_once('-').unwrap_or((wanted, wanted));
    least.parse().is_ok_and(|least| number >= least) && most.parse().is_ok_and(|most| number <= most)
}

static PRODUCTS: Rows = Rows::new(include_bytes!(concat!(env!("OUT_DIR"), "/products.bin")));

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::tests::name;
    use crate::testing::{NOW, minted_like};

    const FILE: &str = include_str!("../../data/products.tsv");

    /// The rows of the file: by, rule, product, kind, is, is-not, source.
    fn rows(by: &str) -> Vec<[&'static str; 7]> {
        let rows = FILE.lines().filter(|line| !line.starts_with("# "));
        rows.map(|line| line.split('\t').collect::<Vec<_>>().try_into().unwrap()).filter(|row: &[&str; 7]| row[0] == by).collect()
    }

    fn named(dn: &str, by: &str) -> Option<Product<'static>> {
        by_name(&name(dn), if by == "subject" { NameOf::EndEntity } else { NameOf::Authority })
    }

    /// A certificate made as a text such as `ext=SAN,!KU;days=90;serial=159;key=own` tells, and whether it is over its issuer's key.
    fn made(text: &str) -> (Vec<u8>, bool) {
        let part = |wanted: &str| text.split(';').find_map(|part| part.strip_prefix(wanted)?.strip_prefix('=')).unwrap();
        let number = |wanted: &str| part(wanted).parse::<usize>().unwrap();
        let life = i64::try_from(number("days")).unwrap() * 86_400;
        (minted_like(part("ext"), NOW, life, number("serial")), part("key") == "issuer")
    }

    fn profiled(text: &str) -> Option<Product<'static>> {
        let (der, over_issuers_key) = made(text);
        by_profile(&Certificate::read(&der).unwrap(), over_issuers_key)
    }

    #[test]
    fn there_are_enough_products_each_of_a_known_kind_and_with_its_source() {
        let all: Vec<_> = ["key", "profile", "name", "subject"].into_iter().flat_map(rows).collect();
        let products: BTreeSet<_> = all.iter().map(|row| row[2]).collect();
        assert!(products.len() >= 45, "{}", products.len());
        for [_, _, product, kind, _, _, source] in &all {
            assert_eq!(ProductKind::of_word(kind).unwrap().word(), *kind, "{product}");
            assert!(source.len() > 8, "{product}");
            let kinds: BTreeSet<_> = all.iter().filter(|row| row[2] == *product).map(|row| row[3]).collect();
            assert_eq!(kinds.len(), 1, "{product} is of {kinds:?}");
        }
        assert_eq!(all.len(), PRODUCTS.len());
    }

    #[test]
    fn every_name_rule_meets_its_case_and_not_its_look_alike() {
        for by in ["name", "subject"] {
            for [_, rule, product, _, is, is_not, _] in rows(by) {
                assert!(meets_name(rule.as_bytes(), &names::attributes(&name(is))), "{rule}: {is}");
                assert_eq!(named(is, by).unwrap().name, product, "{is}");
                assert!(named(is_not, by).is_none_or(|found| found.name != product), "{rule}: {is_not}");
            }
        }
    }

    #[test]
    fn every_profile_rule_meets_its_case_and_not_its_look_alike() {
        for [_, rule, product, _, is, is_not, _] in rows("profile") {
            assert_eq!(profiled(is).map(|found| found.name), Some(product), "{rule}: {is}");
            assert_eq!(profiled(is_not), None, "{rule}: {is_not}");
        }
    }

    #[test]
    fn every_key_is_found_and_its_neighbour_is_not() {
        for [_, rule, product, ..] in rows("key") {
            let mut hash = Sha256(data_encoding::HEXLOWER.decode(rule.as_bytes()).unwrap().try_into().unwrap());
            assert_eq!(by_key(&hash).unwrap().name, product);
            hash.0[31] ^= 1;
            assert_eq!(by_key(&hash), None);
        }
    }

    #[test]
    fn a_plain_certificate_of_a_public_ca_looks_like_no_product() {
        for order in ["!KU,EKU,!BC,SKI,AKI,AIA,SAN,CP,CRLDP,SCT", "AKI,SKI,SAN,CP,!KU,EKU,CRLDP,AIA,!BC,SCT"] {
            assert_eq!(profiled(&format!("ext={order};days=199;serial=127;key=own")), None);
        }
    }

    #[test]
    fn operators_compare_where_they_say_they_do() {
        for (rule, is) in
            [("CN=ab", true), ("CN^=a", true), ("CN$=B", true), ("CN*=AB", true), ("CN=a", false), ("O=ab", false), ("", false)]
        {
            assert_eq!(meets_name(rule.as_bytes(), &names::attributes(&name("CN=Ab"))), is, "{rule}");
        }
        assert!(!meets(b'*', b"abc", b"") && !meets(b'^', b"a", b"ab") && !meets(b'$', b"b", b"ab"));
    }

    #[test]
    fn the_packed_table_stays_small() {
        let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/products.bin")).len();
        assert!(bytes <= 12 * 1024, "{bytes} bytes");
    }
}
