//! GNOME's settings, in the database that dconf writes: a hash table of GVDB (`gvdb-format.h`), read for one key.

use std::iter;

/// Returns the text that stands at a path of a database; none where there is none, or where this is no such database.
pub(super) fn text(database: &[u8], path: &str) -> Option<String> {
    let items = Items::of(database)?;
    let found = items.each().find(|item| item.kind == VALUE && items.is_at(*item, path))?;
    // A variant of type `s`: the text, a zero at its end, another before the type.
    String::from_utf8(found.value?.strip_suffix(b"\0\0s")?.to_vec()).ok()
}

/// The items of the root's table, which lie one behind the other.
struct Items<'d> {
    database: &'d [u8],
    items: &'d [u8],
}

/// One entry: a value, or a folder of others.
#[derive(Clone, Copy)]
struct Item<'d> {
    parent: u32,
    /// The last part of its path.
    key: &'d [u8],
    kind: u8,
    value: Option<&'d [u8]>,
}

impl<'d> Items<'d> {
    fn of(database: &'d [u8]) -> Option<Self> {
        let header = database.get(..HEADER).filter(|header| header.starts_with(b"GVariant"))?;
        let table = between(database, word(header, 16)?, word(header, 20)?)?;
        let (filter, buckets) = (word(table, 0)? & FILTER_WORDS, word(table, 4)?);
        let before = (u64::from(filter) + u64::from(buckets)) * 4 + 8;
        Some(Self { database, items: table.get(usize::try_from(before).ok()?..)? })
    }

    fn each(&self) -> impl Iterator<Item = Item<'d>> {
        self.items.chunks_exact(ITEM).take(MOST_ITEMS).filter_map(|bytes| self.read(bytes))
    }

    fn at(&self, index: u32) -> Option<Item<'d>> {
        self.items.chunks_exact(ITEM).nth(usize::try_from(index).ok()?).and_then(|bytes| self.read(bytes))
    }

    /// Hash, parent, where the key begins, its length, the kind, a byte of nothing, and where the value lies.
    fn read(&self, item: &[u8]) -> Option<Item<'d>> {
        let (begins, length) = (word(item, 8)?, u16::from_le_bytes(item.get(12..14)?.try_into().ok()?));
        Some(Item {
            parent: word(item, 4)?,
            key: between(self.database, begins, begins.checked_add(length.into())?)?,
            kind: *item.get(14)?,
            value: between(self.database, word(item, 16)?, word(item, 20)?),
        })
    }

    /// Says whether an item is at a path: its own key is the end of it, and each parent's the part before.
    fn is_at(&self, item: Item<'d>, path: &str) -> bool {
        let mut left = path.as_bytes();
        for item in iter::successors(Some(item), |item| self.at(item.parent)).take(MOST_PARENTS) {
            match left.strip_suffix(item.key) {
                Some(before) => left = before,
                None => return false,
            }
        }
        left.is_empty()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn between(bytes: &[u8], from: u32, to: u32) -> Option<&[u8]> {
    bytes.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
}

/// The signature, two words of version and options, and where the root's table lies.
const HEADER: usize = 24;
const ITEM: usize = 24;
const VALUE: u8 = b'v';
/// The size of the filter stands in these bits of its word.
const FILTER_WORDS: u32 = 0x07ff_ffff;
/// The most items that are looked at; a desktop has some hundred.
const MOST_ITEMS: usize = 65_536;
/// How deep a path may be; also where parents lead in a circle.
const MOST_PARENTS: usize = 16;

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    /// Made by `dconf compile`, of a mode and some keys beside.
    const AUTOMATIC: &[u8] = include_bytes!("../../tests/fixtures/dconf/automatic");

    #[test]
    fn a_key_is_found_by_its_whole_path() {
        let at = |path| text(AUTOMATIC, path);
        assert_eq!(at("/system/proxy/mode").as_deref(), Some("auto"));
        assert_eq!(at("/org/gnome/desktop/interface/clock-format").as_deref(), Some("24h"));
        for other in ["mode", "proxy/mode", "/proxy/mode", "/system/proxy/", "/system/proxy/modes", "/system//proxy/mode", ""] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn no_byte_makes_it_panic_or_circle() {
        for length in 0..AUTOMATIC.len() {
            let _any = text(&AUTOMATIC[..length], "/system/proxy/mode");
        }
        for place in 0..AUTOMATIC.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = AUTOMATIC.to_vec();
                changed[place] = byte;
                let _any = text(&changed, "/system/proxy/mode");
            }
        }
        assert_eq!(text(b"GVariant", "/"), None);
    }
}
