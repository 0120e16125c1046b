//! Compiles what runs in browsers to wasm, binds it to JavaScript and makes it small, or fast.

use crate::{imports, install, shell};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

/// A package that becomes a module of its own.
pub(crate) struct Module {
    /// What its files are called after.
    pub(crate) name: &'static str,
    package: &'static str,
    profile: &'static str,
    /// What `wasm-opt` shall do.
    passes: &'static [&'static str],
}

/// What everybody loads who sees a video.
pub(crate) const PLAYER: Module =
    Module { name: "player", package: "player-wasm", profile: "wasm", passes: SMALLER };

/// What a player loads when there is something to verify.
pub(crate) const VERIFIER: Module =
    Module { name: "verifier", package: "verifier-wasm", profile: "verifier", passes: FASTER };

/// A module as browsers load it.
pub(crate) struct Bound {
    /// wasm-bindgen's JavaScript, which names the wasm file by [`Module::bound_name`].
    pub(crate) glue: String,
    /// The module itself.
    pub(crate) wasm: Vec<u8>,
}

impl Module {
    /// Compiles the package; cargo does nothing if nothing has changed.
    pub(crate) fn compile(&self) -> Result<PathBuf> {
        let mut cargo = shell::cargo();
        cargo.args(["build", "--package", self.package, "--profile", self.profile]);
        shell::run(cargo.args(["--target", install::WASM_TARGET]))?;
        let wasm = format!("{}/{}.wasm", self.profile, self.package.replace('-', "_"));
        let wasm = shell::target().join(install::WASM_TARGET).join(wasm);
        if !wasm.is_file() {
            let package = self.package;
            bail!("cargo made no {}; is the crate-type of {package} still cdylib?", wasm.display());
        }
        Ok(wasm)
    }

    /// What wasm-bindgen calls the wasm in its glue.
    pub(crate) fn bound_name(&self) -> String {
        format!("{}_bg.wasm", self.name)
    }

    /// Binds what was compiled, and lets `wasm-opt` have it.
    pub(crate) fn bind(&self, compiled: &Path) -> Result<Bound> {
        let folder = shell::target().join("player-bindings");
        let mut bindgen = Bindgen::new();
        bindgen
            .input_bytes(self.name, deny_reference_types(fs::read(compiled)?))
            .out_name(self.name)
            .typescript(false);
        bindgen.remove_name_section(true).remove_producers_section(true);
        bindgen.web(true)?.omit_default_module_path(false);
        bindgen.encode_into(EncodeInto::Always);
        let mut output = bindgen
            .generate_output()
            .with_context(|| format!("wasm-bindgen cannot bind the {}", self.name))?;
        let mut glue = output.js().to_owned();
        for (no, import) in output.wasm_mut().imports.iter_mut().enumerate() {
            import.name = number(&mut glue, &import.name, no)?;
            import.module = IMPORTS.to_owned();
        }
        let named = format!("\"./{}_bg.js\": ", self.name);
        if glue.matches(&named).count() != 1 {
            bail!("wasm-bindgen's glue doesn't name {named} as it used to");
        }
        glue = glue.replace(&named, &format!("{IMPORTS}: "));
        let exports = output.wasm_mut().exports.iter_mut();
        let closures = exports.filter(|export| export.name.starts_with(CLOSURE));
        for (no, export) in closures.enumerate() {
            export.name = renamed(&mut glue, &export.name, no)?;
        }
        let glue = with_short_names(without_detours(&without_unused(&glue)?))?;
        let wasm_file = folder.join(self.bound_name());
        fs::create_dir_all(&folder)?;
        fs::write(&wasm_file, output.wasm_mut().emit_wasm())?;
        self.optimise(&wasm_file)?;
        let mut wasm = fs::read(&wasm_file)?;
        forget_paths_of_others(&mut wasm);
        refuse_env(&wasm)?;
        Ok(Bound { glue, wasm })
    }

