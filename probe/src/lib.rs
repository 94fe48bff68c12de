//! The native door of Mintwatch, as a library.

pub mod demo;
