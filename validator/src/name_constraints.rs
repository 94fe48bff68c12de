//! Name constraints (RFC 5280 §4.2.1.10), held against every form of name that can be compared.
//!
//! rustls-webpki compares DNS names and addresses, and refuses whatever stands under a constraint of
//! another form; real subordinate CAs are constrained by directory names as well.

use crate::chain::{Certificate, MAX_NAMES};
use crate::der;
use crate::extensions;

/// How many comparisons one chain may cost; rustls-webpki and Go stop at as many for one path.
pub(crate) const MAX_COMPARISONS: usize = 250_000;

/// A name of a certificate that an issuer above it may not vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach<'e> {
    /// Index on the path of the CA that is constrained; none for the anchor.
    pub(crate) issuer: Option<usize>,
    /// Index on the path of the certificate that has the name.
    pub(crate) subject: usize,
    /// Why.
    pub(crate) reason: Reason<'e>,
}

/// Why a certificate does not stand under a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason<'e> {
    /// This dNSName is outside. Hostile text, maybe no text at all.
    DnsName(&'e [u8]),
    /// A name of another form is outside.
    OtherName,
    /// The constraint, or a name under it, cannot be read or compared, or there are too many.
    Unreadable,
}

/// Returns every certificate of a path with a name that a CA above it may not vouch for, the first such name each.
///
/// `path` runs from the end-entity upwards; `anchor` is what stands inside the anchor's own constraints,
/// if it has any. A self-issued certificate that is not the last is not held against them. Each comparison
/// takes one from `budget`; once it is used up, whatever is left is unreadable.
pub(crate) fn breaches<'e>(path: &[&Certificate<'e>], anchor: Option<&[u8]>, budget: &mut usize) -> Vec<Breach<'e>> {
    let constrained = path.iter().enumerate().skip(1).map(|(index, ca)| (Some(index), ca.name_constraints));
    let constrained: Vec<_> = constrained.chain([(None, anchor)]).filter_map(|(at, inside)| Some((at, inside?))).collect();
    if constrained.is_empty() {
        return Vec::new();
    }
    let names: Vec<Option<Vec<Name<'e>>>> = path.iter().map(|certificate| names_of(certificate)).collect();
    let mut breaches = Vec::new();
    for (issuer, inside) in constrained {
        let constraints = Constraints::read(inside);
        let below = names.iter().zip(path).enumerate().take(issuer.unwrap_or(path.len()));
        for (subject, (names, certificate)) in below {
            if subject > 0 && certificate.is_self_issued() {
                continue;
            }
            let reason = match (&constraints, names) {
                (Some(constraints), Some(names)) => constraints.first_outside(names, budget),
                _ => Some(Reason::Unreadable),
            };
            breaches.extend(reason.map(|reason| Breach { issuer, subject, reason }));
        }
    }
    breaches
}

/// Returns whether what stands inside a name constraints extension constrains anything, and can be read.
pub(crate) fn is_well_formed(inside: &[u8]) -> bool {
    Constraints::read(inside).is_some_and(|constraints| !constraints.permitted.is_empty() || !constraints.excluded.is_empty())
}

/// A GeneralName (RFC 5280 §4.2.1.6): the number of its tag, and its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name<'e> {
    form: u8,
    value: &'e [u8],
}

const EMAIL: u8 = 1;
const DNS: u8 = 2;
const DIRECTORY: u8 = 4;
const URI: u8 = 6;
const ADDRESS: u8 = 7;

fn general_name(element: der::Element<'_>) -> Option<Name<'_>> {
    let form = element.tag & 0x1f;
    if element.tag & 0xc0 != 0x80 || form > 8 {
        return None;
    }
    // A Name is a CHOICE, so its tag is explicit.
    let value = if form == DIRECTORY { der::only(element.content, der::SEQUENCE)? } else { element.content };
    Some(Name { form, value })
}

/// The subject, when it is not empty, and every alternative name; e-mail addresses of the subject where there are none.
fn names_of<'e>(certificate: &Certificate<'e>) -> Option<Vec<Name<'e>>> {
    let subject = der::only(certificate.subject, der::SEQUENCE)?;
    let mut names: Vec<Name<'e>> = Vec::new();
    if !subject.is_empty() {
        names.push(Name { form: DIRECTORY, value: subject });
    }
    let extensions = extensions::of(certificate.signed_parts().tbs)?;
    let Some(extension) = extensions.iter().find(|extension| extension.id == extensions::SUBJECT_ALT_NAME) else {
        let attributes = rdns(subject)?.into_iter().flatten();
        names.extend(attributes.filter(|at| at.kind == EMAIL_ADDRESS).map(|at| Name { form: EMAIL, value: at.text }));
        return Some(names);
    };
    let mut rest = der::only(extension.value, der::SEQUENCE)?;
    while let Some((element, after)) = der::read(rest) {
        if names.len() > MAX_NAMES {
            return None;
        }
        names.push(general_name(element)?);
        rest = after;
    }
    rest.is_empty().then_some(names)
}

