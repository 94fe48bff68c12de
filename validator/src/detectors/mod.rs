//! The list of detectors, in the order of the report.

use crate::detector::Detector;

mod absent_from_allow_list;
mod answers_diverge;
mod authority_changed;
mod bare_profile;
mod compromised_authority;
mod distrusted_by_date;
mod feature_stripped;
mod impersonated_authority;
mod interception_product;
mod key_is_issuers_key;
mod known_interception_key;
mod laundered;
mod local_anchor;
mod minted_on_demand;
mod misissued_certificate;
mod misused_end_entity;
mod no_anchor;
mod one_issuer_many_operators;
mod outlives_its_issuer;
mod outside_imposed_names;
mod pin_mismatch;
mod programs_disagree;
mod revoked_authority;
mod sct_invalid;
mod sct_missing;
mod shared_key;
mod transport_diverges;
mod undisclosed_issuer;
mod undisclosed_subordinate;
mod unexpected_authority;

/// Every detector; each is asked about every observation.
pub const DETECTORS: &[Detector] = &[
    known_interception_key::DETECTOR,
    compromised_authority::DETECTOR,
    revoked_authority::DETECTOR,
    misissued_certificate::DETECTOR,
    local_anchor::DETECTOR,
    no_anchor::DETECTOR,
    undisclosed_subordinate::DETECTOR,
    misused_end_entity::DETECTOR,
    distrusted_by_date::DETECTOR,
    absent_from_allow_list::DETECTOR,
    outside_imposed_names::DETECTOR,
    programs_disagree::DETECTOR,
    undisclosed_issuer::DETECTOR,
    impersonated_authority::DETECTOR,
    sct_missing::DETECTOR,
    sct_invalid::DETECTOR,
    pin_mismatch::DETECTOR,
    unexpected_authority::DETECTOR,
    authority_changed::DETECTOR,
    one_issuer_many_operators::DETECTOR,
    shared_key::DETECTOR,
    key_is_issuers_key::DETECTOR,
    minted_on_demand::DETECTOR,
    outlives_its_issuer::DETECTOR,
    laundered::DETECTOR,
    answers_diverge::DETECTOR,
    transport_diverges::DETECTOR,
    feature_stripped::DETECTOR,
    bare_profile::DETECTOR,
    interception_product::DETECTOR,
];

/// Returns the detector with this id.
pub fn by_id(id: &str) -> Option<&'static Detector> {
    DETECTORS.iter().find(|detector| detector.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_its_own_and_in_kebab_case() {
        for (index, detector) in DETECTORS.iter().enumerate() {
            assert!(detector.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", detector.id);
            assert!(DETECTORS.iter().skip(index + 1).all(|other| other.id != detector.id), "{}", detector.id);
        }
    }

    #[test]
    fn every_detector_says_what_it_shows_what_it_cannot_tell_and_why() {
        for detector in DETECTORS {
            assert!(!detector.summary.is_empty() && !detector.shows.is_empty() && !detector.cannot_tell.is_empty());
            assert!(!detector.sources.is_empty() && !detector.needs.is_empty(), "{}", detector.id);
        }
    }
}
