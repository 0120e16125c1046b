//! What is understood of what other servers tell: JSON in, what is kept out. Pure.

pub(crate) mod actor;
pub(crate) mod note;
pub(crate) mod video;