struct Constraints<'c> {
    permitted: Vec<Name<'c>>,
    excluded: Vec<Name<'c>>,
}

impl<'c> Constraints<'c> {
    fn read(mut inside: &'c [u8]) -> Option<Self> {
        let mut read = |tag: u8| -> Option<Vec<Name<'c>>> {
            let Some((subtrees, rest)) = der::expect(inside, tag) else { return Some(Vec::new()) };
            inside = rest;
            // GeneralSubtrees is SIZE (1..MAX).
            subtrees_of(subtrees).filter(|subtrees| !subtrees.is_empty())
        };
        let (permitted, excluded) = (read(0xa0)?, read(0xa1)?);
        inside.is_empty().then_some(Self { permitted, excluded })
    }

    fn first_outside<'e>(&self, names: &[Name<'e>], budget: &mut usize) -> Option<Reason<'e>> {
        names.iter().find_map(|&name| {
            let permitted = self.permitted.iter().filter(|base| base.form == name.form);
            let excluded = self.excluded.iter().filter(|base| base.form == name.form);
            *budget = budget.checked_sub(self.permitted.len().saturating_add(self.excluded.len())).unwrap_or_default();
            if *budget == 0 {
                return Some(Reason::Unreadable);
            }
            let inside_of = permitted.map(|base| covers(base, name, Side::Permitted)).collect::<Option<Vec<bool>>>();
            let barred_by = excluded.map(|base| covers(base, name, Side::Excluded)).collect::<Option<Vec<bool>>>();
            let (Some(inside_of), Some(barred_by)) = (inside_of, barred_by) else { return Some(Reason::Unreadable) };
            let inside = (inside_of.is_empty() || inside_of.contains(&true)) && !barred_by.contains(&true);
            (!inside).then_some(if name.form == DNS { Reason::DnsName(name.value) } else { Reason::OtherName })
        })
    }
}

fn subtrees_of(mut rest: &[u8]) -> Option<Vec<Name<'_>>> {
    let mut bases = Vec::new();
    while !rest.is_empty() {
        let (subtree, after) = der::expect(rest, der::SEQUENCE)?;
        let (base, minimum_or_maximum) = der::read(subtree)?;
        // Neither is used with any form of name, and the default is not encoded (RFC 5280 §4.2.1.10).
        let base = general_name(base).filter(|base| minimum_or_maximum.is_empty() && is_base(base))?;
        bases.push(base);
        rest = after;
    }
    Some(bases)
}

fn is_base(base: &Name<'_>) -> bool {
    match base.form {
        // A leading full stop is not RFC 5280's, but HARICA's public root of 2011 has it, and many a subordinate CA.
        DNS => base.value.is_empty() || is_dns(base.value.strip_prefix(b".").unwrap_or(base.value)),
        EMAIL if base.value.contains(&b'@') => mailbox(base.value).is_some(),
        EMAIL => is_dns(base.value.strip_prefix(b".").unwrap_or(base.value)),
        ADDRESS => matches!(base.value.len(), 8 | 32) && base.value.get(base.value.len() / 2..).is_some_and(is_mask),
        DIRECTORY => rdns(base.value).is_some(),
        _ => true,
    }
}

fn is_mask(mask: &[u8]) -> bool {
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).take_while(|&ones| ones > 0).sum();
    let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let from_the_left = mask.iter().skip_while(|&&byte| byte == 0xff).skip(1).all(|&byte| byte == 0);
    ones == set && from_the_left
}

/// Which list a base stands on: where a wildcard may be either, it counts against the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Permitted,
    Excluded,
}

/// Whether a base covers a name of its own form; `None` when that cannot be told.
fn covers(base: &Name<'_>, name: Name<'_>, side: Side) -> Option<bool> {
    match base.form {
        DNS => covers_dns(base.value, name.value, side),
        ADDRESS => covers_address(base.value, name.value),
        EMAIL => covers_mailbox(base.value, name.value),
        DIRECTORY => covers_directory(base.value, name.value),
        URI => Some(covers_host(base.value, host_of(name.value)?)),
        // A form nobody told us how to compare: the certificate is refused, as §4.2.1.10 asks.
        _ => None,
    }
}

