//! Packs data/*.tsv into binary tables that are read where they lie.
#![allow(clippy::disallowed_methods, reason = "packing opens files; the judge, whose clippy.toml bars it, does not")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How a column is packed.
#[derive(Clone, Copy)]
enum Column {
    Text,
    Hex,
    Base64,
    /// An ISO 8601 day or instant, as UNIX seconds in 8 bytes; nothing for nothing.
    Time,
    /// ISO 8601 days, separated by commas, as days since 1970 in 2 bytes each.
    Days,
    /// `name=from..until`, as a number and two times each.
    Programs,
    /// Hexadecimal digits where the first column says `key`, text elsewhere.
    Rule,
    /// For people and tests that read the file; left out.
    Aside,
    /// Hexadecimal of a hash, of which the first 128 bits are kept.
    Prefix,
}
use Column::{Aside, Base64, Days, Hex, Prefix, Programs, Rule, Text, Time};

/// The root programs by their numbers in the packed form.
const PROGRAMS: [&str; 5] = ["mozilla", "chrome", "apple", "microsoft", "android"];

struct Tsv {
    head: BTreeMap<String, Vec<String>>,
    rows: Vec<Vec<String>>,
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=data");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut versions = String::from("[\n");
    let mut table = |name: &str, columns: &[Column]| -> Result<Tsv> {
        let tsv = read(name)?;
        let packed = pack_rows(&tsv, columns).map_err(|error| format!("{name}.tsv: {error}"))?;
        let mut size = write(&out, name, &packed)?;
        if name == "anchors" {
            size += write(&out, "anchors-by-subject", &by_column(&tsv, 6)?)?;
        }
        version(&mut versions, name, &tsv, size)?;
        Ok(tsv)
    };
    table("anchors", &[Hex, Programs, Time, Time, Text, Text, Base64, Base64, Base64])?;
    table("constrained-keys", &[Prefix, Text, Aside])?;
    table("constraints", &[Text, Text, Text, Time, Time, Text, Text, Time, Time, Time, Text, Text, Aside])?;
    table("ct-logs", &[Hex, Text, Text, Text, Text, Time, Time, Time, Base64])?;
    table("listed-keys", &[Text, Hex, Text, Text, Text, Days, Text, Aside])?;
    table("operators", &[Text, Text])?;
    table("pin-sets", &[Text, Text, Hex, Time, Time, Text, Text])?;
    table("pins", &[Text, Text, Text])?;
    table("pool", &[Text, Text, Text, Text, Text])?;
    table("products", &[Text, Rule, Text, Text, Aside, Aside, Aside])?;
    table("programs", &[Text, Days])?;

    let disclosed = read("disclosed")?;
    let mut size = 0;
    for (file, column) in [("disclosed-certificates", 0), ("disclosed-keys", 1)] {
        size += write(&out, file, &pack_set(&prefixes(&disclosed, column)?)?)?;
    }
    version(&mut versions, "disclosed", &disclosed, size)?;

    let allowed = read("allow-list")?;
    let size = write(&out, "allow-list", &pack_allowed(&allowed)?)?;
    version(&mut versions, "allow-list", &allowed, size)?;

    let onecrl = read("onecrl")?;
    let mut bugs = BTreeMap::new();
    for row in &onecrl.rows {
        let form = u32::from(field(row, 1)? == "subject-spki");
        let bug: u32 = field(row, 2)?.parse().unwrap_or(0);
        bugs.insert(prefix(field(row, 0)?)?, (form << 31 | bug, day(field(row, 5)?)?));
    }
    let mut packed = pack_set(&bugs.keys().copied().collect::<Vec<_>>())?;
    packed.extend(bugs.values().flat_map(|(bug, _)| bug.to_le_bytes()));
    let mut size = write(&out, "onecrl", &packed)?;
    size += write(&out, "onecrl-since", &bugs.values().flat_map(|(_, since)| since.to_le_bytes()).collect::<Vec<_>>())?;
    version(&mut versions, "onecrl", &onecrl, size)?;

    issuers(&out, &disclosed, &mut versions)?;

    versions.push(']');
    fs::write(out.join("versions.rs"), versions)?;
    Ok(())
}

/// Which disclosed keys stand below a public root, the names such authorities bear, and the one file of RSA keys.
fn issuers(out: &Path, disclosed: &Tsv, versions: &mut String) -> Result<()> {
    let (issuers, gaps, names) = (read("issuers")?, read("issuer-gaps")?, read("authority-names")?);
    let public: BTreeSet<[u8; 16]> = issuers
        .rows
        .iter()
        .filter(|row| row.get(1).is_some_and(|status| status == "public"))
        .map(|row| prefix(field(row, 0)?))
        .collect::<Result<_>>()?;
    let mut bits = Vec::new();
    for eight in prefixes(disclosed, 1)?.chunks(8) {
        bits.push(eight.iter().enumerate().fold(0_u8, |octet, (at, key)| octet | u8::from(public.contains(key)) << at));
    }
    write(out, "disclosed-keys-public", &bits)?;

    let mut sorted = names.rows.iter().map(|row| name_key(field(row, 0)?)).collect::<Result<Vec<_>>>()?;
    sorted.sort_unstable();
    let mut packed = Vec::new();
    for bucket in 0..=256_u16 {
        packed.extend(u16::try_from(sorted.partition_point(|[first, ..]| u16::from(*first) < bucket))?.to_le_bytes());
    }
    packed.extend(sorted.iter().flat_map(|[_, rest @ ..]| *rest));
    let size = write(out, "authority-names", &packed)?;
    version(versions, "authority-names", &names, size)?;

    // Only RSA keys need their whole form.
    let mut keys = Vec::new();
    for row in issuers.rows.iter().filter(|row| row.get(4).is_some_and(|modulus| !modulus.is_empty())) {
        let exponent = HEXLOWER.decode(field(row, 3)?.as_bytes())?;
        let exponent = if exponent == [1, 0, 1] { Vec::new() } else { exponent };
        let fields = vec![HEXLOWER.decode(field(row, 2)?.as_bytes())?, exponent, BASE64.decode(field(row, 4)?.as_bytes())?];
        let names = field(row, 5)?.split(',').filter(|name| !name.is_empty()).map(name_key).collect::<Result<Vec<_>>>()?;
        keys.push((fields, names));
    }
    keys.sort();
    let mut by_name = Vec::new();
    for (at, (_, names)) in keys.iter().enumerate() {
        let at = u16::try_from(at)?;
        by_name.extend(names.iter().map(|name| (*name, at)));
    }
    by_name.sort_unstable();
    let mut until =
        gaps.rows.iter().map(|row| Ok((name_key(field(row, 0)?)?, field(row, 1)?.parse()?))).collect::<Result<Vec<([u8; 5], u16)>>>()?;
    until.sort_unstable();
    let numbered = |entries: &[([u8; 5], u16)]| {
        entries.iter().flat_map(|(name, number)| name.iter().copied().chain(number.to_le_bytes())).collect::<Vec<u8>>()
    };
    let (by_name, until) = (numbered(&by_name), numbered(&until));
    let mut packed = Vec::new();
    packed.extend(u32::try_from(by_name.len())?.to_le_bytes());
    packed.extend(u32::try_from(until.len())?.to_le_bytes());
    packed.extend(&by_name);
    packed.extend(&until);
    packed.extend(pack_fields(keys.into_iter().map(|(fields, _)| fields))?);
    let size = write(out, "issuer-keys", &packed)?;
    fs::write(out.join("issuer-keys-sha256.rs"), format!("{:?}", <[u8; 32]>::from(Sha256::digest(&packed))))?;
    version(versions, "issuers", &issuers, size - until.len())?;
    version(versions, "issuer-gaps", &gaps, until.len())?;
    Ok(())
}

fn name_key(hex: &str) -> Result<[u8; 5]> {
    HEXLOWER.decode(hex.as_bytes())?.try_into().map_err(|_| "a name has not 40 bits".into())
}

fn read(name: &str) -> Result<Tsv> {
    let path = Path::new("data").join(format!("{name}.tsv"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut tsv = Tsv { head: BTreeMap::new(), rows: Vec::new() };
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# ") {
            let (key, value) = head.split_once(": ").unwrap_or((head, ""));
            tsv.head.entry(key.to_owned()).or_default().push(value.to_owned());
        } else {
            tsv.rows.push(line.split('\t').map(str::to_owned).collect());
        }
    }
    Ok(tsv)
}

fn write(out: &Path, name: &str, packed: &[u8]) -> Result<usize> {
    fs::write(out.join(format!("{name}.bin")), packed)?;
    Ok(packed.len())
}

/// One element of the list of versions, as Rust.
fn version(versions: &mut String, name: &str, tsv: &Tsv, bytes: usize) -> Result<()> {
    let all = |key: &str| tsv.head.get(key).cloned().unwrap_or_default();
    let one = |key: &str| all(key).into_iter().next().ok_or(format!("{name}.tsv has no {key}"));
    let part = |source: &str, at: usize| source.split(" | ").nth(at).unwrap_or_default().to_owned();
    let sources: Vec<_> = all("source").iter().map(|s| format!("{} {}", part(s, 0), part(s, 1))).collect();
    let mut licences: Vec<_> = all("source").iter().map(|s| part(s, 3)).collect();
    licences.sort();
    licences.dedup();
    let day = one("as-of")?;
    writeln!(
        versions,
        "Compiled {{ name: {name:?}, at: {}, rows: {}, bytes: {bytes}, source: {:?}, licence: {:?}, stale_after_days: {} }},",
        seconds(&day).ok_or("as-of is no day")?,
        tsv.rows.len(),
        sources.join("; "),
        licences.join(", "),
        part(&one("stale-after-days")?, 0),
    )?;
    Ok(())
}

/// `u32` count, that many and one `u32` offsets, then the rows: each field a `u16` length and its bytes.
fn pack_rows(tsv: &Tsv, columns: &[Column]) -> Result<Vec<u8>> {
    // The order of text with tabs is not the order of the packed key.
    let mut rows: Vec<Vec<Vec<u8>>> = tsv.rows.iter().map(|row| pack_row(row, columns)).collect::<Result<_>>()?;
    rows.sort();
    pack_fields(rows)
}

fn pack_fields(rows: impl IntoIterator<Item = Vec<Vec<u8>>>) -> Result<Vec<u8>> {
    let (mut offsets, mut heap) = (Vec::new(), Vec::new());
    for row in rows {
        offsets.push(u32::try_from(heap.len())?);
        for field in row {
            heap.extend(u16::try_from(field.len())?.to_le_bytes());
            heap.extend(field);
        }
    }
    let mut packed = u32::try_from(offsets.len())?.to_le_bytes().to_vec();
    offsets.push(u32::try_from(heap.len())?);
    packed.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    packed.extend(heap);
    Ok(packed)
}

fn pack_row(row: &[String], columns: &[Column]) -> Result<Vec<Vec<u8>>> {
    if row.len() != columns.len() {
        return Err(format!("a row has {} fields, not {}", row.len(), columns.len()).into());
    }
    let time = |text: &str| -> Result<Vec<u8>> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        Ok(seconds(text).ok_or_else(|| format!("{text:?} is no time"))?.to_le_bytes().to_vec())
    };
    row.iter()
        .zip(columns)
        .filter(|(_, column)| !matches!(column, Aside))
        .map(|(text, column)| match column {
            Aside => Ok(Vec::new()),
            Days if text.is_empty() => Ok(Vec::new()),
            Days => text.split(',').map(|iso| Ok(day(iso)?.to_le_bytes())).collect::<Result<Vec<_>>>().map(|days| days.concat()),
            Rule if row.first().is_some_and(|by| by == "key") => Ok(HEXLOWER.decode(text.as_bytes())?),
            Text | Rule => Ok(text.as_bytes().to_vec()),
            Hex => Ok(HEXLOWER.decode(text.as_bytes())?),
            Prefix => Ok(prefix(text.get(..32).ok_or("a hash is short")?)?.to_vec()),
            Base64 => Ok(BASE64.decode(text.as_bytes())?),
            Time => time(text),
            Programs => {
                let mut packed = Vec::new();
                for part in text.split(',') {
                    let (name, span) = part.split_once('=').ok_or("a program has no span")?;
                    let (from, until) = span.split_once("..").ok_or("a span has no end")?;
                    let number = PROGRAMS.iter().position(|program| *program == name).ok_or("an unknown program")?;
                    packed.push(u8::try_from(number)?);
                    packed.extend(time(from)?);
                    packed.extend(if until.is_empty() { i64::MAX.to_le_bytes().to_vec() } else { time(until)? });
                }
                Ok(packed)
            }
        })
        .collect()
}

