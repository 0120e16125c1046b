//! What others' objects say, as values of ours: pure, field by field, lenient where nothing depends on it, and bounded.

pub(crate) mod video;
