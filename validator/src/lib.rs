//! The judge of Mintwatch: evidence and tables in, report out.

pub mod evidence;
pub mod tables;
