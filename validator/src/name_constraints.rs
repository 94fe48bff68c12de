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
    match extensions.iter().find(|extension| extension.id == extensions::SUBJECT_ALT_NAME) {
        Some(extension) => {
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
        None => {
            let attributes = rdns(subject)?.into_iter().flatten();
            names.extend(attributes.filter(|at| at.kind == EMAIL_ADDRESS).map(|at| Name { form: EMAIL, value: at.text }));
            Some(names)
        }
    }
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
            let permits = permitted.map(|base| covers(base, name, Side::Permitted)).collect::<Option<Vec<bool>>>();
            let excludes = excluded.map(|base| covers(base, name, Side::Excluded)).collect::<Option<Vec<bool>>>();
            let (Some(permits), Some(excludes)) = (permits, excludes) else { return Some(Reason::Unreadable) };
            let inside = (permits.is_empty() || permits.contains(&true)) && !excludes.contains(&true);
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
        EMAIL => match base.value.iter().filter(|&&byte| byte == b'@').count() {
            0 => is_dns(base.value.strip_prefix(b".").unwrap_or(base.value)),
            1 => mailbox(base.value).is_some(),
            _ => false,
        },
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
        URI => covers_host(base.value, host_of(name.value)?),
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
        None => covers_host(base, host),
    }
}

/// The rule for hosts of mailboxes and URIs: one host, or with a leading full stop all below it.
fn covers_host(base: &[u8], host: &[u8]) -> Option<bool> {
    Some(if base.starts_with(b".") { is_below(base, host) } else { base.eq_ignore_ascii_case(host) })
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