fn covers_dns(base: &[u8], name: &[u8], side: Side) -> Option<bool> {
    let wild = name.strip_prefix(b"*.");
    let fixed = wild.unwrap_or(name);
    if !is_dns(fixed) {
        return None;
    }
    if base.is_empty() {
        return Some(true);
    }
    Some(match (wild, side) {
        (None, _) => is_below(base, name),
        // All that `*.example.org` stands for is below `example.org`, and below `.example.org` too.
        (Some(_), Side::Permitted) => is_below(base.strip_prefix(b".").unwrap_or(base), fixed),
        (Some(_), Side::Excluded) => {
            let parent = base.iter().position(|&byte| byte == b'.').and_then(|dot| base.get(dot.checked_add(1)?..));
            is_below(base.strip_prefix(b".").unwrap_or(base), fixed) || parent.is_some_and(|parent| parent.eq_ignore_ascii_case(fixed))
        }
    })
}

/// Whether a name is the base or has labels more; strictly more where the base has a leading full stop.
fn is_below(base: &[u8], name: &[u8]) -> bool {
    let Some((more, end)) = name.len().checked_sub(base.len()).and_then(|at| name.split_at_checked(at)) else { return false };
    let bounded = if base.starts_with(b".") { !more.is_empty() } else { more.is_empty() || more.ends_with(b".") };
    bounded && end.eq_ignore_ascii_case(base)
}

/// Letters, digits, hyphens, and the underscores that real names have, in labels that are not empty.
fn is_dns(name: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len()) && label.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split(|&byte| byte == b'.').all(is_label)
}

fn covers_address(base: &[u8], name: &[u8]) -> Option<bool> {
    if !matches!(name.len(), 4 | 16) {
        return None;
    }
    let (network, mask) = base.split_at_checked(base.len() / 2)?;
    let masked = network.iter().zip(mask).zip(name);
    Some(network.len() == name.len() && masked.into_iter().all(|((network, mask), octet)| network & mask == octet & mask))
}

/// Splits a mailbox in its two parts; `None` when it is none of RFC 2821's plain ones.
fn mailbox(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == b'@')?;
    let (local, host) = (text.get(..at)?, text.get(at.checked_add(1)?..)?);
    (!local.is_empty() && local.iter().all(u8::is_ascii_graphic) && is_dns(host)).then_some((local, host))
}

fn covers_mailbox(base: &[u8], name: &[u8]) -> Option<bool> {
    let (local, host) = mailbox(name)?;
    match mailbox(base) {
        // The part before the @ keeps its case (§7.5).
        Some((of_base, at)) => Some(of_base == local && at.eq_ignore_ascii_case(host)),
        None => Some(covers_host(base, host)),
    }
}

/// The rule for hosts of mailboxes and URIs: one host, or with a leading full stop all below it.
fn covers_host(base: &[u8], host: &[u8]) -> bool {
    if base.starts_with(b".") { is_below(base, host) } else { base.eq_ignore_ascii_case(host) }
}

/// The host of a URI with an authority; a URI without a host name cannot stand under a constraint.
fn host_of(uri: &[u8]) -> Option<&[u8]> {
    let at = uri.windows(3).position(|three| three == b"://")?;
    let authority = uri.get(at.checked_add(3)?..)?.split(|byte| b"/?#".contains(byte)).next()?;
    let host = authority.rsplit(|&byte| byte == b'@').next()?.split(|&byte| byte == b':').next()?;
    (is_dns(host) && !host.iter().all(|&byte| byte.is_ascii_digit() || byte == b'.')).then_some(host)
}

/// One attribute of a Name.
#[derive(Debug, Clone, Copy)]
struct Attribute<'n> {
    kind: &'n [u8],
    tag: u8,
    text: &'n [u8],
}

/// emailAddress of PKCS #9.
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
/// Tag of SET.
const SET: u8 = 0x31;

fn rdns(mut name: &[u8]) -> Option<Vec<Vec<Attribute<'_>>>> {
    let mut rdns = Vec::new();
    while !name.is_empty() {
        let (mut set, rest) = der::expect(name, SET)?;
        let mut rdn = Vec::new();
        while !set.is_empty() {
            let (pair, more) = der::expect(set, der::SEQUENCE)?;
            let (kind, value) = der::expect(pair, der::OBJECT_IDENTIFIER)?;
            let (value, nothing) = der::read(value)?;
            if !nothing.is_empty() {
                return None;
            }
            rdn.push(Attribute { kind, tag: value.tag, text: value.content });
            set = more;
        }
        rdns.push(rdn);
        name = rest;
    }
    Some(rdns)
}

