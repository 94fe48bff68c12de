//! seed
pub mod scts;
pub mod signatures;
