//! The repository itself: its style, its supply chain.

pub(crate) mod supply;
pub(crate) mod tidy;