/// Whether a Name begins with all of another (§7.1).
fn covers_directory(base: &[u8], name: &[u8]) -> Option<bool> {
    let (base, name) = (rdns(base)?, rdns(name)?);
    let same_rdn = |(base, name): (&Vec<Attribute<'_>>, &Vec<Attribute<'_>>)| {
        base.len() == name.len() && base.iter().all(|wanted| name.iter().any(|attribute| same_attribute(wanted, attribute)))
    };
    Some(base.len() <= name.len() && base.iter().zip(&name).all(same_rdn))
}

fn same_attribute(one: &Attribute<'_>, other: &Attribute<'_>) -> bool {
    if one.kind != other.kind {
        return false;
    }
    match (folded(one), folded(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.tag == other.tag && one.text == other.text,
    }
}

/// Text as §7.1 compares it: without regard to case and to how much white space stands where; `None` for what is no text.
fn folded(attribute: &Attribute<'_>) -> Option<String> {
    // UTF8String, PrintableString and IA5String; what is left of the old kinds is compared by its bytes.
    if !matches!(attribute.tag, 0x0c | 0x13 | 0x16) {
        return None;
    }
    let text = std::str::from_utf8(attribute.text).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GeneralName: the number of its tag and its contents.
    fn name(form: u8, value: &[u8]) -> Vec<u8> {
        der::write(0x80 | form | if form == DIRECTORY { 0x20 } else { 0 }, value)
    }

    fn subtrees(tag: u8, bases: &[Vec<u8>]) -> Vec<u8> {
        let list: Vec<u8> = bases.iter().flat_map(|base| der::write(der::SEQUENCE, base)).collect();
        der::write(tag, &list)
    }

    fn permitting(form: u8, base: &[u8]) -> Vec<u8> {
        subtrees(0xa0, &[name(form, base)])
    }

    fn excluding(form: u8, base: &[u8]) -> Vec<u8> {
        subtrees(0xa1, &[name(form, base)])
    }

    fn outside<'e>(inside: &[u8], form: u8, value: &'e [u8]) -> Option<Reason<'e>> {
        let constraints = Constraints::read(inside).expect("the constraints are well formed");
        constraints.first_outside(&[Name { form, value }], &mut 1_000)
    }

    fn permits(form: u8, base: &[u8], value: &[u8]) -> bool {
        outside(&permitting(form, base), form, value).is_none()
    }

    fn excludes(form: u8, base: &[u8], value: &[u8]) -> bool {
        outside(&excluding(form, base), form, value).is_some()
    }

    #[test]
    fn a_dns_name_is_below_its_base_label_by_label() {
        for (base, inside) in
            [("example.org", "example.org"), ("example.org", "a.b.Example.ORG"), (".example.org", "a.example.org"), ("", "x.y")]
        {
            assert!(permits(DNS, base.as_bytes(), inside.as_bytes()), "{inside} below {base}");
        }
        for (base, out) in [("example.org", "badexample.org"), (".example.org", "example.org"), ("a.example.org", "example.org")] {
            assert!(!permits(DNS, base.as_bytes(), out.as_bytes()), "{out} not below {base}");
        }
    }

    #[test]
    fn a_wildcard_counts_against_the_certificate_on_either_side() {
        assert!(permits(DNS, b"example.org", b"*.example.org") && permits(DNS, b".example.org", b"*.example.org"));
        assert!(!permits(DNS, b"www.example.org", b"*.example.org"));
        assert!(excludes(DNS, b"www.example.org", b"*.example.org") && excludes(DNS, b"example.org", b"*.a.example.org"));
        assert!(!excludes(DNS, b"a.b.example.org", b"*.example.org"));
    }

    #[test]
    fn what_is_excluded_is_out_though_it_is_permitted_too() {
        let both = [permitting(DNS, b"example.org"), excluding(DNS, b"bad.example.org")].concat();
        assert_eq!(outside(&both, DNS, b"good.example.org"), None);
        assert_eq!(outside(&both, DNS, b"www.bad.example.org"), Some(Reason::DnsName(b"www.bad.example.org")));
    }

    #[test]
    fn addresses_are_held_against_ranges_of_their_own_family() {
        let range = [192, 0, 2, 0, 255, 255, 255, 0];
        assert!(permits(ADDRESS, &range, &[192, 0, 2, 77]) && !permits(ADDRESS, &range, &[192, 0, 3, 1]));
        assert!(!permits(ADDRESS, &range, &[0; 16]), "a range of the other family permits nothing");
        assert!(excludes(ADDRESS, &[0; 8], &[192, 0, 2, 77]) && !excludes(ADDRESS, &[0; 8], &[0; 16]));
    }

    #[test]
    fn mailboxes_hosts_and_domains_are_told_apart() {
        assert!(permits(EMAIL, b"me@example.org", b"me@EXAMPLE.org") && !permits(EMAIL, b"me@example.org", b"Me@example.org"));
        assert!(permits(EMAIL, b"example.org", b"me@example.org") && !permits(EMAIL, b"example.org", b"me@a.example.org"));
        assert!(permits(EMAIL, b".example.org", b"me@a.example.org") && !permits(EMAIL, b".example.org", b"me@example.org"));
        assert!(!permits(EMAIL, b"*@example.org", b"me@example.org"));
    }

    #[test]
    fn a_uri_is_known_by_its_host() {
        assert!(
            permits(URI, b"example.org", b"https://me@example.org:8443/x?y") && !permits(URI, b"example.org", b"https://a.example.org/")
        );
        assert!(permits(URI, b".example.org", b"ldap://a.example.org"));
        for without_host in [&b"urn:example"[..], b"https://192.0.2.1/", b"https:///x"] {
            assert_eq!(outside(&permitting(URI, b"example.org"), URI, without_host), Some(Reason::Unreadable));
        }
    }

    fn rdn(attributes: &[(&[u8], u8, &str)]) -> Vec<u8> {
        let set = attributes.iter().flat_map(|(kind, tag, text)| {
            der::write(der::SEQUENCE, &[der::write(der::OBJECT_IDENTIFIER, kind), der::write(*tag, text.as_bytes())].concat())
        });
        der::write(SET, &set.collect::<Vec<u8>>())
    }

    const C: &[u8] = &[0x55, 4, 6];
    const O: &[u8] = &[0x55, 4, 10];

    #[test]
    fn a_directory_name_begins_with_its_base_whatever_case_and_kind_of_string() {
        let base = der::write(der::SEQUENCE, &[rdn(&[(C, 0x13, "EG")]), rdn(&[(O, 0x13, "Some  Body")])].concat());
        let below = [rdn(&[(C, 0x0c, "eg")]), rdn(&[(O, 0x0c, "some body ")]), rdn(&[(&[0x55, 4, 3], 0x0c, "www")])].concat();
        let other = [rdn(&[(C, 0x0c, "eg")]), rdn(&[(O, 0x0c, "somebody")])].concat();
        assert!(permits(DIRECTORY, &base, &below) && !permits(DIRECTORY, &base, &other));
        assert!(excludes(DIRECTORY, &base, &below) && !excludes(DIRECTORY, &base, &other));
        assert!(!permits(DIRECTORY, &base, &rdn(&[(C, 0x0c, "eg")])), "shorter than its base");
    }

    #[test]
    fn a_form_that_nobody_can_compare_refuses_and_one_that_is_not_there_does_not() {
        let constraints = excluding(0, &[6, 1, 42]);
        assert_eq!(outside(&constraints, 0, &[6, 1, 42]), Some(Reason::Unreadable));
        assert_eq!(outside(&constraints, DNS, b"example.org"), None);
    }

    #[test]
    fn what_constrains_nothing_or_is_malformed_is_told() {
        for good in [permitting(DNS, b""), excluding(DNS, b".example.org"), permitting(ADDRESS, &[0; 8])] {
            assert!(is_well_formed(&good), "{good:x?}");
        }
        let no_mask = [192, 0, 2, 0, 255, 0, 255, 0];
        for bad in [
            Vec::new(),
            subtrees(0xa0, &[]),
            permitting(DNS, b"*.example.org"),
            permitting(DNS, b"..org"),
            permitting(ADDRESS, &[127, 0, 0, 1]),
            permitting(ADDRESS, &no_mask),
            permitting(EMAIL, b"a@b@example.org"),
            subtrees(0xa0, &[[name(DNS, b"example.org"), vec![0x80, 1, 0]].concat()]),
            [excluding(DNS, b"a.org"), permitting(DNS, b"b.org")].concat(),
            vec![5, 0],
        ] {
            assert!(!is_well_formed(&bad), "{bad:x?}");
        }
    }

    #[test]
    fn the_budget_ends_in_a_refusal() {
        let constraints = permitting(DNS, b"example.org");
        let read = Constraints::read(&constraints).expect("well formed");
        let names = [Name { form: DNS, value: b"a.example.org" }; 10];
        assert_eq!(read.first_outside(&names, &mut 100), None);
        assert_eq!(read.first_outside(&names, &mut 5), Some(Reason::Unreadable));
    }
}