/// Days since 1970-01-01 of an ISO 8601 day.
fn day(iso: &str) -> Result<u16> {
    let seconds = seconds(iso).filter(|_| iso.len() == 10).ok_or_else(|| format!("{iso:?} is no day"))?;
    Ok(u16::try_from(seconds / 86_400)?)
}

/// For each of mozilla, chrome and both: a `u16` count; then the sorted 128-bit prefixes of each.
fn pack_allowed(tsv: &Tsv) -> Result<Vec<u8>> {
    let (mut counts, mut prefixes) = (Vec::new(), Vec::new());
    for lists in ["mozilla", "chrome", "chrome,mozilla"] {
        let of_lists: Vec<_> = tsv.rows.iter().filter(|row| row.get(1).is_some_and(|on| on == lists)).cloned().collect();
        counts.extend(u16::try_from(of_lists.len())?.to_le_bytes());
        for row in of_lists {
            prefixes.extend(prefix(field(&row, 0)?)?);
        }
    }
    if prefixes.len() != 16 * tsv.rows.len() {
        return Err("a row of allow-list.tsv is on an unknown list".into());
    }
    counts.extend(prefixes);
    Ok(counts)
}

/// The numbers of the rows, `u16` each, in the order of a base64 column.
fn by_column(tsv: &Tsv, column: usize) -> Result<Vec<u8>> {
    let mut order = Vec::new();
    for (number, row) in tsv.rows.iter().enumerate() {
        // The first column is hexadecimal: its order as text is its order packed.
        order.push((BASE64.decode(field(row, column)?.as_bytes())?, u16::try_from(number)?));
    }
    order.sort();
    Ok(order.into_iter().flat_map(|(_, number)| number.to_le_bytes()).collect())
}

