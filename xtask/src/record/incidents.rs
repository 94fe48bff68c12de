//! Replays of incidents, each made from the `recipe.toml` in its folder.
//!
//! Keys are made anew every time: a replay is recorded once and its evidence kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mintwatch_validator::evidence::{MachineAnchor, Observation, Seen, Sha256};
use mintwatch_validator::tables::{Overlay, OverlayKey};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::mint::{Draft, Minted};
use super::recipe::{Making, Recipe, Sight, Stands, is_original};
use super::{evidence, failed, observation, pem_certificates, write};
use crate::say;
use crate::tables::input;
use crate::trouble::Trouble;

/// Records the replays named; without names, those that have a recipe and no evidence yet.
///
/// # Errors
/// When there is no replay of that name, an original is missing, or a folder cannot be written.
pub(super) fn record(data: &Path, incidents: &Path, named: &[String]) -> Result<(), Trouble> {
    let mut recorded = 0_usize;
    for folder in folders(incidents)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = if named.is_empty() { !folder.join("evidence.json").exists() } else { named.contains(&name) };
        if wanted {
            record_one(data, &folder).map_err(|trouble| Trouble::new(format!("{name}: {trouble}")))?;
            say::line(&format!("recorded: {name}"));
            recorded += 1;
        }
    }
    if recorded < named.len() {
        return Err(
            Trouble::new(format!("{recorded} of {} replays found", named.len())).with_hint("a folder's name, as in tests/incidents")
        );
    }
    Ok(())
}

fn folders(incidents: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let entries = fs::read_dir(incidents).map_err(|error| Trouble::file("read", incidents, error))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.join("recipe.toml").is_file()).collect();
    folders.sort();
    Ok(folders)
}

fn record_one(data: &Path, folder: &Path) -> Result<(), Trouble> {
    let recipe = Recipe::read(folder)?;
    let mut kitchen = Kitchen { data, made: BTreeMap::new(), serial: 0 };
    for making in &recipe.made {
        let minted = kitchen.make(making)?;
        kitchen.made.insert(making.name.clone(), minted);
    }
    let mut observations = Vec::new();
    for sight in &recipe.seen {
        observations.extend(kitchen.look(sight)?);
    }
    let mut evidence = evidence(observations);
    evidence.surroundings.anchors = Seen::Yes(kitchen.added(&recipe.added)?);
    let overlay = recipe.overlay.as_ref().map(|label| kitchen.overlay(label, evidence.collected_at, &recipe.made)).transpose()?;
    let stale = folder.join("overlay.json");
    if overlay.is_none() && stale.exists() {
        fs::remove_file(&stale).map_err(|error| Trouble::file("remove", &stale, error))?;
    }
    write(folder, &evidence, overlay.as_ref())
}

/// What a recipe is cooked with.
struct Kitchen<'r> {
    data: &'r Path,
    made: BTreeMap<String, Minted>,
    /// Serial number of the last certificate minted for a host.
    serial: u16,
}

