//! Our own records, one a line: the run first.

use super::Records;
use super::text::json;

pub(super) fn write(records: &Records) -> String {
    let mut text = json(&records.run) + "\n";
    for record in &records.records {
        text += &json(record);
        text.push('\n');
    }
    text
}