fn prefixes(tsv: &Tsv, column: usize) -> Result<Vec<[u8; 16]>> {
    let mut all = tsv.rows.iter().map(|row| prefix(field(row, column)?)).collect::<Result<Vec<_>>>()?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn prefix(hex: &str) -> Result<[u8; 16]> {
    let bytes = HEXLOWER.decode(hex.as_bytes())?;
    bytes.try_into().map_err(|_| "a prefix has not 128 bits".into())
}

fn field(row: &[String], at: usize) -> Result<&str> {
    Ok(row.get(at).ok_or("a row is short")?)
}

/// 4097 `u16` ends of the buckets by the first 12 bits, then the sorted 128-bit prefixes.
fn pack_set(sorted: &[[u8; 16]]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    for bucket in 0..=4096_u32 {
        let before = sorted.partition_point(|[a, b, ..]| (u32::from(*a) << 4 | u32::from(*b) >> 4) < bucket);
        packed.extend(u16::try_from(before)?.to_le_bytes());
    }
    packed.extend(sorted.iter().flatten());
    Ok(packed)
}

/// UNIX seconds of `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`.
fn seconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (y, m, d) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let y = if m <= 2 { y - 1 } else { y };
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let days = y.div_euclid(400) * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    let clock = match text.len() {
        10 => 0,
        20 => number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?,
        _ => return None,
    };
    Some(days * 86_400 + clock)
}