    fn optimise(&self, wasm: &Path) -> Result<()> {
        let Some(wasm_opt) = shell::find("wasm-opt") else {
            println!(
                "xtask: no wasm-opt (Debian: binaryen), so the {}'s wasm will be larger",
                self.name
            );
            return Ok(());
        };
        let better = wasm.with_extension("better");
        let mut command = Command::new(wasm_opt);
        match shell::run(command.args(FEATURES).args(self.passes).arg(wasm).arg("-o").arg(&better))
        {
            Ok(()) => Ok(fs::rename(better, wasm)?),
            Err(error) => {
                println!("xtask: the {}'s wasm will be larger: {error}", self.name);
                Ok(())
            }
        }
    }
}

/// Overwrites the paths of source files that aren't ours, which only a panic in one of them would tell: 500 bytes when compressed.
fn forget_paths_of_others(wasm: &mut [u8]) {
    for root in OTHERS {
        let mut from = 0;
        while let Some(at) = find(&wasm[from..], root.as_bytes()).map(|at| from + at) {
            let Some(length) = find(&wasm[at..], b".rs") else { return };
            if length < LONGEST_PATH {
                wasm[at..at + length].fill(b'/');
            }
            from = at + length;
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Where the module has its imports from, which each of them names.
const IMPORTS: &str = "_";

/// How paths of the standard library begin, and where those of crates are in cargo's folder.
const OTHERS: &[&str] = &["/rustc/", "/registry/src/"];
/// Further on is no path's end.
const LONGEST_PATH: usize = 200;

/// Gives what the module imports a number for a name, in the glue as well.
///
/// wasm-bindgen's names end with 16 random digits each, which take 5 KB when compressed, in two files together.
fn number(glue: &mut String, name: &str, no: usize) -> Result<String> {
    let (key, short) = (format!("{name}: function("), no.to_string());
    if glue.matches(&key).count() != 1 {
        bail!("wasm-bindgen's glue doesn't define {name} as it used to, so it can't be renamed");
    }
    *glue = glue.replace(&key, &format!("{short}("));
    Ok(short)
}

/// Gives what the module exports to call a closure by a number for a name, in the glue as well: these names end with 16 random
/// digits each, too.
fn renamed(glue: &mut String, name: &str, no: usize) -> Result<String> {
    let short = format!("_c{no}");
    if glue.contains(&short) || !glue.contains(name) {
        bail!("wasm-bindgen's glue doesn't call {name} as it used to, so it can't be renamed");
    }
    *glue = glue.replace(name, &short);
    Ok(short)
}

/// The glue without names for what is returned on the next line, and without what only `using` calls: 70 bytes when compressed.
fn without_detours(glue: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    for line in glue.lines().filter(|line| !line.starts_with("if (Symbol.dispose)")) {
        let value = kept.last().and_then(|last| last.trim().strip_prefix("const ret = "));
        let value = value.and_then(|value| value.strip_suffix(';'));
        let returned = ["ret;", "addHeapObject(ret);", "takeObject(ret);"]
            .into_iter()
            .find(|returned| line.trim().strip_prefix("return ") == Some(returned));
        if let (Some(value), Some(returned)) = (value, returned) {
            let joined = format!("return {}", returned.replace("ret", value));
            kept.pop();
            kept.push(joined);
        } else {
            kept.push(line.to_owned());
        }
    }
    kept.join("\n")
}

/// The glue without `initSync`, which nobody calls, and without the line that exports it: 200 bytes when compressed.
fn without_unused(glue: &str) -> Result<String> {
    let (before, rest) = glue.split_once("function initSync(").context(UNLIKE)?;
    let indentation = before.rsplit('\n').next().unwrap_or_default();
    let (_, after) = rest.split_once(&format!("\n{indentation}}}\n")).context(UNLIKE)?;
    let (between, after) = after.split_once("export { initSync, ").context(UNLIKE)?;
    let (_, after) = after.split_once("};").context(UNLIKE)?;
    Ok([before, between, after].concat())
}

/// The glue with short names for what it calls itself most often, and for all that it keeps: 300 bytes when compressed.
fn with_short_names(mut glue: String) -> Result<String> {
    for (no, name) in LONG_NAMES.iter().enumerate() {
        let short = format!("_{no}");
        if glue.contains(&short) {
            bail!("wasm-bindgen's glue has {short} already, so {name} can't be called so");
        }
        glue = glue.replace(&format!("{name}("), &format!("{short}("));
    }
    for (no, name) in KEPT_NAMES.iter().enumerate() {
        let short = format!("_v{no}");
        if glue.contains(&short) {
            bail!("wasm-bindgen's glue has {short} already, so {name} can't be called so");
        }
        glue = glue.replace(name, &short);
    }
    for no in 0..10 {
        glue = glue.replace(&format!("arg{no}"), &format!("a{no}"));
    }
    for (long, short) in LONG_WARNINGS {
        glue = glue.replace(long, short);
    }
    Ok(glue.replace("WASM_VECTOR_LEN", "_n"))
}

/// Tells wasm-bindgen that the module does not use reference types, by one byte of its `target_features` section.
///
/// Otherwise it keeps JavaScript's objects in a table of their own, which Debian's binaryen 108 can't read or mixes up
/// with the table of functions.
fn deny_reference_types(mut wasm: Vec<u8>) -> Vec<u8> {
    const USED: &[u8] = b"+\x0freference-types";
    for start in 0..wasm.len().saturating_sub(USED.len()) {
        if wasm[start..].starts_with(USED) {
            wasm[start] = b'-';
        }
    }
    wasm
}

/// Nothing gives a browser's module an `env`: such an import means a crate that expects C or an operating system.
fn refuse_env(wasm: &[u8]) -> Result<()> {
    let modules = imports::modules(wasm).context("the wasm has no readable import section")?;
    if modules.iter().any(|module| module == "env") {
        bail!(
            "the wasm imports from \"env\", which no browser provides; a dependency wants C or an operating system"
        );
    }
    Ok(())
}

/// How the names begin of what calls a closure.
const CLOSURE: &str = "wasm_bindgen__convert__closures";

/// Functions of wasm-bindgen's glue, none of which ends as another does.
const LONG_NAMES: &[&str] = &[
    "getObject",
    "addHeapObject",
    "takeObject",
    "getStringFromWasm0",
    "passStringToWasm0",
    "getDataViewMemory0",
    "getArrayU8FromWasm0",
    "isLikeNone",
    "handleError",
];

/// What wasm-bindgen's glue calls what it keeps, and what nobody else sees; none is a part of another.
const KEPT_NAMES: &[&str] = &[
    "PlayerFinalization",
    "__destroy_into_raw",
    "__wbg_ptr",
    "CLOSURE_DTORS",
    "cachedDataViewMemory0",
    "cachedUint8ArrayMemory0",
    "getUint8ArrayMemory0",
    "makeMutClosure",
    "cachedTextDecoder",
    "cachedTextEncoder",
    "numBytesDecoded",
    "_wbg_cb_unref",
    "heap_next",
    "stack_pointer",
    "expectedResponseType",
    "MAX_SAFARI_DECODE_BYTES",
    "decodeText",
    "dropObject",
];

/// What the glue warns of, in fewer words: what our own servers and scripts don't do.
const LONG_WARNINGS: &[(&str, &str)] = &[
    (
        "`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\\n",
        "not application/wasm:",
    ),
    (
        "using deprecated parameters for the initialization function; pass a single object instead",
        "deprecated",
    ),
];

/// Why less can't be left out.
const UNLIKE: &str = "wasm-bindgen's glue doesn't define and export initSync as it used to";

/// What Rust's wasm32-unknown-unknown uses by default, and SIMD where a package does, which binaryen 108 must be told.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-simd",
];

/// More passes find more; flattened code with its loops made anew compresses better, twice, and so do functions that nothing is
/// moved into. The lowest 1,024 bytes are unused, since Rust has the far end of the stack there.
const SMALLER: &[&str] = &[
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=0",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "--converge",
];

/// What rustc has made fast already.
const FASTER: &[&str] = &["--low-memory-unused", "-O3"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_our_own_files_stay() {
        let mut wasm = b"swarm/src/plan.rs/rustc/5980/library/core/src/cell.rsa/registry/src/i-1/b-1.0/src/a.rs".to_vec();
        let length = wasm.len();
        forget_paths_of_others(&mut wasm);
        let text = String::from_utf8(wasm).unwrap();
        assert_eq!(text.len(), length);
        assert!(text.starts_with("swarm/src/plan.rs///") && text.contains("/.rsa/"), "{text}");
        assert!(!text.contains("cell") && !text.contains("b-1.0"), "{text}");
    }

    #[test]
    fn only_the_claim_of_reference_types_is_changed() {
        let section = b"\0asm+\x0bbulk-memory+\x0freference-types+\x08sign-ext".to_vec();
        let expected = b"\0asm+\x0bbulk-memory-\x0freference-types+\x08sign-ext".to_vec();
        assert_eq!(deny_reference_types(section), expected);
        assert_eq!(deny_reference_types(Vec::new()), Vec::<u8>::new());
    }

    #[test]
    fn what_nobody_calls_is_left_out() {
        let glue = "a();\n  function initSync(x) {\n    if (x) {\n    }\n  }\nb();\nexport { initSync, init as default };\nc();\n";
        assert_eq!(without_unused(glue).unwrap(), "a();\n  b();\n\nc();\n");
        assert!(without_unused("a();\n").is_err());
    }

    #[test]
    fn what_the_glue_calls_often_has_a_short_name() {
        let glue =
            "function getObject(arg0) {} function other(idx) {} f = getObject(PlayerFinalization);";
        let short = "function _0(a0) {} function other(idx) {} f = _0(_v0);";
        assert_eq!(with_short_names(glue.to_owned()).unwrap(), short);
        assert!(with_short_names(format!("{glue} _0")).is_err());
        assert!(with_short_names(format!("{glue} _v0")).is_err());
    }

    #[test]
    fn what_is_returned_at_once_has_no_name() {
        let glue = "  const ret = f(1);\n  return ret;\nif (Symbol.dispose) x;\nconst ret = a;\nreturn addHeapObject(ret);\nconst ret = b;\nreturn ret ? 1 : 0;";
        let short = "return f(1);\nreturn addHeapObject(a);\nconst ret = b;\nreturn ret ? 1 : 0;";
        assert_eq!(without_detours(glue), short);
    }

    #[test]
    fn an_export_is_renamed_where_the_glue_calls_it() {
        let mut glue = "function invoke_h12(a) { wasm.invoke_h12(a); }".to_owned();
        assert_eq!(renamed(&mut glue, "invoke_h12", 3).unwrap(), "_c3");
        assert_eq!(glue, "function _c3(a) { wasm._c3(a); }");
        assert!(renamed(&mut glue, "invoke_h12", 4).is_err());
    }

    #[test]
    fn an_import_is_renamed_where_the_glue_defines_it_once() {
        let glue = "x = { __wbg_play_01: function(a) {}, __wbg_play_012: function() {} };";
        let mut renamed = glue.to_owned();
        assert_eq!(number(&mut renamed, "__wbg_play_01", 7).unwrap(), "7");
        assert_eq!(renamed, "x = { 7(a) {}, __wbg_play_012: function() {} };");
        assert!(number(&mut renamed, "__wbg_play_01", 8).is_err());
        assert!(number(&mut format!("{glue}{glue}"), "__wbg_play_01", 8).is_err());
    }
}
