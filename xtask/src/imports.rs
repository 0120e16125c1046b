//! Reads which modules a wasm file imports from, so that a stray `env` import fails the build and not the viewer.

/// The distinct module names a wasm binary imports from, in order of appearance.
///
/// Follows the binary format of the WebAssembly core specification, section 5.5.5; `None` if it is broken.
pub(crate) fn modules(wasm: &[u8]) -> Option<Vec<String>> {
    let mut rest = wasm.strip_prefix(b"\0asm\x01\0\0\0")?;
    while let Some((&id, after)) = rest.split_first() {
        rest = after;
        let length = number(&mut rest)?;
        let (section, after) = rest.split_at_checked(length)?;
        if id == IMPORT_SECTION {
            return import_section(section);
        }
        rest = after;
    }
    Some(Vec::new())
}

fn import_section(mut rest: &[u8]) -> Option<Vec<String>> {
    let mut modules: Vec<String> = Vec::new();
    for _ in 0..number(&mut rest)? {
        let module = name(&mut rest)?;
        name(&mut rest)?;
        skip_kind(&mut rest)?;
        if !modules.contains(&module) {
            modules.push(module);
        }
    }
    Some(modules)
}

fn skip_kind(rest: &mut &[u8]) -> Option<()> {
    match byte(rest)? {
        FUNCTION => drop(number(rest)?),
        TABLE => {
            byte(rest)?;
            skip_limits(rest)?;
        }
        MEMORY => skip_limits(rest)?,
        GLOBAL => {
            byte(rest)?;
            byte(rest)?;
        }
        _ => return None,
    }
    Some(())
}

fn skip_limits(rest: &mut &[u8]) -> Option<()> {
    let has_maximum = byte(rest)? & 1 == 1;
    number(rest)?;
    if has_maximum {
        number(rest)?;
    }
    Some(())
}

fn name(rest: &mut &[u8]) -> Option<String> {
    let length = number(rest)?;
    let (name, after) = rest.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(name.to_vec()).ok()
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

/// An unsigned LEB128 number of at most 32 bits.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = byte(rest)?;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

const IMPORT_SECTION: u8 = 2;
const FUNCTION: u8 = 0;
const TABLE: u8 = 1;
const MEMORY: u8 = 2;
const GLOBAL: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn wasm(imports: &[u8]) -> Vec<u8> {
        let length = u8::try_from(imports.len()).unwrap();
        [b"\0asm\x01\0\0\0", &[1, 1, 0][..], &[IMPORT_SECTION, length], imports].concat()
    }

    #[test]
    fn every_kind_of_import_is_read() {
        let imports = b"\x04\x03env\x01f\x00\x00\x01m\x01t\x01\x70\x00\x01\x03env\x01m\x02\x01\x10\x80\x01\x01g\x01g\x03\x7f\x00";
        assert_eq!(modules(&wasm(imports)).unwrap(), ["env", "m", "g"]);
    }

    #[test]
    fn broken_files_are_refused_not_panicked_on() {
        assert_eq!(modules(b""), None);
        assert_eq!(modules(b"<html>"), None);
        assert_eq!(modules(&wasm(b"\x02\x03env\x01f\x00\x00")), None);
        assert_eq!(modules(b"\0asm\x01\0\0\0\x02\x7f\x00"), None);
        assert_eq!(modules(b"\0asm\x01\0\0\0\x02\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(modules(b"\0asm\x01\0\0\0"), Some(Vec::new()));
    }
}
