// Runs a test program that was compiled for wasm32-wasip1: node wasi.mjs PROGRAM.wasm [ARGUMENT…]
//
// A panic ends the program there and then, and takes along what the test said. So one that fails is run again, saying
// everything at once; nothing in it depends on chance but what proptest tries, which it says.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const [path, ...given] = process.argv.slice(2);
const program = await WebAssembly.compile(await readFile(path));

/** Its exit code. It sees the repository, where tests read files by their absolute paths, and nothing else. */
async function run(args) {
  const preopens = { [ROOT]: ROOT };
  const wasi = new WASI({ version: "preview1", args: [path, ...args], env: process.env, preopens, returnOnExit: true });
  const instance = await WebAssembly.instantiate(program, { wasi_snapshot_preview1: wasi.wasiImport });
  try {
    return wasi.start(instance);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    console.error(`\n${error.message}`);
    return 101;
  }
}

process.exitCode = await run(given);
if (process.exitCode !== 0) {
  console.error("\nAgain, with all that it says:");
  await run([...given, "--nocapture"]);
}
