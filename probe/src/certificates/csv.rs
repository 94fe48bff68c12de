//! Rows and columns, with certificates in one of them: PEM over many lines in quotes, or bare base64.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use memchr::memmem;

use super::pem::{BEGIN, looks_like_base64_der};
use super::window::Window;
use super::{Encoding, Ended, MAX_TEXT_RECORD, Records, Trouble};

/// The most columns a row may have.
const MAX_COLUMNS: usize = 4096;
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Reads every certificate of every row.
pub(super) fn read(window: &mut Window<impl Read>, delimiter: u8, records: &mut Records<'_, '_>) -> Result<(), Ended> {
    let mut rows =
        Rows { reader: ReaderBuilder::new().delimiter(delimiter).build(), text: vec![0; FIRST_ROW], ends: vec![0; 64], column: None };
    loop {
        let offset = window.offset();
        match rows.next(window)? {
            Row::End => return Ok(()),
            Row::Read { columns } => rows.hand_on(columns, offset, records)?,
            Row::TooLong => records.bad(offset, Trouble::TooLong)?,
        }
    }
}

enum Row {
    End,
    Read { columns: usize },
    TooLong,
}

struct Rows {
    reader: Reader,
    /// The fields of the row, one behind the other.
    text: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
    /// The column that held a certificate in the latest row that had one, from 0.
    column: Option<usize>,
}

impl Rows {
    /// Reads a row; of one that is too long only its end is looked for.
    fn next(&mut self, window: &mut Window<impl Read>) -> Result<Row, Ended> {
        let (mut written, mut columns, mut too_long) = (0, 0, false);
        loop {
            if window.bytes().is_empty() {
                window.widen(1)?;
            }
            let into = self.text.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(columns..).unwrap_or_default();
            let (result, used, wrote, ended) = self.reader.read_record(window.bytes(), into, ends);
            window.pass(used);
            written += wrote;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MAX_TEXT_RECORD => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_COLUMNS => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    too_long = true;
                    (written, columns) = (0, 0);
                }
                ReadRecordResult::Record | ReadRecordResult::End if too_long => return Ok(Row::TooLong),
                ReadRecordResult::Record => return Ok(Row::Read { columns }),
                ReadRecordResult::End => return Ok(Row::End),
            }
        }
    }

    fn hand_on(&mut self, columns: usize, offset: u64, records: &mut Records<'_, '_>) -> Result<(), Ended> {
        let mut handed = false;
        for column in 0..columns {
            let field = self.field(column);
            let Some(body) = body(field) else { continue };
            records.certificate(offset, Encoding::Base64, body)?;
            self.column = Some(column);
            handed = true;
        }
        match self.column {
            _ if handed => Ok(()),
            Some(column) if !self.field(column).trim_ascii().is_empty() => records.bad(offset, Trouble::NotInColumn(column + 1)),
            _ => records.other(offset),
        }
    }

    fn field(&self, column: usize) -> &[u8] {
        let end = |at: usize| self.ends.get(at).copied().unwrap_or_default();
        let begin = column.checked_sub(1).map_or(0, end);
        self.text.get(begin..end(column)).unwrap_or_default()
    }
}

/// Returns the base64 of the certificate in a field, where there is one.
fn body(field: &[u8]) -> Option<&[u8]> {
    if let Some(at) = memmem::find(field, BEGIN) {
        let body = field.get(at + BEGIN.len()..)?;
        return Some(memmem::find(body, END).and_then(|end| body.get(..end)).unwrap_or(body));
    }
    looks_like_base64_der(field).then(|| field.trim_ascii())
}

/// How much room a row is given at first.
const FIRST_ROW: usize = 16 * 1024;
