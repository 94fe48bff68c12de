//! docs/detectors.md: what every detector looks for, out of the detector itself and of what it said of every replay.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use mintwatch_validator::Detector;
use mintwatch_validator::detectors::DETECTORS;
use mintwatch_validator::finding::Weight;

use super::Page;
use crate::replays::replays;
use crate::trouble::Trouble;

/// What one detector said of a group of replays: the greatest weight by replay.
type Spoke = BTreeMap<String, Weight>;

pub(super) fn page(root: &Path) -> Result<Page, Trouble> {
    let mut spoke: BTreeMap<(String, String), Spoke> = BTreeMap::new();
    for replay in replays(root)? {
        let group = replay.folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        for finding in replay.judge(true)?.findings {
            let weights = spoke.entry((finding.detector, group.clone())).or_default();
            let weight = weights.entry(replay.name()).or_insert(finding.weight);
            *weight = finding.weight.max(*weight);
        }
    }
    let of = |detector: &Detector, group: &str| spoke.get(&(detector.id.to_owned(), group.to_owned())).cloned().unwrap_or_default();
    let mut text = format!("# Detectors\n\n{INTRODUCTION}\n\n| id | looks for |\n|---|---|\n");
    for detector in DETECTORS {
        let _ = writeln!(text, "| [`{0}`](#{0}) | {1} |", detector.id, detector.summary);
    }
    for detector in DETECTORS {
        text.push_str(&section(detector, &of(detector, "incidents"), &of(detector, "benign")));
    }
    Ok(Page { file: root.join("docs/detectors.md"), text })
}

fn section(detector: &Detector, incidents: &Spoke, look_alikes: &Spoke) -> String {
    let mut text = format!("\n## {}\n\n{}.\n\n", detector.id, capital(detector.summary));
    let _ = write!(text, "**Shows.** {}\n\n**Cannot tell.** {}\n\n**Rests on**\n\n", detector.shows, detector.cannot_tell);
    for source in detector.sources {
        let _ = writeln!(text, "- {source}");
    }
    let needs: Vec<&str> = detector.needs.iter().map(|facet| facet.absence()).collect();
    let _ = write!(text, "\n**Cannot look when** {}.\n\n", needs.join("; "));
    let _ = write!(text, "**Incidents it speaks of** {}\n\n", list(incidents));
    let _ = writeln!(text, "**Look-alikes it speaks of** {}", list(look_alikes));
    text
}

fn list(spoke: &Spoke) -> String {
    if spoke.is_empty() {
        return "none that is replayed.".to_owned();
    }
    let word = |weight: Weight| match weight {
        Weight::Note => "note",
        Weight::Weak => "weak",
        Weight::Strong => "strong",
        Weight::Proven => "proven",
    };
    spoke.iter().map(|(name, weight)| format!("{name} ({})", word(*weight))).collect::<Vec<_>>().join(", ") + "."
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const INTRODUCTION: &str = "Made by `cargo xtask docs` from the detectors themselves; `mintwatch explain ID` prints the same text. Each asks one question, \
and one room weighs what they say (`validator/src/verdict.rs`). A *note* decides nothing, *weak* supports what something else decides, \
*strong* and *proven* can decide.

Which replays a detector speaks of is taken from what the judge says of them. Under *look-alikes* stand the false alarms known of it: handshakes that \
nobody listened to, of which it says something all the same. None of these is told at medium severity or above ([accuracy](accuracy.md)).";
