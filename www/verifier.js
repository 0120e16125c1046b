// What <shoal-player> verifies with. The build puts the glue that wasm-bindgen makes before this text in the same module, so that
// whoever imports it has `blake3`, `sha256` and `verify` ready, or an error.

await __wbg_init();