impl Kitchen<'_> {
    fn make(&self, making: &Making) -> Result<Minted, Trouble> {
        let mut draft = match (&making.like, &making.common_name, &making.validity) {
            (Some(original), None, None) => Draft::like(&self.one(original)?)?,
            (None, Some(name), Some([from, until])) => Draft::authority(name, moment(from)?, moment(until)?)?,
            _ => return Err(Trouble::new(format!("`{}` has neither an original nor a name and a validity", making.name))),
        };
        if let Some(other) = &making.named_as_issuer_of {
            draft = draft.named_as_issuer_of(&Draft::like(&self.one(other)?)?);
        }
        if let Some(serial) = &making.serial {
            draft = draft.with_serial(&data_encoding::HEXLOWER.decode(serial.as_bytes()).map_err(failed)?);
        }
        if let Some(file) = &making.public_key {
            draft = draft.over(public_key(&self.data.join(file))?);
        }
        draft.sign(making.issuer.as_deref().map(|issuer| self.named(issuer)).transpose()?)
    }

    fn look(&mut self, sight: &Sight) -> Result<Vec<Observation>, Trouble> {
        let mut at = moment(&sight.at)?;
        let mut observations = Vec::new();
        for host in &sight.hosts {
            let mut certificates = Vec::new();
            if let Some(issuer) = &sight.minted_by {
                certificates.push(self.mint(sight, host, at, issuer)?);
            }
            for part in &sight.chain {
                certificates.extend(self.fetch(part)?);
            }
            observations.push(observation(host, at, certificates)?);
            at += 60;
        }
        Ok(observations)
    }

    fn mint(&mut self, sight: &Sight, host: &str, at: i64, issuer: &str) -> Result<Vec<u8>, Trouble> {
        self.serial += 1;
        let serial = self.serial;
        let issuer = self.named(issuer)?;
        let until = sight.until.as_deref().map(moment).transpose()?.unwrap_or(issuer.not_after());
        let own = [host.to_owned()];
        let names = if sight.names.is_empty() { &own[..] } else { &sight.names };
        let draft = Draft::server(names, at - sight.begun_before, until)?.with_serial(&[&[0x10], &serial.to_be_bytes()[..]].concat());
        Ok(draft.sign(Some(issuer))?.der)
    }

    /// Certificates of a file, of the CCADB dump, or made here.
    fn fetch(&self, part: &str) -> Result<Vec<Vec<u8>>, Trouble> {
        if let Some(hash) = part.strip_prefix("ccadb:") {
            return Ok(vec![self.disclosed(hash)?]);
        }
        if is_original(part) {
            return pem_certificates(&self.data.join(part));
        }
        Ok(vec![self.named(part)?.der.clone()])
    }

    fn one(&self, part: &str) -> Result<Vec<u8>, Trouble> {
        self.fetch(part)?.into_iter().next().ok_or_else(|| Trouble::new(format!("no certificate in `{part}`")))
    }

    fn named(&self, name: &str) -> Result<&Minted, Trouble> {
        self.made.get(name).ok_or_else(|| Trouble::new(format!("`{name}` is not made above")))
    }

    fn disclosed(&self, hash: &str) -> Result<Vec<u8>, Trouble> {
        let folder = self.data.join("disclosure");
        let dump = fs::read_dir(&folder)
            .map_err(|error| Trouble::file("read", &folder, error))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-der.bin.zst")))
            .ok_or_else(|| Trouble::new("no dump of CCADB's certificates"))?;
        let all = input::ccadb(&dump).map_err(|error| Trouble::new(error.to_string()))?;
        let wanted = |der: &Vec<u8>| Sha256::of(der).to_string().starts_with(hash);
        all.into_iter().find(wanted).ok_or_else(|| Trouble::new(format!("CCADB has no certificate {hash}…")))
    }

    fn added(&self, parts: &[String]) -> Result<Vec<MachineAnchor>, Trouble> {
        let mut anchors = Vec::new();
        for part in parts {
            for der in self.fetch(part)? {
                anchors.push(MachineAnchor { sha256: Sha256::of(&der), origin: "platform".to_owned(), certificate: Seen::Yes(der.into()) });
            }
        }
        Ok(anchors)
    }

    fn overlay(&self, label: &str, as_of: u64, made: &[Making]) -> Result<Overlay, Trouble> {
        let standing = |wanted: Stands| {
            let wanted = made.iter().filter(move |making| making.stands == Some(wanted));
            wanted.map(|making| Ok(self.named(&making.name)?.der.clone().into())).collect::<Result<Vec<_>, Trouble>>()
        };
        let mut listed_keys = Vec::new();
        for making in made {
            if let Some(kind) = making.listed {
                listed_keys.push(OverlayKey {
                    spki: self.named(&making.name)?.spki_sha256(),
                    kind,
                    name: making.name.clone(),
                    since: None,
                });
            }
        }
        Ok(Overlay {
            public_anchors: standing(Stands::Public)?,
            disclosed: standing(Stands::Disclosed)?,
            listed_keys,
            ..Overlay::new(label, as_of)
        })
    }
}

fn public_key(file: &Path) -> Result<Vec<u8>, Trouble> {
    let text = fs::read_to_string(file).map_err(|error| Trouble::file("read", file, error))?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    data_encoding::BASE64.decode(body.trim().as_bytes()).map_err(|error| Trouble::file("read", file, error))
}

fn moment(text: &str) -> Result<i64, Trouble> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| Trouble::new(format!("`{text}` is no moment: {error}")))?;
    Ok(moment.unix_timestamp())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_one() {
        let incidents = crate::workspace::root().unwrap().join("tests/incidents");
        for folder in folders(&incidents).unwrap() {
            let recipe = Recipe::read(&folder).unwrap();
            let stands = recipe.made.iter().any(|making| making.stands.is_some());
            assert_eq!(stands, recipe.overlay.is_some(), "{}: an overlay holds what stands for something", folder.display());
            for sight in &recipe.seen {
                assert!(moment(&sight.at).is_ok() && !sight.hosts.is_empty(), "{}", folder.display());
            }
        }
    }

    #[test]
    fn what_is_not_made_above_is_told_by_its_name() {
        let kitchen = Kitchen { data: Path::new("/nowhere"), made: BTreeMap::new(), serial: 0 };
        assert!(kitchen.fetch("firewall").unwrap_err().to_string().contains("`firewall` is not made above"));
        assert!(kitchen.fetch("incidents/none.pem").is_err());
    }
}
